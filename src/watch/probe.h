// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_WATCH_PROBE_H
#define LDAPNOTIFY_WATCH_PROBE_H

#include <talloc.h>

#include "config/config.h"
#include "directory/session.h"
#include "source/source.h"
#include "watch/pipeline.h"

struct event_base;

// Asks the server every so often for the contextCSN of our naming context, beside the running search: a connection
// that a firewall has forgotten is found out, and the answer tells whether we are behind.

struct probe;

// `failed` is called once when an answer stays away; the probe then does nothing more.
struct probe *probe_new(TALLOC_CTX *ctx, struct event_base *loop, const struct config_directory *directory,
                        struct session *session, struct source *source, const struct source_ops *ops,
                        struct pipeline *pipeline,
                        void (*failed)(void *context, enum source_failure failure, const struct error *err), void *context);
void probe_now(struct probe *probe);
// 1 behind, 0 caught up, -1 not known (no contextCSN to be seen, not asked yet).
int probe_behind(const struct probe *probe);
// Asks now; `answer` is called once, also when the probe is freed before (with -1).
void probe_ask(struct probe *probe, void (*answer)(void *context, int behind), void *context);

#endif
