// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/text.h"
#include "router.h"

// From matches to decisions and notifications: one notification per recipient and transport.

struct named_role {
    enum route_role role;
    size_t order; // in which it was met
    const char *name;
};

// A notification while its roles are gathered.
struct pending {
    size_t notification; // index in the result
    struct named_role *roles;
    size_t role_count;
};

// By whom a recipient is known: entry or address, and transport.
struct known {
    char *key;
    size_t pending;
    UT_hash_handle hh;
};

struct gathering {
    struct router *router;
    TALLOC_CTX *ctx;
    TALLOC_CTX *scratch;
    const struct directory_event *event;
    const struct route_rule *rule;
    struct route_result *result;
    struct pending *pending;
    size_t pending_count;
    struct known *known; // by key
    size_t order;
    struct error *err;
};

// --- the result ----------------------------------------------------------------------------------

static size_t room_of(const void *array, size_t item)
{
    return array ? talloc_get_size(array) / item : 0;
}

struct decision *result_add_decision(struct route_result *result, TALLOC_CTX *ctx)
{
    size_t room = room_of(result->decisions, sizeof *result->decisions);
    if (result->decision_count == room)
        result->decisions = talloc_realloc(ctx, result->decisions, struct decision, room ? room * 2 : 4);
    struct decision *decision = &result->decisions[result->decision_count++];
    *decision = (struct decision){ .rule = "", .role = "", .reason = "" };
    return decision;
}

static struct notification *result_add_notification(struct route_result *result, TALLOC_CTX *ctx)
{
    size_t room = room_of(result->notifications, sizeof *result->notifications);
    if (result->notification_count == room)
        result->notifications =
            talloc_realloc(ctx, result->notifications, struct notification, room ? room * 2 : 4);
    struct notification *notification = &result->notifications[result->notification_count++];
    *notification = (struct notification){ .roles = "" };
    return notification;
}

static void decide(struct gathering *g, const struct route_target *target, const struct recipient *recipient,
                   enum decision_outcome outcome, const char *reason)
{
    struct decision *decision = result_add_decision(g->result, g->ctx);
    decision->rule = g->rule->config->name;
    decision->role = target ? target->name : "";
    if (recipient)
        decision->recipient = *recipient;
    decision->outcome = outcome;
    decision->reason = reason;
}

// --- who is known already ------------------------------------------------------------------------

static char *key_of_entry(struct gathering *g, const struct recipient *recipient)
{
    char text[UUID_TEXT_SIZE];
    if (uuid_is_null(&recipient->uuid))
        return NULL;
    return talloc_asprintf(g->scratch, "%s %s", uuid_format(&recipient->uuid, text),
                           g->rule->transport->name);
}

static char *key_of_address(struct gathering *g, const struct recipient *recipient)
{
    char *address = address_key(g->scratch, recipient->address);
    return talloc_asprintf_append(address, " %s", g->rule->transport->name);
}

static struct pending *find_known(struct gathering *g, const char *key)
{
    struct known *known = NULL;
    if (key)
        HASH_FIND_STR(g->known, key, known);
    return known ? &g->pending[known->pending] : NULL;
}

static void make_known(struct gathering *g, char *key, size_t pending)
{
    if (!key || find_known(g, key))
        return;
    struct known *known = talloc_zero(g->scratch, struct known);
    known->key = key;
    known->pending = pending;
    HASH_ADD_KEYPTR(hh, g->known, known->key, strlen(known->key), known);
}

// --- telling -------------------------------------------------------------------------------------

static void add_role(struct gathering *g, struct pending *pending, const struct route_target *target)
{
    for (size_t i = 0; i < pending->role_count; i++)
        if (strcmp(pending->roles[i].name, target->name) == 0)
            return;
    pending->roles = talloc_realloc(g->scratch, pending->roles, struct named_role, pending->role_count + 1);
    pending->roles[pending->role_count++] = (struct named_role){ target->role, g->order++, target->name };
}

static struct pending *start_notification(struct gathering *g, const struct recipient *recipient)
{
    const struct route_rule *rule = g->rule;
    const struct config *config = g->router->config;
    struct notification *notification = result_add_notification(g->result, g->ctx);
    int64_t age = config_max_event_age(config, rule->config, g->router->directory);
    notification->event_sequence = g->event->sequence;
    notification->recipient = *recipient;
    notification->rule = rule->config->name;
    notification->transport = rule->transport->name;
    notification->template_name = rule->config->template;
    notification->language = rule->config->language;
    notification->digest_wait =
        config_digest_wait(config, rule->config, rule->transport, g->router->directory);
    notification->expires = age > 0 ? g->event->time + age : 0;

    size_t room = room_of(g->pending, sizeof *g->pending);
    if (g->pending_count == room)
        g->pending = talloc_realloc(g->scratch, g->pending, struct pending, room ? room * 2 : 4);
    struct pending *pending = &g->pending[g->pending_count++];
    *pending = (struct pending){ .notification = g->result->notification_count - 1 };
    return pending;
}

// `outcome` is TOLD or FALLBACK: what is decided when this one is not told already.
static void tell(struct gathering *g, const struct route_target *target, const struct holder *holder,
                 enum decision_outcome outcome)
{
    char *entry_key = key_of_entry(g, &holder->recipient),
         *mailbox_key = key_of_address(g, &holder->recipient);
    struct pending *pending = find_known(g, entry_key);
    if (!pending)
        pending = find_known(g, mailbox_key);
    if (pending) {
        const struct notification *told = &g->result->notifications[pending->notification];
        decide(g, target, &holder->recipient, DECISION_MERGED,
               talloc_asprintf(g->ctx, "%s; told already as %s by rule %s", holder->reason,
                               pending->roles[0].name, told->rule));
    } else {
        pending = start_notification(g, &holder->recipient);
        decide(g, target, &holder->recipient, outcome, holder->reason);
    }
    size_t index = (size_t)(pending - g->pending);
    make_known(g, entry_key, index);
    make_known(g, mailbox_key, index);
    add_role(g, pending, target);
}

// *reached: is somebody in the role told?
static int tell_target(struct gathering *g, const struct route_target *target, const char *instead,
                       bool *reached)
{
    struct holders holders;
    *reached = false;
    if (holders_find(g->router, g->ctx, g->event, target, &holders, g->err) < 0)
        return -1;
    for (size_t i = 0; i < holders.count; i++) {
        struct holder *holder = &holders.items[i];
        if (instead)
            holder->reason = talloc_asprintf(g->ctx, "%s; %s", holder->reason, instead);
        if (holder->outcome == DECISION_TOLD) {
            tell(g, target, holder, instead ? DECISION_FALLBACK : DECISION_TOLD);
            *reached = true;
        } else {
            decide(g, target, &holder->recipient, holder->outcome, holder->reason);
        }
    }
    talloc_free(holders.items);
    return 0;
}

static int tell_rule(struct gathering *g)
{
    const struct route_rule *rule = g->rule;
    char *missed = NULL;
    bool reached;
    for (size_t i = 0; i < rule->told_count; i++) {
        if (tell_target(g, &rule->told[i], NULL, &reached) < 0)
            return -1;
        if (reached || i >= rule->to_count)
            continue;
        missed = missed ? talloc_asprintf_append(missed, " and %s", rule->told[i].word)
                        : talloc_strdup(g->scratch, rule->told[i].word);
    }
    if (!missed)
        return 0;
    char *instead = talloc_asprintf(g->ctx, "told because %s reached nobody", missed);
    for (size_t i = 0; i < rule->fallback_count; i++)
        if (tell_target(g, &rule->fallback[i], instead, &reached) < 0)
            return -1;
    return 0;
}

static int compare_roles(const void *left, const void *right)
{
    const struct named_role *a = left, *b = right;
    if (a->role != b->role)
        return a->role < b->role ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static void name_roles(struct gathering *g, struct pending *pending)
{
    struct notification *notification = &g->result->notifications[pending->notification];
    qsort(pending->roles, pending->role_count, sizeof *pending->roles, compare_roles);
    char *roles = NULL;
    notification->courtesy = true;
    for (size_t i = 0; i < pending->role_count; i++) {
        const struct named_role *role = &pending->roles[i];
        roles = roles ? talloc_asprintf_append(roles, " %s", role->name) : talloc_strdup(g->ctx, role->name);
        if (role->role == ROUTE_OWNER || role->role == ROUTE_ADMINS)
            notification->courtesy = false;
    }
    notification->roles = roles;
}

// --- entrances -----------------------------------------------------------------------------------

static bool is_stale(struct gathering *g, int64_t now)
{
    int64_t age = config_max_event_age(g->router->config, g->rule->config, g->router->directory);
    if (age <= 0 || now - g->event->time <= age)
        return false;
    char *limit = text_describe_duration(g->scratch, age);
    decide(g, NULL, NULL, DECISION_STALE,
           talloc_asprintf(g->ctx, "the event is older than max_event_age, %s", limit));
    return true;
}

static void finish(struct gathering *g)
{
    for (size_t i = 0; i < g->pending_count; i++)
        name_roles(g, &g->pending[i]);
    HASH_CLEAR(hh, g->known);
    talloc_free(g->scratch);
}

int router_expand(struct router *router, TALLOC_CTX *ctx, const struct route_match *matches, size_t count,
                  int64_t now, struct route_result *result, struct error *err)
{
    struct gathering g = {
        .router = router, .ctx = ctx, .scratch = talloc_new(NULL), .result = result, .err = err
    };
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        g.event = matches[i].event;
        g.rule = &router->rules[matches[i].rule];
        if (g.rule->active && !is_stale(&g, now))
            status = tell_rule(&g);
    }
    finish(&g);
    return status;
}

// System events know no rule: they go out as if by one that names the admins, at once and however old.
int router_admins(struct router *router, TALLOC_CTX *ctx, const struct directory_event *event,
                  struct route_result *result, struct error *err)
{
    static const struct route_target admins = { .role = ROUTE_ADMINS, .word = "admins", .name = "admins" };
    static char name[] = "system";
    static const struct config_rule no_rule = { .name = name, .max_event_age = 0, .digest_wait = 0 };
    struct route_rule rule = { .config = &no_rule,
                               .transport = config_rule_transport(router->config, &no_rule) };
    if (!rule.transport)
        return error_set(err, "there is no transport to tell the administrators by; add one to transports");
    struct gathering g = { .router = router,
                           .ctx = ctx,
                           .scratch = talloc_new(NULL),
                           .event = event,
                           .rule = &rule,
                           .result = result,
                           .err = err };
    bool reached;
    int status = tell_target(&g, &admins, NULL, &reached);
    finish(&g);
    return status;
}
