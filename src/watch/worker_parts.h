// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_WATCH_WORKER_PARTS_H
#define LDAPNOTIFY_WATCH_WORKER_PARTS_H

#include <event2/event.h>

#include "directory/session.h"
#include "probe.h"
#include "process/worker.h"
#include "source/source.h"
#include "watch/pipeline.h"

// The watch worker in two files: watch.c has its life, timers and commands, link.c the way to the directory.

enum watch_state {
    WATCH_WAITING,    // for the next attempt
    WATCH_CONNECTING,
    WATCH_REFRESHING,
    WATCH_PERSISTING,
    WATCH_REFUSED,    // our credentials are no good: nothing is tried until a reload or another secret
    WATCH_STOPPING,
};

struct watch {
    struct worker *worker;
    const struct config *config;
    const struct config_directory *directory;
    struct directory_store *store;
    struct session *session;
    struct flavour *flavour;
    struct pipeline *pipeline;
    struct source *source;
    const struct source_ops *ops;
    struct source_sink sink;      // the pipeline's, with our eyes on it
    struct session_hooks session_hooks;
    struct pipeline_hooks pipeline_hooks;
    struct probe *probe;
    enum watch_state state;
    bool failing;                 // the source has ended and is freed on the next turn
    bool overtaken;               // the store is not as the pipeline believes
    unsigned attempts;            // since a connection last lasted
    int64_t persisting_since;     // monotonic, 0: not persisting
    unsigned doubts;              // whole reads since deletes were last believed
    unsigned refusals;
    char problem[1024];           // the last failure, "" when all is well
    struct event *retry_timer, *due_timer, *housekeeping_timer, *fail_timer, *doubt_timer;
};

// --- watch.c ---------------------------------------------------------------------------------------------------------

void watch_enter(struct watch *watch, enum watch_state state); // the one place where the state changes; logs and reports
void watch_report(struct watch *watch);
void watch_timer_in(struct event *timer, int64_t wait);
struct event *watch_timer(struct watch *watch, event_callback_fn fn);
void watch_arm_due(struct watch *watch);

// --- link.c ----------------------------------------------------------------------------------------------------------

void watch_link_open(struct watch *watch);  // session, sink, timers; the first attempt comes with the next turn
void watch_link_close(struct watch *watch);
void watch_link_retry(struct watch *watch); // whoever had given up, or waits for a later attempt, tries at once
// The pipeline's hooks that ask the directory.
int watch_read_entry(void *context, TALLOC_CTX *ctx, const char *dn, struct entry **entry, struct error *err);
char *watch_went_back(void *context, TALLOC_CTX *ctx, const char *ours, const char *theirs);

#endif
