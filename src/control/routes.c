// SPDX-License-Identifier: Apache-2.0
#include "routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "status.h"

// The table of the control API. A path's last words may be arguments: "/v1/queue/17/retry".

#define WORDS_MOST 5

struct words {
    const char *items[WORDS_MOST];
    size_t count;
};

typedef void route_fn(struct call *call, const struct words *words);

static void reply_as_it_is(struct call *call, const json_t *reply)
{
    call_done(call, json_deep_copy(reply), NULL);
}

static int64_t word_number(const char *word)
{
    char *end;
    long long number = strtoll(word, &end, 10);
    return *end || number < 1 ? 0 : number;
}

static void answer(struct call *call, json_t *body, const struct error *err)
{
    call_done(call, body, err);
}

static void get_status(struct call *call, const struct words *words)
{
    (void)words;
    status_answer(call);
}

static void get_events(struct call *call, const struct words *words)
{
    (void)words;
    struct error err = { 0 };
    answer(call, api_events(call->config, call, call->query, &err), &err);
}

static void get_event(struct call *call, const struct words *words)
{
    struct error err = { 0 };
    answer(call, api_explain(call->config, call, words->items[0], call->query, &err), &err);
}

static void get_queue(struct call *call, const struct words *words)
{
    (void)words;
    struct error err = { 0 };
    answer(call, api_queue(call->config, call, call->query, &err), &err);
}

static void get_message(struct call *call, const struct words *words)
{
    struct error err = { 0 };
    answer(call, api_message(call->config, call, word_number(words->items[0]), &err), &err);
}

static void get_storms(struct call *call, const struct words *words)
{
    (void)words;
    struct error err = { 0 };
    answer(call, api_storms(call->config, call, &err), &err);
}

static void queue_action(struct call *call, const char *id, const char *action)
{
    char name[32];
    snprintf(name, sizeof name, "queue.%s", action);
    json_t *command = json_pack("{s:s}", "command", name);
    struct error err = { 0 };
    if (strcmp(id, "all") != 0) {
        int64_t number = word_number(id);
        if (number == 0) {
            error_set_code(&err, 400, "\"%s\" is no number of a message", id);
            json_decref(command);
            call_done(call, NULL, &err);
            return;
        }
        json_object_set_new(command, "id", json_integer(number));
    } else if (query_text(call->query, "state")) {
        json_object_set_new(command, "state", json_string(query_text(call->query, "state")));
    }
    call_pass_on(call, "deliver", command, reply_as_it_is);
}

static void post_queue(struct call *call, const struct words *words)
{
    static const char *const actions[] = { "retry", "hold", "release", NULL };
    for (const char *const *action = actions; *action; action++)
        if (strcmp(words->items[1], *action) == 0) {
            queue_action(call, words->items[0], *action);
            return;
        }
    struct error err;
    error_set_code(&err, 404, "\"%s\" is no action on a message; known are retry, hold, release", words->items[1]);
    call_done(call, NULL, &err);
}

static void delete_queue(struct call *call, const struct words *words)
{
    queue_action(call, words->items[0], "delete");
}

static void post_storm(struct call *call, const struct words *words)
{
    struct error err;
    bool release = strcmp(words->items[2], "release") == 0;
    if (!release && strcmp(words->items[2], "discard") != 0) {
        error_set_code(&err, 404, "\"%s\" is no action on a storm; known are release, discard", words->items[2]);
        call_done(call, NULL, &err);
        return;
    }
    if (!config_directory_find(call->config, words->items[0])) {
        error_set_code(&err, 404, "there is no directory \"%s\" in the configuration", words->items[0]);
        call_done(call, NULL, &err);
        return;
    }
    char *peer = talloc_asprintf(call, "watch %s", words->items[0]);
    json_t *command = json_pack("{s:s,s:I}", "command", release ? "storm.release" : "storm.discard", "id",
                                (json_int_t)word_number(words->items[1]));
    call_pass_on(call, peer, command, reply_as_it_is);
}

static void post_reload(struct call *call, const struct words *words)
{
    (void)words;
    call_pass_on(call, "supervisor", json_pack("{s:s}", "command", "reload"), reply_as_it_is);
}

static void post_test_mail(struct call *call, const struct words *words)
{
    (void)words;
    const char *to = json_string_value(json_object_get(call->body, "to"));
    const char *transport = json_string_value(json_object_get(call->body, "transport"));
    struct error err;
    if (!text_is_address(to)) {
        error_set_code(&err, 400, "\"to\" must be a mail address");
        call_done(call, NULL, &err);
        return;
    }
    json_t *command = json_pack("{s:s,s:s,s:s*}", "command", "test-mail", "to", to, "transport", transport);
    call_pass_on(call, "deliver", command, reply_as_it_is);
}

static const struct route {
    enum evhttp_cmd_type method;
    const char *path; // "*" stands for one word
    route_fn *fn;
} routes[] = {
    { EVHTTP_REQ_GET, "/v1/status", get_status },
    { EVHTTP_REQ_GET, "/v1/events", get_events },
    { EVHTTP_REQ_GET, "/v1/events/*", get_event },
    { EVHTTP_REQ_GET, "/v1/queue", get_queue },
    { EVHTTP_REQ_GET, "/v1/queue/*", get_message },
    { EVHTTP_REQ_POST, "/v1/queue/*/*", post_queue },
    { EVHTTP_REQ_DELETE, "/v1/queue/*", delete_queue },
    { EVHTTP_REQ_GET, "/v1/storms", get_storms },
    { EVHTTP_REQ_POST, "/v1/storms/*/*/*", post_storm },
    { EVHTTP_REQ_POST, "/v1/reload", post_reload },
    { EVHTTP_REQ_POST, "/v1/test-mail", post_test_mail },
};

// Does `path` fit `pattern`? The words under "*" go to `words`, copied to `ctx`.
static bool route_fits(TALLOC_CTX *ctx, const char *pattern, const char *path, struct words *words)
{
    words->count = 0;
    while (*pattern) {
        if (*pattern == '*') {
            size_t length = strcspn(path, "/");
            if (length == 0 || words->count == WORDS_MOST)
                return false;
            words->items[words->count++] = talloc_strndup(ctx, path, length);
            path += length;
            pattern++;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

void route_call(struct call *call)
{
    bool path_known = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        struct words words;
        if (!route_fits(call, routes[i].path, call->path, &words))
            continue;
        path_known = true;
        if (routes[i].method == call->method) {
            routes[i].fn(call, &words);
            return;
        }
    }
    struct error err;
    if (path_known)
        error_set_code(&err, 405, "this method does not go with %s", call->path);
    else
        error_set_code(&err, 404, "there is nothing at %s", call->path);
    call_done(call, NULL, &err);
}
