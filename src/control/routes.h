// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONTROL_ROUTES_H
#define LDAPNOTIFY_CONTROL_ROUTES_H

#include <event2/http.h>

#include "http.h"

// One request on its way.
struct call;
typedef void call_reply_fn(struct call *call, const json_t *reply);

struct call {
    struct server *server;
    struct worker *worker;
    const struct config *config;
    struct evhttp_request *request;
    struct evhttp_connection *connection;
    enum evhttp_cmd_type method;
    char *path;
    struct peer peer;
    struct query *query;
    json_t *body;    // or NULL
    uint32_t number; // of the command that was passed on, 0: none
    call_reply_fn *reply;
    void *state;     // of a route that needs several steps; owned by the call
    struct call *next;
};

// Finds the route and lets it answer.
void route_call(struct call *call);
// Answers and ends the call: `body` (consumed) with 200, or `err` where it is NULL.
void call_done(struct call *call, json_t *body, const struct error *err);
// Sends `command` (consumed) to a worker; `reply` is called with what it says unless that is an error.
void call_pass_on(struct call *call, const char *peer, json_t *command, call_reply_fn *reply);

#endif
