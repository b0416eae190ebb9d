// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "internal.h"

// A lock's end sends no message: we keep a timer for each lock that ends by itself.

void timers_context(struct pipeline *pipeline, struct diff_context *context)
{
    *context = (struct diff_context){ .directory = pipeline->directory->name,
                                      .flavour = pipeline->flavour,
                                      .now = clock_now(),
                                      .watched = pipeline->watched,
                                      .silent = pipeline->silent,
                                      .known = pipeline->view->attributes };
}

static int timers_set(struct pipeline *pipeline, const struct diff_context *context, const struct entry *entry,
                      struct error *err)
{
    int64_t until = diff_locked_until(context, entry);
    bool ended = until > 0 && until <= context->now;
    struct timer timer = { .kind = TIMER_LOCK_EXPIRY, .entry = entry->uuid, .due = until > 0 && !ended ? until : 0 };
    if (directory_store_set_timer(pipeline->store, &timer, err) < 0)
        return -1;
    return directory_store_set_lock_expired(pipeline->store, &entry->uuid, ended, err);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

int timers_follow(struct transaction *transaction, const struct delta *delta, struct error *err)
{
    struct pipeline *pipeline = transaction->pipeline;
    if (delta->kind == DELTA_DELETED) {
        struct timer none = { .kind = TIMER_LOCK_EXPIRY, .entry = delta->old->uuid };
        return directory_store_set_timer(pipeline->store, &none, err);
    }
    const char *before = flavour_text(pipeline->flavour, ROLE_LOCKED_TIME, delta->old);
    const char *after = flavour_text(pipeline->flavour, ROLE_LOCKED_TIME, delta->new);
    if (same_text(before, after))
        return 0;
    struct diff_context context;
    timers_context(pipeline, &context);
    if (after && policy_lockout_duration(pipeline, delta->new, &context.lockout_duration, err) < 0)
        return -1;
    return timers_set(pipeline, &context, delta->new, err);
}

// Runs inside the transaction that declares the first load complete.
int timers_baseline(struct pipeline *pipeline, const struct uuid *locked, size_t count, struct error *err)
{
    int result = 0;
    TALLOC_CTX *ctx = talloc_new(NULL);
    for (size_t i = 0; i < count && result == 0; i++) {
        struct entry *entry = NULL;
        bool former;
        struct diff_context context;
        timers_context(pipeline, &context);
        result = directory_store_by_uuid(pipeline->store, ctx, &locked[i], &entry, &former, err);
        if (result == 0 && entry)
            result = policy_lockout_duration(pipeline, entry, &context.lockout_duration, err);
        if (result == 0 && entry)
            result = timers_set(pipeline, &context, entry, err);
        talloc_free_children(ctx);
    }
    talloc_free(ctx);
    return result;
}

struct locked_list {
    TALLOC_CTX *ctx;
    struct uuid *items;
    size_t count;
};

static int note_locked(void *context, const struct entry *entry)
{
    struct locked_list *list = context;
    if (list->count % 64 == 0)
        list->items = talloc_realloc(list->ctx, list->items, struct uuid, list->count + 64);
    list->items[list->count++] = entry->uuid;
    return 0;
}

// "(|(pwdAccountLockedTime=*))"
static struct filter *locked_filter(TALLOC_CTX *ctx, const struct flavour *flavour, struct error *err)
{
    char *text = talloc_strdup(ctx, "(|");
    for (const char **name = flavour->attributes[ROLE_LOCKED_TIME]; *name; name++)
        text = talloc_asprintf_append(text, "(%s=*)", *name);
    return filter_parse(ctx, talloc_strdup_append(text, ")"), err);
}

// A lock whose end we have told stays ended; one that is over by the new policy ends at the next tick.
static int timer_rebuild(struct pipeline *pipeline, TALLOC_CTX *ctx, const struct uuid *uuid, struct error *err)
{
    struct entry *entry = NULL;
    bool former, expired;
    struct diff_context context;
    timers_context(pipeline, &context);
    if (directory_store_lock_expired(pipeline->store, uuid, &expired, err) < 0 ||
        directory_store_by_uuid(pipeline->store, ctx, uuid, &entry, &former, err) < 0)
        return -1;
    if (!entry || expired)
        return 0;
    if (policy_lockout_duration(pipeline, entry, &context.lockout_duration, err) < 0)
        return -1;
    int64_t until = diff_locked_until(&context, entry);
    struct timer timer = { .kind = TIMER_LOCK_EXPIRY, .entry = *uuid, .due = until > 0 ? until : 0 };
    return directory_store_set_timer(pipeline->store, &timer, err);
}

int timers_rebuild(struct pipeline *pipeline, struct error *err)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct locked_list list = { .ctx = ctx };
    struct filter *filter = locked_filter(ctx, pipeline->flavour, err);
    int result = filter ? directory_store_each(pipeline->store, filter, note_locked, &list, err) : -1;
    for (size_t i = 0; result == 0 && i < list.count; i++)
        result = timer_rebuild(pipeline, ctx, &list.items[i], err);
    talloc_free(ctx);
    return result;
}

// `now` is the tick's own: by a clock that was set back meanwhile the timer would not be due, and come up for ever.
static int timers_fire(struct pipeline *pipeline, const struct timer *timer, int64_t now, struct error *err)
{
    struct transaction *transaction;
    if (transaction_begin(pipeline, false, &transaction, err) < 0)
        return -1;
    struct entry *entry = NULL;
    bool former = false;
    struct diff_context context;
    timers_context(pipeline, &context);
    context.now = now;
    if (directory_store_by_uuid(pipeline->store, transaction->ctx, &timer->entry, &entry, &former, err) < 0)
        goto failed;
    if (entry && !former && flavour_text(pipeline->flavour, ROLE_LOCKED_TIME, entry)) {
        if (policy_lockout_duration(pipeline, entry, &context.lockout_duration, err) < 0)
            goto failed;
        int64_t until = diff_locked_until(&context, entry);
        if (until > 0 && until <= context.now) {
            context.now = until; // when it happened, not when we woke
            struct event_list list = { 0 };
            struct directory_event *event = diff_lock_expired(transaction->ctx, &context, entry, &list);
            if (event)
                transaction_add(transaction, event, entry, entry);
        }
        context.now = now;
        if (timers_set(pipeline, &context, entry, err) < 0)
            goto failed;
    } else {
        struct timer none = { .kind = timer->kind, .entry = timer->entry };
        if (directory_store_set_timer(pipeline->store, &none, err) < 0)
            goto failed;
    }
    return transaction_commit(transaction, NULL, err);
failed:
    transaction_rollback(transaction);
    return -1;
}

int pipeline_tick(struct pipeline *pipeline, int64_t now, struct error *err)
{
    while (pipeline_caught_up(pipeline)) {
        struct timer timer;
        if (directory_store_next_timer(pipeline->store, &timer, err) < 0)
            return -1;
        if (timer.due == 0 || timer.due > now)
            return 0;
        if (pipeline->hooks->progress)
            pipeline->hooks->progress(pipeline->hooks->context, "firing timers");
        if (timers_fire(pipeline, &timer, now, err) < 0)
            return -1;
    }
    return 0;
}

int64_t pipeline_next_timer(struct pipeline *pipeline)
{
    struct timer timer = { 0 };
    struct error err;
    if (directory_store_next_timer(pipeline->store, &timer, &err) < 0) {
        log_error("timers cannot be read", LOG_E(&err));
        return clock_now() + CLOCK_MINUTE;
    }
    return timer.due;
}
