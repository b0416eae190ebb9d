// SPDX-License-Identifier: Apache-2.0
// A worker for test_supervisor. Its slice says how it behaves: "TRACE-FILE BEHAVIOUR ARGUMENT". What happens
// to it goes to the trace file, a line each.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/channel.h"
#include "process/worker.h"

static char path[256], behaviour[64], argument[512];
static const char *name = "", *stuck = "-1";

static void trace(const char *what, const char *more, size_t length)
{
    char line[1024];
    int size = snprintf(line, sizeof line, "%s %s %.*s\n", what, name, (int)length, more);
    int descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 || write(descriptor, line, (size_t)size) != size)
        _exit(99);
    close(descriptor);
}

static void say(enum frame_type type, int64_t number, int64_t number2, const char *payload)
{
    struct error err;
    struct frame header = { .type = type, .number = number, .number2 = number2 };
    if (channel_send(WORKER_CHANNEL, &header, payload, strlen(payload), &err) < 0)
        _exit(98);
}

static bool is(const char *word)
{
    return strcmp(behaviour, word) == 0;
}

static void ask(void)
{
    struct error err;
    struct frame header = { .type = FRAME_COMMAND, .request = 41 };
    const char *colon = strchr(argument, ':'); // PEER:JSON
    snprintf(header.peer, sizeof header.peer, "%.*s", (int)(colon - argument), argument);
    if (channel_send(WORKER_CHANNEL, &header, colon + 1, strlen(colon + 1), &err) < 0)
        _exit(98);
}

static void on_frame(const struct frame *frame)
{
    if (frame->type == FRAME_STOP) {
        trace("stop", "", 0);
        if (!is("deaf"))
            exit(0);
    } else if (frame->type == FRAME_COMMAND) {
        struct error err;
        trace("command", frame->payload, frame->length);
        if (is("mute"))
            exit(5);
        if (channel_send(WORKER_CHANNEL, &(struct frame){ .type = FRAME_REPLY, .request = frame->request },
                         "{\"ok\":true,\"echo\":1}", 20, &err) < 0)
            _exit(98);
    } else if (frame->type == FRAME_REPLY) {
        trace(frame->request == 41 ? "reply" : "stray", frame->payload, frame->length);
    }
}

static void serve(void)
{
    struct error err;
    struct frame *frame;
    for (;;) {
        struct pollfd ready = { .fd = WORKER_CHANNEL, .events = POLLIN };
        if (poll(&ready, 1, 50) < 0)
            exit(97);
        say(FRAME_HEARTBEAT, 0, 0, "");
        for (;;) {
            if (channel_receive(WORKER_CHANNEL, &frame, &err) < 0)
                exit(96);
            if (!frame)
                break;
            on_frame(frame);
        }
    }
}

static void hang(void)
{
    for (;;)
        pause();
}

static void read_slice(void)
{
    char slice[1024] = { 0 };
    if (pread(WORKER_SLICE, slice, sizeof slice - 1, 0) <= 0 ||
        sscanf(slice, "%255s %63s %511[^\n]", path, behaviour, argument) < 2)
        exit(95);
    // Sealed: nobody can change it any more.
    if (write(WORKER_SLICE, "x", 1) >= 0)
        exit(94);
}

static void describe_self(void)
{
    char text[768];
    const uint64_t one = 1;
    bool wake = write(WORKER_WAKE, &one, sizeof one) == sizeof one;
    int others = 0;
    for (int descriptor = WORKER_WAKE + 1; descriptor < 64; descriptor++)
        others += fcntl(descriptor, F_GETFD) >= 0;
    snprintf(text, sizeof text, "stuck=%s wake=%d others=%d secret=%d pid=%ld %s", stuck, wake, others,
             getenv("TEST_SECRET") != NULL, (long)getpid(), argument);
    trace("start", text, strlen(text));
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--worker=", 9) == 0)
            name = argv[i] + 9;
        if (strncmp(argv[i], "--stuck-uri=", 12) == 0)
            stuck = argv[i] + 12;
    }
    read_slice();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    describe_self();
    if (is("unready"))
        exit(4);
    if (is("fatal")) {
        say(FRAME_FATAL, 0, 0, "the password was refused twice");
        exit(1);
    }
    if (is("never-ready"))
        hang();
    say(FRAME_READY, 0, 0, "");
    say(FRAME_STATUS, 0, 0, "{\"state\":\"persisting\",\"entries\":3}");
    if (is("crash"))
        exit(3);
    if (is("nonsense") && write(WORKER_CHANNEL, "nonsense", 8) != 8)
        exit(93);
    if (is("hang"))
        hang();
    if (is("stuck") && strcmp(stuck, "-1") == 0) {
        say(FRAME_BLOCKING, clock_monotonic() + 50, 2, "TLS set-up with ldap3");
        hang();
    }
    if (is("patient")) { // blocks for longer than the heartbeat limit, as announced
        say(FRAME_BLOCKING, clock_monotonic() + 60000, 0, "TLS set-up");
        poll(NULL, 0, atoi(argument));
        say(FRAME_UNBLOCKED, 0, 0, "");
        trace("unblocked", "", 0);
    }
    if (is("ask"))
        ask();
    serve();
    return 0;
}
