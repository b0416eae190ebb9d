// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "internal.h"

int transaction_begin(struct pipeline *pipeline, bool live, struct transaction **transaction, struct error *err)
{
    if (directory_store_begin(pipeline->store, err) < 0)
        return -1;
    breaker_keep(pipeline->breaker);
    TALLOC_CTX *ctx = talloc_new(pipeline);
    struct transaction *begun = talloc_zero(ctx, struct transaction);
    begun->ctx = ctx;
    begun->pipeline = pipeline;
    begun->now = clock_now();
    begun->live = live;
    *transaction = begun;
    return 0;
}

static void transaction_forget(struct transaction *transaction)
{
    storms_undo(transaction);
    if (transaction->policy_changed)
        policy_cache_forget(transaction->pipeline->policies);
    talloc_free(transaction->ctx);
}

void transaction_rollback(struct transaction *transaction)
{
    directory_store_rollback(transaction->pipeline->store);
    transaction_forget(transaction);
}

void transaction_add(struct transaction *transaction, struct directory_event *event, const struct entry *old, const struct entry *new)
{
    if (transaction->count % 64 == 0)
        transaction->happenings = talloc_realloc(transaction->ctx, transaction->happenings, struct happening,
                                                 transaction->count + 64);
    transaction->happenings[transaction->count++] = (struct happening){ .event = event, .old = old, .new = new };
}

static bool is_gained(const struct delta *delta, const struct link *link)
{
    for (size_t i = 0; i < delta->link_count; i++)
        if (delta->links[i].gained && delta->links[i].target == link->target &&
            strcmp(delta->links[i].attribute, link->attribute) == 0)
            return true;
    return false;
}

// An entry that becomes a group, or ceases to be one, brings its unchanged links into the news too.
static int transaction_kept_links(struct transaction *transaction, const struct delta *delta, struct diff_context *context,
                                  struct error *err)
{
    struct link *links = NULL;
    size_t count = 0, kept = 0;
    if (!diff_wants_links(context, delta))
        return 0;
    if (directory_store_links(transaction->pipeline->store, transaction->ctx, &delta->new->uuid, NULL, &links, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (!is_gained(delta, &links[i]))
            links[kept++] = links[i];
    context->kept = links;
    context->kept_count = kept;
    return 0;
}

static int transaction_delta(struct transaction *transaction, const struct delta *delta, struct error *err)
{
    struct pipeline *pipeline = transaction->pipeline;
    const struct entry *entry = delta->new ? delta->new : delta->old;
    struct diff_context context;
    timers_context(pipeline, &context);
    context.now = transaction->now;
    context.live = transaction->live;
    if (flavour_text(pipeline->flavour, ROLE_LOCKED_TIME, delta->old) ||
        flavour_text(pipeline->flavour, ROLE_LOCKED_TIME, delta->new)) {
        if (policy_lockout_duration(pipeline, entry, &context.lockout_duration, err) < 0 ||
            directory_store_lock_expired(pipeline->store, &entry->uuid, &context.lock_expired, err) < 0)
            return -1;
    }
    if (pipeline->flavour->policy_filter && (filter_matches(pipeline->flavour->policy_filter, delta->old) ||
                                             filter_matches(pipeline->flavour->policy_filter, delta->new))) {
        policy_cache_forget(pipeline->policies);
        transaction->policy_changed = true;
    }

    if (pipeline->widened && pipeline->phase == PHASE_STAGING && delta->kind == DELTA_CREATED)
        return timers_follow(transaction, delta, err);

    struct event_list list = { 0 };
    if (transaction_kept_links(transaction, delta, &context, err) < 0)
        return -1;
    if (diff_events(transaction->ctx, &context, delta, &list) < 0)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < list.count; i++)
        transaction_add(transaction, list.items[i], delta->old, delta->new);
    return timers_follow(transaction, delta, err);
}

int transaction_entry(struct transaction *transaction, const struct entry *entry, struct error *err)
{
    struct delta *delta = NULL;
    struct delta_list moved = { 0 };
    if (directory_store_apply(transaction->pipeline->store, transaction->ctx, entry, &delta, &moved, err) < 0)
        return -1;
    if (delta && transaction_delta(transaction, delta, err) < 0)
        return -1;
    for (size_t i = 0; i < moved.count; i++)
        if (transaction_delta(transaction, moved.items[i], err) < 0)
            return -1;
    return 0;
}

int transaction_gone(struct transaction *transaction, const struct uuid *uuid, struct error *err)
{
    struct delta *delta = NULL;
    if (directory_store_delete(transaction->pipeline->store, transaction->ctx, uuid, &delta, err) < 0)
        return -1;
    return delta ? transaction_delta(transaction, delta, err) : 0;
}

int transaction_keep(struct transaction *transaction, const struct directory_event *event, struct route_result *result, struct error *err)
{
    struct directory_store *store = transaction->pipeline->store;
    if (directory_store_put_decisions(store, event->sequence, result->decisions, result->decision_count, err) < 0 ||
        directory_store_put_notifications(store, event->sequence, result->notifications, result->notification_count,
                                          err) < 0)
        return -1;
    transaction->notified += result->notification_count;
    return 0;
}

int transaction_tell_admins(struct transaction *transaction, struct directory_event *event, struct error *err)
{
    struct route_result result = { 0 };
    if (directory_store_put_event(transaction->pipeline->store, event, err) < 0 ||
        router_admins(transaction->pipeline->router, transaction->ctx, event, &result, err) < 0)
        return -1;
    return transaction_keep(transaction, event, &result, err);
}

static void log_event(const struct pipeline *pipeline, const struct directory_event *event)
{
    char id[64];
    snprintf(id, sizeof id, "%s-%lld", pipeline->directory->name, (long long)event->sequence);
    log_info("event", LOG_S("event", event_kind(event->type)->name), LOG_S("id", id),
             LOG_S("dn", event->entry.dn ? event->entry.dn : ""), LOG_S("party", event->party.dn ? event->party.dn : ""),
             LOG_S("actor", event->actor.dn ? event->actor.dn : "unknown"));
}

// What the rules make of one event, before anything is expanded.
struct matched {
    struct route_match *matches;
    size_t count;
    struct route_result result;
};

static int route_one(struct transaction *transaction, const struct happening *happening, struct matched *matched,
                     const bool *held, struct error *err)
{
    size_t free_count = 0;
    for (size_t i = 0; i < matched->count; i++) {
        const struct route_match *match = &matched->matches[i];
        if (held[match->rule]) {
            if (storms_hold(transaction, match, err) < 0)
                return -1;
            continue;
        }
        matched->matches[free_count++] = *match;
    }
    if (router_expand(transaction->pipeline->router, transaction->ctx, matched->matches, free_count, transaction->now,
                      &matched->result, err) < 0)
        return -1;
    return transaction_keep(transaction, happening->event, &matched->result, err);
}

// All events are numbered and matched first: the breaker decides before anything is expanded.
static int transaction_route(struct transaction *transaction, struct error *err)
{
    struct pipeline *pipeline = transaction->pipeline;
    if (transaction->count == 0)
        return 0;
    struct matched *matched = talloc_zero_array(transaction->ctx, struct matched, transaction->count);
    size_t rules = pipeline->config->rule_count;
    size_t *totals = talloc_zero_array(transaction->ctx, size_t, rules + 1);
    bool *held = talloc_zero_array(transaction->ctx, bool, rules + 1);
    for (size_t i = 0; i < transaction->count; i++) {
        struct happening *happening = &transaction->happenings[i];
        if (lookup_complete(pipeline, happening->event, err) < 0 ||
            directory_store_put_event(pipeline->store, happening->event, err) < 0 ||
            router_match(pipeline->router, transaction->ctx, happening->event, happening->old, happening->new,
                         &matched[i].matches, &matched[i].count, &matched[i].result, err) < 0)
            return -1;
        log_event(pipeline, happening->event);
        for (size_t j = 0; j < matched[i].count; j++)
            totals[matched[i].matches[j].rule] += matched[i].matches[j].estimate;
    }
    if (storms_decide(transaction, totals, held, err) < 0)
        return -1;
    for (size_t i = 0; i < transaction->count; i++)
        if (route_one(transaction, &transaction->happenings[i], &matched[i], held, err) < 0)
            return -1;
    return 0;
}

int transaction_commit(struct transaction *transaction, struct source_state *state, struct error *err)
{
    struct pipeline *pipeline = transaction->pipeline;
    if ((transaction->policy_changed && timers_rebuild(pipeline, err) < 0) || transaction_route(transaction, err) < 0) {
        transaction_rollback(transaction);
        return -1;
    }
    size_t notified = transaction->notified;
    int result = directory_store_commit(pipeline->store, state, err);
    if (result < 0)
        transaction_forget(transaction);
    else
        talloc_free(transaction->ctx);
    if (result == 0 && notified > 0 && pipeline->hooks->notified)
        pipeline->hooks->notified(pipeline->hooks->context);
    return result;
}
