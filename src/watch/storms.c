// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "internal.h"

// A storm holds back what one rule would send once it is too much: the events are kept, the administrators are
// told once, nothing is expanded. While a storm is fresh everything of its rule joins it, so that what is held and
// what is sent stay in order; after a calm the rule works again, and what is held waits for the administrator.

#define STORM_CALM (10 * CLOCK_MINUTE)
#define RELEASE_BATCH 200

int storms_load(struct pipeline *pipeline, struct error *err)
{
    TALLOC_FREE(pipeline->storms);
    pipeline->storms = talloc_zero_array(pipeline, struct storm, pipeline->config->rule_count + 1);
    for (size_t i = 0; i < pipeline->config->rule_count; i++) {
        const char *rule = pipeline->config->rules[i].name;
        if (directory_store_open_storm(pipeline->store, pipeline->storms, rule, &pipeline->storms[i], err) < 0)
            return -1;
    }
    return 0;
}

// Before a transaction changes a storm.
static void storms_note(struct transaction *transaction)
{
    struct storm *storms = transaction->pipeline->storms;
    if (!transaction->storms)
        transaction->storms = talloc_memdup(transaction->ctx, storms, talloc_get_size(storms));
}

void storms_undo(struct transaction *transaction)
{
    struct storm *storms = transaction->pipeline->storms;
    if (transaction->storms)
        memcpy(storms, transaction->storms, talloc_get_size(storms));
    breaker_undo(transaction->pipeline->breaker);
}

// The rules of the router are those of the configuration that apply here; storms are kept by name.
static struct storm *storm_of(struct pipeline *pipeline, size_t rule)
{
    const char *name = router_rule_name(pipeline->router, rule);
    for (size_t i = 0; i < pipeline->config->rule_count; i++)
        if (strcmp(pipeline->config->rules[i].name, name) == 0)
            return &pipeline->storms[i];
    return &pipeline->storms[pipeline->config->rule_count];
}

static int storm_begin(struct transaction *transaction, size_t rule, size_t total, struct error *err)
{
    struct pipeline *pipeline = transaction->pipeline;
    struct storm *storm = storm_of(pipeline, rule);
    storms_note(transaction);
    *storm = (struct storm){ .rule = router_rule_name(pipeline->router, rule), .state = STORM_OPEN,
                             .opened = transaction->now, .last = transaction->now };
    if (directory_store_begin_storm(pipeline->store, storm, err) < 0)
        return -1;
    struct event_list list = { 0 };
    struct directory_event *event = event_list_add(&list, transaction->ctx, EVENT_SYSTEM_STORM_HELD);
    event->directory = pipeline->directory->name;
    event->time = transaction->now;
    event->rule = storm->rule;
    event->storm = storm->id;
    event->count = (int64_t)total;
    event->text = talloc_asprintf(event, "That is more than storm.per_transaction (%lld) or storm.per_minute (%lld) allows.",
                                  (long long)pipeline->config->storm.per_transaction,
                                  (long long)pipeline->config->storm.per_minute);
    log_warning("storm held", LOG_S("rule", storm->rule), LOG_I("storm", storm->id), LOG_I("notifications", total));
    return transaction_tell_admins(transaction, event, err);
}

int storms_decide(struct transaction *transaction, const size_t *totals, bool *held, struct error *err)
{
    struct pipeline *pipeline = transaction->pipeline;
    for (size_t rule = 0; rule < pipeline->config->rule_count; rule++) {
        if (totals[rule] == 0)
            continue;
        struct storm *storm = storm_of(pipeline, rule);
        if (storm->id && transaction->now - storm->last < STORM_CALM) {
            held[rule] = true;
        } else if (breaker_trips(pipeline->breaker, rule, totals[rule], transaction->now)) {
            held[rule] = true;
            if (storm_begin(transaction, rule, totals[rule], err) < 0)
                return -1;
        }
    }
    return 0;
}

int storms_hold(struct transaction *transaction, const struct route_match *match, struct error *err)
{
    struct pipeline *pipeline = transaction->pipeline;
    struct storm *storm = storm_of(pipeline, match->rule);
    storms_note(transaction);
    storm->last = transaction->now;
    char reason[128];
    snprintf(reason, sizeof reason, "Held in storm %lld until an administrator releases it.", (long long)storm->id);
    struct decision decision = { .rule = storm->rule, .role = "", .outcome = DECISION_HELD, .reason = reason };
    if (directory_store_hold(pipeline->store, storm->id, match->event->sequence, (int64_t)match->estimate,
                             transaction->now, err) < 0)
        return -1;
    return directory_store_put_decisions(pipeline->store, match->event->sequence, &decision, 1, err);
}

// --- the administrator's word ---------------------------------------------------------------------------------------

static int storm_find(struct pipeline *pipeline, TALLOC_CTX *ctx, int64_t id, struct storm *storm, struct error *err)
{
    struct storm *storms = NULL;
    size_t count = 0;
    if (directory_store_storms(pipeline->store, ctx, &storms, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (storms[i].id == id && storms[i].state == STORM_OPEN) {
            *storm = storms[i];
            return 0;
        }
    return error_set(err, "storm %lld is not held; see `ldapnotifyctl storm list`", (long long)id);
}

static int skip_event(struct transaction *transaction, const struct storm *storm, const struct directory_event *event,
                      struct error *err)
{
    char reason[128];
    snprintf(reason, sizeof reason, "undone before storm %lld was released", (long long)storm->id);
    struct decision decision = { .rule = storm->rule, .role = "", .outcome = DECISION_STALE, .reason = reason };
    return directory_store_put_decisions(transaction->pipeline->store, event->sequence, &decision, 1, err);
}

static int release_event(struct transaction *transaction, const struct directory_event *event, size_t rule, struct error *err)
{
    struct route_match match = { .event = event, .rule = rule, .estimate = 1 };
    struct route_result result = { 0 };
    if (router_expand(transaction->pipeline->router, transaction->ctx, &match, 1, transaction->now, &result, err) < 0)
        return -1;
    return transaction_keep(transaction, event, &result, err);
}

static int release_batch(struct pipeline *pipeline, const struct storm *storm, size_t rule, int64_t *after,
                         int64_t *count, struct error *err)
{
    struct transaction *transaction;
    if (transaction_begin(pipeline, false, &transaction, err) < 0)
        return -1;
    struct event_list list = { 0 };
    if (directory_store_held(pipeline->store, transaction->ctx, storm->id, *after, RELEASE_BATCH, &list, err) < 0)
        goto failed;
    if (list.count == 0) {
        *after = 0;
        transaction_rollback(transaction);
        return 0;
    }
    *after = list.items[list.count - 1]->sequence;
    bool *undone = talloc_zero_array(transaction->ctx, bool, list.count);
    undone_pairs(list.items, list.count, undone);
    if (undone_since(pipeline, list.items, list.count, undone, err) < 0)
        goto failed;
    for (size_t i = 0; i < list.count; i++)
        if ((undone[i] ? skip_event(transaction, storm, list.items[i], err)
                       : release_event(transaction, list.items[i], rule, err)) < 0)
            goto failed;
    if (directory_store_unhold(pipeline->store, storm->id, *after, err) < 0)
        goto failed;
    *count += (int64_t)transaction->notified;
    if (pipeline->hooks->progress)
        pipeline->hooks->progress(pipeline->hooks->context, "releasing a storm");
    return transaction_commit(transaction, NULL, err);
failed:
    transaction_rollback(transaction);
    return -1;
}

static int storm_end(struct pipeline *pipeline, const struct storm *storm, enum storm_state state, const char *who,
                     struct error *err)
{
    if (directory_store_begin(pipeline->store, err) < 0)
        return -1;
    if (directory_store_end_storm(pipeline->store, storm->id, state, who, clock_now(), err) < 0) {
        directory_store_rollback(pipeline->store);
        return -1;
    }
    if (directory_store_commit(pipeline->store, NULL, err) < 0)
        return -1;
    for (size_t i = 0; i < pipeline->config->rule_count; i++)
        if (pipeline->storms[i].id == storm->id)
            pipeline->storms[i] = (struct storm){ 0 };
    log_notice("storm ended", LOG_I("storm", storm->id), LOG_S("rule", storm->rule),
               LOG_S("how", state == STORM_RELEASED ? "released" : "discarded"), LOG_S("who", who));
    return 0;
}

int pipeline_release_storm(struct pipeline *pipeline, int64_t id, const char *who, int64_t *count, struct error *err)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct storm storm = { 0 };
    int result = -1;
    *count = 0;
    if (storm_find(pipeline, ctx, id, &storm, err) < 0)
        goto done;
    int rule = router_rule_find(pipeline->router, storm.rule);
    if (rule < 0) {
        error_set(err, "rule \"%s\" of this storm is no longer in the configuration; put it back and release, or discard the storm",
                  storm.rule);
        goto done;
    }
    int64_t after = 0;
    do {
        if (release_batch(pipeline, &storm, (size_t)rule, &after, count, err) < 0)
            goto done;
    } while (after > 0);
    result = storm_end(pipeline, &storm, STORM_RELEASED, who, err);
done:
    talloc_free(ctx);
    return result;
}

int pipeline_discard_storm(struct pipeline *pipeline, int64_t id, const char *who, struct error *err)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct storm storm = { 0 };
    int result = storm_find(pipeline, ctx, id, &storm, err);
    if (result == 0)
        result = storm_end(pipeline, &storm, STORM_DISCARDED, who, err);
    talloc_free(ctx);
    return result;
}
