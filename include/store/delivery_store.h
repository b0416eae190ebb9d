// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_STORE_DELIVERY_STORE_H
#define LDAPNOTIFY_STORE_DELIVERY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "event/event.h"
#include "event/notification.h"
#include "store/store.h"

// The delivery store: notifications waiting for their digest, frozen messages, what became of them. Its only writer
// is the deliver worker. All functions return 0, or -1 with `err` (code: enum store_failure).

struct delivery_store;

int delivery_store_open(TALLOC_CTX *ctx, const char *path, enum store_mode mode, struct delivery_store **store, struct error *err) MUST_CHECK;
void delivery_store_close(struct delivery_store *store);
int delivery_store_begin(struct delivery_store *store, struct error *err) MUST_CHECK;
int delivery_store_commit(struct delivery_store *store, struct error *err) MUST_CHECK;
void delivery_store_rollback(struct delivery_store *store);

// --- notifications ---------------------------------------------------------------------------------------------------

enum notification_state {
    NOTIFICATION_WAITING,   // for its digest to be due
    NOTIFICATION_FROZEN,    // in a message
    NOTIFICATION_CANCELLED, // an opposite change came while it waited
    NOTIFICATION_DROPPED,   // recipient disabled since, no address any more, too old; reason says
};
const char *notification_state_name(enum notification_state state);

struct waiting {
    int64_t id;
    const char *directory;
    struct notification notification;
    struct directory_event *event;
    int64_t due;       // when its digest is to be sent
    bool folded;       // the opposite change came too: to be told as "added and removed again"
};

// Sequence of the last outbox row imported from this directory; 0: none.
int delivery_store_cursor(struct delivery_store *store, const char *directory, int64_t *sequence, struct error *err) MUST_CHECK;
// Puts it back, for a directory whose store was made anew: its outbox counts from 1 again (last_outbox of
// directory_store_counts() is then less than the cursor).
int delivery_store_set_cursor(struct delivery_store *store, const char *directory, int64_t sequence, struct error *err) MUST_CHECK;
// Inside a transaction: keeps the notification and moves the cursor to its sequence. waiting->id is set. STORE_CONFLICT:
// it was imported before.
int delivery_store_import(struct delivery_store *store, struct waiting *waiting, struct error *err) MUST_CHECK;
// Waiting notifications for the same recipient (UUID, else address), entry and party whose event is the opposite of
// `waiting`'s; newest first.
int delivery_store_opposites(struct delivery_store *store, TALLOC_CTX *ctx, const struct waiting *waiting, struct waiting **found, size_t *count, struct error *err) MUST_CHECK;
int delivery_store_set_state(struct delivery_store *store, int64_t notification, enum notification_state state, const char *reason, struct error *err) MUST_CHECK;
// It is due at `due` instead.
int delivery_store_postpone(struct delivery_store *store, int64_t notification, int64_t due, struct error *err) MUST_CHECK;
int delivery_store_fold(struct delivery_store *store, int64_t notification, struct error *err) MUST_CHECK;
// When the next digest is due; 0: none waits.
int delivery_store_next_due(struct delivery_store *store, int64_t *due, struct error *err) MUST_CHECK;
// One bundle: the earliest due notification and, if its digest_wait is not 0, every other waiting one with a digest_wait
// for the same recipient, directory and transport, oldest first, at most `limit`. *count 0: nothing is due.
int delivery_store_bundle(struct delivery_store *store, TALLOC_CTX *ctx, int64_t now, size_t limit, struct waiting **bundle, size_t *count, struct error *err) MUST_CHECK;

// --- messages --------------------------------------------------------------------------------------------------------

enum message_state {
    MESSAGE_QUEUED, // to be sent at next_attempt
    MESSAGE_LEASED, // somebody is sending it until lease_until
    MESSAGE_SENT,
    MESSAGE_DEAD,   // failed for good; `reply` has the server's words
    MESSAGE_HELD,   // by an administrator
    MESSAGE_TRIAL,  // live = false: written to the trial Maildir, will never be sent
    MESSAGE_STATE_COUNT
};
const char *message_state_name(enum message_state state);
int message_state_from_name(const char *name); // -1 when unknown

struct message {
    int64_t id;
    enum message_state state;
    const char *directory, *transport;
    const char *recipient;     // envelope recipient (after redirect_to)
    const char *recipient_name, *intended; // intended: the address before redirect_to
    const char *envelope_from; // "" for the null reverse-path
    const char *message_id;    // with angle brackets
    const char *subject;       // decoded, for listings
    const uint8_t *bytes;      // RFC 5322 with CRLF; NULL in listings
    size_t length;
    int64_t created, expires, next_attempt, lease_until, finished;
    int64_t attempts;
    int64_t code;              // last SMTP reply code, 0: none
    const char *reply;         // the last failure or the server's final words, or NULL
    const char *host;          // that took it or refused it last
};

// Inside a transaction: keeps the frozen message and marks the bundle's notifications frozen in it. message->id is set.
// STORE_CONFLICT: one of them no longer waits; the caller rolls back.
int delivery_store_freeze(struct delivery_store *store, struct message *message, const struct waiting *bundle, size_t count, struct error *err) MUST_CHECK;
// Claims at most `limit` queued messages of a transport (NULL: any) that are due, or whose lease ran out, oldest first;
// with bytes. Commits by itself.
int delivery_store_claim(struct delivery_store *store, TALLOC_CTX *ctx, const char *transport, int64_t now, int64_t lease_until, size_t limit, struct message **messages, size_t *count, struct error *err) MUST_CHECK;
// When the next queued message of a transport is due; 0: none.
int delivery_store_next_attempt(struct delivery_store *store, const char *transport, int64_t *when, struct error *err) MUST_CHECK;
// Results of leased messages: state, attempts, next_attempt, code, reply, host, finished are written. Commits by itself.
// A message whose lease somebody else has ended keeps what that one wrote.
int delivery_store_record(struct delivery_store *store, const struct message *messages, size_t count, struct error *err) MUST_CHECK;
// At start: leases of an earlier run go back to queued.
int delivery_store_recover(struct delivery_store *store, struct error *err) MUST_CHECK;

struct message_query {
    int64_t id;            // exactly this one; 0: any
    int state;             // enum message_state, or -1
    const char *recipient; // substring, or NULL
    const char *directory;
    int64_t event;         // sequence in `directory`; 0: any
    int64_t before;        // id; 0: from the newest
    bool bytes;            // with the message itself
    size_t limit;
};
int delivery_store_messages(struct delivery_store *store, TALLOC_CTX *ctx, const struct message_query *query, struct message **messages, size_t *count, struct error *err) MUST_CHECK;
// What became of the notifications of an event: one row each.
struct delivery_row {
    int64_t notification, outbox;
    const char *address, *roles, *rule, *reason;
    enum notification_state state;
    int64_t due;
    struct message message; // id 0: none yet
};
int delivery_store_of_event(struct delivery_store *store, TALLOC_CTX *ctx, const char *directory, int64_t event, struct delivery_row **rows, size_t *count, struct error *err) MUST_CHECK;
// Event ids ("corp-12") and names told in a message.
int delivery_store_events_of(struct delivery_store *store, TALLOC_CTX *ctx, int64_t message, struct event_list *list, struct error *err) MUST_CHECK;

// The administrator's hand. `who` is recorded. *changed: how many were in a state that allows it.
//   retry: dead, held or queued → queued, due now, attempts and lifetime anew;  hold: queued → held;  release: held → queued
//   delete: any but leased → gone for good (its notifications are marked dropped)
enum message_action { MESSAGE_RETRY, MESSAGE_HOLD, MESSAGE_RELEASE, MESSAGE_DELETE };
int delivery_store_act(struct delivery_store *store, enum message_action action, const struct message_query *which, const char *who, int64_t now, int64_t *changed, struct error *err) MUST_CHECK;

// Who did what, newest first.
struct message_action_row {
    int64_t time;
    const char *who, *action; // "retry", "hold", "release", "delete"
    int64_t message;
};
int delivery_store_actions(struct delivery_store *store, TALLOC_CTX *ctx, size_t limit, struct message_action_row **rows, size_t *count, struct error *err) MUST_CHECK;

struct delivery_counts {
    int64_t waiting, cancelled, dropped;
    int64_t messages[MESSAGE_STATE_COUNT];
    int64_t oldest_queued; // created, 0: none
};
int delivery_store_counts(struct delivery_store *store, struct delivery_counts *counts, struct error *err) MUST_CHECK;
// Deletes finished messages and notifications older than `before`, at most `limit` of each.
int delivery_store_purge(struct delivery_store *store, int64_t before, size_t limit, struct error *err) MUST_CHECK;
int delivery_store_checkpoint(struct delivery_store *store, struct error *err) MUST_CHECK;

#endif
