// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_WATCH_PIPELINE_H
#define LDAPNOTIFY_WATCH_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "config/config.h"
#include "directory/flavour.h"
#include "directory/view.h"
#include "source/source.h"
#include "store/directory_store.h"

// The first half of the way of one change: what a source says is applied to the mirror, becomes deltas, events,
// decisions and notifications, all in one transaction with the cookie. It knows no protocol and no worker; a source,
// an LDIF player or a test drives it through its sink.

struct pipeline;

struct pipeline_hooks {
    void *context;
    // New outbox rows were committed.
    void (*notified)(void *context);
    // A long piece of work goes on; called at least once per transaction.
    void (*progress)(void *context, const char *what);
    // Reads an entry that the mirror does not hold (a password policy outside the base); may be NULL. *entry NULL: none.
    int (*read_entry)(void *context, TALLOC_CTX *ctx, const char *dn, struct entry **entry, struct error *err);
    // The source's went_back(); may be NULL.
    char *(*went_back)(void *context, TALLOC_CTX *ctx, const char *ours, const char *theirs);
};

// `config`, `directory`, `flavour`, `store` and `hooks` outlive it. The store's flavour is set by this.
struct pipeline *pipeline_new(TALLOC_CTX *ctx, const struct config *config, const struct config_directory *directory,
                              const struct flavour *flavour, struct directory_store *store,
                              const struct pipeline_hooks *hooks, struct error *err) MUST_CHECK;

// What the source is to ask for. Owned by the pipeline.
const struct view *pipeline_view(const struct pipeline *pipeline);
// With which cookie to resume, or NULL: from nothing (first start, changed view, after pipeline_forget_cookie()).
const char *pipeline_cookie(const struct pipeline *pipeline);
// The server refuses the cookie: the next refresh is a whole one.
void pipeline_forget_cookie(struct pipeline *pipeline);
const struct source_state *pipeline_state(const struct pipeline *pipeline);
// Remembers source and flavour with the next commit.
int pipeline_pin(struct pipeline *pipeline, const char *source, struct error *err) MUST_CHECK;

const struct source_sink *pipeline_sink(struct pipeline *pipeline);
// The source stopped in the middle: forgets what was not committed.
void pipeline_abort(struct pipeline *pipeline);
// Implied deletes were not believed, lately: everything should be read again after pipeline_forget_cookie(), to find
// them. The server is believed in the end, even if it never comes back to where it was: see DOUBT_MOST.
bool pipeline_doubts(const struct pipeline *pipeline);
bool pipeline_caught_up(const struct pipeline *pipeline); // the session's refresh is committed

// Fires the timers that are due. Does nothing before pipeline_caught_up() (promise 8).
int pipeline_tick(struct pipeline *pipeline, int64_t now, struct error *err) MUST_CHECK;
int64_t pipeline_next_timer(struct pipeline *pipeline); // 0: none

// An event about the directory itself, to its administrators.
int pipeline_alert(struct pipeline *pipeline, enum event_type type, const char *text, struct error *err) MUST_CHECK;

// The administrator's word on a storm. *count: notifications made.
int pipeline_release_storm(struct pipeline *pipeline, int64_t storm, const char *who, int64_t *count, struct error *err) MUST_CHECK;
int pipeline_discard_storm(struct pipeline *pipeline, int64_t storm, const char *who, struct error *err) MUST_CHECK;

#endif
