// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "member.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"

// An announced blocking call may not last longer than this, whatever the worker says.
#define BLOCKING_MOST CLOCK_HOUR
#define EXIT_NOT_EXECUTED 127

#define TO(state) (1u << MEMBER_##state)
#define TO_AN_END (TO(KILLED) | TO(WAITING) | TO(FATAL) | TO(STOPPED))

static const struct {
    const char *name;
    unsigned next; // states that may follow
} states[] = {
    [MEMBER_NEW] = { "new", TO(STARTING) | TO(WAITING) | TO(STOPPED) },
    [MEMBER_STARTING] = { "starting", TO(RUNNING) | TO(BLOCKING) | TO(STOPPING) | TO_AN_END },
    [MEMBER_RUNNING] = { "running", TO(BLOCKING) | TO(STOPPING) | TO_AN_END },
    [MEMBER_BLOCKING] = { "blocking", TO(BLOCKING) | TO(STARTING) | TO(RUNNING) | TO(STOPPING) | TO_AN_END },
    [MEMBER_STOPPING] = { "stopping", TO(STARTING) | TO(KILLED) | TO(WAITING) | TO(STOPPED) },
    [MEMBER_KILLED] = { "killed", TO(STARTING) | TO(WAITING) | TO(FATAL) | TO(STOPPED) },
    [MEMBER_WAITING] = { "waiting", TO(WAITING) | TO(STARTING) | TO(STOPPED) },
    [MEMBER_FATAL] = { "fatal", TO(STARTING) | TO(WAITING) | TO(STOPPED) },
    [MEMBER_STOPPED] = { "stopped", 0 },
};

const char *member_state_name(enum member_state state)
{
    return states[state].name;
}

bool member_alive(const struct member *member)
{
    return member->pid > 0;
}

static void member_set_timer(struct member *member, int64_t milliseconds)
{
    struct timeval after = { .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 };
    event_add(member->timer, &after);
}

void member_move(struct member *member, enum member_state state)
{
    if (!(states[member->state].next & 1u << state))
        log_error("worker in an impossible state", LOG_S("worker", member->name),
                  LOG_S("from", states[member->state].name), LOG_S("to", states[state].name));
    log_debug("worker state", LOG_S("worker", member->name), LOG_S("from", states[member->state].name),
              LOG_S("to", states[state].name), LOG_I("pid", member->pid));
    event_del(member->timer);
    if (state != member->state)
        member->since = clock_now();
    member->state = state;
    member->entered = clock_monotonic();
    if (state == MEMBER_STOPPING || state == MEMBER_KILLED)
        member_set_timer(member, member->supervisor->settings.stop_limit);
    if (state == MEMBER_RUNNING || state == MEMBER_WAITING || state == MEMBER_FATAL)
        member->settled = true;
    if (member->supervisor->settings.changed)
        member->supervisor->settings.changed(member->supervisor->settings.context);
}

static void member_set_text(struct member *member, char **text, const char *value, size_t length)
{
    TALLOC_FREE(*text);
    if (value)
        *text = talloc_strndup(member, value, length);
}

static void member_on_blocking(struct member *member, const struct frame *frame)
{
    int64_t now = clock_monotonic(), most = now + BLOCKING_MOST;
    if (member->state != MEMBER_STARTING && member->state != MEMBER_RUNNING &&
        member->state != MEMBER_BLOCKING)
        return;
    member->blocking_until = frame->number < now ? now : frame->number > most ? most : frame->number;
    member->blocking_uri = frame->number2 >= 0 && frame->number2 < 1024 ? (int)frame->number2 : -1;
    member_set_text(member, &member->blocking_what, frame->payload, frame->length);
    member_move(member, MEMBER_BLOCKING);
}

static void member_on_unblocked(struct member *member)
{
    member_set_text(member, &member->blocking_what, NULL, 0);
    if (member->state == MEMBER_BLOCKING)
        member_move(member, member->ready ? MEMBER_RUNNING : MEMBER_STARTING);
}

static void member_on_ready(struct member *member)
{
    if (member->ready)
        return;
    member->ready = true;
    member->ready_at = clock_monotonic();
    log_info("worker is ready", LOG_S("worker", member->name), LOG_I("pid", member->pid));
    if (member->state == MEMBER_STARTING)
        member_move(member, MEMBER_RUNNING);
}

static void member_on_frame(struct member *member, const struct frame *frame)
{
    switch ((enum frame_type)frame->type) {
    case FRAME_HEARTBEAT: member->heard = clock_monotonic(); break;
    case FRAME_READY:
        member->heard = clock_monotonic();
        member_on_ready(member);
        break;
    case FRAME_BLOCKING: member_on_blocking(member, frame); break;
    case FRAME_UNBLOCKED:
        member->heard = clock_monotonic();
        member_on_unblocked(member);
        break;
    case FRAME_STATUS: member_set_text(member, &member->status, frame->payload, frame->length); break;
    case FRAME_FATAL: member_set_text(member, &member->fatal, frame->payload, frame->length); break;
    case FRAME_COMMAND:
        if (!member->reaped) // nobody is left to hear the answer
            relay_command(member, frame);
        break;
    case FRAME_REPLY: relay_reply(member, frame); break;
    case FRAME_STOP:
        log_warning("unexpected message from a worker", LOG_S("worker", member->name),
                    LOG_I("type", frame->type));
        break;
    }
}

// False when the channel has nothing more to say, ever.
static bool member_read(struct member *member, int budget)
{
    struct error err = { 0 };
    while (budget-- > 0) {
        struct frame *frame;
        if (channel_receive(member->channel, &frame, &err) < 0) {
            if (err.code == EBADMSG)
                log_error("worker sends nonsense", LOG_S("worker", member->name), LOG_E(&err));
            return false;
        }
        if (!frame)
            return true;
        member_on_frame(member, frame);
    }
    return true;
}

static void member_on_readable(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct member *member = context;
    if (member_read(member, SUPERVISOR_FRAMES_PER_TURN))
        return;
    // Nobody can be looked after without a channel. One that is ending anyway does not feel it.
    event_del(member->readable);
    kill(member->pid, SIGKILL);
}

static void member_on_timer(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct member *member = context;
    if (member->state == MEMBER_WAITING) {
        member_start(member);
    } else if (member->state == MEMBER_STOPPING) {
        member_kill(member, "it did not stop in time");
    } else if (member->state == MEMBER_KILLED) {
        log_error("killed worker does not die", LOG_S("worker", member->name), LOG_I("pid", member->pid));
        member_set_timer(member, member->supervisor->settings.stop_limit);
        if (member->supervisor->stopping) {
            member->pid = 0;
            member_move(member, MEMBER_STOPPED);
            supervisor_advance(member->supervisor);
        }
    }
}

static void member_unplug(struct member *member)
{
    TALLOC_FREE(member->queue);
    if (member->readable)
        event_free(member->readable);
    member->readable = NULL;
    if (member->channel >= 0)
        close(member->channel);
    member->channel = -1;
}

static int member_end(struct member *member)
{
    if (member->pid > 0) {
        kill(member->pid, SIGKILL);
        while (waitpid(member->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    member_unplug(member);
    if (member->timer)
        event_free(member->timer);
    return 0;
}

struct member *member_new(struct supervisor *supervisor, const char *name, enum duty duty)
{
    struct member *member = talloc_zero(supervisor, struct member);
    if (!member)
        return NULL;
    member->supervisor = supervisor;
    member->duty = duty;
    member->channel = -1;
    member->stuck_uri = member->blocking_uri = -1;
    member->since = clock_now();
    talloc_set_destructor(member, member_end);
    member->name = talloc_strdup(member, name);
    member->timer = event_new(supervisor->loop, -1, 0, member_on_timer, member);
    if (!member->name || !member->timer)
        TALLOC_FREE(member);
    return member;
}

static void member_retry(struct member *member)
{
    const struct supervisor_settings *settings = &member->supervisor->settings;
    member->failures++;
    int64_t wait = backoff_wait(member->failures, settings->retry_first, settings->retry_most,
                                backoff_random());
    log_warning("worker will be restarted", LOG_S("worker", member->name), LOG_S("reason", member->trouble),
                LOG_I("failures", member->failures), LOG_I("wait_ms", wait));
    member_move(member, MEMBER_WAITING);
    member_set_timer(member, wait);
}

static int member_plug(struct member *member, struct error *err)
{
    member->queue = channel_queue_new(member, member->supervisor->loop, member->channel);
    member->readable = event_new(member->supervisor->loop, member->channel, EV_READ | EV_PERSIST,
                                 member_on_readable, member);
    if (!member->queue || !member->readable || event_add(member->readable, NULL) < 0)
        return error_set(err, "listening to %s: %s", member->name, strerror(errno));
    return 0;
}

void member_start(struct member *member)
{
    struct error err = { 0 };
    member->ready = false;
    member->then = THEN_RESTART;
    if (member->state != MEMBER_NEW)
        member->restarts++;
    member_set_text(member, &member->fatal, NULL, 0);
    member_set_text(member, &member->status, NULL, 0);
    if (member_launch(member, &err) < 0) {
        member_set_text(member, &member->trouble, err.text, strlen(err.text));
        member_retry(member);
        return;
    }
    member->heard = clock_monotonic();
    member_move(member, MEMBER_STARTING);
    if (member_plug(member, &err) < 0)
        member_kill(member, err.text);
}

void member_kill(struct member *member, const char *reason)
{
    log_error("killing a worker", LOG_S("worker", member->name), LOG_I("pid", member->pid),
              LOG_S("reason", reason));
    member_set_text(member, &member->trouble, reason, strlen(reason));
    kill(member->pid, SIGKILL);
    member_move(member, MEMBER_KILLED);
}

void member_stop(struct member *member, enum member_then then)
{
    struct error err = { 0 };
    member->then = then;
    if (!member_alive(member) || member->state == MEMBER_STOPPING || member->state == MEMBER_KILLED)
        return;
    member_move(member, MEMBER_STOPPING);
    if (channel_queue_send(member->queue, &(struct frame){ .type = FRAME_STOP }, NULL, 0, &err) < 0) {
        if (err.code == EAGAIN)
            member_kill(member, err.text);
        else // it is ending already
            kill(member->pid, SIGKILL);
    }
}

void member_check(struct member *member, int64_t now)
{
    const struct supervisor_settings *settings = &member->supervisor->settings;
    if (member->ready && now - member->ready_at >= settings->well_after) {
        member->failures = 0;
        member->stuck_uri = -1;
    }
    if (member->state == MEMBER_STARTING && now - member->heard > settings->start_limit) {
        member_kill(member, "it did not become ready in time");
    } else if (member->state == MEMBER_RUNNING && now - member->heard > settings->heartbeat_limit) {
        member_kill(member, "it hangs: no heartbeat");
    } else if (member->state == MEMBER_BLOCKING && now > member->blocking_until + settings->blocking_grace) {
        member->stuck_uri = member->blocking_uri;
        char *reason = talloc_asprintf(member, "it is stuck: %s",
                                       member->blocking_what ? member->blocking_what : "");
        member_kill(member, reason ? reason : "it is stuck");
        talloc_free(reason);
    }
}

// A reason that is known already (why it was killed) says more than the signal.
static void member_describe_end(struct member *member, int wait_status)
{
    if (member->state == MEMBER_KILLED)
        return;
    TALLOC_FREE(member->trouble);
    if (WIFSIGNALED(wait_status))
        member->trouble = talloc_asprintf(member, "it was ended by signal %d (%s)", WTERMSIG(wait_status),
                                          strsignal(WTERMSIG(wait_status)));
    else if (WEXITSTATUS(wait_status) == EXIT_NOT_EXECUTED)
        member->trouble = talloc_asprintf(member, "%s could not be executed",
                                          member->supervisor->settings.program);
    else
        member->trouble = talloc_asprintf(member, "it ended with status %d", WEXITSTATUS(wait_status));
}

void member_reaped(struct member *member, int wait_status)
{
    struct supervisor *supervisor = member->supervisor;
    // Its last words may still be in the channel.
    member->reaped = true;
    if (member->channel >= 0)
        member_read(member, INT16_MAX);
    member_describe_end(member, wait_status);
    member->reaped = false;
    member->pid = 0;
    member_unplug(member);
    relay_forget(member);
    if (supervisor->stopping || member->then == THEN_STOP || member->then == THEN_REMOVE) {
        member_move(member, MEMBER_STOPPED);
        if (member->then == THEN_REMOVE)
            supervisor_remove(member);
    } else if (member->then == THEN_REPLACE) {
        member->failures = 0;
        member_start(member);
    } else if (member->fatal) {
        log_error("worker gave up; it is started again by a reload", LOG_S("worker", member->name),
                  LOG_S("reason", member->fatal));
        member_move(member, MEMBER_FATAL);
    } else {
        member_retry(member);
    }
}
