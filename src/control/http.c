// SPDX-License-Identifier: Apache-2.0
#include "http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api_store.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "query.h"
#include "routes.h"

#define BODY_MOST 65536
#define HEADERS_MOST 16384
#define IDLE_SECONDS 60
#define BACKLOG 1024 // a caller beyond it is turned away at once by the kernel
#define PENDING_MOST 256
#define CLOSE_SECONDS 3 // for answers that are on their way when we are to stop
#define METHODS_ALL                                                                                          \
    (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |               \
     EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

struct server {
    struct worker *worker;
    struct evhttp *http;
    struct evhttp_bound_socket *bound;
    char *path;
    struct call *calls; // passed on, waiting for their answer
    uint32_t next_request;
    unsigned pending;
    unsigned unsent; // answers that are being written
    struct event *close_timer;
    void (*closed)(void *context); // NULL: nobody wants us to close
    void *context;
};

// On the next turn of the loop: libevent is still at work with the connection.
static void server_close_if_done(struct server *server)
{
    if (server->closed && !server->calls && !server->unsent)
        event_active(server->close_timer, EV_TIMEOUT, 0);
}

// --- answering -----------------------------------------------------------------------------------------------------

static void on_sent(struct evhttp_request *request, void *context)
{
    (void)request;
    struct server *server = context;
    server->unsent--;
    server_close_if_done(server);
}

// A caller that has hung up meanwhile takes its connection away from the request; libevent then only frees it.
static void call_answer(struct call *call, int status, const json_t *body)
{
    struct evbuffer *buffer = evbuffer_new();
    char *text = json_dumps(body, JSON_COMPACT);
    evbuffer_add_printf(buffer, "%s\n", text ? text : "{}");
    free(text);
    evhttp_add_header(evhttp_request_get_output_headers(call->request), "Content-Type", "application/json");
    if (evhttp_request_get_connection(call->request)) {
        call->server->unsent++;
        evhttp_request_set_on_complete_cb(call->request, on_sent, call->server);
    }
    evhttp_send_reply(call->request, status, status == 200 ? "OK" : "Error", buffer);
    evbuffer_free(buffer);
}

// The call waits for nobody any more.
static void call_unlink(struct call *call)
{
    if (!call->number)
        return;
    struct call **at = &call->server->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    call->server->pending--;
    call->number = 0;
}

static void call_finish(struct call *call)
{
    struct server *server = call->server;
    call_unlink(call);
    talloc_free(call);
    server_close_if_done(server);
}

static void call_fail(struct call *call, const struct error *err)
{
    int status = err->code >= 400 && err->code < 600 ? err->code : 500;
    json_t *body = json_pack("{s:b,s:o}", "ok", 0, "error", api_text(err->text));
    call_answer(call, status, body);
    json_decref(body);
    call_finish(call);
}

void call_done(struct call *call, json_t *body, const struct error *err)
{
    if (!body) {
        call_fail(call, err);
        return;
    }
    call_answer(call, 200, body);
    json_decref(body);
    call_finish(call);
}

// --- passing on ------------------------------------------------------------------------------------------------------

void call_pass_on(struct call *call, const char *peer, json_t *command, call_reply_fn *reply)
{
    struct server *server = call->server;
    struct error err = { 0 };
    json_object_set_new(command, "who", json_string(call->peer.name));
    if (server->pending >= PENDING_MOST) {
        error_set_code(&err, 503, "too many requests are waiting for an answer; try again in a moment");
        call_fail(call, &err);
    } else {
        call->number = ++server->next_request ? server->next_request : ++server->next_request;
        call->reply = reply;
        call->next = server->calls;
        server->calls = call;
        server->pending++;
        if (worker_command(server->worker, peer, call->number, command, &err) < 0) {
            err.code = 503;
            call_fail(call, &err);
        }
    }
    json_decref(command);
}

void server_reply(struct server *server, uint32_t request, const json_t *reply)
{
    struct call *call = server->calls;
    while (call && call->number != request)
        call = call->next;
    if (!call)
        return;
    call_unlink(call);
    if (json_is_false(json_object_get(reply, "ok"))) {
        struct error err;
        const char *text = json_string_value(json_object_get(reply, "error"));
        error_set_code(&err, 409, "%s", text ? text : "the worker refused without a reason");
        call_fail(call, &err);
        return;
    }
    call->reply(call, reply);
}

// --- requests ----------------------------------------------------------------------------------------------------------

static int call_read_body(struct call *call, struct error *err)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(call->request);
    size_t length = evbuffer_get_length(input);
    if (length == 0)
        return 0;
    json_error_t problem;
    call->body = json_loadb((const char *)evbuffer_pullup(input, -1), length, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(call->body))
        return error_set_code(err, 400, "the request's body is no JSON object: %s", problem.text);
    return 0;
}

static int call_destroy(struct call *call)
{
    json_decref(call->body);
    return 0;
}

static const char *method_name(enum evhttp_cmd_type method)
{
    switch (method) {
    case EVHTTP_REQ_GET: return "GET";
    case EVHTTP_REQ_POST: return "POST";
    case EVHTTP_REQ_DELETE: return "DELETE";
    default: return "?";
    }
}

static int call_admit(struct call *call, struct error *err)
{
    struct bufferevent *stream = evhttp_connection_get_bufferevent(call->connection);
    if (peer_of(bufferevent_getfd(stream), &call->peer) < 0)
        return error_set_code(err, 403, "the kernel does not say who is calling");
    const struct config_control *config = &worker_config(call->server->worker)->control;
    enum peer_right right = peer_right(config, &call->peer);
    enum peer_right needed = call->method == EVHTTP_REQ_GET ? PEER_READ : PEER_OPERATE;
    if (right >= needed)
        return 0;
    log_warning("control request refused", LOG_S("who", call->peer.name), LOG_I("pid", call->peer.pid),
                LOG_S("request", call->path));
    return error_set_code(err, 403, "%s may not do this; ask for an entry in `control.%s` of the configuration", call->peer.name,
                          needed == PEER_READ ? "readers" : "operators");
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct server *server = context;
    struct call *call = talloc_zero(server, struct call);
    struct error err = { 0 };
    talloc_set_destructor(call, call_destroy);
    call->server = server;
    call->worker = server->worker;
    call->config = worker_config(server->worker);
    call->request = request;
    call->connection = evhttp_request_get_connection(request);
    call->method = evhttp_request_get_command(request);
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    char *decoded = evhttp_uridecode(path ? path : "", 0, NULL);
    call->path = text_clean(call, decoded ? decoded : "", decoded ? strlen(decoded) : 0, 0);
    free(decoded);

    if (call_admit(call, &err) < 0) {
        call_fail(call, &err);
        return;
    }
    call->query = query_parse(call, uri ? evhttp_uri_get_query(uri) : NULL);
    if (!call->query || query_check(call->query, &err) < 0 || call_read_body(call, &err) < 0) {
        if (!call->query)
            error_set_code(&err, 400, "the request's parameters cannot be read");
        call_fail(call, &err);
        return;
    }
    if (call->method != EVHTTP_REQ_GET)
        log_notice("control request", LOG_S("who", call->peer.name), LOG_S("method", method_name(call->method)),
                   LOG_S("path", call->path));
    route_call(call);
}

// --- listening ---------------------------------------------------------------------------------------------------------

static int server_listen(struct server *server, struct event_base *loop, struct error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(server->path) >= sizeof address.sun_path)
        return error_set(err, "control socket %s: the name is too long (%zu octets at most); set control.socket",
                         server->path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, server->path, strlen(server->path) + 1);
    struct stat status;
    if (lstat(server->path, &status) == 0) {
        if (!S_ISSOCK(status.st_mode))
            return error_set(err, "control socket %s: something else has this name; remove it or set control.socket", server->path);
        unlink(server->path); // left behind by a worker that died
    }
    struct evconnlistener *listener =
        evconnlistener_new_bind(loop, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG,
                                (struct sockaddr *)&address, (int)sizeof address);
    if (!listener)
        return error_set(err, "control socket %s: %s", server->path, strerror(errno));
    // Everybody may connect; what they may do is decided by who they are.
    if (chmod(server->path, 0666) < 0 || !(server->bound = evhttp_bind_listener(server->http, listener))) {
        evconnlistener_free(listener);
        return error_set(err, "control socket %s: %s", server->path, strerror(errno));
    }
    return 0;
}

static void on_close(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct server *server = context;
    void (*closed)(void *) = server->closed;
    void *closed_context = server->context;
    event_free(server->close_timer);
    evhttp_free(server->http);
    talloc_free(server);
    closed(closed_context);
}

struct server *server_open(TALLOC_CTX *ctx, struct worker *worker, struct error *err)
{
    struct server *server = talloc_zero(ctx, struct server);
    const struct config *config = worker_config(worker);
    server->worker = worker;
    server->path = config->control.socket ? talloc_strdup(server, config->control.socket)
                                          : talloc_asprintf(server, "%s/control.sock", config->run_dir);
    server->http = evhttp_new(worker_loop(worker));
    // Every method, so that a wrong one is answered by our own words and not by a page of libevent's.
    evhttp_set_allowed_methods(server->http, METHODS_ALL);
    evhttp_set_max_body_size(server->http, BODY_MOST);
    evhttp_set_max_headers_size(server->http, HEADERS_MOST);
    evhttp_set_timeout(server->http, IDLE_SECONDS);
    evhttp_set_gencb(server->http, on_request, server);
    if (server_listen(server, worker_loop(worker), err) < 0) {
        evhttp_free(server->http);
        talloc_free(server);
        return NULL;
    }
    server->close_timer = evtimer_new(worker_loop(worker), on_close, server);
    return server;
}

// Who asked for a reload wants to hear how it went, though it replaces us.
void server_close(struct server *server, void (*closed)(void *context), void *context)
{
    static const struct timeval at_most = { .tv_sec = CLOSE_SECONDS };
    evhttp_del_accept_socket(server->http, server->bound);
    unlink(server->path);
    server->closed = closed;
    server->context = context;
    event_add(server->close_timer, &at_most);
    server_close_if_done(server);
}
