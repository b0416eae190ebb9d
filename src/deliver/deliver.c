// SPDX-License-Identifier: Apache-2.0
#include "deliver/deliver.h"

#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "deliver/queue.h"
#include "send.h"
#include "test_command.h"

// Work of one turn of the loop; then sockets and heartbeats have theirs.
#define IMPORT_PER_TURN 500
#define FREEZE_PER_TURN 50
// A wake-up that was missed, or a directory store that appeared meanwhile, waits no longer than this.
#define LOOK_AGAIN (30 * CLOCK_SECOND)
#define RETRY_FIRST CLOCK_SECOND
#define RETRY_MOST CLOCK_MINUTE
#define STATUS_EVERY (10 * CLOCK_SECOND)
#define STOP_WITHIN (5 * CLOCK_SECOND)
// What has been delivered stays on record this long.
#define KEEP_FINISHED (30 * CLOCK_DAY)
#define PURGE_EVERY (10 * CLOCK_MINUTE)
#define PURGE_MOST 1000

struct deliver {
    struct worker *worker;
    const struct config *config;
    struct delivery_store *store;
    struct queue *queue;
    struct sender **senders; // none in a trial
    size_t sender_count;
    struct event *work, *status, *stop;
    unsigned failures; // in a row
    int64_t purged;    // when last
    bool stopping;
    int64_t stop_until; // monotonic
    char *problem;      // NULL: none
};

static void timer_set(struct event *timer, int64_t wait)
{
    if (wait < 0)
        wait = 0;
    struct timeval after = { .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
    if (event_add(timer, &after) < 0)
        log_error("cannot set a timer");
}

// --- status ------------------------------------------------------------------------------------------

static json_t *counts_json(const struct delivery_counts *counts)
{
    json_t *queue = json_pack("{s:I, s:I, s:I, s:I}", "waiting", (json_int_t)counts->waiting, "cancelled",
                              (json_int_t)counts->cancelled, "dropped", (json_int_t)counts->dropped,
                              "oldest_queued", (json_int_t)counts->oldest_queued);
    for (int state = 0; queue && state < MESSAGE_STATE_COUNT; state++)
        json_object_set_new(queue, message_state_name(state), json_integer(counts->messages[state]));
    return queue;
}

static json_t *status_json(struct deliver *deliver)
{
    struct delivery_counts counts;
    struct error err;
    json_t *status = json_pack("{s:b}", "live", !queue_is_trial(deliver->queue));
    json_t *transports = json_array(), *directories = json_array();
    for (size_t i = 0; i < deliver->sender_count; i++)
        json_array_append_new(transports, sender_status(deliver->senders[i]));
    for (size_t i = 0; i < deliver->config->directory_count; i++) {
        int64_t cursor = 0;
        const char *name = deliver->config->directories[i].name;
        if (delivery_store_cursor(deliver->store, name, &cursor, &err) == 0)
            json_array_append_new(directories,
                                  json_pack("{s:s, s:I}", "name", name, "imported", (json_int_t)cursor));
    }
    if (delivery_store_counts(deliver->store, &counts, &err) == 0)
        json_object_set_new(status, "queue", counts_json(&counts));
    json_object_set_new(status, "transports", transports);
    json_object_set_new(status, "directories", directories);
    if (deliver->problem)
        json_object_set_new(status, "problem", json_string(deliver->problem));
    return status;
}

static void status_send(struct deliver *deliver)
{
    json_t *status = status_json(deliver);
    worker_status(deliver->worker, status);
    json_decref(status);
}

// What was told last may be some seconds old; whoever asks hears how it is now.
static void command_status(struct deliver *deliver, uint32_t request)
{
    json_t *reply = status_json(deliver);
    json_object_set_new(reply, "ok", json_true());
    worker_reply(deliver->worker, request, reply);
    json_decref(reply);
}

// --- import and freeze -------------------------------------------------------------------------------

// Nothing is lost by a failure: everything is read again.
static void work_failed(struct deliver *deliver, const struct error *err)
{
    int64_t wait = backoff_wait(++deliver->failures, RETRY_FIRST, RETRY_MOST, backoff_random());
    log_error("the queue cannot go on", LOG_I("retry_ms", wait), LOG_E(err));
    talloc_free(deliver->problem);
    deliver->problem = talloc_strdup(deliver, err->text);
    timer_set(deliver->work, wait);
}

// *more: the budget of this turn is used up.
static int work_import(struct deliver *deliver, int64_t now, bool *more, struct error *err)
{
    int result = 0;
    for (size_t i = 0; i < deliver->config->directory_count; i++) {
        size_t imported;
        // One directory's trouble is not the others'.
        if (queue_import_some(deliver->queue, deliver->config->directories[i].name, now, IMPORT_PER_TURN,
                              &imported, err)
            < 0)
            result = -1;
        else if (imported == IMPORT_PER_TURN)
            *more = true;
    }
    return result;
}

static void senders_wake(struct deliver *deliver)
{
    for (size_t i = 0; i < deliver->sender_count; i++)
        sender_wake(deliver->senders[i]);
}

static void idle_housekeeping(struct deliver *deliver, int64_t now)
{
    struct error err;
    if (now - deliver->purged >= PURGE_EVERY || now < deliver->purged) {
        deliver->purged = now;
        if (delivery_store_purge(deliver->store, now - KEEP_FINISHED, PURGE_MOST, &err) < 0)
            log_warning("old messages cannot be purged", LOG_E(&err));
    }
    if (delivery_store_checkpoint(deliver->store, &err) < 0)
        log_warning("the delivery store's log cannot be shortened", LOG_E(&err));
}

static void on_work(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct deliver *deliver = context;
    int64_t now = clock_now(), due = 0;
    struct error err = { 0 };
    bool more = false;
    size_t frozen = 0;
    if (deliver->stopping)
        return;
    int imported = work_import(deliver, now, &more, &err);
    // What is there already is told, whether the import failed or not.
    struct error freeze_err = { 0 };
    int result = queue_freeze_some(deliver->queue, now, FREEZE_PER_TURN, &frozen, &freeze_err);
    if (frozen > 0)
        senders_wake(deliver);
    if (imported == 0 && result < 0)
        err = freeze_err;
    if (imported < 0 || result < 0) {
        work_failed(deliver, &err);
        if (result == 0 && (more || frozen == FREEZE_PER_TURN))
            timer_set(deliver->work, 0); // the other directories'
        return;
    }
    deliver->failures = 0;
    TALLOC_FREE(deliver->problem);
    if (more || frozen == FREEZE_PER_TURN) {
        timer_set(deliver->work, 0);
        return;
    }
    idle_housekeeping(deliver, now);
    if (queue_next_due(deliver->queue, &due, &err) < 0) {
        work_failed(deliver, &err);
        return;
    }
    timer_set(deliver->work, due > 0 && due - now < LOOK_AGAIN ? due - now : LOOK_AGAIN);
}

static void on_status(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct deliver *deliver = context;
    status_send(deliver);
    timer_set(deliver->status, STATUS_EVERY);
}

static void deliver_wake(void *context)
{
    struct deliver *deliver = context;
    event_active(deliver->work, EV_TIMEOUT, 0);
}

// --- commands ----------------------------------------------------------------------------------------

static bool action_parse(const char *name, enum message_action *action)
{
    static const struct {
        const char *name;
        enum message_action action;
    } actions[] = {
        { "queue.retry", MESSAGE_RETRY },
        { "queue.hold", MESSAGE_HOLD },
        { "queue.release", MESSAGE_RELEASE },
        { "queue.delete", MESSAGE_DELETE },
    };
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0) {
            *action = actions[i].action;
            return true;
        }
    return false;
}

static void command_queue(struct deliver *deliver, uint32_t request, const json_t *command,
                          enum message_action action)
{
    struct error err;
    const char *state = json_string_value(json_object_get(command, "state"));
    const char *who = json_string_value(json_object_get(command, "who"));
    struct message_query query = {
        .id = json_integer_value(json_object_get(command, "id")),
        .state = state ? message_state_from_name(state) : -1,
        .recipient = json_string_value(json_object_get(command, "recipient")),
        .directory = json_string_value(json_object_get(command, "directory")),
    };
    int64_t changed = 0;
    if (state && query.state < 0) {
        worker_reply_error(deliver->worker, request, "\"%s\" is no state of a message", state);
        return;
    }
    if (delivery_store_act(deliver->store, action, &query, who ? who : "unknown", clock_now(), &changed, &err)
        < 0) {
        worker_reply_error(deliver->worker, request, "%s", err.text);
        return;
    }
    if (query.id && changed == 0) {
        worker_reply_error(deliver->worker, request,
                           "message %lld is not there, or not in a state that allows it",
                           (long long)query.id);
        return;
    }
    log_notice("queue command", LOG_S("command", json_string_value(json_object_get(command, "command"))),
               LOG_I("message", query.id), LOG_S("who", who), LOG_I("changed", changed));
    for (size_t i = 0; action == MESSAGE_RETRY && i < deliver->sender_count; i++)
        sender_try_now(deliver->senders[i]);
    senders_wake(deliver);
    json_t *reply = json_pack("{s:b, s:I}", "ok", 1, "changed", (json_int_t)changed);
    worker_reply(deliver->worker, request, reply);
    json_decref(reply);
}

static void deliver_command(void *context, uint32_t request, const json_t *command)
{
    struct deliver *deliver = context;
    const char *name = json_string_value(json_object_get(command, "command"));
    enum message_action action;
    if (name && strcmp(name, "test-mail") == 0)
        test_command(deliver, deliver->worker, request, command);
    else if (name && strcmp(name, "status") == 0)
        command_status(deliver, request);
    else if (name && action_parse(name, &action))
        command_queue(deliver, request, command, action);
    else
        worker_reply_error(deliver->worker, request, "deliver knows no command \"%s\"", name ? name : "");
}

// --- beginning and end -------------------------------------------------------------------------------

static int deliver_free(struct deliver *deliver)
{
    // Before the store, which they use.
    for (size_t i = 0; i < deliver->sender_count; i++)
        talloc_free(deliver->senders[i]);
    deliver->sender_count = 0;
    TALLOC_FREE(deliver->queue);
    if (deliver->store)
        delivery_store_close(deliver->store);
    if (deliver->work)
        event_free(deliver->work);
    if (deliver->status)
        event_free(deliver->status);
    if (deliver->stop)
        event_free(deliver->stop);
    return 0;
}

static bool senders_are_busy(const struct deliver *deliver)
{
    for (size_t i = 0; i < deliver->sender_count; i++)
        if (sender_is_busy(deliver->senders[i]))
            return true;
    return false;
}

static void on_stop(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct deliver *deliver = context;
    bool busy = senders_are_busy(deliver);
    if (busy && clock_monotonic() < deliver->stop_until) {
        timer_set(deliver->stop, 20);
        return;
    }
    if (busy)
        log_warning("messages were under way at the end; they are sent again by the next start");
    struct worker *worker = deliver->worker;
    talloc_free(deliver);
    worker_exit(worker);
}

static void deliver_stop(void *context)
{
    struct deliver *deliver = context;
    deliver->stopping = true;
    deliver->stop_until = clock_monotonic() + STOP_WITHIN;
    event_del(deliver->work);
    event_del(deliver->status);
    for (size_t i = 0; i < deliver->sender_count; i++)
        sender_stop(deliver->senders[i]);
    timer_set(deliver->stop, 0);
}

static int open_store(struct deliver *deliver, struct error *err)
{
    char *path = talloc_asprintf(deliver, "%s/delivery.db", deliver->config->state_dir);
    if (!path)
        return error_set(err, "out of memory");
    if (delivery_store_open(deliver, path, STORE_WRITE, &deliver->store, err) < 0)
        return -1;
    return delivery_store_recover(deliver->store, err);
}

static int open_senders(struct deliver *deliver, struct error *err)
{
    if (queue_is_trial(deliver->queue)) {
        log_notice(deliver->config->live ? "no sender is configured (mail.from): nothing is sent"
                                         : "trial: everything is decided and rendered, nothing is sent",
                   LOG_S("state_dir", deliver->config->state_dir));
        return 0;
    }
    deliver->senders = talloc_zero_array(deliver, struct sender *, deliver->config->transport_count);
    if (!deliver->senders)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < deliver->config->transport_count; i++) {
        struct sender *sender = sender_new(deliver, worker_loop(deliver->worker), deliver->store,
                                           &deliver->config->transports[i], err);
        if (!sender)
            return -1;
        deliver->senders[deliver->sender_count++] = sender;
    }
    return 0;
}

static int deliver_start(struct worker *worker, void **context, struct error *err)
{
    struct deliver *deliver = talloc_zero(NULL, struct deliver);
    if (!deliver)
        return error_set(err, "out of memory");
    talloc_set_destructor(deliver, deliver_free);
    deliver->worker = worker;
    deliver->config = worker_config(worker);
    struct event_base *base = worker_loop(worker);
    deliver->work = evtimer_new(base, on_work, deliver);
    deliver->status = evtimer_new(base, on_status, deliver);
    deliver->stop = evtimer_new(base, on_stop, deliver);
    if (!deliver->work || !deliver->status || !deliver->stop) {
        error_set(err, "no event can be made");
        goto failed;
    }
    if (open_store(deliver, err) < 0) {
        if (err->code == STORE_NEWER || err->code == STORE_DAMAGED)
            worker_fatal(worker, err);
        goto failed;
    }
    deliver->queue = queue_open(deliver, deliver->config, deliver->store, err);
    if (!deliver->queue || open_senders(deliver, err) < 0)
        goto failed;
    timer_set(deliver->work, 0);
    timer_set(deliver->status, 0);
    senders_wake(deliver);
    *context = deliver;
    return 0;

failed:
    talloc_free(deliver);
    return -1;
}

const struct worker_handlers deliver_handlers = {
    .start = deliver_start,
    .command = deliver_command,
    .wake = deliver_wake,
    .stop = deliver_stop,
};
