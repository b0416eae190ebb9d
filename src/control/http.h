// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONTROL_HTTP_H
#define LDAPNOTIFY_CONTROL_HTTP_H

#include <event2/http.h>
#include <jansson.h>

#include "api.h"
#include "peer.h"
#include "process/worker.h"

// Requests and their answers. One request at a time goes to another worker per call; its answer arrives later.

struct server;

// Listens on config->control.socket (mode 0666: the kernel tells who calls, and rights are checked per request).
struct server *server_open(TALLOC_CTX *ctx, struct worker *worker, struct error *err) MUST_CHECK;
void server_close(struct server *server);
// Takes no new callers and calls `done` when those who wait have their answer, or after some seconds: a reload that
// replaces this worker too is answered by it.
typedef void server_done_fn(void *context);
void server_finish(struct server *server, server_done_fn *done, void *context);
// The answer to a command that was passed on.
void server_reply(struct server *server, uint32_t request, const json_t *reply);

#endif
