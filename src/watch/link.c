// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "worker_parts.h"

// Keeps a session open, runs the source on it and the pipeline behind it, and comes back after failures.

#define REFUSALS_MOST 2           // binds refused before we stop, so that our own account is not locked
#define WELL_AFTER CLOCK_MINUTE // a connection that lasts less does not count as a success: no reconnecting in a hurry
// Deletes that were not believed are looked for by reading everything again; less and less often.
#define DOUBT_FIRST (5 * CLOCK_MINUTE)
#define DOUBT_LONGEST (6 * CLOCK_HOUR)

static void watch_connect(struct watch *watch);

// --- failing and coming back -----------------------------------------------------------------------------------------

static void watch_drop_source(struct watch *watch)
{
    watch->failing = false;
    event_del(watch->fail_timer);
    TALLOC_FREE(watch->probe);
    if (watch->source)
        source_stop(watch->source);
    watch->source = NULL;
    if (watch->pipeline)
        pipeline_abort(watch->pipeline);
    session_close(watch->session);
}

static void watch_drop_pipeline(struct watch *watch)
{
    TALLOC_FREE(watch->pipeline);
    TALLOC_FREE(watch->flavour);
    directory_store_flavour(watch->store, NULL);
}

static void watch_retry(struct watch *watch)
{
    if (watch->persisting_since && clock_monotonic() - watch->persisting_since >= WELL_AFTER)
        watch->attempts = 0;
    watch->persisting_since = 0;
    watch->attempts++;
    int64_t wait = backoff_wait(watch->attempts, watch->directory->reconnect_first, watch->directory->reconnect_most,
                                backoff_random());
    watch_enter(watch, WATCH_WAITING);
    watch_timer_in(watch->retry_timer, wait);
    log_info("next attempt", LOG_I("in_ms", wait), LOG_I("attempt", watch->attempts));
}

static void watch_note_problem(struct watch *watch, const char *what, const struct error *err)
{
    snprintf(watch->problem, sizeof watch->problem, "%s", err->text);
    log_warning(what, LOG_E(err));
}

static void watch_source_failed(void *context, enum source_failure failure, const struct error *err)
{
    struct watch *watch = context;
    if (watch->failing) // source and probe have met the same trouble
        return;
    watch->failing = true;
    if (failure == SOURCE_SINK)
        watch->overtaken = err->code == STORE_CONFLICT;
    watch_note_problem(watch, failure == SOURCE_SINK ? "changes could not be stored; they are read again" : "source ended",
                       err);
    if (failure == SOURCE_REFUSED) {
        log_notice("the server refuses our cookie; everything is read anew and compared");
        pipeline_forget_cookie(watch->pipeline);
    } else if (failure == SOURCE_LOST || failure == SOURCE_UNSUPPORTED) {
        session_skip(watch->session, -1);
    }
    // We are called from inside the source: it is freed on the next turn.
    event_active(watch->fail_timer, EV_TIMEOUT, 0);
}

static void watch_on_failed(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct watch *watch = context;
    if (watch->state == WATCH_STOPPING)
        return;
    watch_drop_source(watch);
    if (watch->overtaken) {
        // A commit may have reached the disk though it was reported as failed: what is there counts.
        watch->overtaken = false;
        watch_drop_pipeline(watch);
    }
    watch_retry(watch);
}

// Implied deletes were not believed: reads everything again, from the next server if there is one.
static void watch_on_doubt(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct watch *watch = context;
    if (watch->state != WATCH_PERSISTING || watch->failing || !pipeline_doubts(watch->pipeline))
        return; // the end of the next refresh asks again
    log_notice("everything is read again, to find deletes that were not believed");
    pipeline_forget_cookie(watch->pipeline);
    session_skip(watch->session, -1);
    watch_drop_source(watch);
    watch_connect(watch);
}

static void watch_arm_doubt(struct watch *watch)
{
    if (!pipeline_doubts(watch->pipeline)) {
        watch->doubts = 0;
        event_del(watch->doubt_timer);
        return;
    }
    watch_timer_in(watch->doubt_timer, backoff_wait(++watch->doubts, DOUBT_FIRST, DOUBT_LONGEST, backoff_random()));
}

static const char *watch_flavour_name(struct watch *watch, const struct source_state *pinned)
{
    if (strcmp(watch->directory->flavour, "auto") != 0)
        return watch->directory->flavour;
    if (pinned->flavour)
        return pinned->flavour;
    return flavour_detect(session_root_dse(watch->session)); // without a connection: the usual one
}

static int watch_make_pipeline(struct watch *watch, const struct source_state *pinned, struct error *err)
{
    watch->flavour = flavour_new(watch, watch_flavour_name(watch, pinned), watch->directory, err);
    if (!watch->flavour)
        return -1;
    watch->pipeline = pipeline_new(watch, watch->config, watch->directory, watch->flavour, watch->store,
                                   &watch->pipeline_hooks, err);
    if (watch->pipeline)
        return 0;
    watch_drop_pipeline(watch);
    return -1;
}

// Also when this process has never been connected, as after a restart with a wrong password.
static int watch_alert(struct watch *watch, enum event_type type, const char *text, struct error *err)
{
    bool made = !watch->pipeline;
    struct source_state *pinned = NULL;
    if (made && (directory_store_state(watch->store, watch, &pinned, err) < 0 ||
                 watch_make_pipeline(watch, pinned, err) < 0)) {
        talloc_free(pinned);
        return -1;
    }
    int result = pipeline_alert(watch->pipeline, type, text, err);
    if (made)
        watch_drop_pipeline(watch); // its flavour may only have been guessed
    talloc_free(pinned);
    return result;
}

static void watch_refused(struct watch *watch, const struct error *err)
{
    if (++watch->refusals < REFUSALS_MOST) {
        watch_retry(watch);
        return;
    }
    log_error("the directory refuses our credentials; nothing more is tried before a reload or another secret",
              LOG_E(err));
    watch_enter(watch, WATCH_REFUSED);
    struct error why;
    if (watch_alert(watch, EVENT_SYSTEM_DIRECTORY_REFUSED, err->text, &why) < 0)
        log_error("the administrators could not be told", LOG_E(&why));
}

// --- the sink: the pipeline's, and what we want to know of it ---------------------------------------------------------

static const struct source_sink *watch_inner(struct watch *watch)
{
    return pipeline_sink(watch->pipeline);
}

static int watch_refresh_begin(void *context, enum source_refresh kind, struct error *err)
{
    struct watch *watch = context;
    watch_enter(watch, WATCH_REFRESHING);
    int result = watch_inner(watch)->refresh_begin(watch->pipeline, kind, err);
    worker_unblocked(watch->worker);
    return result;
}

static int watch_refresh_end(void *context, enum source_sweep sweep, const char *cookie, const char *doubt, struct error *err)
{
    struct watch *watch = context;
    int result = watch_inner(watch)->refresh_end(watch->pipeline, sweep, cookie, doubt, err);
    worker_unblocked(watch->worker);
    if (result < 0)
        return -1;
    watch->persisting_since = clock_monotonic();
    watch->problem[0] = '\0';
    watch_arm_due(watch);
    watch_arm_doubt(watch);
    watch_enter(watch, WATCH_PERSISTING);
    probe_now(watch->probe);
    return 0;
}

static int watch_checkpoint(void *context, const char *cookie, struct error *err)
{
    struct watch *watch = context;
    int result = watch_inner(watch)->checkpoint(watch->pipeline, cookie, err);
    worker_unblocked(watch->worker);
    if (result < 0)
        return -1;
    watch_arm_due(watch);
    watch_report(watch);
    return 0;
}

static int watch_entry(void *context, struct entry *entry, struct error *err)
{
    struct watch *watch = context;
    return watch_inner(watch)->entry(watch->pipeline, entry, err);
}

static int watch_present(void *context, const struct uuid *uuids, size_t count, struct error *err)
{
    struct watch *watch = context;
    return watch_inner(watch)->present(watch->pipeline, uuids, count, err);
}

static int watch_gone(void *context, const struct uuid *uuids, size_t count, struct error *err)
{
    struct watch *watch = context;
    return watch_inner(watch)->gone(watch->pipeline, uuids, count, err);
}

// --- connecting ------------------------------------------------------------------------------------------------------

struct taken {
    TALLOC_CTX *ctx;
    struct entry *entry;
};

static int take_entry(void *context, const struct entry *entry)
{
    struct taken *taken = context;
    taken->entry = entry_copy(taken->ctx, entry);
    return 1;
}

// A password policy outside the mirror, read on the source's session.
int watch_read_entry(void *context, TALLOC_CTX *ctx, const char *dn, struct entry **entry, struct error *err)
{
    struct watch *watch = context;
    *entry = NULL;
    if (!session_is_open(watch->session))
        return error_set(err, "not connected");
    static const char *const attributes[] = { "objectClass", "pwdLockoutDuration", NULL };
    struct taken taken = { .ctx = ctx };
    if (session_search(watch->session, dn, LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 1, take_entry, &taken, err) < 0)
        return err->code == SESSION_NO_SUCH_OBJECT ? 0 : -1;
    *entry = taken.entry;
    return 0;
}

static int watch_choose(struct watch *watch, struct error *err)
{
    struct source_state *pinned;
    if (directory_store_state(watch->store, watch, &pinned, err) < 0)
        return -1;
    int result = -1;
    if (!watch->pipeline && watch_make_pipeline(watch, pinned, err) < 0)
        goto done;
    const char *name = strcmp(watch->directory->source, "auto") != 0 ? watch->directory->source
                       : pinned->source                              ? pinned->source
                                                                     : "syncrepl";
    watch->ops = source_find(name);
    if (!watch->ops) {
        error_set(err, "source \"%s\" is not known; set source = \"auto\"", name);
        goto done;
    }
    result = pipeline_pin(watch->pipeline, watch->ops->name, err);
done:
    talloc_free(pinned);
    return result;
}

static int watch_start_source(struct watch *watch, struct error *err)
{
    if (watch_choose(watch, err) < 0)
        return -1;
    const char *cookie = pipeline_cookie(watch->pipeline);
    if (cookie && !watch->ops->cookie_is_sound(cookie)) {
        log_warning("the stored cookie is damaged; everything is read anew and compared", LOG_S("cookie", cookie));
        pipeline_forget_cookie(watch->pipeline);
        cookie = NULL;
    }
    watch->source = watch->ops->start(watch, worker_loop(watch->worker), watch->session, pipeline_view(watch->pipeline),
                                      cookie, &watch->sink, err);
    if (!watch->source)
        return -1;
    watch->probe = probe_new(watch, worker_loop(watch->worker), watch->directory, watch->session, watch->source,
                             watch->ops, watch->pipeline, watch_source_failed, watch);
    return 0;
}

static void watch_connect(struct watch *watch)
{
    struct error err = { 0 };
    watch_enter(watch, WATCH_CONNECTING);
    if (session_open(watch->session, &err) < 0) {
        watch_note_problem(watch, "connecting failed", &err);
        if (err.code == SESSION_CREDENTIALS)
            watch_refused(watch, &err);
        else
            watch_retry(watch);
        return;
    }
    watch->refusals = 0;
    log_notice("connected", LOG_S("uri", session_uri(watch->session)));
    if (watch_start_source(watch, &err) < 0) {
        watch_note_problem(watch, "starting the source failed", &err);
        watch_drop_source(watch);
        watch_retry(watch);
    }
}

// --- open and close ---------------------------------------------------------------------------------------------------

static void watch_on_retry(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    watch_connect(context);
}

static void watch_blocking(void *context, int64_t until, const char *what, int uri)
{
    struct watch *watch = context;
    worker_blocking(watch->worker, until, what, uri);
}

static void watch_unblocked(void *context)
{
    struct watch *watch = context;
    worker_unblocked(watch->worker);
}

char *watch_went_back(void *context, TALLOC_CTX *ctx, const char *ours, const char *theirs)
{
    struct watch *watch = context;
    return watch->ops && watch->ops->went_back ? watch->ops->went_back(ctx, ours, theirs) : NULL;
}

void watch_link_retry(struct watch *watch)
{
    if (watch->state != WATCH_REFUSED && watch->state != WATCH_WAITING)
        return;
    watch->refusals = 0;
    watch_timer_in(watch->retry_timer, 0);
}

void watch_link_open(struct watch *watch)
{
    watch->sink = (struct source_sink){ .context = watch,
                                        .refresh_begin = watch_refresh_begin,
                                        .entry = watch_entry,
                                        .present = watch_present,
                                        .gone = watch_gone,
                                        .refresh_end = watch_refresh_end,
                                        .checkpoint = watch_checkpoint,
                                        .failed = watch_source_failed };
    watch->session_hooks = (struct session_hooks){ watch, watch_blocking, watch_unblocked };
    watch->session = session_new(watch, watch->directory, &watch->session_hooks);
    if (worker_stuck_uri(watch->worker) >= 0)
        session_skip(watch->session, worker_stuck_uri(watch->worker));
    watch->retry_timer = watch_timer(watch, watch_on_retry);
    watch->fail_timer = watch_timer(watch, watch_on_failed);
    watch->doubt_timer = watch_timer(watch, watch_on_doubt);
    watch_timer_in(watch->retry_timer, 0);
}

void watch_link_close(struct watch *watch)
{
    watch_drop_source(watch);
    event_del(watch->retry_timer);
    event_del(watch->fail_timer);
    event_del(watch->doubt_timer);
}
