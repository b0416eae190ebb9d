// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_STORE_SQLITE_EVENT_ROW_H
#define LDAPNOTIFY_STORE_SQLITE_EVENT_ROW_H

#include "database.h"
#include "event/event.h"
#include "event/notification.h"

// Events and notifications as both stores keep them.

// JSON text; NULL with `err` when memory ran out. Owned by `ctx`.
char *event_text(TALLOC_CTX *ctx, const struct directory_event *event, struct error *err) MUST_CHECK;
// From column `index` of a row.
int event_read(struct database *db, TALLOC_CTX *ctx, sqlite3_stmt *row, int index,
               struct directory_event **event, struct error *err) MUST_CHECK;
void event_list_take(TALLOC_CTX *ctx, struct event_list *list, struct directory_event *event);

// The columns that all notifications have, in this order.
#define NOTIFICATION_COLUMNS \
    "uuid, dn, name, address, recipient_language, roles, courtesy, rule, transport, template, language, " \
    "digest_wait, expires"
void notification_bind(sqlite3_stmt *statement, int first, const struct notification *notification);
void notification_read(TALLOC_CTX *ctx, sqlite3_stmt *row, int first, struct notification *notification);

#endif
