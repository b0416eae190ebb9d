// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_MEMBER_H
#define LDAPNOTIFY_DAEMON_MEMBER_H

// Inside the supervisor: one worker under its care, and what the supervisor's files share.

#include <sys/types.h>

#include "process/channel.h"
#include "process/channel_queue.h"
#include "supervisor.h"

enum member_state {
    MEMBER_NEW, // not started yet
    MEMBER_STARTING, // executed, READY has not come
    MEMBER_RUNNING,
    MEMBER_BLOCKING, // announced a call that blocks until `blocking_until`
    MEMBER_STOPPING, // asked to stop
    MEMBER_KILLED, // SIGKILL sent, not reaped yet
    MEMBER_WAITING, // dead, restarted after a while
    MEMBER_FATAL, // dead, restarted by a reload only
    MEMBER_STOPPED, // dead, not to be restarted
};

// What becomes of a member when its process has ended.
enum member_then { THEN_RESTART, THEN_REPLACE, THEN_STOP, THEN_REMOVE };

struct member {
    struct supervisor *supervisor;
    struct member *next;
    char *name, *slice, *next_slice; // next_slice while a plan is applied
    uint64_t files, next_files;
    enum duty duty;

    enum member_state state;
    enum member_then then;
    int64_t since; // wall clock, for people
    int64_t entered; // monotonic, for limits
    struct event *timer;

    pid_t pid; // 0: no process
    int channel;
    struct event *readable;
    struct channel_queue *queue;
    bool ready, settled;
    bool reaped; // its process is gone, its last frames are being read
    int64_t ready_at; // monotonic
    int64_t heard; // last sign of life
    int64_t blocking_until;
    int blocking_uri, stuck_uri;
    char *blocking_what;
    unsigned failures; // in a row
    unsigned restarts;
    char *fatal; // from FRAME_FATAL
    char *status; // JSON, the last FRAME_STATUS
    char *trouble; // how the last process ended, for status
};

struct pending {
    struct pending *next;
    uint32_t id; // in the forwarded frame
    uint32_t request; // as control numbered it
    struct member *asker, *asked;
    int64_t since;
};

struct supervisor {
    struct event_base *loop;
    struct supervisor_settings settings;
    struct member *members;
    struct event *child, *tick;
    int64_t tick_interval, ticked;
    int wake;
    bool stopping, ended;
    struct pending *pending;
    unsigned pending_count;
    uint32_t last_id;
};

#define SUPERVISOR_FRAMES_PER_TURN 64

const char *member_state_name(enum member_state state);
bool member_alive(const struct member *member);
struct member *member_find(const struct supervisor *supervisor, const char *name);

// member.c
struct member *member_new(struct supervisor *supervisor, const char *name, enum duty duty); // not linked yet
void member_start(struct member *member);
void member_stop(struct member *member, enum member_then then);
void member_kill(struct member *member, const char *reason);
// Looks at the limits of the state that the member is in.
void member_check(struct member *member, int64_t now);
// The process was reaped. The member may be freed.
void member_reaped(struct member *member, int wait_status);
// Every state change goes through here.
void member_move(struct member *member, enum member_state state);

// supervisor.c. A member has ended while everything stops: who comes next?
void supervisor_advance(struct supervisor *supervisor);
void supervisor_remove(struct member *member); // unlinks and frees

// launch.c. Makes the channel and the process; the caller moves the state.
int member_launch(struct member *member, struct error *err) MUST_CHECK;

// relay.c
void relay_command(struct member *asker, const struct frame *frame);
void relay_reply(struct member *asked, const struct frame *frame);
// The process of `member` has ended: who waits for it gets an error, what it waited for is forgotten.
void relay_forget(struct member *member);
// Tells a worker that nobody replaced of a reload.
void relay_retry(struct member *member);
// Answers what waited too long.
void relay_expire(struct supervisor *supervisor);

#endif
