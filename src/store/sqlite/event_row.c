// SPDX-License-Identifier: Apache-2.0
#include <jansson.h>
#include <stdlib.h>

#include "event_row.h"

char *event_text(TALLOC_CTX *ctx, const struct directory_event *event, struct error *err)
{
    json_t *json = event_to_json(event);
    char *dumped = json ? json_dumps(json, JSON_COMPACT) : NULL;
    char *text = dumped ? talloc_strdup(ctx, dumped) : NULL;
    free(dumped);
    json_decref(json);
    if (!text)
        error_set_code(err, STORE_FAILED, "an event cannot be written as JSON: out of memory");
    return text;
}

int event_read(struct database *db, TALLOC_CTX *ctx, sqlite3_stmt *row, int index,
               struct directory_event **event, struct error *err)
{
    json_error_t why;
    json_t *json = json_loadb((const char *)sqlite3_column_blob(row, index),
                              (size_t)sqlite3_column_bytes(row, index), 0, &why);
    if (!json)
        return error_set_code(err, STORE_DAMAGED, "%s is damaged: an event's JSON is broken (%s)", db->path,
                              why.text);
    *event = event_from_json(ctx, json, err);
    json_decref(json);
    if (*event)
        return 0;
    if (err)
        err->code = STORE_DAMAGED;
    return error_prepend(err, "%s: a stored event cannot be read", db->path);
}

void event_list_take(TALLOC_CTX *ctx, struct event_list *list, struct directory_event *event)
{
    if (!list->items || talloc_array_length(list->items) == list->count)
        list->items = talloc_realloc(ctx, list->items, struct directory_event *, list->count * 2 + 16);
    list->items[list->count++] = event;
}

void notification_bind(sqlite3_stmt *statement, int first, const struct notification *notification)
{
    const struct recipient *recipient = &notification->recipient;
    bind_uuid(statement, first, &recipient->uuid);
    bind_text(statement, first + 1, recipient->dn);
    bind_text(statement, first + 2, recipient->name);
    bind_text(statement, first + 3, recipient->address);
    bind_text(statement, first + 4, recipient->language);
    bind_text(statement, first + 5, notification->roles ? notification->roles : "");
    bind_int(statement, first + 6, notification->courtesy);
    bind_text(statement, first + 7, notification->rule);
    bind_text(statement, first + 8, notification->transport);
    bind_text(statement, first + 9, notification->template_name);
    bind_text(statement, first + 10, notification->language);
    bind_int(statement, first + 11, notification->digest_wait);
    bind_int(statement, first + 12, notification->expires);
}

void notification_read(TALLOC_CTX *ctx, sqlite3_stmt *row, int first, struct notification *notification)
{
    struct recipient *recipient = &notification->recipient;
    recipient->uuid = column_uuid(row, first);
    recipient->dn = column_text(ctx, row, first + 1);
    recipient->name = column_text(ctx, row, first + 2);
    recipient->address = column_text(ctx, row, first + 3);
    recipient->language = column_text(ctx, row, first + 4);
    notification->roles = column_text(ctx, row, first + 5);
    notification->courtesy = sqlite3_column_int(row, first + 6) != 0;
    notification->rule = column_text(ctx, row, first + 7);
    notification->transport = column_text(ctx, row, first + 8);
    notification->template_name = column_text(ctx, row, first + 9);
    notification->language = column_text(ctx, row, first + 10);
    notification->digest_wait = sqlite3_column_int64(row, first + 11);
    notification->expires = sqlite3_column_int64(row, first + 12);
}
