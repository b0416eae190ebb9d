// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "event/event.h"

// --- writing -------------------------------------------------------------------------------------

// json_string() is NULL on bad UTF-8, and DNs are stored as the directory wrote them.
static json_t *json_text(const char *text)
{
    size_t length = strlen(text);
    if (text_is_utf8(text, length))
        return json_stringn(text, length);
    char *clean = text_clean(NULL, text, length, 0);
    json_t *json = json_string(clean ? clean : "");
    talloc_free(clean);
    return json;
}

static void put_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, json_text(text));
}

#define YEAR_10000 INT64_C(253402300800000)

// "2026-11-20T11:03:20.250Z": what clock_to_iso() writes, with the milliseconds that it drops. A time that
// cannot be written so is none.
static void put_time(json_t *object, const char *key, int64_t time)
{
    if (time <= 0 || time >= YEAR_10000)
        return;
    char second[CLOCK_TEXT_SIZE], text[CLOCK_TEXT_SIZE + 8];
    clock_to_iso(time, second);
    char *zone = strchr(second, 'Z');
    if (zone)
        *zone = '\0';
    snprintf(text, sizeof text, "%s.%03dZ", second, (int)(time % CLOCK_SECOND));
    json_object_set_new(object, key, json_string(text));
}

static json_t *party_to_json(const struct party *party)
{
    json_t *json = json_object();
    put_text(json, "dn", party->dn);
    if (!uuid_is_null(&party->uuid)) {
        char text[UUID_TEXT_SIZE];
        put_text(json, "uuid", uuid_format(&party->uuid, text));
    }
    put_text(json, "name", party->name);
    put_text(json, "mail", party->mail);
    if (party->is_group)
        json_object_set_new(json, "is_group", json_true());
    return json;
}

static void put_party(json_t *object, const char *key, const struct party *party)
{
    if (party->dn)
        json_object_set_new(object, key, party_to_json(party));
}

static void put_parties(json_t *object, const char *key, const struct party *parties, size_t count)
{
    if (!count)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, party_to_json(&parties[i]));
    json_object_set_new(object, key, list);
}

static json_t *values_to_json(const char **values)
{
    json_t *list = json_array();
    for (; values && *values; values++)
        json_array_append_new(list, json_text(*values));
    return list;
}

static void put_changes(json_t *object, const struct directory_event *event)
{
    if (!event->change_count)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < event->change_count; i++) {
        const struct event_change *change = &event->changes[i];
        json_t *item = json_object();
        put_text(item, "attribute", change->attribute);
        json_object_set_new(item, "old", values_to_json(change->old_values));
        json_object_set_new(item, "new", values_to_json(change->new_values));
        json_array_append_new(list, item);
    }
    json_object_set_new(object, "changes", list);
}

static void put_number(json_t *object, const char *key, int64_t number)
{
    if (number)
        json_object_set_new(object, key, json_integer(number));
}

json_t *event_to_json(const struct directory_event *event)
{
    json_t *json = json_object();
    if (event->sequence && event->directory) {
        char *id = event_id(NULL, event);
        put_text(json, "id", id);
        talloc_free(id);
    }
    put_number(json, "sequence", event->sequence);
    put_text(json, "event", event_kind(event->type)->name);
    put_time(json, "time", event->time);
    put_text(json, "directory", event->directory);
    put_party(json, "entry", &event->entry);
    put_party(json, "party", &event->party);
    put_text(json, "attribute", event->attribute);
    put_changes(json, event);
    put_party(json, "actor", &event->actor);
    put_text(json, "origin", event_origin_name(event->origin));
    if (event->cause != CAUSE_NONE)
        put_text(json, "cause", event_cause_name(event->cause));
    put_time(json, "until", event->until);
    put_parties(json, "members", event->members, event->member_count);
    put_parties(json, "owners", event->owners, event->owner_count);
    put_parties(json, "managers", event->managers, event->manager_count);
    put_text(json, "rule", event->rule);
    put_number(json, "storm", event->storm);
    put_number(json, "count", event->count);
    put_text(json, "text", event->text);
    return json;
}

// --- reading -------------------------------------------------------------------------------------

// Each get_*() leaves its target as it is when the key is absent or null, and fails when it is of another
// type.

static int get_text(TALLOC_CTX *ctx, const json_t *object, const char *key, const char **text,
                    struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return error_set(err, "reading an event: \"%s\" is no string", key);
    *text = talloc_strndup(ctx, json_string_value(value), json_string_length(value));
    return 0;
}

static int get_number(const json_t *object, const char *key, int64_t *number, struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_integer(value))
        return error_set(err, "reading an event: \"%s\" is no whole number", key);
    *number = json_integer_value(value);
    return 0;
}

// RFC 3339 in UTC is a GeneralizedTime (RFC 4517) with punctuation.
static int get_time(const json_t *object, const char *key, int64_t *time, struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return 0;
    const char *text = json_string_value(value);
    char plain[CLOCK_TEXT_SIZE];
    size_t length = 0;
    for (; text && *text && length < sizeof plain; text++)
        if (!strchr("-:T", *text))
            plain[length++] = *text;
    if (!text || *text || clock_from_generalized(plain, length, time) < 0)
        return error_set(err, "reading an event: \"%s\" is no time such as \"2026-11-20T11:03:20.250Z\"",
                         key);
    return 0;
}

static int party_from_json(TALLOC_CTX *ctx, const json_t *json, const char *key, struct party *party,
                           struct error *err)
{
    if (!json_is_object(json))
        return error_set(err, "reading an event: \"%s\" is no object", key);
    const char *uuid = json_string_value(json_object_get(json, "uuid"));
    if (uuid && uuid_parse(uuid, strlen(uuid), &party->uuid) < 0)
        return error_set(err, "reading an event: the uuid of \"%s\" is none", key);
    if (get_text(ctx, json, "dn", &party->dn, err) < 0 ||
        get_text(ctx, json, "name", &party->name, err) < 0 ||
        get_text(ctx, json, "mail", &party->mail, err) < 0)
        return -1;
    if (!party->dn)
        return error_set(err, "reading an event: \"%s\" has no dn", key);
    party->is_group = json_is_true(json_object_get(json, "is_group"));
    return 0;
}

static int get_party(TALLOC_CTX *ctx, const json_t *object, const char *key, struct party *party,
                     struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return 0;
    return party_from_json(ctx, value, key, party, err);
}

static int get_list(const json_t *object, const char *key, const json_t **list, struct error *err)
{
    *list = json_object_get(object, key);
    if (*list && !json_is_null(*list) && !json_is_array(*list))
        return error_set(err, "reading an event: \"%s\" is no list", key);
    return 0;
}

static int get_parties(TALLOC_CTX *ctx, const json_t *object, const char *key, struct party **parties,
                       size_t *count, struct error *err)
{
    const json_t *list;
    if (get_list(object, key, &list, err) < 0)
        return -1;
    if (json_array_size(list) == 0)
        return 0;
    *parties = talloc_zero_array(ctx, struct party, json_array_size(list));
    for (; *count < json_array_size(list); ++*count)
        if (party_from_json(*parties, json_array_get(list, *count), key, &(*parties)[*count], err) < 0)
            return -1;
    return 0;
}

static int get_values(TALLOC_CTX *ctx, const json_t *object, const char *key, const char ***values,
                      struct error *err)
{
    const json_t *list;
    if (get_list(object, key, &list, err) < 0)
        return -1;
    size_t count = json_array_size(list);
    *values = talloc_zero_array(ctx, const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text)
            return error_set(err, "reading an event: \"%s\" holds something that is no string", key);
        (*values)[i] = talloc_strdup(*values, text);
    }
    return 0;
}

static int get_changes(struct directory_event *event, const json_t *object, struct error *err)
{
    const json_t *list;
    if (get_list(object, "changes", &list, err) < 0)
        return -1;
    if (json_array_size(list) == 0)
        return 0;
    event->changes = talloc_zero_array(event, struct event_change, json_array_size(list));
    for (; event->change_count < json_array_size(list); event->change_count++) {
        struct event_change *change = &event->changes[event->change_count];
        const json_t *item = json_array_get(list, event->change_count);
        if (get_text(event->changes, item, "attribute", &change->attribute, err) < 0 ||
            get_values(event->changes, item, "old", &change->old_values, err) < 0 ||
            get_values(event->changes, item, "new", &change->new_values, err) < 0)
            return -1;
        if (!change->attribute)
            return error_set(err, "reading an event: a change names no attribute");
    }
    return 0;
}

static int get_names(struct directory_event *event, const json_t *json, struct error *err)
{
    const char *name = json_string_value(json_object_get(json, "event"));
    const struct event_kind *kind = name ? event_kind_find(name) : NULL;
    if (!kind)
        return error_set(err, "reading an event: \"%.80s\" is no event this version knows", name ? name : "");
    event->type = kind->type;

    const char *origin = json_string_value(json_object_get(json, "origin"));
    for (int i = ORIGIN_UNKNOWN; origin && i <= ORIGIN_IMPORT; i++)
        if (strcmp(origin, event_origin_name(i)) == 0)
            event->origin = i;
    const char *cause = json_string_value(json_object_get(json, "cause"));
    for (int i = CAUSE_NONE; cause && i <= CAUSE_EXPIRY; i++)
        if (strcmp(cause, event_cause_name(i)) == 0)
            event->cause = i;
    return 0;
}

static int event_read(struct directory_event *event, const json_t *json, struct error *err)
{
    if (!json_is_object(json))
        return error_set(err, "reading an event: no JSON object");
    if (get_names(event, json, err) < 0 || get_changes(event, json, err) < 0 ||
        get_number(json, "sequence", &event->sequence, err) < 0 ||
        get_time(json, "time", &event->time, err) < 0 || get_time(json, "until", &event->until, err) < 0 ||
        get_number(json, "storm", &event->storm, err) < 0 ||
        get_number(json, "count", &event->count, err) < 0)
        return -1;
    if (get_text(event, json, "directory", &event->directory, err) < 0 ||
        get_text(event, json, "attribute", &event->attribute, err) < 0 ||
        get_text(event, json, "rule", &event->rule, err) < 0 ||
        get_text(event, json, "text", &event->text, err) < 0)
        return -1;
    if (get_party(event, json, "entry", &event->entry, err) < 0 ||
        get_party(event, json, "party", &event->party, err) < 0 ||
        get_party(event, json, "actor", &event->actor, err) < 0)
        return -1;
    if (get_parties(event, json, "members", &event->members, &event->member_count, err) < 0 ||
        get_parties(event, json, "owners", &event->owners, &event->owner_count, err) < 0 ||
        get_parties(event, json, "managers", &event->managers, &event->manager_count, err) < 0)
        return -1;
    return 0;
}

struct directory_event *event_from_json(TALLOC_CTX *ctx, const json_t *json, struct error *err)
{
    struct directory_event *event = talloc_zero(ctx, struct directory_event);
    if (event_read(event, json, err) < 0)
        TALLOC_FREE(event);
    return event;
}
