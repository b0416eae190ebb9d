// SPDX-License-Identifier: Apache-2.0
#include "watch/pipeline.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/schema.h"
#include "internal.h"
#include "watch/view_build.h"

// Longer than any provider lags; then it was restored, and what it says is so.
#define DOUBT_MOST CLOCK_DAY

static void pipeline_progress(struct pipeline *pipeline, const char *what)
{
    if (pipeline->hooks->progress)
        pipeline->hooks->progress(pipeline->hooks->context, what);
}

static void pipeline_enter(struct pipeline *pipeline, enum pipeline_phase phase)
{
    static const char *const names[] = { "idle", "loading", "staging", "persist" };
    if (pipeline->phase != phase)
        log_debug("phase changed", LOG_S("from", names[pipeline->phase]), LOG_S("to", names[phase]));
    pipeline->phase = phase;
}

// --- refresh -------------------------------------------------------------------------------------------------------

static int sink_refresh_begin(void *context, enum source_refresh kind, struct error *err)
{
    struct pipeline *pipeline = context;
    pipeline_abort(pipeline);
    if (!pipeline->state->loaded) {
        if (kind != SOURCE_REFRESH_WHOLE)
            return error_set(err, "the server sent changes where the first load must bring everything");
        log_notice("first load begins; nobody is told about what is there already");
        pipeline_progress(pipeline, "emptying the mirror");
        pipeline_enter(pipeline, PHASE_LOADING);
        return directory_store_load_begin(pipeline->store, err);
    }
    pipeline_enter(pipeline, PHASE_STAGING);
    pipeline->named = false;
    return directory_store_stage_begin(pipeline->store, err);
}

// Locked accounts are remembered during the first load, so that their timers need no second walk.
static void load_note_lock(struct pipeline *pipeline, const struct entry *entry)
{
    if (!flavour_text(pipeline->flavour, ROLE_LOCKED_TIME, entry))
        return;
    pipeline->locked = talloc_realloc(pipeline, pipeline->locked, struct uuid, pipeline->locked_count + 1);
    pipeline->locked[pipeline->locked_count++] = entry->uuid;
}

static void batch_add(struct pipeline *pipeline, struct entry *entry, const struct uuid *uuid)
{
    if (!pipeline->batch) {
        pipeline->batch = talloc_new(pipeline);
        pipeline->said = talloc_array(pipeline->batch, struct said, SOURCE_BATCH);
    } else if (pipeline->said_count >= SOURCE_BATCH) {
        pipeline->said = talloc_realloc(pipeline->batch, pipeline->said, struct said, pipeline->said_count + SOURCE_BATCH);
    }
    pipeline->said[pipeline->said_count++] = (struct said){ .entry = talloc_steal(pipeline->batch, entry), .uuid = *uuid };
}

// The source looks at the change number; in the mirror it would make a difference of every change that changes nothing.
static void entry_drop_csn(const struct pipeline *pipeline, struct entry *entry)
{
    size_t kept = 0;
    for (size_t i = 0; i < entry->count; i++)
        if (!flavour_has(pipeline->flavour, ROLE_CSN, entry->attributes[i].name))
            entry->attributes[kept++] = entry->attributes[i];
    entry->count = kept;
}

static int sink_entry(void *context, struct entry *entry, struct error *err)
{
    struct pipeline *pipeline = context;
    entry_drop_csn(pipeline, entry);
    switch (pipeline->phase) {
    case PHASE_LOADING:
        load_note_lock(pipeline, entry);
        return directory_store_load(pipeline->store, entry, err);
    case PHASE_STAGING:
        pipeline->named = true;
        return directory_store_stage(pipeline->store, entry, err);
    case PHASE_PERSIST:
        batch_add(pipeline, entry, &entry->uuid);
        return 0;
    case PHASE_IDLE:
        break;
    }
    return error_set(err, "the source sent an entry before its refresh");
}

static int sink_present(void *context, const struct uuid *uuids, size_t count, struct error *err)
{
    struct pipeline *pipeline = context;
    if (pipeline->phase != PHASE_STAGING)
        return 0; // a first load keeps what was sent; presence adds nothing
    pipeline->named = true;
    return directory_store_stage_present(pipeline->store, uuids, count, err);
}

static int sink_gone(void *context, const struct uuid *uuids, size_t count, struct error *err)
{
    struct pipeline *pipeline = context;
    if (pipeline->phase == PHASE_STAGING)
        return directory_store_stage_gone(pipeline->store, uuids, count, err);
    if (pipeline->phase == PHASE_PERSIST)
        for (size_t i = 0; i < count; i++)
            batch_add(pipeline, NULL, &uuids[i]);
    return 0;
}

// What the state will be once everything up to `cookie` is in. A copy: the real one changes when it is committed.
static struct source_state *state_next(struct pipeline *pipeline, TALLOC_CTX *ctx, const char *cookie)
{
    struct source_state *next = talloc_memdup(ctx, pipeline->state, sizeof *pipeline->state);
    next->cookie = talloc_strdup(next, cookie);
    next->last_change = clock_now();
    return next;
}

static void state_keep(struct pipeline *pipeline, const struct source_state *next)
{
    struct source_state *kept = talloc_memdup(pipeline, next, sizeof *next);
    char **texts[] = { &kept->source,     &kept->flavour, &kept->view_hash,
                       &kept->attributes, &kept->cookie,  &kept->reached };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = talloc_strdup(kept, *texts[i]);
    talloc_free(pipeline->state);
    pipeline->state = kept;
}

static void state_take_view(struct pipeline *pipeline, struct source_state *next)
{
    next->view_hash = view_hash(next, pipeline->view);
    next->attributes = view_join(next, pipeline->view);
    next->loaded = true;
    next->caught_up = clock_now();
}

// The mirror is complete with the load's own commit; timers, view and cookie follow in a second one that
// declares it so. A crash in between means another first load.
static int load_finish(struct pipeline *pipeline, struct source_state *next, struct error *err)
{
    pipeline_progress(pipeline, "building indexes");
    if (directory_store_load_end(pipeline->store, NULL, err) < 0)
        return -1;
    pipeline_enter(pipeline, PHASE_IDLE);
    if (directory_store_begin(pipeline->store, err) < 0)
        return -1;
    pipeline_progress(pipeline, "setting timers");
    if (timers_baseline(pipeline, pipeline->locked, pipeline->locked_count, err) < 0) {
        directory_store_rollback(pipeline->store);
        return -1;
    }
    return directory_store_commit(pipeline->store, next, err);
}

// Deletes come first: a name that went to another entry is free by then, and people read of the old one's end before
// the new one's beginning.
static int stage_apply_gone(struct pipeline *pipeline, struct error *err)
{
    size_t limit = (size_t)pipeline->directory->resync_transaction;
    for (;;) {
        struct transaction *transaction;
        if (transaction_begin(pipeline, false, &transaction, err) < 0)
            return -1;
        struct uuid *uuids = NULL;
        size_t count = 0;
        if (directory_store_stage_next_gone(pipeline->store, transaction->ctx, limit, &uuids, &count, err) < 0)
            goto failed;
        if (count == 0) {
            transaction_rollback(transaction);
            return 0;
        }
        for (size_t i = 0; i < count; i++)
            if (transaction_gone(transaction, &uuids[i], err) < 0)
                goto failed;
        pipeline_progress(pipeline, "applying a refresh");
        if (transaction_commit(transaction, NULL, err) < 0)
            return -1;
        continue;
    failed:
        transaction_rollback(transaction);
        return -1;
    }
}

// The last transaction of a refresh carries the cookie.
static int stage_apply_entries(struct pipeline *pipeline, struct source_state *next, struct error *err)
{
    size_t limit = (size_t)pipeline->directory->resync_transaction;
    for (;;) {
        struct transaction *transaction;
        if (transaction_begin(pipeline, false, &transaction, err) < 0)
            return -1;
        struct entry **entries = NULL;
        size_t count = 0;
        if (directory_store_stage_next(pipeline->store, transaction->ctx, limit, &entries, &count, err) < 0)
            goto failed;
        for (size_t i = 0; i < count; i++)
            if (transaction_entry(transaction, entries[i], err) < 0)
                goto failed;
        pipeline_progress(pipeline, "applying a refresh");
        if (transaction_commit(transaction, count == 0 ? next : NULL, err) < 0)
            return -1;
        if (count == 0)
            return 0;
        continue;
    failed:
        transaction_rollback(transaction);
        return -1;
    }
}

// Why what was not named must not be taken for gone, or NULL. A server that refuses our cookie or was not given one
// may lag behind what we know: then it has not seen the newest entries yet. After one doubt, what had been reached
// before it counts until the server is back there.
static const char *stage_doubt(struct pipeline *pipeline, TALLOC_CTX *ctx, const char *cookie)
{
    const struct pipeline_hooks *hooks = pipeline->hooks;
    const struct source_state *state = pipeline->state;
    const char *words = NULL;
    if (hooks->went_back && state->cookie)
        words = hooks->went_back(hooks->context, ctx, state->cookie, cookie);
    if (hooks->went_back && state->reached && !words)
        words = hooks->went_back(hooks->context, ctx, state->reached, cookie);
    // A bind DN that may read nothing any more gets an empty answer, and no error.
    if (!pipeline->named && !words)
        words = "the server named no entry at all; may the bind DN still read the directory?";
    return words;
}

// Keeps in mind that a refresh was not believed, and what had been reached before it.
static void state_doubt(struct pipeline *pipeline, struct source_state *next)
{
    const struct pipeline_hooks *hooks = pipeline->hooks;
    const struct source_state *state = pipeline->state;
    if (!next->doubted)
        next->doubted = clock_now();
    char *behind = state->reached && state->cookie && hooks->went_back
                       ? hooks->went_back(hooks->context, next, state->reached, state->cookie)
                       : NULL;
    if (!behind)
        next->reached = state->cookie; // further than any before
}

static int stage_finish(struct pipeline *pipeline, enum source_sweep sweep, const char *doubt, struct source_state *next,
                        struct error *err)
{
    bool vouched = sweep == SOURCE_SWEEP_UNMENTIONED && !doubt;
    if (vouched)
        doubt = stage_doubt(pipeline, next, next->cookie);
    // A server that was restored, or whose other providers are gone for good, is right in the end.
    if (vouched && doubt && next->doubted && clock_now() - next->doubted >= DOUBT_MOST) {
        log_warning("implied deletes were not believed for a day and are believed now", LOG_S("reason", doubt));
        doubt = NULL;
    }
    bool settled = vouched && !doubt;
    if (settled) {
        next->doubted = 0;
        next->reached = NULL;
    } else if (doubt) {
        state_doubt(pipeline, next);
    }
    enum stage_unmentioned unmentioned = pipeline->rebase ? UNMENTIONED_DOUBT
                                         : settled        ? UNMENTIONED_GONE
                                                          : UNMENTIONED_STAY;
    struct stage_summary summary;
    pipeline_progress(pipeline, "comparing a refresh");
    if (directory_store_stage_end(pipeline->store, unmentioned, &summary, err) < 0)
        return -1;
    log_info("refresh complete", LOG_I("sent", summary.staged), LOG_I("differing", summary.differing),
             LOG_I("gone", summary.gone));
    if (doubt)
        log_warning("implied deletes are not believed", LOG_S("reason", doubt));
    if (pipeline->rebase)
        log_notice("the view changed: new attributes are taken in silently, implied deletes are not believed");
    breaker_refresh(pipeline->breaker, true);
    int result = stage_apply_gone(pipeline, err);
    if (result == 0)
        result = stage_apply_entries(pipeline, next, err);
    breaker_refresh(pipeline->breaker, false);
    directory_store_stage_drop(pipeline->store);
    return result;
}

static int sink_refresh_end(void *context, enum source_sweep sweep, const char *cookie, const char *doubt, struct error *err)
{
    struct pipeline *pipeline = context;
    struct source_state *next = state_next(pipeline, pipeline, cookie);
    state_take_view(pipeline, next);
    bool loading = pipeline->phase == PHASE_LOADING;
    int result = loading ? load_finish(pipeline, next, err) : stage_finish(pipeline, sweep, doubt, next, err);
    if (result == 0) {
        state_keep(pipeline, next);
        pipeline->rebase = pipeline->widened = pipeline->forget = false;
        pipeline->silent = NULL;
        TALLOC_FREE(pipeline->locked);
        pipeline->locked_count = 0;
        pipeline_enter(pipeline, PHASE_PERSIST);
        log_notice("caught up", LOG_S("after", loading ? "first load" : "refresh"));
    }
    talloc_free(next);
    return result;
}

// --- persist -------------------------------------------------------------------------------------------------------

static void batch_drop(struct pipeline *pipeline)
{
    TALLOC_FREE(pipeline->batch);
    pipeline->said = NULL;
    pipeline->said_count = 0;
}

static int batch_apply(struct transaction *transaction, struct error *err)
{
    struct pipeline *pipeline = transaction->pipeline;
    for (size_t i = 0; i < pipeline->said_count; i++) {
        const struct said *said = &pipeline->said[i];
        int result = said->entry ? transaction_entry(transaction, said->entry, err)
                                 : transaction_gone(transaction, &said->uuid, err);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int sink_checkpoint(void *context, const char *cookie, struct error *err)
{
    struct pipeline *pipeline = context;
    if (pipeline->phase != PHASE_PERSIST)
        return error_set(err, "the source set a checkpoint before its refresh was complete");
    struct transaction *transaction;
    pipeline_progress(pipeline, "applying changes");
    if (transaction_begin(pipeline, true, &transaction, err) < 0)
        return -1;
    struct source_state *next = state_next(pipeline, transaction->ctx, cookie);
    if (pipeline->said_count == 0)
        next->last_change = pipeline->state->last_change; // only the cookie moved
    if (batch_apply(transaction, err) < 0) {
        transaction_rollback(transaction);
        return -1;
    }
    talloc_steal(pipeline, next); // it outlives the transaction
    int result = transaction_commit(transaction, next, err);
    if (result == 0)
        state_keep(pipeline, next);
    talloc_free(next);
    batch_drop(pipeline);
    return result;
}

// --- the pipeline ----------------------------------------------------------------------------------------------------

void pipeline_abort(struct pipeline *pipeline)
{
    if (pipeline->phase == PHASE_LOADING)
        directory_store_load_abort(pipeline->store);
    if (pipeline->phase == PHASE_STAGING)
        directory_store_stage_drop(pipeline->store);
    batch_drop(pipeline);
    TALLOC_FREE(pipeline->locked);
    pipeline->locked_count = 0;
    pipeline_enter(pipeline, PHASE_IDLE);
}

// Compares the view with the one the mirror was made with.
static void pipeline_judge_view(struct pipeline *pipeline)
{
    const struct source_state *state = pipeline->state;
    if (!state->loaded || !state->view_hash)
        return;
    char *hash = view_hash(pipeline, pipeline->view);
    if (strcmp(hash, state->view_hash) != 0) {
        const char **before = view_split(pipeline, state->attributes ? state->attributes : "");
        pipeline->rebase = true;
        pipeline->silent = view_added(pipeline, pipeline->view->attributes, before);
        struct view same = *pipeline->view;
        same.attributes = before;
        for (same.attribute_count = 0; before[same.attribute_count];)
            same.attribute_count++;
        char *same_hash = view_hash(pipeline, &same);
        pipeline->widened = strcmp(same_hash, state->view_hash) != 0;
        talloc_free(same_hash);
        log_notice("the view changed: everything is read anew");
    }
    talloc_free(hash);
}

static const char **watched_of(TALLOC_CTX *ctx, const struct config_directory *directory)
{
    const char **watched = talloc_zero_array(ctx, const char *, directory->watch_attributes.count + 1);
    for (size_t i = 0; i < directory->watch_attributes.count; i++)
        watched[i] = schema_canonical(directory->watch_attributes.items[i], strlen(directory->watch_attributes.items[i]));
    return watched;
}

struct pipeline *pipeline_new(TALLOC_CTX *ctx, const struct config *config, const struct config_directory *directory,
                              const struct flavour *flavour, struct directory_store *store,
                              const struct pipeline_hooks *hooks, struct error *err)
{
    struct pipeline *pipeline = talloc_zero(ctx, struct pipeline);
    if (!pipeline) {
        error_set(err, "out of memory");
        return NULL;
    }
    pipeline->config = config;
    pipeline->directory = directory;
    pipeline->flavour = flavour;
    pipeline->store = store;
    pipeline->hooks = hooks;
    directory_store_flavour(store, flavour);
    lookup_open(&pipeline->lookup, store);
    pipeline->router = router_new(pipeline, config, directory, flavour, &pipeline->lookup, err);
    if (!pipeline->router)
        goto failed;
    pipeline->breaker = breaker_new(pipeline, &config->storm, config->rule_count);
    pipeline->policies = policy_cache_new(pipeline);
    pipeline->view = view_build(pipeline, directory, flavour, pipeline->router);
    pipeline->watched = watched_of(pipeline, directory);
    if (directory_store_state(store, pipeline, &pipeline->state, err) < 0 || storms_load(pipeline, err) < 0)
        goto failed;
    pipeline_judge_view(pipeline);
    pipeline->sink = (struct source_sink){ .context = pipeline,
                                           .refresh_begin = sink_refresh_begin,
                                           .entry = sink_entry,
                                           .present = sink_present,
                                           .gone = sink_gone,
                                           .refresh_end = sink_refresh_end,
                                           .checkpoint = sink_checkpoint };
    return pipeline;
failed:
    talloc_free(pipeline);
    return NULL;
}

const struct view *pipeline_view(const struct pipeline *pipeline)
{
    return pipeline->view;
}

const char *pipeline_cookie(const struct pipeline *pipeline)
{
    bool usable = pipeline->state->loaded && !pipeline->rebase && !pipeline->forget;
    const char *cookie = pipeline->state->cookie;
    return usable && cookie && *cookie ? cookie : NULL; // empty: the server gave none
}

bool pipeline_doubts(const struct pipeline *pipeline)
{
    return pipeline->state->loaded && pipeline->state->doubted != 0;
}

void pipeline_forget_cookie(struct pipeline *pipeline)
{
    pipeline->forget = true;
}

const struct source_state *pipeline_state(const struct pipeline *pipeline)
{
    return pipeline->state;
}

int pipeline_pin(struct pipeline *pipeline, const char *source, struct error *err)
{
    const struct source_state *state = pipeline->state;
    const char *flavour = pipeline->flavour->name;
    bool same = state->source && strcmp(state->source, source) == 0;
    if (same && state->flavour && strcmp(state->flavour, flavour) == 0)
        return 0;
    struct source_state *next = talloc_memdup(pipeline, state, sizeof *state);
    next->source = talloc_strdup(next, source);
    next->flavour = talloc_strdup(next, flavour);
    if (!same) { // a cookie means nothing to another source
        next->cookie = next->reached = NULL;
        next->doubted = 0;
    }
    int result = directory_store_begin(pipeline->store, err);
    if (result == 0)
        result = directory_store_commit(pipeline->store, next, err);
    if (result == 0)
        state_keep(pipeline, next);
    talloc_free(next);
    return result;
}

const struct source_sink *pipeline_sink(struct pipeline *pipeline)
{
    return &pipeline->sink;
}

bool pipeline_caught_up(const struct pipeline *pipeline)
{
    return pipeline->phase == PHASE_PERSIST;
}

int pipeline_alert(struct pipeline *pipeline, enum event_type type, const char *text, struct error *err)
{
    struct transaction *transaction;
    if (transaction_begin(pipeline, false, &transaction, err) < 0)
        return -1;
    struct event_list list = { 0 };
    struct directory_event *event = event_list_add(&list, transaction->ctx, type);
    event->directory = pipeline->directory->name;
    event->time = transaction->now;
    event->text = talloc_strdup(event, text);
    if (transaction_tell_admins(transaction, event, err) < 0) {
        transaction_rollback(transaction);
        return -1;
    }
    return transaction_commit(transaction, NULL, err);
}
