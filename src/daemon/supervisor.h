// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_SUPERVISOR_H
#define LDAPNOTIFY_DAEMON_SUPERVISOR_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "plan.h"

// Keeps the workers of a plan running: starts them, listens to their heartbeats, kills what hangs, restarts
// what died, replaces what changed, stops everything in order, and carries commands from control to their
// owners and answers back. It reads no configuration; reload.h does that and gives it plans.

struct supervisor;

struct supervisor_settings {
    const char *program; // executed as PROGRAM --worker=NAME [--stuck-uri=N]
    int64_t heartbeat_limit; // a running worker must be heard of within this
    int64_t blocking_grace; // added to the end of an announced blocking call
    int64_t start_limit; // from exec to READY
    int64_t stop_limit; // from FRAME_STOP to SIGKILL
    int64_t well_after; // running that long forgets earlier failures
    int64_t retry_first, retry_most;

    // Somebody (`who`) asked for a reload; -1 and the reason when everything stays as it is.
    int (*reload)(void *context, const char *who, struct error *err);
    // Adds what only the daemon knows to the answer to `status`.
    void (*describe)(void *context, json_t *status);
    // A worker's state changed; what the workers do is in supervisor_summary().
    void (*changed)(void *context);
    // Every worker has ended after supervisor_stop().
    void (*ended)(void *context);
    void *context;
};

// Limits for production; `program` and the functions are left to the caller.
extern const struct supervisor_settings supervisor_defaults;

// Owned by `ctx`; freeing it kills the workers that are left.
struct supervisor *supervisor_new(TALLOC_CTX *ctx, struct event_base *loop,
                                  const struct supervisor_settings *settings, struct error *err) MUST_CHECK;
// Starts, replaces and stops workers so that they are those of `plan`, which is not kept. Workers whose slice
// did not change go on; those that gave up (FRAME_FATAL) get another chance when `revive`. -1: out of memory,
// nothing was done.
int supervisor_apply(struct supervisor *supervisor, const struct plan *plan, bool revive,
                     struct error *err) MUST_CHECK;
// watch, then deliver, then control; calls `ended` from the loop. A second call kills.
void supervisor_stop(struct supervisor *supervisor);
// No worker is still in its first start: each is ready, or has failed at least once.
bool supervisor_settled(const struct supervisor *supervisor);
// "3 workers: 2 running, 1 waiting"; for people. Owned by `ctx`.
char *supervisor_summary(TALLOC_CTX *ctx, const struct supervisor *supervisor);
// {"ok": true, "workers": [...], …}; NULL when memory runs out. `with_status` adds each worker's own words.
json_t *supervisor_status(const struct supervisor *supervisor, bool with_status);

#endif
