// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api_store.h"

#define EVENTS_MOST 1000

static int newer_first(const void *a, const void *b)
{
    const struct directory_event *const *left = a, *const *right = b;
    if ((*left)->time != (*right)->time)
        return (*left)->time < (*right)->time ? 1 : -1;
    return (*left)->sequence < (*right)->sequence ? 1 : -1;
}

static int64_t limit_of(const struct query *query)
{
    int64_t limit = query_number(query, "limit", 20);
    return limit < 1 ? 1 : limit > EVENTS_MOST ? EVENTS_MOST : limit;
}

static void events_join(TALLOC_CTX *ctx, struct event_list *all, const struct event_list *more)
{
    if (more->count == 0)
        return;
    all->items = talloc_realloc(ctx, all->items, struct directory_event *, all->count + more->count);
    memcpy(all->items + all->count, more->items, more->count * sizeof *more->items);
    all->count += more->count;
}

json_t *api_events(const struct config *config, TALLOC_CTX *ctx, const struct query *query, struct error *err)
{
    struct event_query wanted = { .before = query_number(query, "before", 0),
                                  .pattern = query_text(query, "event"),
                                  .text = query_text(query, "text"),
                                  .since = query_number(query, "since", 0),
                                  .limit = (size_t)limit_of(query) };
    const char *only = query_text(query, "directory");
    struct event_list list = { 0 };
    if (only && !config_directory_find(config, only)) {
        error_set_code(err, 404, "there is no directory \"%s\" in the configuration", only);
        return NULL;
    }
    for (size_t i = 0; i < config->directory_count; i++) {
        const char *name = config->directories[i].name;
        struct directory_store *store;
        struct event_list own = { 0 };
        if (only && strcmp(only, name) != 0)
            continue;
        if (api_open_directory(config, ctx, name, &store, err) < 0 ||
            (store && directory_store_events(store, ctx, &wanted, &own, err) < 0))
            return NULL;
        events_join(ctx, &list, &own);
    }
    if (list.count > 1)
        qsort(list.items, list.count, sizeof *list.items, newer_first);
    json_t *events = json_array();
    for (size_t i = 0; i < list.count && i < wanted.limit; i++)
        json_array_append_new(events, event_to_json(list.items[i]));
    return json_pack("{s:o}", "events", events);
}

// --- explain -----------------------------------------------------------------------------------------------------------

static bool concerns(const char *wanted, const char *address, const char *name, const char *dn)
{
    if (!wanted)
        return true;
    return (address && strcasecmp(wanted, address) == 0) || (name && strcasecmp(wanted, name) == 0) ||
           (dn && strcasecmp(wanted, dn) == 0);
}

static json_t *decision_json(const struct decision *decision)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o}", "rule", decision->rule, "role", decision->role, "outcome",
                     decision_outcome_name(decision->outcome), "reason", decision->reason, "name",
                     api_text(decision->recipient.name), "address", api_text(decision->recipient.address), "dn",
                     api_text(decision->recipient.dn));
}

static json_t *delivery_json(const struct delivery_row *row)
{
    json_t *json = json_pack("{s:I,s:o,s:o,s:o,s:s,s:o,s:I}", "outbox", (json_int_t)row->outbox, "address",
                             api_text(row->address), "roles", api_text(row->roles), "rule", api_text(row->rule), "state",
                             notification_state_name(row->state), "reason", api_text(row->reason), "due",
                             (json_int_t)row->due);
    if (row->message.id)
        json_object_set_new(json, "message", api_message_json(&row->message));
    return json;
}

static json_t *explain_decisions(struct directory_store *store, TALLOC_CTX *ctx, int64_t sequence, const char *to,
                                 struct error *err)
{
    struct decision *decisions = NULL;
    size_t count = 0;
    if (directory_store_decisions(store, ctx, sequence, &decisions, &count, err) < 0)
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct recipient *recipient = &decisions[i].recipient;
        // A decision about a whole rule concerns everybody.
        if (!*decisions[i].role || concerns(to, recipient->address, recipient->name, recipient->dn))
            json_array_append_new(array, decision_json(&decisions[i]));
    }
    return array;
}

static json_t *explain_deliveries(const struct config *config, TALLOC_CTX *ctx, const char *directory, int64_t sequence,
                                  const char *to, struct error *err)
{
    struct delivery_store *store;
    struct delivery_row *rows = NULL;
    size_t count = 0;
    if (api_open_delivery(config, ctx, &store, err) < 0 ||
        (store && delivery_store_of_event(store, ctx, directory, sequence, &rows, &count, err) < 0))
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        if (concerns(to, rows[i].address, rows[i].message.recipient_name, NULL))
            json_array_append_new(array, delivery_json(&rows[i]));
    return array;
}

json_t *api_explain(const struct config *config, TALLOC_CTX *ctx, const char *id, const struct query *query, struct error *err)
{
    char *directory;
    int64_t sequence;
    struct directory_store *store;
    if (event_id_parse(ctx, id, &directory, &sequence, err) < 0) {
        err->code = 400;
        return NULL;
    }
    if (api_open_directory(config, ctx, directory, &store, err) < 0)
        return NULL;
    struct event_query wanted = { .sequence = sequence, .limit = 1 };
    struct event_list list = { 0 };
    if (store && directory_store_events(store, ctx, &wanted, &list, err) < 0)
        return NULL;
    if (list.count == 0) {
        error_set_code(err, 404, "there is no event %s; `ldapnotifyctl events` lists them", id);
        return NULL;
    }
    const char *to = query_text(query, "to");
    json_t *decisions = explain_decisions(store, ctx, sequence, to, err);
    json_t *deliveries = decisions ? explain_deliveries(config, ctx, directory, sequence, to, err) : NULL;
    if (!deliveries) {
        json_decref(decisions);
        return NULL;
    }
    return json_pack("{s:o,s:o,s:o}", "event", event_to_json(list.items[0]), "decisions", decisions, "deliveries", deliveries);
}
