// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "member.h"

#define TICK_MOST CLOCK_SECOND

const struct supervisor_settings supervisor_defaults = {
    .heartbeat_limit = 15 * CLOCK_SECOND,
    .blocking_grace = 5 * CLOCK_SECOND,
    .start_limit = 2 * CLOCK_MINUTE,
    .stop_limit = 20 * CLOCK_SECOND,
    .well_after = CLOCK_MINUTE,
    .retry_first = CLOCK_SECOND,
    .retry_most = CLOCK_MINUTE,
};

struct member *member_find(const struct supervisor *supervisor, const char *name)
{
    for (struct member *member = supervisor->members; member; member = member->next)
        if (strcmp(member->name, name) == 0)
            return member;
    return NULL;
}

void supervisor_remove(struct member *member)
{
    struct supervisor *supervisor = member->supervisor;
    struct member **link = &supervisor->members;
    while (*link && *link != member)
        link = &(*link)->next;
    if (*link)
        *link = member->next;
    talloc_free(member);
}

static void supervisor_on_child(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct supervisor *supervisor = context;
    struct member *next;
    int status;
    for (struct member *member = supervisor->members; member; member = next) {
        next = member->next;
        if (member_alive(member) && waitpid(member->pid, &status, WNOHANG) == member->pid)
            member_reaped(member, status);
    }
    if (getpid() == 1) // the first process of a container inherits what others leave behind
        while (waitpid(-1, &status, WNOHANG | WNOWAIT) > 0 && waitpid(-1, &status, WNOHANG) > 0)
            continue;
    if (supervisor->stopping)
        supervisor_advance(supervisor);
}

// After a pause of the supervisor itself (a stopped machine, SIGSTOP) the heartbeats are old through no fault
// of the workers: everybody gets a new lease.
static void supervisor_on_tick(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct supervisor *supervisor = context;
    int64_t now = clock_monotonic(), pause = now - supervisor->ticked - supervisor->tick_interval;
    bool late = pause > supervisor->settings.heartbeat_limit / 3;
    supervisor->ticked = now;
    for (struct member *member = supervisor->members; member; member = member->next) {
        if (late) {
            member->heard = now;
            member->blocking_until += pause;
        }
        member_check(member, now);
    }
    relay_expire(supervisor);
}

static int supervisor_end(struct supervisor *supervisor)
{
    while (supervisor->members)
        supervisor_remove(supervisor->members);
    if (supervisor->child)
        event_free(supervisor->child);
    if (supervisor->tick)
        event_free(supervisor->tick);
    if (supervisor->wake >= 0)
        close(supervisor->wake);
    return 0;
}

struct supervisor *supervisor_new(TALLOC_CTX *ctx, struct event_base *loop,
                                  const struct supervisor_settings *settings, struct error *err)
{
    struct supervisor *supervisor = talloc_zero(ctx, struct supervisor);
    if (!supervisor) {
        error_set(err, "out of memory");
        return NULL;
    }
    supervisor->loop = loop;
    supervisor->settings = *settings;
    supervisor->ticked = clock_monotonic();
    supervisor->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    talloc_set_destructor(supervisor, supervisor_end);
    int64_t tick = settings->heartbeat_limit / 4 < TICK_MOST ? settings->heartbeat_limit / 4 : TICK_MOST;
    supervisor->tick_interval = tick;
    struct timeval every = { .tv_sec = tick / 1000, .tv_usec = tick % 1000 * 1000 };
    supervisor->child = event_new(loop, SIGCHLD, EV_SIGNAL | EV_PERSIST, supervisor_on_child, supervisor);
    supervisor->tick = event_new(loop, -1, EV_PERSIST, supervisor_on_tick, supervisor);
    if (supervisor->wake < 0 || !supervisor->child || !supervisor->tick ||
        event_add(supervisor->child, NULL) < 0 || event_add(supervisor->tick, &every) < 0) {
        error_set(err, "setting up the supervisor: %s", strerror(errno));
        TALLOC_FREE(supervisor);
    }
    return supervisor;
}

// Slices hold secrets.
static int slice_wipe(char *slice)
{
    explicit_bzero(slice, talloc_get_size(slice));
    return 0;
}

static char *slice_copy(TALLOC_CTX *ctx, const char *slice)
{
    char *copy = talloc_strdup(ctx, slice);
    if (copy)
        talloc_set_destructor(copy, slice_wipe);
    return copy;
}

static void supervisor_link(struct supervisor *supervisor, struct member *member)
{
    struct member **link = &supervisor->members;
    while (*link)
        link = &(*link)->next;
    *link = member;
}

// Everything that may fail, before anything is changed: every worker of the plan has a member with a next
// slice.
static int apply_prepare(struct supervisor *supervisor, const struct plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_worker *worker = &plan->workers[i];
        struct member *member = member_find(supervisor, worker->name);
        if (!member && (member = member_new(supervisor, worker->name, worker->duty)))
            supervisor_link(supervisor, member);
        if (!member || !(member->next_slice = slice_copy(member, worker->slice)))
            return error_set(err, "out of memory");
        member->next_files = worker->files;
    }
    return 0;
}

static void apply_undo(struct supervisor *supervisor)
{
    struct member *next;
    for (struct member *member = supervisor->members; member; member = next) {
        next = member->next;
        TALLOC_FREE(member->next_slice);
        if (!member->slice)
            supervisor_remove(member);
    }
}

static void apply_removed(struct member *member)
{
    log_notice("worker is no longer wanted", LOG_S("worker", member->name));
    if (member_alive(member)) {
        member_stop(member, THEN_REMOVE);
    } else {
        member_move(member, MEMBER_STOPPED);
        supervisor_remove(member);
    }
}

static void apply_wanted(struct member *member, bool revive)
{
    bool changed = !member->slice || strcmp(member->slice, member->next_slice) != 0 ||
                   member->files != member->next_files;
    talloc_free(member->slice);
    member->slice = member->next_slice;
    member->next_slice = NULL;
    member->files = member->next_files;
    if (changed) {
        member->stuck_uri = -1; // its numbers may mean other servers now
        member->failures = 0;
    }
    if (member_alive(member)) {
        if (changed)
            log_notice("replacing a worker: its configuration has changed", LOG_S("worker", member->name));
        if (changed || member->then == THEN_REMOVE)
            member_stop(member, THEN_REPLACE);
        else if (revive && member->duty == DUTY_WATCH)
            relay_retry(member);
    } else if (changed || revive) {
        member_start(member);
    }
}

int supervisor_apply(struct supervisor *supervisor, const struct plan *plan, bool revive, struct error *err)
{
    if (supervisor->stopping)
        return error_set(err, "ldapnotifyd is stopping");
    if (apply_prepare(supervisor, plan, err) < 0) {
        apply_undo(supervisor);
        return -1;
    }
    struct member *next;
    for (struct member *member = supervisor->members; member; member = next) {
        next = member->next;
        if (member->next_slice)
            apply_wanted(member, revive);
        else
            apply_removed(member);
    }
    return 0;
}

// Without workers of the duties before it, a duty has nothing more to come.
void supervisor_advance(struct supervisor *supervisor)
{
    if (supervisor->ended)
        return;
    for (unsigned duty = 0; duty < DUTY_COUNT; duty++) {
        bool some = false;
        for (struct member *member = supervisor->members; member; member = member->next)
            if (member->duty == duty && member_alive(member)) {
                some = true;
                member_stop(member, THEN_STOP);
            }
        if (some)
            return;
    }
    supervisor->ended = true;
    supervisor->settings.ended(supervisor->settings.context);
}

void supervisor_stop(struct supervisor *supervisor)
{
    bool again = supervisor->stopping;
    supervisor->stopping = true;
    for (struct member *member = supervisor->members; member; member = member->next) {
        if (again && member_alive(member) && member->state != MEMBER_KILLED)
            member_kill(member, "stop was asked for twice");
        else if (!member_alive(member) && member->state != MEMBER_STOPPED)
            member_move(member, MEMBER_STOPPED);
    }
    supervisor_advance(supervisor);
}

bool supervisor_settled(const struct supervisor *supervisor)
{
    for (const struct member *member = supervisor->members; member; member = member->next)
        if (!member->settled)
            return false;
    return true;
}
