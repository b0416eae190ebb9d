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

// 0: no number.
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

static void refuse(struct call *call, int status, const char *format, const char *word)
{
    struct error err;
    error_set_code(&err, status, format, word);
    call_done(call, NULL, &err);
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
    int64_t id = word_number(words->items[0]);
    struct error err = { 0 };
    if (id == 0) // to the store, 0 is any message
        refuse(call, 400, "\"%s\" is no number of a message", words->items[0]);
    else
        answer(call, api_message(call->config, call, id, &err), &err);
}

static void get_storms(struct call *call, const struct words *words)
{
    (void)words;
    struct error err = { 0 };
    answer(call, api_storms(call->config, call, &err), &err);
}

// The message must be there: "not found" is another answer than "not in this state".
static int queue_find(struct call *call, const char *word, int64_t *id, struct error *err)
{
    *id = word_number(word);
    if (*id == 0)
        return error_set_code(err, 400, "\"%s\" is no number of a message", word);
    json_t *message = api_message(call->config, call, *id, err);
    json_decref(message);
    return message ? 0 : -1;
}

static void queue_action(struct call *call, const char *word, const char *action)
{
    const char *state = query_text(call->query, "state");
    struct error err = { 0 };
    int64_t id;
    json_t *command;
    char *name = talloc_asprintf(call, "queue.%s", action);
    if (strcmp(word, "all") == 0) {
        command = json_pack("{s:s,s:s*}", "command", name, "state", state);
    } else if (queue_find(call, word, &id, &err) == 0) {
        command = json_pack("{s:s,s:I}", "command", name, "id", (json_int_t)id);
    } else {
        call_done(call, NULL, &err);
        return;
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
    refuse(call, 404, "\"%s\" is no action on a message; known are retry, hold, release", words->items[1]);
}

static void delete_queue(struct call *call, const struct words *words)
{
    queue_action(call, words->items[0], "delete");
}

// Is there a storm of this number?
static int storm_find(struct call *call, const char *directory, int64_t id, struct error *err)
{
    json_t *answer = api_storms(call->config, call, err);
    size_t index;
    const json_t *storm;
    bool found = false;
    if (!answer)
        return -1;
    json_array_foreach(json_object_get(answer, "storms"), index, storm)
        found = found || (json_integer_value(json_object_get(storm, "id")) == id &&
                          strcmp(json_string_value(json_object_get(storm, "directory")), directory) == 0);
    json_decref(answer);
    return found ? 0 : error_set_code(err, 404, "there is no storm %lld in \"%s\"", (long long)id, directory);
}

static void post_storm(struct call *call, const struct words *words)
{
    const char *directory = words->items[0], *action = words->items[2];
    int64_t id = word_number(words->items[1]);
    struct error err = { 0 };
    if (strcmp(action, "release") != 0 && strcmp(action, "discard") != 0) {
        refuse(call, 404, "\"%s\" is no action on a storm; known are release, discard", action);
        return;
    }
    if (!config_directory_find(call->config, directory)) {
        refuse(call, 404, "there is no directory \"%s\" in the configuration", directory);
        return;
    }
    if (storm_find(call, directory, id, &err) < 0) {
        call_done(call, NULL, &err);
        return;
    }
    char *peer = talloc_asprintf(call, "watch %s", directory), *name = talloc_asprintf(call, "storm.%s", action);
    call_pass_on(call, peer, json_pack("{s:s,s:I}", "command", name, "id", (json_int_t)id), reply_as_it_is);
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
    if (!to || !text_is_address(to)) {
        refuse(call, 400, "%s must be a mail address", "\"to\"");
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
