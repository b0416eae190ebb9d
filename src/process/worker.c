// SPDX-License-Identifier: Apache-2.0
#include "process/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "process/channel.h"
#include "process/channel_queue.h"
#include "process/log_setup.h"
#include "process/privilege.h"

#define HEARTBEAT_INTERVAL (2 * CLOCK_SECOND)
#define STATUS_INTERVAL (CLOCK_SECOND / 2)
#define FLUSH_LIMIT CLOCK_SECOND
#define FRAMES_PER_TURN 64

struct worker {
    const char *name;
    int stuck_uri;
    const struct worker_handlers *handlers;
    void *context;
    struct config *config;
    struct event_base *loop;
    struct channel_queue *queue;
    struct event *channel, *heartbeat, *wake, *status_timer;
    char *status; // the one that waits to be sent
    int64_t status_sent;
    bool stopping, exiting;
    int exit_status;
};

struct event_base *worker_loop(struct worker *worker)
{
    return worker->loop;
}

const struct config *worker_config(struct worker *worker)
{
    return worker->config;
}

const char *worker_name(struct worker *worker)
{
    return worker->name;
}

const char *worker_directory(struct worker *worker)
{
    const char *space = strchr(worker->name, ' ');
    return space ? space + 1 : NULL;
}

int worker_stuck_uri(struct worker *worker)
{
    return worker->stuck_uri;
}

// A supervisor that is gone is noticed by the reading side of the channel; here it is only a frame less.
static int worker_send(struct worker *worker, const struct frame *header, const char *payload,
                       struct error *err)
{
    return channel_queue_send(worker->queue, header, payload, payload ? strlen(payload) : 0, err);
}

static void worker_send_or_log(struct worker *worker, const struct frame *header, const char *payload)
{
    struct error err = { 0 };
    if (worker_send(worker, header, payload, &err) < 0)
        log_warning("message to the supervisor lost", LOG_I("type", header->type), LOG_E(&err));
}

void worker_blocking(struct worker *worker, int64_t until, const char *what, int uri)
{
    worker_send_or_log(worker, &(struct frame){ .type = FRAME_BLOCKING, .number = until, .number2 = uri },
                       what);
    channel_queue_flush(worker->queue, FLUSH_LIMIT); // the loop will not run meanwhile
}

void worker_unblocked(struct worker *worker)
{
    worker_send_or_log(worker, &(struct frame){ .type = FRAME_UNBLOCKED }, NULL);
}

void worker_wake_deliver(struct worker *worker)
{
    (void)worker;
    const uint64_t one = 1;
    // Only a full counter fails, and then deliver has been woken often enough.
    ssize_t ignored = write(WORKER_WAKE, &one, sizeof one);
    (void)ignored;
}

static void worker_send_status(struct worker *worker)
{
    if (!worker->status)
        return;
    worker_send_or_log(worker, &(struct frame){ .type = FRAME_STATUS }, worker->status);
    free(worker->status);
    worker->status = NULL;
    worker->status_sent = clock_monotonic();
}

static struct timeval interval(int64_t milliseconds)
{
    return (struct timeval){ .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 };
}

void worker_status(struct worker *worker, const json_t *status)
{
    char *text = json_dumps(status, JSON_COMPACT);
    if (!text) {
        log_warning("status cannot be written as JSON");
        return;
    }
    free(worker->status);
    worker->status = text;
    int64_t wait = worker->status_sent + STATUS_INTERVAL - clock_monotonic();
    if (!worker->status_sent || wait <= 0 || wait > STATUS_INTERVAL) {
        worker_send_status(worker);
    } else if (!event_pending(worker->status_timer, EV_TIMEOUT, NULL)) {
        struct timeval after = interval(wait);
        event_add(worker->status_timer, &after);
    }
}

void worker_reply(struct worker *worker, uint32_t request, const json_t *reply)
{
    struct error err = { 0 };
    char *text = json_dumps(reply, JSON_COMPACT);
    if (!text) {
        worker_reply_error(worker, request, "%s cannot write its answer as JSON", worker->name);
        return;
    }
    if (worker_send(worker, &(struct frame){ .type = FRAME_REPLY, .request = request }, text, &err) < 0) {
        if (err.code == EMSGSIZE)
            worker_reply_error(worker, request, "the answer of %s is too long", worker->name);
        else
            log_warning("answer to a command lost", LOG_E(&err));
    }
    free(text);
}

void worker_reply_error(struct worker *worker, uint32_t request, const char *format, ...)
{
    struct error words;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words.text, sizeof words.text, format, arguments);
    va_end(arguments);
    json_t *reply = json_pack("{s:b, s:s}", "ok", 0, "error", words.text);
    if (!reply) // the words quote something that is not UTF-8
        reply = json_pack("{s:b, s:s}", "ok", 0, "error", "the command failed");
    char *text = json_dumps(reply, JSON_COMPACT);
    if (text)
        worker_send_or_log(worker, &(struct frame){ .type = FRAME_REPLY, .request = request }, text);
    free(text);
    json_decref(reply);
}

int worker_command(struct worker *worker, const char *peer, uint32_t request, const json_t *command,
                   struct error *err)
{
    struct frame header = { .type = FRAME_COMMAND, .request = request };
    if (strlen(peer) >= sizeof header.peer)
        return error_set(err, "there is no worker \"%s\"", peer);
    snprintf(header.peer, sizeof header.peer, "%s", peer);
    char *text = json_dumps(command, JSON_COMPACT);
    if (!text)
        return error_set(err, "the command for %s cannot be written as JSON", peer);
    int result = worker_send(worker, &header, text, err);
    free(text);
    return result;
}

void worker_fatal(struct worker *worker, const struct error *err)
{
    log_error("giving up until the configuration is reloaded", LOG_E(err));
    worker_send_or_log(worker, &(struct frame){ .type = FRAME_FATAL }, err->text);
    worker->exit_status = EXIT_FAILURE;
    worker_exit(worker);
}

void worker_exit(struct worker *worker)
{
    worker->exiting = true;
    event_base_loopbreak(worker->loop);
}

static void worker_stop(struct worker *worker)
{
    if (worker->stopping)
        return;
    worker->stopping = true;
    log_info("stopping", LOG_S("worker", worker->name));
    if (worker->handlers->stop)
        worker->handlers->stop(worker->context);
    else
        worker_exit(worker);
}

static void worker_on_command(struct worker *worker, const struct frame *frame)
{
    uint32_t request = frame->request;
    if (worker->stopping || !worker->handlers->command) {
        worker_reply_error(worker, request, "%s %s", worker->name,
                           worker->stopping ? "is stopping; try again in a moment" : "takes no commands");
        return;
    }
    json_error_t why;
    json_t *command = json_loadb(frame->payload, frame->length, 0, &why);
    if (command)
        worker->handlers->command(worker->context, request, command);
    else
        worker_reply_error(worker, request, "the command is not JSON: %s", why.text);
    json_decref(command);
}

static void worker_on_reply(struct worker *worker, const struct frame *frame)
{
    if (!worker->handlers->reply)
        return;
    uint32_t request = frame->request;
    json_error_t why;
    json_t *reply = json_loadb(frame->payload, frame->length, 0, &why);
    if (!reply)
        reply = json_pack("{s:b, s:s}", "ok", 0, "error", "the answer is not JSON");
    worker->handlers->reply(worker->context, request, reply);
    json_decref(reply);
}

static void worker_on_frame(struct worker *worker, const struct frame *frame)
{
    if (frame->type == FRAME_COMMAND)
        worker_on_command(worker, frame);
    else if (frame->type == FRAME_REPLY)
        worker_on_reply(worker, frame);
    else if (frame->type == FRAME_STOP)
        worker_stop(worker);
    else
        log_warning("unexpected message from the supervisor", LOG_I("type", frame->type));
}

static void worker_on_channel(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct worker *worker = context;
    struct error err = { 0 };
    for (int i = 0; i < FRAMES_PER_TURN && !worker->exiting; i++) {
        struct frame *frame;
        if (channel_receive(descriptor, &frame, &err) < 0) {
            log_notice("ending, for the supervisor is gone", LOG_E(&err));
            worker->exit_status = EXIT_FAILURE;
            worker_exit(worker);
            return;
        }
        if (!frame)
            return;
        worker_on_frame(worker, frame);
    }
}

static void worker_on_heartbeat(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct worker *worker = context;
    struct error ignored;
    // One that cannot be sent now is as good as sent: the supervisor does not read at all.
    if (!channel_queue_waiting(worker->queue) &&
        channel_send(WORKER_CHANNEL, &(struct frame){ .type = FRAME_HEARTBEAT }, NULL, 0, &ignored) < 0)
        log_debug("heartbeat not sent", LOG_E(&ignored));
}

static void worker_on_wake(evutil_socket_t descriptor, short what, void *context)
{
    (void)what;
    struct worker *worker = context;
    uint64_t count;
    if (read(descriptor, &count, sizeof count) == (ssize_t)sizeof count && !worker->stopping)
        worker->handlers->wake(worker->context);
}

static void worker_on_status_timer(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    worker_send_status(context);
}

// The slice holds secrets: it is wiped from the buffer that it passed through.
static int worker_read_slice(struct worker *worker, struct error *err)
{
    struct stat status;
    if (fstat(WORKER_SLICE, &status) < 0)
        return error_set(
            err, "the configuration's descriptor is missing (workers are started by ldapnotifyd itself)");
    size_t size = (size_t)status.st_size, done = 0;
    char *text = talloc_zero_size(worker, size + 1);
    int result = -1;
    while (text && done < size) {
        ssize_t got = pread(WORKER_SLICE, text + done, size - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            error_set(err, "reading the configuration from the supervisor: %s",
                      got ? strerror(errno) : "it is cut off");
            goto out;
        }
        done += (size_t)got;
    }
    worker->config = text ? config_read_slice(worker, text, err) : NULL;
    result = worker->config ? 0 : -1;
out:
    if (text)
        explicit_bzero(text, size);
    talloc_free(text);
    close(WORKER_SLICE);
    return result;
}

// A supervisor that died before the signal was asked for has hung up its end of the channel.
static int worker_follow_supervisor(struct error *err)
{
    struct pollfd channel = { .fd = WORKER_CHANNEL, .events = POLLIN };
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return error_set(err, "asking to end with the supervisor: %s", strerror(errno));
    if (poll(&channel, 1, 0) < 0 || channel.revents & (POLLHUP | POLLERR | POLLNVAL))
        return error_set(err, "the supervisor is gone");
    return 0;
}

// Changing the user id makes the kernel forget the parent-death signal and reset dumpable: both come after
// it.
static int worker_close_off(struct worker *worker, struct error *err)
{
    const struct config *config = worker->config;
    struct account account;
    if (geteuid() == 0 && (account_find(config->user, config->group, &account, err) < 0 ||
                           privilege_give_up(&account, err) < 0))
        return -1;
    if (process_harden(err) < 0)
        return -1;
    if (chdir("/") < 0)
        return error_set(err, "changing to /: %s", strerror(errno));
    return worker_follow_supervisor(err);
}

// News must go on when the log cannot: syslog takes its place.
static void worker_open_log(struct worker *worker)
{
    struct error err = { 0 }, second;
    bool opened = log_setup_open(&worker->config->log, false, "ldapnotifyd", &err) == 0;
    if (!opened && log_open(LOG_TARGET_SYSLOG, NULL, (enum log_level)worker->config->log.level, "ldapnotifyd",
                            &second) == 0)
        log_error("logging to syslog instead", LOG_E(&err));
    if (worker_directory(worker))
        log_set_context("directory", worker_directory(worker));
}

static int worker_open_loop(struct worker *worker, struct error *err)
{
    struct timeval beat = interval(HEARTBEAT_INTERVAL);
    worker->loop = event_base_new();
    if (!worker->loop)
        return error_set(err, "making the event loop: %s", strerror(errno));
    worker->queue = channel_queue_new(worker, worker->loop, WORKER_CHANNEL);
    worker->channel = event_new(worker->loop, WORKER_CHANNEL, EV_READ | EV_PERSIST, worker_on_channel,
                                worker);
    worker->heartbeat = event_new(worker->loop, -1, EV_PERSIST, worker_on_heartbeat, worker);
    worker->status_timer = event_new(worker->loop, -1, 0, worker_on_status_timer, worker);
    bool made = worker->queue && worker->channel && worker->heartbeat && worker->status_timer;
    if (made && worker->handlers->wake) {
        worker->wake = event_new(worker->loop, WORKER_WAKE, EV_READ | EV_PERSIST, worker_on_wake, worker);
        made = worker->wake && event_add(worker->wake, NULL) == 0;
    }
    if (!made || event_add(worker->channel, NULL) < 0 || event_add(worker->heartbeat, &beat) < 0)
        return error_set(err, "setting up the event loop: %s", strerror(errno));
    return 0;
}

// Signals often go to the whole group (a terminal's, a shutdown's): the supervisor alone minds them and stops
// its workers in order.
static void worker_ignore_signals(void)
{
    const int ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
}

static int worker_prepare(struct worker *worker, struct error *err)
{
    prctl(PR_SET_NAME, "ldapnotifyd", 0, 0, 0); // executed through /proc/self/exe, it would be called "exe"
    worker_ignore_signals();
    if (worker_read_slice(worker, err) < 0 || worker_close_off(worker, err) < 0)
        return -1;
    worker_open_log(worker);
    return worker_open_loop(worker, err);
}

static int worker_start(struct worker *worker)
{
    struct error err = { 0 };
    worker_on_heartbeat(-1, 0, worker);
    if (worker->handlers->start(worker, &worker->context, &err) == 0)
        return 0;
    log_error("worker cannot start", LOG_S("worker", worker->name), LOG_E(&err));
    json_t *status = json_pack("{s:s}", "error", err.text);
    if (status)
        worker_status(worker, status);
    json_decref(status);
    worker->exit_status = EXIT_FAILURE;
    return -1;
}

static void worker_end(struct worker *worker)
{
    enum { EVENT_COUNT = 4 };
    struct event *events[EVENT_COUNT] = { worker->channel, worker->heartbeat, worker->wake,
                                          worker->status_timer };
    if (worker->queue && worker->loop) {
        worker_send_status(worker);
        channel_queue_flush(worker->queue, FLUSH_LIMIT);
    }
    TALLOC_FREE(worker->queue);
    for (size_t i = 0; i < EVENT_COUNT; i++)
        if (events[i])
            event_free(events[i]);
    if (worker->loop)
        event_base_free(worker->loop);
    free(worker->status);
    talloc_free(worker);
    log_close();
}

int worker_run(const char *name, int stuck_uri, const struct worker_handlers *handlers)
{
    struct error err = { 0 }, ignored;
    struct worker *worker = talloc_zero(NULL, struct worker);
    if (!worker)
        return EXIT_FAILURE;
    worker->name = name;
    worker->stuck_uri = stuck_uri;
    worker->handlers = handlers;
    if (worker_prepare(worker, &err) < 0) {
        // There may be no log yet; the supervisor has one.
        if (channel_send(WORKER_CHANNEL, &(struct frame){ .type = FRAME_FATAL }, err.text, strlen(err.text),
                         &ignored) < 0)
            fprintf(stderr, "ldapnotifyd: %s: %s\n", name, err.text);
        worker->exit_status = EXIT_FAILURE;
    } else if (worker_start(worker) == 0 && !worker->exiting) {
        worker_send_or_log(worker, &(struct frame){ .type = FRAME_READY }, NULL);
        log_info("worker started", LOG_S("worker", worker->name));
        while (!worker->exiting && event_base_dispatch(worker->loop) == 0)
            continue;
    }
    int status = worker->exit_status;
    worker_end(worker);
    return status;
}
