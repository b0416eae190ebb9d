// SPDX-License-Identifier: Apache-2.0
#include "route_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "directory/dn.h"
#include "directory/schema.h"

struct fake_entry {
    struct entry *entry;
    struct link *links;
    size_t link_count;
    bool former;
};

static bool same_dn(const char *a, const char *b)
{
    char *left = dn_normalize(NULL, a, strlen(a), NULL), *right = dn_normalize(NULL, b, strlen(b), NULL);
    bool same = left && right && strcmp(left, right) == 0;
    talloc_free(left);
    talloc_free(right);
    return same;
}

static int give(struct fake *fake, TALLOC_CTX *ctx, struct fake_entry *found, struct entry **entry,
                bool *former, struct error *err)
{
    if (fake->broken)
        return error_set(err, "the store is broken");
    *entry = NULL;
    *former = found && found->former;
    if (!found)
        return 0;
    // A copy, for the caller owns it.
    *entry = entry_new(ctx, &found->entry->uuid, found->entry->dn);
    for (size_t i = 0; i < found->entry->count; i++)
        for (size_t j = 0; j < found->entry->attributes[i].count; j++)
            entry_add(*entry, found->entry->attributes[i].name, found->entry->attributes[i].values[j].data,
                      found->entry->attributes[i].values[j].length);
    return 0;
}

static struct fake_entry *find_uuid(struct fake *fake, const struct uuid *uuid)
{
    for (size_t i = 0; i < fake->count; i++)
        if (uuid_equal(&fake->entries[i].entry->uuid, uuid))
            return &fake->entries[i];
    return NULL;
}

static struct fake_entry *find_name(struct fake *fake, const char *attribute, const char *value)
{
    for (size_t i = 0; i < fake->count; i++) {
        const char *uid = entry_text(fake->entries[i].entry, "uid");
        if (schema_syntax(attribute) == SCHEMA_UID ? uid && strcasecmp(uid, value) == 0
                                                   : same_dn(fake->entries[i].entry->dn, value))
            return &fake->entries[i];
    }
    return NULL;
}

static int by_uuid(void *context, TALLOC_CTX *ctx, const struct uuid *uuid, struct entry **entry,
                   bool *former, struct error *err)
{
    return give(context, ctx, find_uuid(context, uuid), entry, former, err);
}

static int by_dn(void *context, TALLOC_CTX *ctx, const char *dn, struct entry **entry, bool *former,
                 struct error *err)
{
    return give(context, ctx, find_name(context, "member", dn), entry, former, err);
}

static int links(void *context, TALLOC_CTX *ctx, const struct uuid *uuid, const char *attribute,
                 struct link **found, size_t *count, struct error *err)
{
    struct fake *fake = context;
    struct fake_entry *entry = find_uuid(fake, uuid);
    if (fake->broken)
        return error_set(err, "the store is broken");
    fake->reads++;
    *found = talloc_array(ctx, struct link, entry ? entry->link_count : 0);
    *count = 0;
    for (size_t i = 0; entry && i < entry->link_count; i++)
        if (strcmp(entry->links[i].attribute, attribute) == 0) {
            struct link *link = &(*found)[(*count)++];
            *link = entry->links[i];
            struct fake_entry *target = find_name(fake, attribute, link->value);
            if (target)
                link->entry = target->entry->uuid;
        }
    return 0;
}

static int count_links(void *context, const struct uuid *uuid, const char *attribute, size_t *count,
                       struct error *err)
{
    struct fake *fake = context;
    struct fake_entry *entry = find_uuid(fake, uuid);
    if (fake->broken)
        return error_set(err, "the store is broken");
    *count = 0;
    for (size_t i = 0; entry && i < entry->link_count; i++)
        *count += strcmp(entry->links[i].attribute, attribute) == 0;
    return 0;
}

void fake_words(struct fake *fake, struct config_list *list, const char *words)
{
    list->items = talloc_zero_array(fake, char *, strlen(words) + 1);
    list->count = 0;
    char *copy = talloc_strdup(fake, words), *save = NULL;
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        list->items[list->count++] = word;
}

struct fake *fake_new(void)
{
    static char corp[] = "corp", usual[] = "default", other[] = "other", disabled[] = "(employeeType=gone)";
    struct fake *fake = talloc_zero(NULL, struct fake);
    struct error err;
    fake->transports[0] = (struct config_transport){ .name = usual, .digest_wait = -1 };
    fake->transports[1] = (struct config_transport){ .name = other, .digest_wait = -1 };
    fake->config.transports = fake->transports;
    fake->config.transport_count = 2;
    fake_words(fake, &fake->config.mail.admins, "it@example.com");
    fake->directory = (struct config_directory){
        .name = corp, .disabled_when = disabled, .digest_wait = -1, .max_event_age = -1
    };
    fake_words(fake, &fake->directory.mail_attributes, "mail rfc822MailMember");
    fake->flavour = flavour_new(fake, "openldap", &fake->directory, &err);
    assert_non_null(fake->flavour);
    fake->lookup = (struct route_lookup){ fake, by_uuid, by_dn, links, count_links };
    return fake;
}

void fake_add(struct fake *fake, uint8_t id, bool former, const char *text)
{
    fake->entries = talloc_realloc(fake, fake->entries, struct fake_entry, fake->count + 1);
    struct fake_entry *added = &fake->entries[fake->count++];
    *added = (struct fake_entry){ .former = former };
    struct uuid uuid = { { id } };
    char *copy = talloc_strdup(fake, text), *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strstr(line, ": ");
        assert_non_null(value);
        *value = '\0';
        value += 2;
        const char *name = schema_canonical(line, strlen(line));
        if (!added->entry) {
            added->entry = entry_new(fake, &uuid, value);
        } else if (flavour_is_link(fake->flavour, name)) {
            added->links = talloc_realloc(fake, added->links, struct link, added->link_count + 1);
            added->links[added->link_count++] = (struct link){ .attribute = name, .value = value };
        } else {
            entry_add_text(added->entry, name, value);
        }
    }
}

struct config_rule *fake_rule(struct fake *fake, const char *name, const char *on, const char *to)
{
    fake->config.rules =
        talloc_realloc(fake, fake->config.rules, struct config_rule, fake->config.rule_count + 1);
    struct config_rule *rule = &fake->config.rules[fake->config.rule_count++];
    *rule = (struct config_rule){
        .name = talloc_strdup(fake, name), .enabled = true, .digest_wait = -1, .max_event_age = -1
    };
    fake_words(fake, &rule->on, on);
    fake_words(fake, &rule->to, to);
    return rule;
}

void fake_start(struct fake *fake)
{
    struct error err;
    fake->router = router_new(fake, &fake->config, &fake->directory, fake->flavour, &fake->lookup, &err);
    if (!fake->router)
        fail_msg("%s", err.text);
}

struct party fake_party(uint8_t id, const char *dn)
{
    return (struct party){ .uuid = { { id } }, .dn = dn };
}

char *fake_decisions(TALLOC_CTX *ctx, const struct route_result *result)
{
    char *text = talloc_strdup(ctx, "");
    for (size_t i = 0; i < result->decision_count; i++) {
        const struct decision *decision = &result->decisions[i];
        const char *who = decision->recipient.address ? decision->recipient.address : decision->recipient.dn;
        text = talloc_asprintf_append(text, "%s%s>%s:%s", i ? "; " : "", decision->role, who ? who : "",
                                      decision_outcome_name(decision->outcome));
    }
    return text;
}

char *fake_notifications(TALLOC_CTX *ctx, const struct route_result *result)
{
    char *text = talloc_strdup(ctx, "");
    for (size_t i = 0; i < result->notification_count; i++) {
        const struct notification *notification = &result->notifications[i];
        text = talloc_asprintf_append(text, "%s%s:%s:%s", i ? "; " : "", notification->recipient.address,
                                      notification->roles, notification->rule);
    }
    return text;
}
