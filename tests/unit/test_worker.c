// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "process/channel.h"
#include "process/privilege.h"
#include "process/worker.h"

// worker_run() in a process of its own; the test is its supervisor. A slice here is "USER GROUP".

#define PATIENCE (20 * CLOCK_SECOND)

struct config *config_read_slice(TALLOC_CTX *ctx, const char *text, struct error *err)
{
    char user[64], group[64];
    if (sscanf(text, "%63s %63s", user, group) != 2) {
        error_set(err, "the slice is damaged");
        return NULL;
    }
    struct config *config = talloc_zero(ctx, struct config);
    config->user = talloc_strdup(config, user);
    config->group = strcmp(group, "-") == 0 ? NULL : talloc_strdup(config, group);
    config->log.target = CONFIG_LOG_STDERR;
    config->log.level = 0;
    return config;
}

struct double_state {
    struct worker *worker;
    int wakes;
};

static struct double_state twin;

static int double_start(struct worker *worker, void **context, struct error *err)
{
    if (strcmp(worker_name(worker), "watch broken") == 0)
        return error_set(err, "the store is locked");
    twin.worker = worker;
    *context = &twin;
    if (strcmp(worker_name(worker), "watch refused") == 0) {
        error_set(err, "the password was refused");
        worker_fatal(worker, err);
    }
    return 0;
}

static json_t *describe_process(struct worker *worker)
{
    struct rlimit core;
    char here[256] = "";
    uid_t real, effective, saved;
    getrlimit(RLIMIT_CORE, &core);
    getresuid(&real, &effective, &saved);
    mode_t mask = umask(0);
    umask(mask);
    int death = 0;
    prctl(PR_GET_PDEATHSIG, &death);
    return json_pack("{s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:i, s:s, s:i, s:i}", "ok", 1,
                     "ruid", (int)real, "euid", (int)effective, "suid", (int)saved, "egid", (int)getegid(),
                     "groups", getgroups(0, NULL), "dumpable", prctl(PR_GET_DUMPABLE), "no_new_privs",
                     prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), "core", (int)core.rlim_cur, "umask", (int)mask,
                     "cwd", getcwd(here, sizeof here), "death", death, "directory",
                     worker_directory(worker) ? worker_directory(worker) : "", "stuck",
                     worker_stuck_uri(worker), "slice", fcntl(WORKER_SLICE, F_GETFD));
}

static void double_command(void *context, uint32_t request, const json_t *command)
{
    struct worker *worker = ((struct double_state *)context)->worker;
    const char *name = json_string_value(json_object_get(command, "command"));
    if (!name) {
        worker_reply_error(worker, request, "no \"%s\"", "command");
    } else if (strcmp(name, "describe") == 0) {
        json_t *reply = describe_process(worker);
        worker_reply(worker, request, reply);
        json_decref(reply);
    } else if (strcmp(name, "long") == 0) {
        char *text = malloc(FRAME_PAYLOAD_MOST + 1);
        memset(text, 'x', FRAME_PAYLOAD_MOST);
        text[FRAME_PAYLOAD_MOST] = '\0';
        json_t *reply = json_pack("{s:b, s:s}", "ok", 1, "text", text);
        worker_reply(worker, request, reply);
        json_decref(reply);
        free(text);
    } else if (strcmp(name, "status") == 0) {
        for (int i = 1; i <= 100; i++) {
            json_t *status = json_pack("{s:i}", "n", i);
            worker_status(worker, status);
            json_decref(status);
        }
    } else if (strcmp(name, "block") == 0) {
        worker_blocking(worker, clock_monotonic() + 12345, "TLS set-up", 3);
        worker_unblocked(worker);
    } else if (strcmp(name, "sleep") == 0) {
        for (;;) // stuck for good: only a signal gets through
            pause();
    } else if (strcmp(name, "ask") == 0) {
        struct error err = { 0 };
        if (worker_command(worker, "supervisor", 77, command, &err) < 0)
            worker_reply_error(worker, request, "%s", err.text);
    }
}

static void double_reply(void *context, uint32_t request, const json_t *reply)
{
    struct worker *worker = ((struct double_state *)context)->worker;
    json_t *status = json_pack("{s:i, s:b}", "answered", (int)request, "ok",
                               json_is_true(json_object_get(reply, "ok")));
    worker_status(worker, status);
    json_decref(status);
}

static void double_wake(void *context)
{
    struct double_state *state = context;
    json_t *status = json_pack("{s:i}", "wakes", ++state->wakes);
    worker_status(state->worker, status);
    json_decref(status);
}

static void double_stop(void *context)
{
    worker_exit(((struct double_state *)context)->worker);
}

static const struct worker_handlers handlers = { .start = double_start,
                                                 .command = double_command,
                                                 .wake = double_wake,
                                                 .reply = double_reply,
                                                 .stop = double_stop };

struct rig {
    pid_t pid;
    int channel, wake;
};

static _Noreturn void become_worker(const char *name, int channel, int slice, int wake)
{
    int high[3] = { fcntl(channel, F_DUPFD, 20), fcntl(slice, F_DUPFD, 20), fcntl(wake, F_DUPFD, 20) };
    for (int i = 0; i < 3; i++)
        dup2(high[i], WORKER_CHANNEL + i);
    for (int i = WORKER_WAKE + 1; i < 64; i++)
        close(i);
    _exit(worker_run(name, 4, &handlers));
}

static void start_worker(struct rig *rig, const char *name, const char *text)
{
    int pair[2];
    struct error err = { 0 };
    int slice = memfd_create("slice", MFD_CLOEXEC);
    if (channel_pair(pair, &err) < 0 || slice < 0 ||
        write(slice, text, strlen(text)) != (ssize_t)strlen(text))
        fail_msg("setting up: %s", err.text);
    rig->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rig->channel = pair[0];
    rig->pid = fork();
    if (rig->pid == 0)
        become_worker(name, pair[1], slice, rig->wake);
    close(pair[1]);
    close(slice);
}

// The next frame of this type; others are skipped. NULL when the worker has gone.
static struct frame *await_frame(struct rig *rig, enum frame_type type)
{
    struct error err = { 0 };
    int64_t until = clock_monotonic() + PATIENCE;
    for (;;) {
        struct pollfd ready = { .fd = rig->channel, .events = POLLIN };
        struct frame *frame;
        if (clock_monotonic() > until)
            fail_msg("no frame of type %d came", (int)type);
        poll(&ready, 1, 100);
        if (channel_receive(rig->channel, &frame, &err) < 0)
            return NULL;
        if (frame && frame->type == type)
            return frame;
    }
}

static void send_frame(struct rig *rig, enum frame_type type, const char *payload)
{
    struct error err = { 0 };
    struct frame header = { .type = type, .request = 9 };
    if (channel_send(rig->channel, &header, payload, strlen(payload), &err) < 0)
        fail_msg("%s", err.text);
}

static json_t *payload_of(const struct frame *frame)
{
    assert_non_null(frame);
    json_t *json = json_loadb(frame->payload, frame->length, 0, NULL);
    assert_non_null(json);
    return json;
}

static int wait_for_end(struct rig *rig)
{
    int status = -1;
    int64_t until = clock_monotonic() + PATIENCE;
    while (waitpid(rig->pid, &status, WNOHANG) != rig->pid) {
        if (clock_monotonic() > until) {
            kill(rig->pid, SIGKILL);
            fail_msg("the worker does not end");
        }
        poll(NULL, 0, 5);
    }
    rig->pid = 0;
    return status;
}

static int rig_make(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    rig->channel = rig->wake = -1;
    *state = rig;
    return 0;
}

static int rig_free(void **state)
{
    struct rig *rig = *state;
    if (rig->pid > 0) {
        kill(rig->pid, SIGKILL);
        waitpid(rig->pid, NULL, 0);
    }
    if (rig->channel >= 0)
        close(rig->channel);
    if (rig->wake >= 0)
        close(rig->wake);
    free(rig);
    return 0;
}

static json_int_t number_in(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

// The account that the tests give root up for; everybody else is not asked to.
static const char *account(void)
{
    return geteuid() == 0 ? "nobody nogroup" : "root -";
}

static void worker_is_closed_off(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "watch corp", account());
    assert_non_null(await_frame(rig, FRAME_HEARTBEAT));
    assert_non_null(await_frame(rig, FRAME_READY));
    send_frame(rig, FRAME_COMMAND, "{\"command\":\"describe\"}");
    struct frame *frame = await_frame(rig, FRAME_REPLY);
    json_t *reply = payload_of(frame);
    assert_int_equal(frame->request, 9);
    assert_int_equal(number_in(reply, "dumpable"), 0);
    assert_int_equal(number_in(reply, "no_new_privs"), 1);
    assert_int_equal(number_in(reply, "core"), 0);
    assert_int_equal(number_in(reply, "umask"), 077);
    assert_int_equal(number_in(reply, "death"), SIGKILL);
    assert_int_equal(number_in(reply, "stuck"), 4);
    assert_string_equal(json_string_value(json_object_get(reply, "cwd")), "/");
    assert_string_equal(json_string_value(json_object_get(reply, "directory")), "corp");
    json_decref(reply);
}

static void root_is_given_up(void **state)
{
    struct rig *rig = *state;
    struct account nobody = { 0 };
    struct error err = { 0 };
    assert_int_equal(account_find("nobody", "nogroup", &nobody, &err), 0);
    start_worker(rig, "deliver", "nobody nogroup");
    assert_non_null(await_frame(rig, FRAME_READY));
    send_frame(rig, FRAME_COMMAND, "{\"command\":\"describe\"}");
    json_t *reply = payload_of(await_frame(rig, FRAME_REPLY));
    assert_int_equal(number_in(reply, "ruid"), nobody.uid);
    assert_int_equal(number_in(reply, "euid"), nobody.uid);
    assert_int_equal(number_in(reply, "suid"), nobody.uid);
    assert_int_equal(number_in(reply, "egid"), nobody.gid);
    assert_true(number_in(reply, "groups") <= 1);
    json_decref(reply);
}

static void unknown_account_is_said_and_final(void **state)
{
    static const struct {
        const char *slice, *words;
    } cases[] = {
        { "no-such-user -", "there is no user \"no-such-user\"" },
        { "nobody no-such-group", "there is no group \"no-such-group\"" },
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_worker(rig, "deliver", cases[i].slice);
        struct frame *frame = await_frame(rig, FRAME_FATAL);
        assert_non_null(frame);
        assert_true(memmem(frame->payload, frame->length, cases[i].words, strlen(cases[i].words)));
        assert_int_equal(WEXITSTATUS(wait_for_end(rig)), 1);
        close(rig->channel);
        close(rig->wake);
    }
    rig->channel = rig->wake = -1;
}

static void damaged_slice_is_final(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "deliver", "x");
    assert_non_null(await_frame(rig, FRAME_FATAL));
    assert_int_equal(WEXITSTATUS(wait_for_end(rig)), 1);
}

static void failed_start_says_why_and_ends(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "watch broken", account());
    json_t *status = payload_of(await_frame(rig, FRAME_STATUS));
    assert_string_equal(json_string_value(json_object_get(status, "error")), "the store is locked");
    json_decref(status);
    assert_null(await_frame(rig, FRAME_READY));
    assert_int_equal(WEXITSTATUS(wait_for_end(rig)), 1);
}

static void worker_that_gives_up_says_so(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "watch refused", account());
    struct frame *frame = await_frame(rig, FRAME_FATAL);
    assert_non_null(frame);
    assert_memory_equal(frame->payload, "the password was refused", frame->length);
    assert_int_equal(WEXITSTATUS(wait_for_end(rig)), 1);
}

static void worker_stops_when_told(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "deliver", account());
    assert_non_null(await_frame(rig, FRAME_READY));
    send_frame(rig, FRAME_STOP, "");
    assert_int_equal(wait_for_end(rig), 0);
}

static void worker_leaves_signals_to_its_supervisor(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "deliver", account());
    assert_non_null(await_frame(rig, FRAME_READY));
    const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1 };
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        kill(rig->pid, ignored[i]);
    send_frame(rig, FRAME_COMMAND, "{\"command\":\"describe\"}");
    assert_non_null(await_frame(rig, FRAME_REPLY));
    send_frame(rig, FRAME_STOP, "");
    assert_int_equal(wait_for_end(rig), 0);
}

static void worker_ends_with_the_channel(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "deliver", account());
    assert_non_null(await_frame(rig, FRAME_READY));
    close(rig->channel);
    rig->channel = -1;
    assert_int_equal(WEXITSTATUS(wait_for_end(rig)), 1);
}

// A stuck worker cannot read its channel; the kernel's signal ends it when its supervisor is killed.
static void stuck_worker_ends_with_its_supervisor(void **state)
{
    struct rig *rig = *state;
    int report[2];
    pid_t worker = 0;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(pipe(report), 0);
    pid_t supervisor = fork();
    if (supervisor == 0) {
        start_worker(rig, "watch corp", account());
        await_frame(rig, FRAME_READY);
        send_frame(rig, FRAME_COMMAND, "{\"command\":\"sleep\"}");
        if (write(report[1], &rig->pid, sizeof rig->pid) != sizeof rig->pid)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(report[0], &worker, sizeof worker), sizeof worker);
    close(report[0]);
    close(report[1]);
    kill(supervisor, SIGKILL);
    assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
    rig->pid = worker; // adopted
    int status = wait_for_end(rig);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void status_is_throttled_and_the_last_one_comes(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "deliver", account());
    assert_non_null(await_frame(rig, FRAME_READY));
    send_frame(rig, FRAME_COMMAND, "{\"command\":\"status\"}");
    int frames = 0;
    json_int_t last = 0;
    while (last != 100) {
        json_t *status = payload_of(await_frame(rig, FRAME_STATUS));
        last = number_in(status, "n");
        json_decref(status);
        frames++;
    }
    assert_true(frames <= 3);
}

static void last_status_comes_before_the_end(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "deliver", account());
    assert_non_null(await_frame(rig, FRAME_READY));
    send_frame(rig, FRAME_COMMAND, "{\"command\":\"status\"}");
    send_frame(rig, FRAME_STOP, "");
    json_int_t last = 0;
    for (struct frame *frame; (frame = await_frame(rig, FRAME_STATUS));) {
        json_t *status = payload_of(frame);
        last = number_in(status, "n");
        json_decref(status);
    }
    assert_int_equal(last, 100);
}

static void blocking_is_announced(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "watch corp", account());
    assert_non_null(await_frame(rig, FRAME_READY));
    int64_t before = clock_monotonic();
    send_frame(rig, FRAME_COMMAND, "{\"command\":\"block\"}");
    struct frame *frame = await_frame(rig, FRAME_BLOCKING);
    assert_non_null(frame);
    assert_true(frame->number >= before + 12345 && frame->number <= clock_monotonic() + 12345);
    assert_int_equal(frame->number2, 3);
    assert_int_equal(frame->length, strlen("TLS set-up"));
    assert_memory_equal(frame->payload, "TLS set-up", frame->length);
    assert_non_null(await_frame(rig, FRAME_UNBLOCKED));
}

static void answers_that_cannot_be_given_are_errors(void **state)
{
    static const char *const commands[] = { "{\"command\":\"long\"}", "{}", "not json" };
    struct rig *rig = *state;
    start_worker(rig, "deliver", account());
    assert_non_null(await_frame(rig, FRAME_READY));
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        send_frame(rig, FRAME_COMMAND, commands[i]);
        json_t *reply = payload_of(await_frame(rig, FRAME_REPLY));
        assert_true(json_is_false(json_object_get(reply, "ok")));
        assert_non_null(json_string_value(json_object_get(reply, "error")));
        json_decref(reply);
    }
}

static void wake_reaches_the_worker(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "deliver", account());
    assert_non_null(await_frame(rig, FRAME_READY));
    const uint64_t one = 1;
    assert_int_equal(write(rig->wake, &one, sizeof one), sizeof one);
    json_t *status = payload_of(await_frame(rig, FRAME_STATUS));
    assert_int_equal(number_in(status, "wakes"), 1);
    json_decref(status);
}

static void control_asks_and_is_answered(void **state)
{
    struct rig *rig = *state;
    start_worker(rig, "control", account());
    assert_non_null(await_frame(rig, FRAME_READY));
    send_frame(rig, FRAME_COMMAND, "{\"command\":\"ask\"}");
    struct frame *frame = await_frame(rig, FRAME_COMMAND);
    assert_non_null(frame);
    assert_string_equal(frame->peer, "supervisor");
    assert_int_equal(frame->request, 77);
    send_frame(rig, FRAME_REPLY, "{\"ok\":true}");
    json_t *status = payload_of(await_frame(rig, FRAME_STATUS));
    assert_int_equal(number_in(status, "answered"), 9);
    assert_true(json_is_true(json_object_get(status, "ok")));
    json_decref(status);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_make, rig_free)
    const struct CMUnitTest tests[] = {
        TEST(worker_is_closed_off),
        TEST(damaged_slice_is_final),
        TEST(failed_start_says_why_and_ends),
        TEST(worker_that_gives_up_says_so),
        TEST(worker_stops_when_told),
        TEST(worker_leaves_signals_to_its_supervisor),
        TEST(worker_ends_with_the_channel),
        TEST(stuck_worker_ends_with_its_supervisor),
        TEST(status_is_throttled_and_the_last_one_comes),
        TEST(last_status_comes_before_the_end),
        TEST(blocking_is_announced),
        TEST(answers_that_cannot_be_given_are_errors),
        TEST(wake_reaches_the_worker),
        TEST(control_asks_and_is_answered),
        TEST(root_is_given_up),
        TEST(unknown_account_is_said_and_final),
    };
    size_t count = sizeof tests / sizeof *tests;
    // cmocka's skip() is a failure in TAP, so what only root can try is left out.
    if (geteuid() != 0) {
        count -= 2;
        printf("# not run, for they need root: root_is_given_up, unknown_account_is_said_and_final\n");
    }
    return _cmocka_run_group_tests("worker", tests, count, NULL, NULL);
}
