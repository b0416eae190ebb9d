// SPDX-License-Identifier: Apache-2.0
#include "watch/watch.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/delivery_store.h"
#include "worker_parts.h"

// One directory's worker: its life, its timers, its status, the administrator's commands.

// One step on the store: only a disk that has died takes longer, and then it is no use to be killed and begin anew.
#define PROGRESS_WITHIN (15 * CLOCK_MINUTE)
#define HOUSEKEEPING_EVERY (CLOCK_MINUTE)
#define KEEP_EVENTS (90 * CLOCK_DAY)
#define PURGE_BATCH 1000

static const char *watch_state_name(enum watch_state state)
{
    static const char *const names[] = { "waiting", "connecting", "refreshing", "persisting", "refused", "stopping" };
    return names[state];
}

void watch_enter(struct watch *watch, enum watch_state state)
{
    if (watch->state != state)
        log_info("watch state changed", LOG_S("from", watch_state_name(watch->state)), LOG_S("to", watch_state_name(state)));
    watch->state = state;
    watch_report(watch);
}

void watch_timer_in(struct event *timer, int64_t wait)
{
    if (wait < 0)
        wait = 0;
    struct timeval when = { .tv_sec = (time_t)(wait / 1000), .tv_usec = (suseconds_t)(wait % 1000 * 1000) };
    event_add(timer, &when);
}

// The next lock to expire; looked up again after every commit, at most once a day even if nothing is due.
void watch_arm_due(struct watch *watch)
{
    int64_t due = pipeline_next_timer(watch->pipeline);
    int64_t wait = due ? due - clock_now() : CLOCK_DAY;
    watch_timer_in(watch->due_timer, wait > CLOCK_DAY ? CLOCK_DAY : wait);
}

// --- status ----------------------------------------------------------------------------------------------------------

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static json_t *watch_describe(struct watch *watch)
{
    const struct source_state *state = watch->pipeline ? pipeline_state(watch->pipeline) : NULL;
    json_t *status = json_object();
    json_object_set_new(status, "state", json_string(watch_state_name(watch->state)));
    json_object_set_new(status, "uri", text_or_null(watch->session ? session_uri(watch->session) : NULL));
    json_object_set_new(status, "source", text_or_null(watch->ops ? watch->ops->name : NULL));
    json_object_set_new(status, "flavour", text_or_null(watch->flavour ? watch->flavour->name : NULL));
    json_object_set_new(status, "caught_up", json_boolean(watch->pipeline && pipeline_caught_up(watch->pipeline)));
    json_object_set_new(status, "caught_up_at", json_integer(state ? state->caught_up : 0));
    json_object_set_new(status, "last_change", json_integer(state ? state->last_change : 0));
    json_object_set_new(status, "behind", watch->probe ? json_integer(probe_behind(watch->probe)) : json_integer(-1));
    json_object_set_new(status, "problem", text_or_null(watch->problem));
    return status;
}

void watch_report(struct watch *watch)
{
    json_t *status = watch_describe(watch);
    worker_status(watch->worker, status);
    json_decref(status);
}

// --- timers ----------------------------------------------------------------------------------------------------------

static void watch_on_due(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct watch *watch = context;
    struct error err;
    if (!watch->pipeline)
        return;
    int result = pipeline_tick(watch->pipeline, clock_now(), &err);
    worker_unblocked(watch->worker);
    if (result < 0) {
        log_error("timers could not be worked off; trying again", LOG_E(&err));
        watch_timer_in(watch->due_timer, CLOCK_MINUTE);
        return;
    }
    if (pipeline_caught_up(watch->pipeline))
        watch_arm_due(watch);
}

// How far the deliver worker has taken our outbox over; what it has not must stay, however old. 0 when it cannot be told.
static int64_t watch_imported(struct watch *watch)
{
    struct delivery_store *delivery = NULL;
    struct error err;
    int64_t sequence = 0;
    char *path = talloc_asprintf(watch, "%s/delivery.db", watch->config->state_dir);
    if (delivery_store_open(NULL, path, STORE_READ, &delivery, &err) == 0) {
        if (delivery_store_cursor(delivery, watch->directory->name, &sequence, &err) < 0)
            sequence = 0;
        delivery_store_close(delivery);
    }
    talloc_free(path);
    return sequence;
}

static void watch_on_housekeeping(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct watch *watch = context;
    struct error err;
    bool busy = watch->pipeline && watch->state == WATCH_REFRESHING;
    if (!busy && (directory_store_purge(watch->store, clock_now() - KEEP_EVENTS, watch_imported(watch), PURGE_BATCH, &err) < 0 ||
                  directory_store_checkpoint(watch->store, &err) < 0))
        log_warning("housekeeping failed", LOG_E(&err));
    watch_timer_in(watch->housekeeping_timer, HOUSEKEEPING_EVERY);
}

// --- hooks -----------------------------------------------------------------------------------------------------------

static void watch_notified(void *context)
{
    struct watch *watch = context;
    worker_wake_deliver(watch->worker);
}

static void watch_progress(void *context, const char *what)
{
    struct watch *watch = context;
    worker_blocking(watch->worker, clock_monotonic() + PROGRESS_WITHIN, what, -1);
}

// --- commands --------------------------------------------------------------------------------------------------------

static void watch_command_storm(struct watch *watch, uint32_t request, const json_t *command, bool release)
{
    const char *who = json_string_value(json_object_get(command, "who"));
    int64_t id = json_integer_value(json_object_get(command, "id")), count = 0;
    struct error err;
    if (!watch->pipeline) {
        worker_reply_error(watch->worker, request, "the directory has not been read yet");
        return;
    }
    int result = release ? pipeline_release_storm(watch->pipeline, id, who ? who : "unknown", &count, &err)
                         : pipeline_discard_storm(watch->pipeline, id, who ? who : "unknown", &err);
    worker_unblocked(watch->worker);
    if (result < 0) {
        worker_reply_error(watch->worker, request, "%s", err.text);
        return;
    }
    json_t *reply = json_pack("{s:b,s:I}", "ok", 1, "notifications", (json_int_t)count);
    worker_reply(watch->worker, request, reply);
    json_decref(reply);
}

// After a reload.
static void watch_command_retry(struct watch *watch, uint32_t request)
{
    json_t *reply = json_pack("{s:b}", "ok", 1);
    watch_link_retry(watch);
    worker_reply(watch->worker, request, reply);
    json_decref(reply);
}

struct pending_probe {
    struct watch *watch;
    uint32_t request;
};

static void watch_probed(void *context, int behind)
{
    struct pending_probe *pending = context;
    json_t *reply = watch_describe(pending->watch);
    json_object_set_new(reply, "ok", json_true());
    json_object_set_new(reply, "behind", json_integer(behind));
    worker_reply(pending->watch->worker, pending->request, reply);
    json_decref(reply);
    talloc_free(pending);
}

static void watch_command(void *context, uint32_t request, const json_t *command)
{
    struct watch *watch = context;
    const char *name = json_string_value(json_object_get(command, "command"));
    if (name && strcmp(name, "storm.release") == 0) {
        watch_command_storm(watch, request, command, true);
    } else if (name && strcmp(name, "storm.discard") == 0) {
        watch_command_storm(watch, request, command, false);
    } else if (name && strcmp(name, "retry") == 0) {
        watch_command_retry(watch, request);
    } else if (name && strcmp(name, "probe") == 0) {
        struct pending_probe *pending = talloc(watch, struct pending_probe);
        *pending = (struct pending_probe){ .watch = watch, .request = request };
        if (watch->probe)
            probe_ask(watch->probe, watch_probed, pending);
        else
            watch_probed(pending, -1);
    } else {
        worker_reply_error(watch->worker, request, "unknown command \"%s\"", name ? name : "");
    }
}

// --- start and stop --------------------------------------------------------------------------------------------------

struct event *watch_timer(struct watch *watch, event_callback_fn fn)
{
    return evtimer_new(worker_loop(watch->worker), fn, watch);
}

static int watch_start(struct worker *worker, void **context, struct error *err)
{
    struct watch *watch = talloc_zero(NULL, struct watch);
    watch->worker = worker;
    watch->config = worker_config(worker);
    watch->directory = config_directory_find(watch->config, worker_directory(worker));
    if (!watch->directory)
        return error_set(err, "directory \"%s\" is not in the configuration", worker_directory(worker));
    char *path = talloc_asprintf(watch, "%s/%s.db", watch->config->state_dir, watch->directory->name);
    if (directory_store_open(watch, path, watch->directory->name, STORE_WRITE, &watch->store, err) < 0) {
        if (err->code == STORE_NEWER || err->code == STORE_DAMAGED)
            worker_fatal(worker, err);
        return -1;
    }
    watch->pipeline_hooks = (struct pipeline_hooks){ watch, watch_notified, watch_progress, watch_read_entry,
                                                      watch_went_back };
    watch->due_timer = watch_timer(watch, watch_on_due);
    watch->housekeeping_timer = watch_timer(watch, watch_on_housekeeping);
    watch_timer_in(watch->housekeeping_timer, HOUSEKEEPING_EVERY);
    watch_link_open(watch);
    *context = watch;
    return 0;
}

static void watch_stop(void *context)
{
    struct watch *watch = context;
    watch_enter(watch, WATCH_STOPPING);
    watch_link_close(watch);
    event_del(watch->due_timer);
    event_del(watch->housekeeping_timer);
    directory_store_close(watch->store);
    worker_exit(watch->worker);
}

const struct worker_handlers watch_handlers = { .start = watch_start, .command = watch_command, .stop = watch_stop };
