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
// Takes no more requests, lets those that are on their way be answered for a few seconds, and frees the server; `closed` is
// called then.
void server_close(struct server *server, void (*closed)(void *context), void *context);
// The answer to a command that was passed on.
void server_reply(struct server *server, uint32_t request, const json_t *reply);

#endif
