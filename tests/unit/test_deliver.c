// SPDX-License-Identifier: Apache-2.0
// The deliver worker as a whole, with a worker of the test's own around it: from the outbox to the server.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "deliver/deliver.h"
#include "delivery_world.h"
#include "fake_smtp.h"

struct worker {
    struct world *w;
    struct event_base *base;
    struct fake_smtp fake;
    void *context;
    json_t *reply, *status;
    uint32_t replied;
    bool exited;
};

// --- what src/process gives to a worker --------------------------------------------------------------

struct event_base *worker_loop(struct worker *worker)
{
    return worker->base;
}

const struct config *worker_config(struct worker *worker)
{
    return &worker->w->config;
}

void worker_status(struct worker *worker, const json_t *status)
{
    json_decref(worker->status);
    worker->status = json_deep_copy(status);
}

void worker_reply(struct worker *worker, uint32_t request, const json_t *reply)
{
    json_decref(worker->reply);
    worker->reply = json_deep_copy(reply);
    worker->replied = request;
}

void worker_reply_error(struct worker *worker, uint32_t request, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_decref(worker->reply);
    worker->reply = json_pack("{s:b, s:s}", "ok", 0, "error", text);
    worker->replied = request;
}

void worker_fatal(struct worker *worker, const struct error *err)
{
    (void)worker;
    fail_msg("%s", err->text);
}

void worker_exit(struct worker *worker)
{
    worker->exited = true;
}

// --- the world ---------------------------------------------------------------------------------------

static int setup(void **state)
{
    struct worker *worker = talloc_zero(NULL, struct worker);
    signal(SIGPIPE, SIG_IGN);
    worker->w = world_open();
    worker->base = event_base_new();
    fake_smtp_open(&worker->fake, worker->base);
    worker->w->transports[0].hosts = talloc_asprintf(worker, "127.0.0.1:%d", worker->fake.port);
    world_user(worker->w, 1, "one@example.com", false);
    // The worker is the only writer of the delivery store.
    TALLOC_FREE(worker->w->queue);
    delivery_store_close(worker->w->store);
    worker->w->store = NULL;
    *state = worker;
    return 0;
}

static void start(struct worker *worker)
{
    struct error err;
    if (deliver_handlers.start(worker, &worker->context, &err) < 0)
        fail_msg("%s", err.text);
}

static void turn(struct worker *worker)
{
    struct timeval tick = { .tv_usec = 20000 };
    event_base_loopexit(worker->base, &tick);
    event_base_loop(worker->base, EVLOOP_ONCE);
}

#define WAIT_UNTIL(condition) \
    do { \
        int64_t until_ = clock_monotonic() + 20000; \
        while (!(condition)) { \
            if (clock_monotonic() > until_) \
                fail_msg("not in 20 s: %s", #condition); \
            turn(worker); \
        } \
    } while (0)

static void stop(struct worker *worker)
{
    if (!worker->context)
        return;
    deliver_handlers.stop(worker->context);
    WAIT_UNTIL(worker->exited);
    worker->context = NULL;
}

static int teardown(void **state)
{
    struct worker *worker = *state;
    stop(worker);
    struct error err;
    char *path = talloc_asprintf(worker, "%s/delivery.db", worker->w->state_dir);
    if (delivery_store_open(worker->w, path, STORE_WRITE, &worker->w->store, &err) < 0)
        fail_msg("%s", err.text);
    fake_smtp_close(&worker->fake);
    event_base_free(worker->base);
    world_close(worker->w);
    json_decref(worker->reply);
    json_decref(worker->status);
    talloc_free(worker);
    return 0;
}

// Sends a command and gives the reply.
static const json_t *ask(struct worker *worker, json_t *command)
{
    static uint32_t request;
    request++;
    deliver_handlers.command(worker->context, request, command);
    json_decref(command);
    WAIT_UNTIL(worker->replied == request);
    return worker->reply;
}

static void assert_ok(const json_t *reply)
{
    if (!json_is_true(json_object_get(reply, "ok")))
        fail_msg("%s", json_string_value(json_object_get(reply, "error")));
}

// --- tests -------------------------------------------------------------------------------------------

static void test_from_outbox_to_server(void **state)
{
    struct worker *worker = *state;
    world_tell(worker->w, telling_member_added);
    start(worker);
    WAIT_UNTIL(worker->fake.accepted == 1);
    assert_string_equal(worker->fake.last_rcpt, "<one@example.com>");
    // Woken by a byte, not by polling.
    world_tell(worker->w, telling_member_added);
    deliver_handlers.wake(worker->context);
    WAIT_UNTIL(worker->fake.accepted == 2);
    WAIT_UNTIL(worker->status != NULL);
    assert_true(json_is_true(json_object_get(worker->status, "live")));
    assert_int_equal(json_array_size(json_object_get(worker->status, "transports")), 2);
}

static void test_digest_timer(void **state)
{
    struct worker *worker = *state;
    struct telling telling = telling_member_added;
    telling.digest_wait = 300;
    start(worker);
    int64_t before = clock_monotonic();
    world_tell(worker->w, telling);
    deliver_handlers.wake(worker->context);
    WAIT_UNTIL(worker->fake.accepted == 1);
    assert_true(clock_monotonic() - before >= 290);
}

static void test_trial_sends_nothing(void **state)
{
    struct worker *worker = *state;
    worker->w->config.live = false;
    world_tell(worker->w, telling_member_added);
    start(worker);
    WAIT_UNTIL(world_trial_files(worker->w) == 1);
    assert_int_equal(worker->fake.connections, 0);
}

static json_t *retry_first(void)
{
    return json_pack("{s:s, s:i, s:s}", "command", "queue.retry", "id", 1, "who", "root");
}

static void test_retry_command(void **state)
{
    struct worker *worker = *state;
    worker->fake.reply[FAKE_RCPT] = "550 5.1.1 no such user";
    worker->fake.times[FAKE_RCPT] = 1;
    world_tell(worker->w, telling_member_added);
    start(worker);
    WAIT_UNTIL(worker->fake.rcpts == 1);
    // While it is under way it cannot be retried; soon it is dead.
    WAIT_UNTIL(json_integer_value(json_object_get(ask(worker, retry_first()), "changed")) == 1);
    WAIT_UNTIL(worker->fake.accepted == 1);
    // Sent is sent.
    turn(worker);
    assert_true(json_is_false(json_object_get(ask(worker, retry_first()), "ok")));
}

static void test_commands_that_make_no_sense(void **state)
{
    struct worker *worker = *state;
    start(worker);
    json_t *commands[] = {
        json_pack("{s:s}", "command", "queue.explode"),
        json_pack("{}"),
        json_pack("{s:s, s:i}", "command", "queue.hold", "id", 4711),
        json_pack("{s:s, s:s}", "command", "queue.retry", "state", "lost"),
        json_pack("{s:s, s:s}", "command", "test-mail", "to", "nobody"),
        json_pack("{s:s, s:s, s:s}", "command", "test-mail", "to", "a@example.com", "transport", "none"),
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const json_t *reply = ask(worker, commands[i]);
        assert_true(json_is_false(json_object_get(reply, "ok")));
        assert_true(strlen(json_string_value(json_object_get(reply, "error"))) > 10);
    }
}

static void test_test_mail(void **state)
{
    struct worker *worker = *state;
    worker->w->config.live = false; // it is asked for by name
    start(worker);
    const json_t *reply = ask(worker, json_pack("{s:s, s:s, s:s}", "command", "test-mail", "to",
                                                "me@example.com", "transport", "relay"));
    assert_ok(reply);
    const json_t *host = json_array_get(json_object_get(reply, "hosts"), 0);
    assert_string_equal(json_string_value(json_object_get(host, "step")), "done");
    assert_string_equal(worker->fake.last_rcpt, "<me@example.com>");
    assert_non_null(strstr(worker->fake.last_content, "Test message from ldapnotify"));
    worker->fake.reply[FAKE_MAIL] = "550 5.7.1 not you";
    reply = ask(worker, json_pack("{s:s, s:s}", "command", "test-mail", "to", "me@example.com"));
    assert_ok(reply);
    host = json_array_get(json_object_get(reply, "hosts"), 0);
    assert_string_equal(json_string_value(json_object_get(host, "step")), "sender");
    assert_int_equal(json_integer_value(json_object_get(host, "code")), 550);
}

static void test_stop_finishes_what_is_in_hand(void **state)
{
    struct worker *worker = *state;
    for (int i = 0; i < 5; i++)
        world_tell(worker->w, telling_member_added);
    start(worker);
    WAIT_UNTIL(worker->fake.rcpts >= 1);
    stop(worker);
    // What had reached the server is recorded: the next run sends the rest and nothing twice.
    worker->exited = false;
    start(worker);
    WAIT_UNTIL(worker->fake.accepted >= 5);
    deliver_handlers.wake(worker->context);
    for (int i = 0; i < 5; i++)
        turn(worker);
    assert_int_equal(worker->fake.accepted, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_from_outbox_to_server),         TEST(test_digest_timer),
        TEST(test_trial_sends_nothing),           TEST(test_retry_command),
        TEST(test_commands_that_make_no_sense),   TEST(test_test_mail),
        TEST(test_stop_finishes_what_is_in_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
