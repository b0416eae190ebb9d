// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_WATCH_INTERNAL_H
#define LDAPNOTIFY_WATCH_INTERNAL_H

#include "event/diff.h"
#include "route/breaker.h"
#include "route/route.h"
#include "watch/pipeline.h"

// What the files of this room share.

enum pipeline_phase {
    PHASE_IDLE,    // no refresh has begun in this session
    PHASE_LOADING, // the first load
    PHASE_STAGING, // a refresh on top of a mirror
    PHASE_PERSIST, // caught up
};

// One thing a source said in the persist phase, kept until its checkpoint.
struct said {
    struct entry *entry; // NULL: gone
    struct uuid uuid;
};

struct policy_cache;

struct pipeline {
    const struct config *config;
    const struct config_directory *directory;
    const struct flavour *flavour;
    struct directory_store *store;
    const struct pipeline_hooks *hooks;
    struct route_lookup lookup;
    struct router *router;
    struct breaker *breaker;
    struct storm *storms; // per rule: the open storm, id 0: none
    struct policy_cache *policies;
    struct view *view;
    struct source_state *state;
    struct source_sink sink;

    enum pipeline_phase phase;
    bool rebase;          // the view changed: silent baseline for new attributes, no implied deletes
    bool widened;         // not only in its attributes: who appears now may only have come into view
    bool forget;          // the cookie was refused
    const char **silent;  // attributes new in the view, while rebase
    const char **watched; // attributes of *.modified

    struct uuid *locked;  // entries seen locked during the first load
    size_t locked_count;

    bool named;           // the refresh has named an entry

    TALLOC_CTX *batch;    // what was said since the last checkpoint
    struct said *said;
    size_t said_count;
};

// --- transaction.c: deltas → events → decisions and notifications, inside an open store transaction ---------------

// An event with the entries it came from, for `where`.
struct happening {
    struct directory_event *event;
    const struct entry *old, *new;
};

struct transaction {
    TALLOC_CTX *ctx; // everything of this transaction; freed with it
    struct pipeline *pipeline;
    int64_t now;
    bool live; // seen as it happened: modifiersName is the actor
    bool policy_changed;
    struct storm *storms; // the pipeline's as they were before this transaction changed them, or NULL
    struct happening *happenings;
    size_t count;
    size_t notified;
};

int transaction_begin(struct pipeline *pipeline, bool live, struct transaction **transaction, struct error *err);
// Applies one entry or one delete to the mirror and takes its events in.
int transaction_entry(struct transaction *transaction, const struct entry *entry, struct error *err);
int transaction_gone(struct transaction *transaction, const struct uuid *uuid, struct error *err);
void transaction_add(struct transaction *transaction, struct directory_event *event, const struct entry *old, const struct entry *new);
// Completes, numbers and routes every event, writes `state` (may be NULL) and commits. Frees the transaction in any case.
int transaction_commit(struct transaction *transaction, struct source_state *state, struct error *err);
void transaction_rollback(struct transaction *transaction);
// Routes to the administrators and keeps the outcome.
int transaction_tell_admins(struct transaction *transaction, struct directory_event *event, struct error *err);
int transaction_keep(struct transaction *transaction, const struct directory_event *event, struct route_result *result, struct error *err);

// --- lookup.c -----------------------------------------------------------------------------------------------------------

void lookup_open(struct route_lookup *lookup, struct directory_store *store);
// Fills names, mail and kind of everybody the event speaks of.
int lookup_complete(struct pipeline *pipeline, struct directory_event *event, struct error *err);

// --- policy.c -----------------------------------------------------------------------------------------------------------

struct policy_cache *policy_cache_new(TALLOC_CTX *ctx);
void policy_cache_forget(struct policy_cache *cache);
// How long a lock of this entry lasts, ms; 0: until somebody unlocks it (draft-behera-ldap-password-policy §5.2.11).
int policy_lockout_duration(struct pipeline *pipeline, const struct entry *entry, int64_t *duration, struct error *err);

// --- timers.c ------------------------------------------------------------------------------------------------------------

void timers_context(struct pipeline *pipeline, struct diff_context *context);
// After the entry was applied: sets, moves or removes the timer of its lock.
int timers_follow(struct transaction *transaction, const struct delta *delta, struct error *err);
// After a first load: timers for every lock that is there, silently.
int timers_baseline(struct pipeline *pipeline, const struct uuid *locked, size_t count, struct error *err);

// A password policy changed: locks may end at other times now.
int timers_rebuild(struct pipeline *pipeline, struct error *err);

// --- storms.c ------------------------------------------------------------------------------------------------------------

int storms_load(struct pipeline *pipeline, struct error *err);
// What is in memory must not run ahead of a store that was rolled back.
void storms_undo(struct transaction *transaction);
// Which of the rules are to be held for this transaction: `totals` people per rule. held[] is filled; a new storm makes an event.
int storms_decide(struct transaction *transaction, const size_t *totals, bool *held, struct error *err);
int storms_hold(struct transaction *transaction, const struct route_match *match, struct error *err);

// --- undone.c ------------------------------------------------------------------------------------------------------------

// Marks events that undo one another.
void undone_pairs(struct directory_event **events, size_t count, bool *undone);
// Marks events whose news does not hold any more: the member who was added is none now, and so on.
int undone_since(struct pipeline *pipeline, struct directory_event **events, size_t count, bool *undone, struct error *err);

#endif
