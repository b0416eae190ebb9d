// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/daemon/supervisor.h"
#include "base/clock.h"

// Workers here are tests/unit/supervised, which does what its slice says and tells in a file what happened to
// it.

#define PATIENCE (30 * CLOCK_SECOND)

struct rig {
    struct event_base *loop;
    struct event *beat; // lets a waiting test look again
    struct supervisor *supervisor;
    struct plan plan;
    struct plan_worker workers[8];
    char directory[64], trace[96], slices[8][512];
    int reloads, ended;
    char reloaded_by[64];
    bool reload_fails;
};

static void on_beat(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what, (void)context;
}

static int on_reload(void *context, const char *who, struct error *err)
{
    struct rig *rig = context;
    rig->reloads++;
    snprintf(rig->reloaded_by, sizeof rig->reloaded_by, "%s", who);
    return rig->reload_fails ? error_set(err, "ldapnotify.conf:3: no such key \"colour\"") : 0;
}

static void on_ended(void *context)
{
    ((struct rig *)context)->ended++;
}

static void on_describe(void *context, json_t *status)
{
    (void)context;
    json_object_set_new(status, "version", json_string("9.9"));
}

static int rig_make(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct error err = { 0 };
    static char program[512];
    snprintf(rig->directory, sizeof rig->directory, "/tmp/test_supervisor.XXXXXX");
    if (!mkdtemp(rig->directory))
        return -1;
    snprintf(rig->trace, sizeof rig->trace, "%s/trace", rig->directory);
    const char *built = getenv("top_builddir");
    snprintf(program, sizeof program, "%s/tests/unit/supervised", built ? built : ".");
    struct supervisor_settings settings = {
        .program = program,
        .heartbeat_limit = 1000,
        .blocking_grace = 100,
        .start_limit = 20000,
        .stop_limit = 1000,
        .well_after = 60000,
        .retry_first = 20,
        .retry_most = 200,
        .reload = on_reload,
        .ended = on_ended,
        .describe = on_describe,
        .context = rig,
    };
    setenv("TEST_SECRET", "of another worker", 1);
    rig->plan.workers = rig->workers;
    rig->loop = event_base_new();
    rig->beat = event_new(rig->loop, -1, EV_PERSIST, on_beat, NULL);
    event_add(rig->beat, &(struct timeval){ .tv_usec = 5000 });
    rig->supervisor = supervisor_new(NULL, rig->loop, &settings, &err);
    *state = rig;
    return rig->supervisor ? 0 : -1;
}

static int rig_free(void **state)
{
    struct rig *rig = *state;
    talloc_free(rig->supervisor);
    event_free(rig->beat);
    event_base_free(rig->loop);
    unlink(rig->trace);
    rmdir(rig->directory);
    free(rig);
    return 0;
}

static void plan_clear(struct rig *rig)
{
    rig->plan.count = 0;
}

static void plan_add(struct rig *rig, const char *name, const char *behaviour)
{
    size_t i = rig->plan.count++;
    enum duty duty = strcmp(name, "control") == 0   ? DUTY_CONTROL
                     : strcmp(name, "deliver") == 0 ? DUTY_DELIVER
                                                    : DUTY_WATCH;
    snprintf(rig->slices[i], sizeof rig->slices[i], "%s %s", rig->trace, behaviour);
    rig->workers[i] =
        (struct plan_worker){ .name = (char *)(uintptr_t)name, .duty = duty, .slice = rig->slices[i] };
}

static void apply(struct rig *rig, bool revive)
{
    struct error err = { 0 };
    if (supervisor_apply(rig->supervisor, &rig->plan, revive, &err) < 0)
        fail_msg("%s", err.text);
}

static char *trace_read(struct rig *rig)
{
    static char text[64 * 1024];
    size_t length = 0;
    FILE *file = fopen(rig->trace, "r");
    if (file) {
        length = fread(text, 1, sizeof text - 1, file);
        fclose(file);
    }
    text[length] = '\0';
    return text;
}

static size_t trace_count(struct rig *rig, const char *what)
{
    size_t count = 0;
    for (const char *at = trace_read(rig); (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

static void wait_for_trace(struct rig *rig, const char *what, size_t times)
{
    int64_t until = clock_monotonic() + PATIENCE;
    while (trace_count(rig, what) < times) {
        if (clock_monotonic() > until)
            fail_msg("no \"%s\" in:\n%s", what, trace_read(rig));
        event_base_loop(rig->loop, EVLOOP_ONCE);
    }
}

static json_t *worker_of(struct rig *rig, json_t **status, const char *name)
{
    size_t index;
    json_t *worker;
    *status = supervisor_status(rig->supervisor, true);
    json_array_foreach(json_object_get(*status, "workers"), index,
                       worker) if (strcmp(json_string_value(json_object_get(worker, "name")), name) ==
                                   0) return worker;
    return NULL;
}

static bool text_is(struct rig *rig, const char *name, const char *key, const char *value)
{
    json_t *status;
    const char *text = json_string_value(json_object_get(worker_of(rig, &status, name), key));
    bool result = text && strcmp(text, value) == 0;
    json_decref(status);
    return result;
}

static json_int_t number_of(struct rig *rig, const char *name, const char *key)
{
    json_t *status;
    json_int_t number = json_integer_value(json_object_get(worker_of(rig, &status, name), key));
    json_decref(status);
    return number;
}

static void wait_for_state(struct rig *rig, const char *name, const char *state)
{
    int64_t until = clock_monotonic() + PATIENCE;
    while (!text_is(rig, name, "state", state)) {
        if (clock_monotonic() > until)
            fail_msg("%s is never %s", name, state);
        event_base_loop(rig->loop, EVLOOP_ONCE);
    }
}

static void worker_finds_its_descriptors_and_nothing_else(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "good");
    apply(rig, false);
    assert_false(supervisor_settled(rig->supervisor));
    wait_for_state(rig, "watch corp", "running");
    assert_true(supervisor_settled(rig->supervisor));
    assert_non_null(strstr(trace_read(rig), "start watch corp stuck=-1 wake=1 others=0 secret=0 "));
}

static void crashed_worker_is_restarted_with_back_off(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "crash");
    plan_add(rig, "deliver", "good");
    int64_t began = clock_monotonic();
    apply(rig, false);
    wait_for_trace(rig, "start watch corp", 5);
    // Waits of at least 10, 20, 40 and 80 ms lie between the five starts.
    assert_true(clock_monotonic() - began >= 150);
    assert_int_equal(number_of(rig, "watch corp", "restarts"), 4);
    assert_true(text_is(rig, "watch corp", "last_end", "it ended with status 3"));
    assert_int_equal(trace_count(rig, "start deliver"), 1);
}

static void worker_that_fails_before_it_is_ready_settles_too(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "deliver", "unready");
    apply(rig, false);
    wait_for_trace(rig, "start deliver", 2);
    assert_true(supervisor_settled(rig->supervisor));
}

static void program_that_cannot_be_executed_is_named(void **state)
{
    struct rig *rig = *state;
    struct error err = { 0 };
    talloc_free(rig->supervisor);
    struct supervisor_settings settings = supervisor_defaults;
    settings.program = "/nonexistent/ldapnotifyd";
    settings.retry_first = settings.retry_most = 20;
    rig->supervisor = supervisor_new(NULL, rig->loop, &settings, &err);
    plan_add(rig, "deliver", "good");
    apply(rig, false);
    wait_for_state(rig, "deliver", "waiting");
    assert_true(text_is(rig, "deliver", "last_end", "/nonexistent/ldapnotifyd could not be executed"));
}

static void hanging_worker_is_killed(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "hang");
    apply(rig, false);
    wait_for_trace(rig, "start watch corp stuck=-1", 2);
    assert_true(text_is(rig, "watch corp", "last_end", "it hangs: no heartbeat"));
}

static void worker_that_never_gets_ready_is_killed(void **state)
{
    struct rig *rig = *state;
    struct error err = { 0 };
    struct supervisor_settings settings = supervisor_defaults;
    char program[512];
    snprintf(program, sizeof program, "%s/tests/unit/supervised",
             getenv("top_builddir") ? getenv("top_builddir") : ".");
    settings.program = program;
    settings.heartbeat_limit = 400;
    settings.start_limit = 300;
    settings.retry_first = settings.retry_most = 20;
    talloc_free(rig->supervisor);
    rig->supervisor = supervisor_new(NULL, rig->loop, &settings, &err);
    plan_add(rig, "watch corp", "never-ready");
    apply(rig, false);
    wait_for_state(rig, "watch corp", "waiting");
    assert_true(text_is(rig, "watch corp", "last_end", "it did not become ready in time"));
    TALLOC_FREE(rig->supervisor); // it points to `program`
}

static void announced_blocking_is_waited_for(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "patient 2500");
    apply(rig, false);
    wait_for_state(rig, "watch corp", "blocking");
    assert_true(text_is(rig, "watch corp", "blocking", "TLS set-up"));
    wait_for_trace(rig, "unblocked watch corp", 1);
    wait_for_state(rig, "watch corp", "running");
    assert_int_equal(trace_count(rig, "start watch corp"), 1);
}

static void overrun_blocking_is_killed_and_its_uri_remembered(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "stuck");
    apply(rig, false);
    wait_for_trace(rig, "start watch corp stuck=2", 1);
    wait_for_state(rig, "watch corp", "running");
    assert_true(text_is(rig, "watch corp", "last_end", "it is stuck: TLS set-up with ldap3"));
    // Another configuration may have other servers: the number means nothing any more.
    plan_clear(rig);
    plan_add(rig, "watch corp", "good other-servers");
    apply(rig, true);
    wait_for_trace(rig, "other-servers", 1);
    assert_int_equal(trace_count(rig, "stuck=2"), 1);
    assert_int_equal(trace_count(rig, "stuck=-1"), 2);
}

static void fatal_worker_waits_for_a_reload(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "fatal");
    plan_add(rig, "deliver", "crash");
    apply(rig, false);
    wait_for_state(rig, "watch corp", "fatal");
    assert_true(text_is(rig, "watch corp", "fatal", "the password was refused twice"));
    wait_for_trace(rig, "start deliver", 6); // a restart would have come meanwhile
    assert_int_equal(trace_count(rig, "start watch corp"), 1);
    apply(rig, false); // other secrets have changed
    assert_true(text_is(rig, "watch corp", "state", "fatal"));
    apply(rig, true);
    wait_for_trace(rig, "start watch corp", 2);
    wait_for_state(rig, "watch corp", "fatal");
}

static void nonsense_ends_a_worker(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "nonsense");
    apply(rig, false);
    wait_for_trace(rig, "start watch corp", 2);
}

static void reload_replaces_what_changed_only(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "good one");
    plan_add(rig, "watch lab", "good one");
    plan_add(rig, "watch old", "good one");
    plan_add(rig, "deliver", "good");
    apply(rig, false);
    wait_for_state(rig, "watch corp", "running");
    wait_for_state(rig, "watch lab", "running");
    wait_for_state(rig, "watch old", "running");
    wait_for_state(rig, "deliver", "running");
    plan_clear(rig);
    plan_add(rig, "deliver", "good");
    plan_add(rig, "watch corp", "good two");
    plan_add(rig, "watch lab", "good one");
    plan_add(rig, "watch new", "good one");
    apply(rig, true);
    wait_for_trace(rig, "start watch new", 1);
    wait_for_trace(rig, "stop watch old", 1);
    wait_for_trace(rig, "start watch corp", 2);
    wait_for_state(rig, "watch corp", "running");
    const char *trace = trace_read(rig);
    // Never two at once: the old one has stopped before the new one starts.
    assert_true(strstr(trace, "stop watch corp") < strstr(trace, " two\n"));
    assert_int_equal(trace_count(rig, "start watch lab"), 1);
    assert_int_equal(trace_count(rig, "stop watch lab"), 0);
    assert_int_equal(trace_count(rig, "start deliver"), 1);
    int64_t until = clock_monotonic() + PATIENCE;
    json_t *status;
    while (worker_of(rig, &status, "watch old")) {
        json_decref(status);
        assert_true(clock_monotonic() < until);
        event_base_loop(rig->loop, EVLOOP_ONCE);
    }
    json_decref(status);
}

static void directory_that_comes_back_while_it_stops_is_started_again(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "good");
    apply(rig, false);
    wait_for_state(rig, "watch corp", "running");
    plan_clear(rig);
    apply(rig, true);
    plan_add(rig, "watch corp", "good");
    apply(rig, true);
    wait_for_trace(rig, "start watch corp", 2);
    wait_for_state(rig, "watch corp", "running");
}

static void stop_goes_from_watch_to_control(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "control", "good");
    plan_add(rig, "deliver", "good");
    plan_add(rig, "watch corp", "good");
    plan_add(rig, "watch bad", "fatal");
    apply(rig, false);
    wait_for_state(rig, "control", "running");
    wait_for_state(rig, "deliver", "running");
    wait_for_state(rig, "watch corp", "running");
    wait_for_state(rig, "watch bad", "fatal");
    supervisor_stop(rig->supervisor);
    int64_t until = clock_monotonic() + PATIENCE;
    while (!rig->ended && clock_monotonic() < until)
        event_base_loop(rig->loop, EVLOOP_ONCE);
    assert_int_equal(rig->ended, 1);
    const char *trace = trace_read(rig), *watch = strstr(trace, "stop watch corp");
    const char *deliver = strstr(trace, "stop deliver"), *control = strstr(trace, "stop control");
    assert_true(watch && deliver && control && watch < deliver && deliver < control);
    struct error err = { 0 };
    assert_int_equal(supervisor_apply(rig->supervisor, &rig->plan, true, &err), -1);
}

static void deaf_worker_does_not_hold_up_the_end(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "deaf");
    plan_add(rig, "deliver", "good");
    apply(rig, false);
    wait_for_state(rig, "watch corp", "running");
    wait_for_state(rig, "deliver", "running");
    supervisor_stop(rig->supervisor);
    int64_t until = clock_monotonic() + PATIENCE;
    while (!rig->ended && clock_monotonic() < until)
        event_base_loop(rig->loop, EVLOOP_ONCE);
    assert_int_equal(rig->ended, 1);
    assert_int_equal(trace_count(rig, "stop deliver"), 1);
}

static void second_stop_kills(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "deaf");
    apply(rig, false);
    wait_for_state(rig, "watch corp", "running");
    int64_t began = clock_monotonic();
    supervisor_stop(rig->supervisor);
    supervisor_stop(rig->supervisor);
    while (!rig->ended && clock_monotonic() < began + PATIENCE)
        event_base_loop(rig->loop, EVLOOP_ONCE);
    assert_int_equal(rig->ended, 1);
    assert_true(clock_monotonic() - began < 900); // well before stop_limit
}

static void commands_are_carried_to_their_worker_and_back(void **state)
{
    static const struct {
        const char *ask, *answer;
    } cases[] = {
        { "ask deliver:{\"command\":\"hold\"}", "reply control {\"ok\":true,\"echo\":1}" },
        { "ask watch lab:{}",
          "reply control {\"ok\":false,\"error\":\"there is no worker \\\"watch lab\\\" here\"}" },
        { "ask watch mute:{}",
          "reply control {\"ok\":false,\"error\":\"watch mute ended before it answered\"}" },
        { "ask watch bad:{}", "reply control {\"ok\":false,\"error\":\"watch bad is not running (fatal)\"}" },
        { "ask supervisor:{\"command\":\"dance\"}", "reply control {\"ok\":false,\"error\":" },
        { "ask supervisor:nonsense", "reply control {\"ok\":false,\"error\":" },
        { "ask supervisor:{\"command\":\"reload\",\"who\":\"alice\"}", "reply control {\"ok\":true}" },
    };
    struct rig *rig = *state;
    plan_add(rig, "deliver", "good");
    plan_add(rig, "watch mute", "mute");
    plan_add(rig, "watch bad", "fatal");
    apply(rig, false);
    wait_for_state(rig, "deliver", "running");
    wait_for_state(rig, "watch bad", "fatal");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wait_for_state(rig, "watch mute", "running");
        rig->plan.count = 3;
        plan_add(rig, "control", cases[i].ask);
        unlink(rig->trace);
        apply(rig, false);
        wait_for_trace(rig, cases[i].answer, 1);
        assert_int_equal(trace_count(rig, "stray"), 0);
    }
    assert_int_equal(rig->reloads, 1);
    assert_string_equal(rig->reloaded_by, "alice");
}

static void refused_reload_says_why(void **state)
{
    struct rig *rig = *state;
    rig->reload_fails = true;
    plan_add(rig, "control", "ask supervisor:{\"command\":\"reload\",\"who\":\"bob\"}");
    apply(rig, false);
    wait_for_trace(rig, "no such key", 1);
}

static void only_control_gives_commands(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "ask deliver:{}");
    plan_add(rig, "deliver", "ask supervisor:{\"command\":\"reload\",\"who\":\"eve\"}");
    plan_add(rig, "control", "ask deliver:{}");
    apply(rig, false);
    wait_for_trace(rig, "reply control", 1);
    wait_for_state(rig, "watch corp", "running");
    wait_for_state(rig, "deliver", "running");
    assert_int_equal(trace_count(rig, "command deliver"), 1);
    assert_int_equal(rig->reloads, 0);
}

static void status_tells_what_every_worker_said_last(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "good");
    apply(rig, false);
    wait_for_state(rig, "watch corp", "running");
    json_t *status, *worker;
    int64_t until = clock_monotonic() + PATIENCE;
    while (worker = worker_of(rig, &status, "watch corp"), json_is_null(json_object_get(worker, "status"))) {
        json_decref(status);
        assert_true(clock_monotonic() < until);
        event_base_loop(rig->loop, EVLOOP_ONCE);
    }
    assert_true(json_is_true(json_object_get(status, "ok")));
    assert_string_equal(json_string_value(json_object_get(status, "version")), "9.9");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(worker, "status"), "entries")), 3);
    assert_true(json_integer_value(json_object_get(worker, "pid")) > 0);
    assert_int_equal(json_integer_value(json_object_get(worker, "restarts")), 0);
    assert_non_null(json_string_value(json_object_get(worker, "since")));
    json_decref(status);
    char *summary = supervisor_summary(NULL, rig->supervisor);
    assert_string_equal(summary, "1 worker: 1 running");
    talloc_free(summary);
}

static void freed_supervisor_leaves_no_process(void **state)
{
    struct rig *rig = *state;
    plan_add(rig, "watch corp", "deaf");
    apply(rig, false);
    wait_for_state(rig, "watch corp", "running");
    pid_t pid = (pid_t)number_of(rig, "watch corp", "pid");
    assert_int_equal(kill(pid, 0), 0);
    TALLOC_FREE(rig->supervisor);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void sets_of_duties_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        unsigned duties;
    } cases[] = {
        { "watch", 0, 1u << DUTY_WATCH },
        { "watch,deliver,control", 0, DUTY_ALL },
        { "control,deliver", 0, 1u << DUTY_CONTROL | 1u << DUTY_DELIVER },
        { "", -1, 0 },
        { ",", -1, 0 },
        { "wat", -1, 0 },
        { "watch,dance", -1, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { 0 };
        unsigned duties = 0;
        assert_int_equal(duty_parse_set(cases[i].text, &duties, &err), cases[i].result);
        if (cases[i].result == 0)
            assert_int_equal(duties, cases[i].duties);
        else
            assert_string_not_equal(err.text, "");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_make, rig_free)
    const struct CMUnitTest tests[] = {
        TEST(worker_finds_its_descriptors_and_nothing_else),
        TEST(crashed_worker_is_restarted_with_back_off),
        TEST(worker_that_fails_before_it_is_ready_settles_too),
        TEST(program_that_cannot_be_executed_is_named),
        TEST(hanging_worker_is_killed),
        TEST(worker_that_never_gets_ready_is_killed),
        TEST(announced_blocking_is_waited_for),
        TEST(overrun_blocking_is_killed_and_its_uri_remembered),
        TEST(fatal_worker_waits_for_a_reload),
        TEST(nonsense_ends_a_worker),
        TEST(reload_replaces_what_changed_only),
        TEST(directory_that_comes_back_while_it_stops_is_started_again),
        TEST(stop_goes_from_watch_to_control),
        TEST(deaf_worker_does_not_hold_up_the_end),
        TEST(second_stop_kills),
        TEST(commands_are_carried_to_their_worker_and_back),
        TEST(refused_reload_says_why),
        TEST(only_control_gives_commands),
        TEST(status_tells_what_every_worker_said_last),
        TEST(freed_supervisor_leaves_no_process),
        cmocka_unit_test(sets_of_duties_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
