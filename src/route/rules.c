// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "directory/dn.h"
#include "directory/schema.h"
#include "router.h"

// --- reading the rules ---------------------------------------------------------------------------

static const struct role_word {
    const char *word;
    enum route_role role;
} role_words[] = {
    { "user", ROUTE_USER },       { "member", ROUTE_MEMBER }, { "owner", ROUTE_OWNER },
    { "manager", ROUTE_MANAGER }, { "actor", ROUTE_ACTOR },   { "admins", ROUTE_ADMINS },
};

static int target_parse(TALLOC_CTX *ctx, const char *word, const char *rule, struct route_target *target,
                        struct error *err)
{
    static const char attr[] = "attr:";
    target->word = target->name = word;
    for (size_t i = 0; i < sizeof role_words / sizeof *role_words; i++)
        if (strcmp(role_words[i].word, word) == 0) {
            target->role = role_words[i].role;
            return 0;
        }
    if (strncmp(word, attr, sizeof attr - 1) == 0 && word[sizeof attr - 1]) {
        target->role = ROUTE_ATTRIBUTE;
        target->attribute = schema_canonical(word + sizeof attr - 1, strlen(word + sizeof attr - 1));
        target->name = talloc_asprintf(ctx, "attr:%s", target->attribute);
        if (schema_is_secret(target->attribute))
            return error_set(err, "rule \"%s\": %s holds secrets and is never read", rule, target->attribute);
        return 0;
    }
    if (text_is_address(word)) {
        target->role = ROUTE_ADDRESS;
        target->name = "address";
        return 0;
    }
    return error_set(err,
                     "rule \"%s\": \"%.80s\" is no role; write user, member, owner, manager, actor, admins, "
                     "attr:NAME or an address",
                     rule, word);
}

static int targets_parse(TALLOC_CTX *ctx, const struct config_list *words, const char *rule,
                         struct route_target *targets, size_t *count, struct error *err)
{
    for (size_t i = 0; i < words->count; i++)
        if (target_parse(ctx, words->items[i], rule, &targets[(*count)++], err) < 0)
            return -1;
    return 0;
}

struct secret_search {
    const char *name;
};

static void find_secret(void *context, const char *name)
{
    struct secret_search *search = context;
    if (schema_is_secret(name))
        search->name = name;
}

static int rule_read_where(TALLOC_CTX *ctx, struct route_rule *rule, struct error *err)
{
    const char *name = rule->config->name;
    if (!rule->config->where)
        return 0;
    rule->where = filter_parse(ctx, rule->config->where, err);
    if (!rule->where)
        return error_prepend(err, "rule \"%s\", where: ", name);
    struct secret_search search = { NULL };
    filter_attributes(rule->where, find_secret, &search);
    if (search.name)
        return error_set(err, "rule \"%s\", where: %s holds secrets and is never read", name, search.name);
    return 0;
}

static int rule_read(TALLOC_CTX *ctx, struct router *router, struct route_rule *rule, struct error *err)
{
    const struct config_rule *config = rule->config;
    if (rule_read_where(ctx, rule, err) < 0)
        return -1;
    if (config->base && !(rule->base = dn_normalize(ctx, config->base, strlen(config->base), err)))
        return error_prepend(err, "rule \"%s\", base: ", config->name);

    rule->told = talloc_zero_array(ctx, struct route_target, config->to.count + config->cc.count);
    rule->fallback = talloc_zero_array(ctx, struct route_target, config->fallback.count);
    if (targets_parse(ctx, &config->to, config->name, rule->told, &rule->told_count, err) < 0)
        return -1;
    rule->to_count = rule->told_count;
    if (targets_parse(ctx, &config->cc, config->name, rule->told, &rule->told_count, err) < 0 ||
        targets_parse(ctx, &config->fallback, config->name, rule->fallback, &rule->fallback_count, err) < 0)
        return -1;

    rule->transport = config_rule_transport(router->config, config);
    if (!rule->transport)
        return error_set(err, "rule \"%s\" has no transport to send by; add one to transports", config->name);
    return 0;
}

static bool list_has(const struct config_list *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], word) == 0)
            return true;
    return false;
}

struct router *router_new(TALLOC_CTX *ctx, const struct config *config,
                          const struct config_directory *directory, const struct flavour *flavour,
                          const struct route_lookup *lookup, struct error *err)
{
    struct router *router = talloc_zero(ctx, struct router);
    router->config = config;
    router->directory = directory;
    router->flavour = flavour;
    router->lookup = lookup;
    router->rules = talloc_zero_array(router, struct route_rule, config->rule_count);
    for (; router->rule_count < config->rule_count; router->rule_count++) {
        struct route_rule *rule = &router->rules[router->rule_count];
        rule->config = &config->rules[router->rule_count];
        const struct config_list *directories = &rule->config->directories;
        rule->active =
            rule->config->enabled && (!directories->count || list_has(directories, directory->name));
        if (rule->active && rule_read(router, router, rule, err) < 0) {
            talloc_free(router);
            return NULL;
        }
    }
    return router;
}

const char *router_rule_name(const struct router *router, size_t rule)
{
    return rule < router->rule_count ? router->rules[rule].config->name : NULL;
}

size_t router_rule_count(const struct router *router)
{
    return router->rule_count;
}

int router_rule_find(const struct router *router, const char *name)
{
    for (size_t i = 0; i < router->rule_count; i++)
        if (router->rules[i].active && strcmp(router->rules[i].config->name, name) == 0)
            return (int)i;
    return -1;
}

// --- what they need ------------------------------------------------------------------------------

static void name_targets(const struct route_target *targets, size_t count,
                         void (*fn)(void *context, const char *name), void *context)
{
    for (size_t i = 0; i < count; i++)
        if (targets[i].attribute)
            fn(context, targets[i].attribute);
}

void router_attributes(const struct router *router, void (*fn)(void *context, const char *name),
                       void *context)
{
    const struct flavour *flavour = router->flavour;
    for (int role = 0; role < ROLE_COUNT; role++)
        for (const char **name = flavour->attributes[role]; *name; name++)
            fn(context, *name);
    filter_attributes(flavour->user_filter, fn, context);
    filter_attributes(flavour->group_filter, fn, context);
    if (flavour->disabled_when)
        filter_attributes(flavour->disabled_when, fn, context);

    fn(context, schema_canonical("preferredLanguage", strlen("preferredLanguage")));
    fn(context, schema_canonical("mail", strlen("mail")));
    const struct config_list *mail = &router->directory->mail_attributes;
    for (size_t i = 0; i < mail->count; i++)
        fn(context, schema_canonical(mail->items[i], strlen(mail->items[i])));

    for (size_t i = 0; i < router->rule_count; i++) {
        const struct route_rule *rule = &router->rules[i];
        if (!rule->active)
            continue;
        if (rule->where)
            filter_attributes(rule->where, fn, context);
        name_targets(rule->told, rule->told_count, fn, context);
        name_targets(rule->fallback, rule->fallback_count, fn, context);
    }
}

// --- which rules want an event -------------------------------------------------------------------

static bool rule_wants(const struct route_rule *rule, const char *name)
{
    bool wanted = false;
    for (size_t i = 0; i < rule->config->on.count; i++) {
        const char *pattern = rule->config->on.items[i];
        if (*pattern == '!' && text_matches(pattern + 1, name))
            return false;
        if (*pattern != '!' && text_matches(pattern, name))
            wanted = true;
    }
    return wanted;
}

static bool is_below(const char *dn, const char *base)
{
    char *normal = dn ? dn_normalize(NULL, dn, strlen(dn), NULL) : NULL;
    bool below = normal && dn_is_within(normal, base);
    talloc_free(normal);
    return below;
}

static bool rule_covers(const struct route_rule *rule, const struct directory_event *event, const struct entry *old,
                        const struct entry *new)
{
    if (!rule->base)
        return true;
    if (!old && !new)
        return is_below(event->entry.dn, rule->base);
    return (old && is_below(old->dn, rule->base)) || (new && is_below(new->dn, rule->base));
}

static void refuse(TALLOC_CTX *ctx, const struct route_rule *rule, const struct directory_event *event, bool covered,
                   struct route_result *result)
{
    struct decision *decision = result_add_decision(result, ctx);
    decision->rule = rule->config->name;
    decision->role = "";
    decision->outcome = DECISION_NO_MATCH;
    decision->reason = covered
                           ? talloc_asprintf(ctx, "%s does not match where %s, neither before nor after",
                                             event->entry.dn, rule->config->where)
                           : talloc_asprintf(ctx, "%s is not below %s", event->entry.dn, rule->config->base);
}

static int rule_estimate(struct router *router, const struct route_rule *rule, const struct directory_event *event,
                         size_t *estimate, struct error *err)
{
    *estimate = 0;
    for (size_t i = 0; i < rule->told_count; i++) {
        size_t count;
        if (holders_estimate(router, event, &rule->told[i], &count, err) < 0)
            return -1;
        *estimate += count;
    }
    if (*estimate == 0)
        *estimate = 1;
    return 0;
}

static int add_match(struct router *router, TALLOC_CTX *ctx, size_t rule, const struct directory_event *event,
                     struct route_match **matches, size_t *count, struct error *err)
{
    struct route_match match = { .event = event, .rule = rule };
    if (rule_estimate(router, &router->rules[rule], event, &match.estimate, err) < 0)
        return -1;
    *matches = talloc_realloc(ctx, *matches, struct route_match, *count + 1);
    (*matches)[(*count)++] = match;
    return 0;
}

int router_match(struct router *router, TALLOC_CTX *ctx, const struct directory_event *event, const struct entry *old,
                 const struct entry *new, struct route_match **matches, size_t *count,
                 struct route_result *result, struct error *err)
{
    const struct event_kind *kind = event_kind(event->type);
    *matches = NULL;
    *count = 0;
    if (strcmp(kind->object, "system") == 0)
        return 0;
    for (size_t i = 0; i < router->rule_count; i++) {
        const struct route_rule *rule = &router->rules[i];
        if (!rule->active || !rule_wants(rule, kind->name))
            continue;
        bool covered = rule_covers(rule, event, old, new);
        if (!covered ||
            (rule->where && !filter_matches(rule->where, old) && !filter_matches(rule->where, new)))
            refuse(ctx, rule, event, covered, result);
        else if (add_match(router, ctx, i, event, matches, count, err) < 0)
            return -1;
    }
    return 0;
}
