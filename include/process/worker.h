// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_PROCESS_WORKER_H
#define LDAPNOTIFY_PROCESS_WORKER_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

// What every worker process shares: it reads its slice, opens the log, gives up root, closes itself to
// debuggers and core dumps, runs one libevent loop, sends heartbeats, and ends when the supervisor goes.

struct worker;

struct worker_handlers {
    // Opens stores and sockets; -1 ends the worker (the supervisor restarts it with back-off).
    int (*start)(struct worker *worker, void **context, struct error *err);
    // A command from an administrator; must be answered once with worker_reply(), now or later.
    void (*command)(void *context, uint32_t request, const json_t *command);
    // The wake descriptor was written to (deliver: there are new outbox rows; may be NULL).
    void (*wake)(void *context);
    // An answer to worker_command() (control only; may be NULL).
    void (*reply)(void *context, uint32_t request, const json_t *reply);
    // Finish what is in hand, then worker_exit(). Called once.
    void (*stop)(void *context);
};

struct event_base *worker_loop(struct worker *worker);
const struct config *worker_config(struct worker *worker);
const char *worker_name(struct worker *worker); // "watch corp", "deliver", "control"
const char *worker_directory(struct worker *worker); // NULL but for watch and lifecycle
// The index of the URI in which an earlier run was stuck and was killed, or -1.
int worker_stuck_uri(struct worker *worker);

void worker_blocking(struct worker *worker, int64_t until, const char *what, int uri);
void worker_unblocked(struct worker *worker);
// Tells the deliver worker that there are new outbox rows.
void worker_wake_deliver(struct worker *worker);
// For `status`; `status` is not consumed. Sent at most a few times a second, the last one always.
void worker_status(struct worker *worker, const json_t *status);
// A reply is {"ok": true, …} or {"ok": false, "error": "words"}. Not consumed.
void worker_reply(struct worker *worker, uint32_t request, const json_t *reply);
void worker_reply_error(struct worker *worker, uint32_t request, const char *format, ...) PRINTF_LIKE(3, 4);
// Control only: a command for `peer`. The reply comes to handlers.reply. -1 when it cannot be sent.
int worker_command(struct worker *worker, const char *peer, uint32_t request, const json_t *command,
                   struct error *err);
// A restart with the same configuration would fail in the same way: say so; the supervisor waits for a
// reload.
void worker_fatal(struct worker *worker, const struct error *err);
void worker_exit(struct worker *worker);

// Runs the worker `name` to its end; the process's exit status. Descriptors: 3 channel, 4 slice (memfd), 5
// wake (eventfd).
enum { WORKER_CHANNEL = 3, WORKER_SLICE = 4, WORKER_WAKE = 5 };
int worker_run(const char *name, int stuck_uri, const struct worker_handlers *handlers);

#endif
