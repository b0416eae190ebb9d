// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_STORE_SQLITE_DELIVERY_H
#define LDAPNOTIFY_STORE_SQLITE_DELIVERY_H

#include "database.h"
#include "store/delivery_store.h"

// What the files of the delivery store share.

struct delivery_store {
    struct database *db;
    // The event that was imported last: a batch has many rows of one.
    int64_t last_event;
    char *last_directory;
};

// A transaction of its own, unless the caller has one open: *own says which.
int delivery_enter(struct delivery_store *store, bool *own, struct error *err) MUST_CHECK;
// Ends what delivery_enter() began; `result` < 0 rolls back. Returns the outcome.
int delivery_leave(struct delivery_store *store, bool own, int result, struct error *err) MUST_CHECK;

// Message columns in the order of delivery_message_read().
#define MESSAGE_COLUMNS \
    "m.id, m.state, m.directory, m.transport, m.recipient, m.recipient_name, m.intended, " \
    "m.envelope_from, m.message_id, " \
    "m.subject, m.created, m.expires, m.next_attempt, m.lease_until, m.finished, m.attempts, " \
    "m.code, m.reply, m.host"
#define MESSAGE_COLUMN_COUNT 19
void delivery_message_read(TALLOC_CTX *ctx, sqlite3_stmt *row, int first, struct message *message);
void delivery_message_bytes(TALLOC_CTX *ctx, sqlite3_stmt *row, int index, struct message *message);

#endif
