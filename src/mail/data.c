// SPDX-License-Identifier: Apache-2.0
#include "data.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"

// Every key that templates may use is always there, null when it has no value: what is missing would be
// looked for further out, in the digest around an item.

#define VALUE_MOST 300
#define DN_MOST 500
#define ADDRESS_MOST 320
#define TEXT_MOST 2000
#define VALUES_SHOWN 10
#define CHANGES_SHOWN 30
#define PEOPLE_SHOWN 25
#define NO_NAME "?"

void data_put_text(json_t *object, const char *key, const char *text, size_t limit)
{
    char *clean = text && *text ? text_clean(NULL, text, strlen(text), limit) : NULL;
    json_object_set_new(object, key, clean && *clean ? json_string(clean) : json_null());
    talloc_free(clean);
}

void data_put_flag(json_t *object, const char *key, bool flag)
{
    json_object_set_new(object, key, json_boolean(flag));
}

static void put_number(json_t *object, const char *key, int64_t number)
{
    json_object_set_new(object, key, number > 0 ? json_integer(number) : json_null());
}

static void put_key_text(json_t *object, const char *prefix, const char *suffix, const char *text,
                         size_t limit)
{
    char key[64];
    snprintf(key, sizeof key, "%s%s", prefix, suffix);
    data_put_text(object, key, text, limit);
}

// "2026-11-20 11:03 UTC": read the same everywhere, and it says its zone.
static void put_time(json_t *object, const char *prefix, int64_t time, const char *text_suffix)
{
    char iso[CLOCK_TEXT_SIZE] = "", people[CLOCK_TEXT_SIZE + 8] = "";
    if (time != 0) {
        clock_to_iso(time, iso);
        const char *t = strchr(iso, 'T');
        if (t)
            snprintf(people, sizeof people, "%.*s %.5s UTC", (int)(t - iso), iso, t + 1);
    }
    put_key_text(object, prefix, text_suffix, people, 0);
    put_key_text(object, prefix, "_iso", iso, 0);
}

// The first of its name, address and DN that is not empty once cleaned.
static void put_party(json_t *object, const char *prefix, const struct party *party)
{
    const struct party nobody = { .dn = NULL };
    if (!party)
        party = &nobody;
    char key[64];
    snprintf(key, sizeof key, "%sname", prefix);
    const char *const names[] = { party->name, party->mail, party->dn };
    json_object_set_new(object, key, json_null());
    for (size_t i = 0; i < 3 && json_is_null(json_object_get(object, key)); i++)
        data_put_text(object, key, names[i], DATA_NAME_MOST);
    if (party->dn && json_is_null(json_object_get(object, key)))
        data_put_text(object, key, NO_NAME, 0);
    put_key_text(object, prefix, "dn", party->dn, DN_MOST);
    put_key_text(object, prefix, "mail", party->mail, ADDRESS_MOST);
}

// --- recipient -----------------------------------------------------------------------------------------

static bool is_recipient(const struct recipient *recipient, const struct party *party)
{
    if (!uuid_is_null(&recipient->uuid) && !uuid_is_null(&party->uuid))
        return uuid_equal(&recipient->uuid, &party->uuid);
    return !party->is_group && party->mail && recipient->address &&
           strcasecmp(party->mail, recipient->address) == 0;
}

static const struct role {
    const char *name, *flag, *first;
} roles[] = {
    { "user", "is_user", "role_user" },       { "member", "is_member", "role_member" },
    { "owner", "is_owner", "role_owner" },    { "manager", "is_manager", "role_manager" },
    { "admins", "is_admin", "role_admins" },  { "actor", "is_actor", "role_actor" },
};

static bool has_role(const char *words, const char *role, bool first_only)
{
    size_t length = strlen(role);
    while (*words) {
        size_t word = strcspn(words, " ");
        if (word == length && strncmp(words, role, length) == 0)
            return true;
        if (first_only)
            return false;
        words += word + strspn(words + word, " ");
    }
    return false;
}

static void put_roles(json_t *object, const char *words)
{
    bool known = false;
    words = words ? words : "";
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        bool first = has_role(words, roles[i].name, true);
        known = known || first;
        data_put_flag(object, roles[i].flag, has_role(words, roles[i].name, false));
        data_put_flag(object, roles[i].first, first);
    }
    data_put_flag(object, "role_other", !known);
    char first[64];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(words, " "), words);
    data_put_text(object, "role", first, DATA_NAME_MOST);
    data_put_text(object, "roles", words, DATA_NAME_MOST);
}

// --- lists ---------------------------------------------------------------------------------------------

static void put_people(json_t *object, const char *list, const char *count_key, const char *more_key,
                       const struct party *people, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count && i < PEOPLE_SHOWN; i++) {
        json_t *person = json_object();
        put_party(person, "", &people[i]);
        json_array_append_new(array, person);
    }
    json_object_set_new(object, list, array);
    put_number(object, count_key, (int64_t)count);
    put_number(object, more_key, count > PEOPLE_SHOWN ? (int64_t)(count - PEOPLE_SHOWN) : 0);
}

static void put_values(json_t *object, const char *key, const char *list_key, const char **values)
{
    json_t *array = json_array();
    char *joined = talloc_strdup(NULL, "");
    size_t shown = 0;
    for (; values && *values && shown < VALUES_SHOWN; values++, shown++) {
        char *value = text_clean(NULL, *values, strlen(*values), VALUE_MOST);
        if (joined && value) {
            json_array_append_new(array, json_string(value));
            joined = talloc_asprintf_append_buffer(joined, "%s%s", shown > 0 ? ", " : "", value);
        }
        talloc_free(value);
    }
    if (joined && values && *values)
        joined = talloc_strdup_append_buffer(joined, ", …");
    data_put_text(object, key, joined, 0);
    json_object_set_new(object, list_key, array);
    talloc_free(joined);
}

static void put_changes(json_t *object, const struct render_context *context, const char *const *languages,
                        const struct directory_event *event)
{
    json_t *array = json_array();
    for (size_t i = 0; i < event->change_count && i < CHANGES_SHOWN; i++) {
        const struct event_change *change = &event->changes[i];
        json_t *item = json_object();
        const char *label = languages && context->templates
                                ? template_attribute_label(context->templates, languages, change->attribute)
                                : NULL;
        data_put_text(item, "attribute", change->attribute, DATA_NAME_MOST);
        data_put_text(item, "label", label ? label : change->attribute, DATA_NAME_MOST);
        put_values(item, "old", "old_values", change->old_values);
        put_values(item, "new", "new_values", change->new_values);
        json_array_append_new(array, item);
    }
    json_object_set_new(object, "changes", array);
    put_number(object, "changes_more",
               event->change_count > CHANGES_SHOWN ? (int64_t)(event->change_count - CHANGES_SHOWN) : 0);
}

// --- event ---------------------------------------------------------------------------------------------

// Under their general names and under those that read better in a sentence.
static void put_parties(json_t *object, const struct event_kind *kind, const struct directory_event *event)
{
    static const char *const objects[] = { "user", "group" };
    static const char *const parties[] = { "member", "owner", "manager" };
    const struct party *party = kind->party && event->party.dn ? &event->party : NULL;
    put_party(object, "", event->entry.dn || event->entry.name ? &event->entry : NULL);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "%s_", objects[i]);
        put_party(object, prefix, strcmp(kind->object, objects[i]) == 0 ? &event->entry : NULL);
    }
    put_party(object, "party_", party);
    for (size_t i = 0; i < sizeof parties / sizeof *parties; i++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "%s_", parties[i]);
        put_party(object, prefix, party && strcmp(kind->party, parties[i]) == 0 ? party : NULL);
    }
    data_put_flag(object, "party_is_group", party && party->is_group);
    put_party(object, "actor_", event->actor.dn ? &event->actor : NULL);
}

static void put_flags(json_t *object, const struct render_context *context, const struct event_kind *kind,
                      const struct directory_event *event)
{
    const struct recipient *recipient = &context->recipient;
    data_put_flag(object, "is_entry", is_recipient(recipient, &event->entry));
    data_put_flag(object, "is_party",
                  kind->party && event->party.dn && is_recipient(recipient, &event->party));
    data_put_flag(object, "by_recipient", event->actor.dn && is_recipient(recipient, &event->actor));
    data_put_flag(object, "security", kind->security);
    data_put_text(object, "origin", event_origin_name(event->origin), 0);
    data_put_flag(object, "origin_operator", event->origin == ORIGIN_OPERATOR);
    data_put_flag(object, "origin_self", event->origin == ORIGIN_SELF);
    data_put_flag(object, "origin_import", event->origin == ORIGIN_IMPORT);
    data_put_text(object, "cause", event_cause_name(event->cause), 0);
    data_put_flag(object, "cause_admin", event->cause == CAUSE_ADMIN);
    data_put_flag(object, "cause_failed_logins", event->cause == CAUSE_FAILED_LOGINS);
    data_put_flag(object, "cause_expiry", event->cause == CAUSE_EXPIRY);
}

// Only what a mail program opens in a browser; never javascript: and the like.
static const char *web_address(const char *url)
{
    return url && (strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0) ? url : NULL;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    return a && *a ? a : b && *b ? b : c;
}

json_t *data_of_context(const struct render_context *context)
{
    const struct config_mail *mail = &context->config->mail;
    static const struct config_directory no_directory;
    static const struct config_transport no_transport;
    const struct config_directory *directory = context->directory ? context->directory : &no_directory;
    const struct config_transport *transport = context->transport ? context->transport : &no_transport;
    json_t *object = json_object();
    data_put_text(object, "directory", directory->name, DATA_NAME_MOST);
    data_put_text(object, "from_name", first_of(transport->from_name, directory->from_name, mail->from_name),
                  DATA_NAME_MOST);
    data_put_text(object, "recipient_name", context->recipient.name, DATA_NAME_MOST);
    data_put_text(object, "recipient_mail", context->recipient.address, ADDRESS_MOST);
    data_put_text(object, "password_portal_url",
                  web_address(first_of(transport->password_portal_url, directory->password_portal_url,
                                       mail->password_portal_url)), 0);
    data_put_text(object, "action_url",
                  web_address(first_of(transport->action_url, directory->action_url, mail->action_url)), 0);
    return object;
}

json_t *data_of_item(const struct render_context *context, const struct render_item *item,
                     const char *const *languages)
{
    const struct directory_event *event = item->event;
    const struct event_kind *kind = event_kind(event->type);
    json_t *object = data_of_context(context);
    char *id = event_id(NULL, event);
    char iso[CLOCK_TEXT_SIZE];
    data_put_text(object, "event", kind->name, 0);
    data_put_text(object, "event_id", id, 0);
    data_put_text(object, "event_summary", kind->summary, 0);
    if (event->directory)
        data_put_text(object, "directory", event->directory, DATA_NAME_MOST);
    put_roles(object, item->notification ? item->notification->roles : NULL);
    put_time(object, "time", event->time, "");
    snprintf(iso, sizeof iso, "%.10s", event->time ? clock_to_iso(event->time, iso) : "");
    data_put_text(object, "date", iso, 0);
    put_time(object, "until", event->until, "");
    data_put_flag(object, "folded", item->folded);
    put_parties(object, kind, event);
    put_flags(object, context, kind, event);
    data_put_text(object, "attribute", event->attribute, DATA_NAME_MOST);
    put_changes(object, context, languages, event);
    put_people(object, "members", "member_count", "members_more", event->members, event->member_count);
    put_people(object, "owners", "owner_count", "owners_more", event->owners, event->owner_count);
    const char *rule = item->notification ? item->notification->rule : NULL;
    data_put_text(object, "rule", event->rule ? event->rule : rule, DATA_NAME_MOST);
    data_put_text(object, "message", event->text, TEXT_MOST);
    put_number(object, "storm", event->storm);
    put_number(object, "count", event->count);
    talloc_free(id);
    return object;
}
