// SPDX-License-Identifier: Apache-2.0
#include "curl_loop.h"

#include <stdbool.h>

#include "base/log.h"

struct curl_loop {
    CURLM *multi;
    struct event_base *base;
    struct event *timer;
};

// What is kept per transfer, as CURLOPT_PRIVATE; a child of the loop.
struct transfer {
    curl_loop_done_fn *done;
    void *context;
};

// What is kept per socket, as curl_multi_assign(); a child of the loop.
struct watched {
    struct curl_loop *loop;
    struct event *event;
};

static void curl_loop_finish(struct curl_loop *loop)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(loop->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        struct transfer *transfer = NULL;
        if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer) != CURLE_OK || !transfer)
            continue;
        curl_loop_done_fn *done = transfer->done;
        transfer->done = NULL;
        if (done)
            done(transfer->context, easy, code);
    }
}

static void curl_loop_act(struct curl_loop *loop, curl_socket_t socket, int what)
{
    int running;
    CURLMcode code = curl_multi_socket_action(loop->multi, socket, what, &running);
    if (code != CURLM_OK)
        log_error("libcurl failed on the event loop", LOG_S("error", curl_multi_strerror(code)));
    curl_loop_finish(loop);
}

static void on_socket(evutil_socket_t socket, short what, void *context)
{
    int flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    struct watched *watched = context;
    curl_loop_act(watched->loop, socket, flags);
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    curl_loop_act(context, CURL_SOCKET_TIMEOUT, 0);
}

static int watched_free(struct watched *watched)
{
    if (watched->event)
        event_free(watched->event);
    return 0;
}

static struct watched *watched_new(struct curl_loop *loop, curl_socket_t socket)
{
    struct watched *watched = talloc_zero(loop, struct watched);
    if (!watched)
        return NULL;
    watched->loop = loop;
    talloc_set_destructor(watched, watched_free);
    watched->event = event_new(loop->base, socket, 0, on_socket, watched);
    if (!watched->event || curl_multi_assign(loop->multi, socket, watched) != CURLM_OK)
        TALLOC_FREE(watched);
    return watched;
}

// CURLMOPT_SOCKETFUNCTION. -1 makes libcurl fail the transfers of this multi handle, which is right when a
// socket cannot be watched.
static int curl_wants_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *assigned)
{
    (void)easy;
    struct curl_loop *loop = context;
    struct watched *watched = assigned;
    if (what == CURL_POLL_REMOVE) {
        talloc_free(watched);
        return curl_multi_assign(loop->multi, socket, NULL) == CURLM_OK ? 0 : -1;
    }
    if (!watched && !(watched = watched_new(loop, socket)))
        return -1;
    short events = EV_PERSIST;
    if (what & CURL_POLL_IN)
        events |= EV_READ;
    if (what & CURL_POLL_OUT)
        events |= EV_WRITE;
    if (event_del(watched->event) < 0
        || event_assign(watched->event, loop->base, socket, events, on_socket, watched) < 0
        || event_add(watched->event, NULL) < 0) {
        log_error("cannot watch a socket for libcurl", LOG_I("socket", socket));
        return -1;
    }
    return 0;
}

// CURLMOPT_TIMERFUNCTION
static int curl_wants_timer(CURLM *multi, long milliseconds, void *context)
{
    (void)multi;
    struct curl_loop *loop = context;
    if (milliseconds < 0)
        return event_del(loop->timer) < 0 ? -1 : 0;
    struct timeval wait = { .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 };
    return event_add(loop->timer, &wait) < 0 ? -1 : 0;
}

static int curl_loop_free(struct curl_loop *loop)
{
    // Sockets first: their events must go before libcurl closes what is left.
    if (loop->multi)
        curl_multi_cleanup(loop->multi);
    if (loop->timer)
        event_free(loop->timer);
    return 0;
}

struct curl_loop *curl_loop_new(TALLOC_CTX *ctx, struct event_base *base, struct error *err)
{
    static bool ready;
    if (!ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        error_set(err, "libcurl cannot be initialised");
        return NULL;
    }
    ready = true;
    struct curl_loop *loop = talloc_zero(ctx, struct curl_loop);
    if (!loop)
        goto out_of_memory;
    talloc_set_destructor(loop, curl_loop_free);
    loop->base = base;
    loop->multi = curl_multi_init();
    loop->timer = evtimer_new(base, on_timer, loop);
    if (!loop->multi || !loop->timer)
        goto out_of_memory;
    CURLMcode code = curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
    if (code == CURLM_OK)
        code = curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    if (code == CURLM_OK)
        code = curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
    if (code == CURLM_OK)
        code = curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    if (code == CURLM_OK)
        return loop;
    error_set(err, "setting up libcurl: %s", curl_multi_strerror(code));
    talloc_free(loop);
    return NULL;

out_of_memory:
    error_set(err, "setting up libcurl: out of memory");
    talloc_free(loop);
    return NULL;
}

int curl_loop_add(struct curl_loop *loop, CURL *easy, curl_loop_done_fn *done, void *context,
                  struct error *err)
{
    struct transfer *transfer = talloc_zero(loop, struct transfer);
    if (!transfer)
        return error_set(err, "out of memory");
    transfer->done = done;
    transfer->context = context;
    if (curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) != CURLE_OK) {
        talloc_free(transfer);
        return error_set(err, "libcurl refused a transfer");
    }
    CURLMcode code = curl_multi_add_handle(loop->multi, easy);
    if (code == CURLM_OK)
        return 0;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
    talloc_free(transfer);
    return error_set(err, "libcurl refused a transfer: %s", curl_multi_strerror(code));
}

void curl_loop_remove(struct curl_loop *loop, CURL *easy)
{
    struct transfer *transfer = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer) != CURLE_OK || !transfer)
        return;
    CURLMcode code = curl_multi_remove_handle(loop->multi, easy);
    if (code != CURLM_OK)
        log_error("libcurl did not give up a transfer", LOG_S("error", curl_multi_strerror(code)));
    curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
    talloc_free(transfer);
}
