// SPDX-License-Identifier: Apache-2.0
#include "status.h"

#include <string.h>

// One answer in steps: workers, a probe of each directory in turn, deliver, the stores.
struct status {
    json_t *answer;
    size_t directory; // next to be probed
};

static int status_destroy(struct status *status)
{
    json_decref(status->answer);
    return 0;
}

static json_t *worker_named(const json_t *answer, const char *name)
{
    size_t index;
    json_t *worker;
    json_array_foreach(json_object_get(answer, "workers"), index, worker)
        if (strcmp(json_string_value(json_object_get(worker, "name")), name) == 0)
            return worker;
    return NULL;
}

static json_t *worker_of(const json_t *answer, const char *directory)
{
    char name[80];
    snprintf(name, sizeof name, "watch %s", directory);
    return worker_named(answer, name);
}

static bool worker_answers(const json_t *worker)
{
    const char *state = json_string_value(json_object_get(worker, "state"));
    return state && strcmp(state, "running") == 0;
}

static void worker_set_status(json_t *worker, const json_t *reply)
{
    json_t *copy = json_deep_copy(reply);
    json_object_del(copy, "ok");
    json_object_set_new(worker, "status", copy);
}

static bool directory_is_idle(const json_t *answer, const json_t *directory)
{
    const json_t *watch = json_object_get(worker_of(answer, json_string_value(json_object_get(directory, "name"))), "status");
    return json_is_true(json_object_get(watch, "caught_up")) && json_integer_value(json_object_get(watch, "behind")) != 1 &&
           json_integer_value(json_object_get(directory, "outbox")) == 0;
}

// Everything is worked off: all directories caught up, nothing waits to be delivered. Messages that are held by an
// administrator or failed for good are not waiting.
static bool all_is_idle(const json_t *answer)
{
    size_t index;
    const json_t *directory, *delivery = json_object_get(answer, "delivery"), *messages = json_object_get(delivery, "messages");
    json_array_foreach(json_object_get(answer, "directories"), index, directory)
        if (!directory_is_idle(answer, directory))
            return false;
    return json_integer_value(json_object_get(delivery, "waiting")) == 0 &&
           json_integer_value(json_object_get(messages, "queued")) == 0 &&
           json_integer_value(json_object_get(messages, "leased")) == 0;
}

static void status_finish(struct call *call)
{
    struct status *status = call->state;
    struct error err = { 0 };
    json_t *counts = api_counts(call->config, call, &err);
    if (!counts) {
        call_done(call, NULL, &err);
        return;
    }
    json_object_update(status->answer, counts);
    json_decref(counts);
    json_object_set_new(status->answer, "idle", json_boolean(all_is_idle(status->answer)));
    call_done(call, json_incref(status->answer), NULL);
}

static void status_delivered(struct call *call, const json_t *reply)
{
    struct status *status = call->state;
    json_t *worker = worker_named(status->answer, "deliver");
    if (worker)
        worker_set_status(worker, reply);
    status_finish(call);
}

static void status_ask_deliver(struct call *call)
{
    const struct status *status = call->state;
    if (worker_answers(worker_named(status->answer, "deliver")))
        call_pass_on(call, "deliver", json_pack("{s:s}", "command", "status"), status_delivered);
    else
        status_finish(call);
}

static void status_next_probe(struct call *call);

static void status_probed(struct call *call, const json_t *reply)
{
    struct status *status = call->state;
    json_t *worker = worker_of(status->answer, call->config->directories[status->directory++].name);
    if (worker)
        worker_set_status(worker, reply);
    status_next_probe(call);
}

static void status_next_probe(struct call *call)
{
    struct status *status = call->state;
    while (status->directory < call->config->directory_count) {
        const char *name = call->config->directories[status->directory].name;
        if (worker_answers(worker_of(status->answer, name))) {
            char *peer = talloc_asprintf(call, "watch %s", name);
            call_pass_on(call, peer, json_pack("{s:s}", "command", "probe"), status_probed);
            return;
        }
        status->directory++;
    }
    status_ask_deliver(call);
}

static void status_workers(struct call *call, const json_t *reply)
{
    struct status *status = call->state;
    status->answer = json_deep_copy(reply);
    json_object_del(status->answer, "ok");
    status_next_probe(call);
}

void status_answer(struct call *call)
{
    struct status *status = talloc_zero(call, struct status);
    talloc_set_destructor(status, status_destroy);
    call->state = status;
    call_pass_on(call, "supervisor", json_pack("{s:s}", "command", "status"), status_workers);
}
