// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_STORE_DIRECTORY_STORE_H
#define LDAPNOTIFY_STORE_DIRECTORY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "directory/delta.h"
#include "directory/entry.h"
#include "directory/flavour.h"
#include "event/event.h"
#include "event/notification.h"
#include "store/store.h"

// One directory's store: mirror, cookie, view, timers, events, decisions, outbox. Its writer is the directory's watch
// worker. All functions return 0, or -1 with `err` (code: enum store_failure). Results are owned by `ctx`.

struct directory_store;

// `path` is the file, "STATE_DIR/corp.db". `flavour` says which attributes are links; it may be NULL for readers
// and be set later (directory_store_flavour) but before any entry is applied.
int directory_store_open(TALLOC_CTX *ctx, const char *path, const char *directory, enum store_mode mode,
                         struct directory_store **store, struct error *err) MUST_CHECK;
void directory_store_close(struct directory_store *store);
void directory_store_flavour(struct directory_store *store, const struct flavour *flavour);

// --- where the source stands -------------------------------------------------------------------------------------

struct source_state {
    char *source;     // pinned choice ("syncrepl"), NULL at first
    char *flavour;    // pinned name, NULL at first
    char *view_hash;  // NULL: no view yet
    char *attributes; // of that view, space separated
    char *cookie;     // NULL: none
    int64_t version;  // of the cookie; commit is conditional on it and adds one
    bool loaded;      // the first load is complete: from now on differences are events
    int64_t caught_up;   // when a refresh was last complete
    int64_t last_change; // when something last changed
    // Deletes that a refresh implied were not believed: since when (0: all were), and the cookie that the source had
    // reached before (NULL: none). A refresh that is behind it is not believed either.
    int64_t doubted;
    char *reached;
};
int directory_store_state(struct directory_store *store, TALLOC_CTX *ctx, struct source_state **state, struct error *err) MUST_CHECK;

// --- one transaction ---------------------------------------------------------------------------------------------

int directory_store_begin(struct directory_store *store, struct error *err) MUST_CHECK;
// Writes `state` (all fields but version) if the stored version still is `state->version`, else STORE_CONFLICT and
// nothing happened. `state` NULL: the state stays as it is. On success state->version is the new one. On failure
// the transaction is rolled back.
int directory_store_commit(struct directory_store *store, struct source_state *state, struct error *err) MUST_CHECK;
void directory_store_rollback(struct directory_store *store);

// The entry now looks like this. *delta is NULL if nothing that we keep differs. A new DN takes the name from whoever
// had it (alias or current); children of a renamed entry move with it, and each gives a delta in `moved` (may be NULL
// if not wanted) with renamed and moved_with_parent set.
struct delta_list { struct delta **items; size_t count; };
int directory_store_apply(struct directory_store *store, TALLOC_CTX *ctx, const struct entry *entry, struct delta **delta,
                          struct delta_list *moved, struct error *err) MUST_CHECK;
// The entry is gone (deleted, or left the view). *delta is NULL if it was not in the mirror. It stays findable as former.
int directory_store_delete(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *uuid, struct delta **delta, struct error *err) MUST_CHECK;

// --- first load: fast, no deltas; begin … end is one transaction. The mirror is emptied first. ------------------------

int directory_store_load_begin(struct directory_store *store, struct error *err) MUST_CHECK;
int directory_store_load(struct directory_store *store, const struct entry *entry, struct error *err) MUST_CHECK;
int directory_store_load_end(struct directory_store *store, struct source_state *state, struct error *err) MUST_CHECK;
void directory_store_load_abort(struct directory_store *store);

// --- a refresh, staged aside (not durable; a crash forgets it) --------------------------------------------------------

int directory_store_stage_begin(struct directory_store *store, struct error *err) MUST_CHECK;
int directory_store_stage(struct directory_store *store, const struct entry *entry, struct error *err) MUST_CHECK;
int directory_store_stage_present(struct directory_store *store, const struct uuid *uuids, size_t count, struct error *err) MUST_CHECK;
int directory_store_stage_gone(struct directory_store *store, const struct uuid *uuids, size_t count, struct error *err) MUST_CHECK;
// What is to become of entries of the mirror that were neither staged nor named as present or gone?
enum stage_unmentioned {
    UNMENTIONED_STAY,  // nothing: not everything was named
    UNMENTIONED_GONE,  // they are gone, but for those in doubt
    UNMENTIONED_DOUBT, // they stay, in doubt: nobody knows whether they are gone or only out of a changed view. No
                       // later refresh takes them for gone; the doubt ends when they are named or applied again
};
struct stage_summary { int64_t staged, differing, gone, doubted; };
// Closes the stage for reading and says how much differs.
int directory_store_stage_end(struct directory_store *store, enum stage_unmentioned unmentioned, struct stage_summary *summary, struct error *err) MUST_CHECK;
// The next at most `limit` entries that differ from the mirror: first those new or renamed, then the other changed ones.
// *count 0: no more. The caller applies them. While a stage is open, look-ups that find nothing in the mirror are
// answered from the stage.
int directory_store_stage_next(struct directory_store *store, TALLOC_CTX *ctx, size_t limit, struct entry ***entries, size_t *count, struct error *err) MUST_CHECK;
// Likewise the gone ones, with a place of their own: they may be applied before the others.
int directory_store_stage_next_gone(struct directory_store *store, TALLOC_CTX *ctx, size_t limit, struct uuid **uuids, size_t *count, struct error *err) MUST_CHECK;
// Outside a transaction.
void directory_store_stage_drop(struct directory_store *store);

// --- events, decisions, outbox; inside a transaction -----------------------------------------------------------------

// Numbers the event (event->sequence) and keeps it.
int directory_store_put_event(struct directory_store *store, struct directory_event *event, struct error *err) MUST_CHECK;
int directory_store_put_decisions(struct directory_store *store, int64_t event, const struct decision *decisions, size_t count, struct error *err) MUST_CHECK;
// Numbers each notification's place in the outbox.
int directory_store_put_notifications(struct directory_store *store, int64_t event, struct notification *notifications, size_t count, struct error *err) MUST_CHECK;

// --- timers ------------------------------------------------------------------------------------------------------------

enum timer_kind { TIMER_LOCK_EXPIRY };
struct timer {
    int64_t due;
    enum timer_kind kind;
    struct uuid entry;
};
// One timer per entry and kind: sets or moves it; due 0 removes it.
int directory_store_set_timer(struct directory_store *store, const struct timer *timer, struct error *err) MUST_CHECK;
// The earliest timer; due 0 if there is none.
int directory_store_next_timer(struct directory_store *store, struct timer *timer, struct error *err) MUST_CHECK;
// Has our timer already ended this entry's lock? Cleared by set_flag(…, false).
int directory_store_set_lock_expired(struct directory_store *store, const struct uuid *entry, bool expired, struct error *err) MUST_CHECK;
int directory_store_lock_expired(struct directory_store *store, const struct uuid *entry, bool *expired, struct error *err) MUST_CHECK;

// --- look-ups (readers too) -----------------------------------------------------------------------------------------------

// *entry NULL: none. Without links: those are rows, see directory_store_links(). *former: the entry is gone, this is how it
// was. A name or uid that an entry had before finds it until another one takes it.
int directory_store_by_uuid(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *uuid, struct entry **entry, bool *former, struct error *err) MUST_CHECK;
int directory_store_by_dn(struct directory_store *store, TALLOC_CTX *ctx, const char *dn, struct entry **entry, bool *former, struct error *err) MUST_CHECK;
int directory_store_by_uid(struct directory_store *store, TALLOC_CTX *ctx, const char *uid, struct entry **entry, bool *former, struct error *err) MUST_CHECK;
// `attribute` NULL: all. Each link's entry is resolved.
int directory_store_links(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *entry, const char *attribute, struct link **links, size_t *count, struct error *err) MUST_CHECK;
int directory_store_count_links(struct directory_store *store, const struct uuid *entry, const char *attribute, size_t *count, struct error *err) MUST_CHECK;
// All entries of the mirror that match, by calling fn (pwdPolicy entries; rebuilding timers). Non-zero stops.
typedef int directory_store_entry_fn(void *context, const struct entry *entry);
int directory_store_each(struct directory_store *store, const struct filter *filter, directory_store_entry_fn *fn, void *context, struct error *err) MUST_CHECK;
struct mirror_counts { int64_t entries, links, events, outbox; int64_t last_event, last_outbox; }; // the last two: sequences, 0 if none
int directory_store_counts(struct directory_store *store, struct mirror_counts *counts, struct error *err) MUST_CHECK;

// Outbox rows after `sequence`, at most `limit`, each with its event. Reader: the deliver worker.
struct outbox_row {
    struct notification notification;
    struct directory_event *event;
};
int directory_store_outbox(struct directory_store *store, TALLOC_CTX *ctx, int64_t after, size_t limit, struct outbox_row **rows, size_t *count, struct error *err) MUST_CHECK;

struct event_query {
    int64_t before;      // sequence; 0: newest first from the end
    int64_t sequence;    // exactly this one; 0: any
    const char *pattern; // event name with *, or NULL
    const char *text;    // substring of DN or name of entry or party, or NULL
    int64_t since;       // time, or 0
    size_t limit;
};
int directory_store_events(struct directory_store *store, TALLOC_CTX *ctx, const struct event_query *query, struct event_list *list, struct error *err) MUST_CHECK;
int directory_store_decisions(struct directory_store *store, TALLOC_CTX *ctx, int64_t event, struct decision **decisions, size_t *count, struct error *err) MUST_CHECK;

// --- storms ----------------------------------------------------------------------------------------------------------------

enum storm_state { STORM_OPEN, STORM_RELEASED, STORM_DISCARDED };
struct storm {
    int64_t id;
    const char *rule;
    enum storm_state state;
    int64_t opened, last, closed; // closed 0: still open
    int64_t events, notifications; // held; notifications is the estimate
    int64_t first_event, last_event;
    const char *closed_by;
};
// The open storm of a rule; id 0: none.
int directory_store_open_storm(struct directory_store *store, TALLOC_CTX *ctx, const char *rule, struct storm *storm, struct error *err) MUST_CHECK;
// Begins one (storm->id is set) / adds one held event to it.
int directory_store_begin_storm(struct directory_store *store, struct storm *storm, struct error *err) MUST_CHECK;
int directory_store_hold(struct directory_store *store, int64_t storm, int64_t event, int64_t notifications, int64_t now, struct error *err) MUST_CHECK;
int directory_store_storms(struct directory_store *store, TALLOC_CTX *ctx, struct storm **storms, size_t *count, struct error *err) MUST_CHECK;
// Held events of a storm after `after`, in order, at most `limit`; each is expanded by the caller and then unheld.
int directory_store_held(struct directory_store *store, TALLOC_CTX *ctx, int64_t storm, int64_t after, size_t limit, struct event_list *list, struct error *err) MUST_CHECK;
int directory_store_unhold(struct directory_store *store, int64_t storm, int64_t upto_event, struct error *err) MUST_CHECK;
int directory_store_end_storm(struct directory_store *store, int64_t storm, enum storm_state state, const char *by, int64_t now, struct error *err) MUST_CHECK;

// --- housekeeping ------------------------------------------------------------------------------------------------------------

// Deletes outbox rows stored before `before`, up to sequence `imported`; events and decisions stored before then that no
// outbox row and no open storm needs; former entries gone since before then, and texts that no link needs; at most `limit`
// rows of each. Outside a transaction.
int directory_store_purge(struct directory_store *store, int64_t before, int64_t imported, size_t limit, struct error *err) MUST_CHECK;
// Truncates the WAL when it has grown past its limit. Called by the writer when idle.
int directory_store_checkpoint(struct directory_store *store, struct error *err) MUST_CHECK;

#endif
