// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "api_store.h"

#define QUEUE_MOST 1000

json_t *api_queue(const struct config *config, TALLOC_CTX *ctx, const struct query *query, struct error *err)
{
    const char *state = query_text(query, "state");
    int64_t limit = query_number(query, "limit", 50);
    struct message_query wanted = { .state = state ? message_state_from_name(state) : -1,
                                    .recipient = query_text(query, "recipient"),
                                    .directory = query_text(query, "directory"),
                                    .before = query_number(query, "before", 0),
                                    .limit = (size_t)(limit < 1 ? 1 : limit > QUEUE_MOST ? QUEUE_MOST : limit) };
    if (state && wanted.state < 0) {
        error_set_code(err, 400, "\"%s\" is no state of a message; known are queued, leased, sent, dead, held, trial", state);
        return NULL;
    }
    struct delivery_store *store;
    struct message *messages = NULL;
    size_t count = 0;
    if (api_open_delivery(config, ctx, &store, err) < 0 ||
        (store && delivery_store_messages(store, ctx, &wanted, &messages, &count, err) < 0))
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, api_message_json(&messages[i]));
    return json_pack("{s:o}", "messages", array);
}

json_t *api_message(const struct config *config, TALLOC_CTX *ctx, int64_t id, struct error *err)
{
    struct message_query wanted = { .id = id, .state = -1, .bytes = true, .limit = 1 };
    struct delivery_store *store;
    struct message *messages = NULL;
    size_t count = 0;
    struct event_list events = { 0 };
    if (api_open_delivery(config, ctx, &store, err) < 0 ||
        (store && delivery_store_messages(store, ctx, &wanted, &messages, &count, err) < 0))
        return NULL;
    if (count == 0) {
        error_set_code(err, 404, "there is no message %lld; `ldapnotifyctl queue list` lists them", (long long)id);
        return NULL;
    }
    if (delivery_store_events_of(store, ctx, id, &events, err) < 0)
        return NULL;
    json_t *json = api_message_json(&messages[0]);
    json_t *told = json_array();
    for (size_t i = 0; i < events.count; i++)
        json_array_append_new(told, event_to_json(events.items[i]));
    json_object_set_new(json, "events", told);
    json_t *content = json_stringn((const char *)messages[0].bytes, messages[0].length);
    json_object_set_new(json, "content", content ? content : json_null());
    return json;
}

json_t *api_storms(const struct config *config, TALLOC_CTX *ctx, struct error *err)
{
    static const char *const states[] = { "held", "released", "discarded" };
    json_t *array = json_array();
    for (size_t i = 0; i < config->directory_count; i++) {
        const char *name = config->directories[i].name;
        struct directory_store *store;
        struct storm *storms = NULL;
        size_t count = 0;
        if (api_open_directory(config, ctx, name, &store, err) < 0 ||
            (store && directory_store_storms(store, ctx, &storms, &count, err) < 0)) {
            json_decref(array);
            return NULL;
        }
        for (size_t j = 0; j < count; j++)
            json_array_append_new(array, json_pack("{s:s,s:I,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o}", "directory", name, "id",
                                                   (json_int_t)storms[j].id, "rule", storms[j].rule, "state",
                                                   states[storms[j].state], "opened", (json_int_t)storms[j].opened,
                                                   "last", (json_int_t)storms[j].last, "closed",
                                                   (json_int_t)storms[j].closed, "events", (json_int_t)storms[j].events,
                                                   "notifications", (json_int_t)storms[j].notifications, "closed_by",
                                                   api_text(storms[j].closed_by)));
    }
    return json_pack("{s:o}", "storms", array);
}

static json_t *delivery_counts_json(const struct delivery_counts *counts)
{
    json_t *messages = json_object();
    for (int state = 0; state < MESSAGE_STATE_COUNT; state++)
        json_object_set_new(messages, message_state_name(state), json_integer(counts->messages[state]));
    return json_pack("{s:I,s:I,s:I,s:o,s:I}", "waiting", (json_int_t)counts->waiting, "cancelled",
                     (json_int_t)counts->cancelled, "dropped", (json_int_t)counts->dropped, "messages", messages,
                     "oldest_queued", (json_int_t)counts->oldest_queued);
}

json_t *api_counts(const struct config *config, TALLOC_CTX *ctx, struct error *err)
{
    struct delivery_store *delivery;
    struct delivery_counts counts = { 0 };
    if (api_open_delivery(config, ctx, &delivery, err) < 0 ||
        (delivery && delivery_store_counts(delivery, &counts, err) < 0))
        return NULL;
    json_t *directories = json_array();
    for (size_t i = 0; i < config->directory_count; i++) {
        const char *name = config->directories[i].name;
        struct directory_store *store;
        struct mirror_counts mirror = { 0 };
        struct source_state *state = NULL;
        int64_t cursor = 0;
        if (api_open_directory(config, ctx, name, &store, err) < 0 ||
            (store && directory_store_counts(store, &mirror, err) < 0) ||
            (store && directory_store_state(store, ctx, &state, err) < 0) ||
            (delivery && delivery_store_cursor(delivery, name, &cursor, err) < 0)) {
            json_decref(directories);
            return NULL;
        }
        json_array_append_new(directories,
                              json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I}", "name", name, "loaded", state && state->loaded,
                                        "entries", (json_int_t)mirror.entries, "links", (json_int_t)mirror.links, "events",
                                        (json_int_t)mirror.last_event, "outbox",
                                        (json_int_t)(mirror.last_outbox - cursor), "last_change",
                                        (json_int_t)(state ? state->last_change : 0)));
    }
    return json_pack("{s:o,s:o}", "directories", directories, "delivery", delivery_counts_json(&counts));
}
