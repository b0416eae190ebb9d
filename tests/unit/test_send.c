// SPDX-License-Identifier: Apache-2.0
// One transport's share of the queue, against a real store and a scripted server.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/deliver/send.h"
#include "base/clock.h"
#include "delivery_world.h"
#include "fake_smtp.h"

#define MUST(call) \
    do { \
        struct error err; \
        if ((call) < 0) \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

struct fixture {
    struct world *w;
    struct event_base *base;
    struct fake_smtp fake;
    struct sender *sender;
    int64_t now;
};

static int setup(void **state)
{
    struct fixture *f = talloc_zero(NULL, struct fixture);
    signal(SIGPIPE, SIG_IGN);
    f->w = world_open();
    f->base = event_base_new();
    fake_smtp_open(&f->fake, f->base);
    f->w->transports[0].hosts = talloc_asprintf(f, "127.0.0.1:%d", f->fake.port);
    f->now = clock_now();
    world_user(f->w, 1, "one@example.com", false);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    clock_set_fake(0);
    talloc_free(f->sender);
    fake_smtp_close(&f->fake);
    event_base_free(f->base);
    world_close(f->w);
    talloc_free(f);
    return 0;
}

static void open_sender(struct fixture *f)
{
    struct error err;
    f->sender = sender_new(f, f->base, f->w->store, &f->w->transports[0], &err);
    assert_non_null(f->sender);
    sender_wake(f->sender);
}

// Freezes `count` messages.
static void queue_messages(struct fixture *f, int count)
{
    struct telling telling = telling_member_added;
    for (int i = 0; i < count; i++) {
        telling.group = 10 + i;
        world_tell(f->w, telling);
    }
    MUST(queue_import(f->w->queue, "corp", f->now, &err));
    MUST(queue_freeze_due(f->w->queue, f->now, &err));
}

static int64_t count_of(struct fixture *f, enum message_state state)
{
    struct delivery_counts counts;
    MUST(delivery_store_counts(f->w->store, &counts, &err));
    return counts.messages[state];
}

static void wait_for(struct fixture *f, enum message_state state, int64_t count)
{
    int64_t until = clock_monotonic() + 20000;
    while (count_of(f, state) != count || sender_is_busy(f->sender)) {
        if (clock_monotonic() > until)
            fail_msg("%lld messages are %s, not %lld", (long long)count_of(f, state),
                     message_state_name(state), (long long)count);
        struct timeval tick = { .tv_usec = 50000 };
        event_base_loopexit(f->base, &tick);
        event_base_loop(f->base, EVLOOP_ONCE);
    }
}

static struct message message_of(struct fixture *f, int64_t id)
{
    const struct message_query query = { .id = id, .state = -1, .limit = 1 };
    struct message *messages;
    size_t count;
    MUST(delivery_store_messages(f->w->store, f, &query, &messages, &count, &err));
    assert_int_equal(count, 1);
    return messages[0];
}

static void test_drains(void **state)
{
    struct fixture *f = *state;
    queue_messages(f, 300);
    open_sender(f);
    wait_for(f, MESSAGE_SENT, 300);
    assert_int_equal(f->fake.accepted, 300);
    assert_true(f->fake.most_open <= 2);
    struct message message = message_of(f, 1);
    assert_int_equal(message.code, 250);
    assert_int_equal(message.attempts, 1);
    assert_non_null(strstr(message.reply, "queued as"));
    assert_true(message.finished > 0);
}

static void test_woken_for_new_messages(void **state)
{
    struct fixture *f = *state;
    open_sender(f);
    queue_messages(f, 1);
    sender_wake(f->sender);
    wait_for(f, MESSAGE_SENT, 1);
}

static void test_deferred_and_tried_again(void **state)
{
    struct fixture *f = *state;
    f->fake.reply[FAKE_RCPT] = "451 4.7.1 greylisted";
    f->fake.times[FAKE_RCPT] = 1;
    f->w->transports[0].retry_first = 100;
    queue_messages(f, 1);
    open_sender(f);
    int64_t start = clock_monotonic();
    wait_for(f, MESSAGE_SENT, 1);
    assert_true(clock_monotonic() - start >= 50);
    assert_int_equal(message_of(f, 1).attempts, 2);
    assert_int_equal(f->fake.rcpts, 2);
}

static void test_refused_is_dead_with_the_servers_words(void **state)
{
    struct fixture *f = *state;
    f->fake.reply[FAKE_RCPT] = "550 5.1.1 no such user";
    f->fake.times[FAKE_RCPT] = 1;
    queue_messages(f, 2);
    open_sender(f);
    wait_for(f, MESSAGE_SENT, 1);
    struct message dead = message_of(f, 1);
    assert_int_equal(dead.state, MESSAGE_DEAD);
    assert_int_equal(dead.code, 550);
    assert_non_null(strstr(dead.reply, "no such user"));
}

// The relay is down for a while: nobody pays with his attempts, and only one message asks.
static void test_pause(void **state)
{
    struct fixture *f = *state;
    f->fake.reply[FAKE_GREETING] = "421 4.3.2 not now";
    f->w->transports[0].retry_first = 300;
    queue_messages(f, 20);
    open_sender(f);
    wait_for(f, MESSAGE_QUEUED, 20);
    assert_int_equal(f->fake.connections, 1);
    json_t *status = sender_status(f->sender);
    assert_string_equal(json_string_value(json_object_get(status, "state")), "paused");
    assert_non_null(strstr(json_string_value(json_object_get(status, "problem")), "not now"));
    json_decref(status);
    assert_int_equal(message_of(f, 1).attempts, 0);
    f->fake.reply[FAKE_GREETING] = NULL;
    // The host is left alone for longer than the pause; with no other host it is asked all the same.
    wait_for(f, MESSAGE_SENT, 20);
    assert_int_equal(message_of(f, 1).attempts, 1);
}

static void test_too_old_is_not_sent(void **state)
{
    struct fixture *f = *state;
    f->w->transports[0].lifetime = 1000;
    f->now -= 5000;
    queue_messages(f, 1);
    open_sender(f);
    wait_for(f, MESSAGE_DEAD, 1);
    assert_int_equal(f->fake.mails, 0);
    assert_non_null(strstr(message_of(f, 1).reply, "lifetime"));
}

static void test_stop_gives_back_what_has_not_left(void **state)
{
    struct fixture *f = *state;
    f->w->transports[0].connections = 1;
    f->fake.reply[FAKE_CONTENT] = FAKE_SILENT;
    queue_messages(f, 1);
    open_sender(f);
    while (f->fake.rcpts == 0)
        event_base_loop(f->base, EVLOOP_ONCE);
    queue_messages(f, 10);
    sender_wake(f->sender);
    sender_stop(f->sender);
    assert_true(sender_is_busy(f->sender));
    f->fake.reply[FAKE_CONTENT] = NULL;
    fake_smtp_hang_up(&f->fake, "250 2.0.0 taken");
    wait_for(f, MESSAGE_SENT, 1);
    assert_int_equal(count_of(f, MESSAGE_LEASED), 0);
}

// Killed between the server's 250 and our commit: the same bytes go once more.
static void test_crash_sends_the_same_bytes_again(void **state)
{
    struct fixture *f = *state;
    queue_messages(f, 1);
    open_sender(f);
    while (f->fake.accepted == 0)
        event_base_loop(f->base, EVLOOP_ONCE);
    size_t size = f->fake.last_content_size;
    char *first = talloc_memdup(f, f->fake.last_content, size);
    assert_int_equal(count_of(f, MESSAGE_LEASED), 1);
    TALLOC_FREE(f->sender);
    MUST(delivery_store_recover(f->w->store, &err));
    open_sender(f);
    wait_for(f, MESSAGE_SENT, 1);
    assert_int_equal(f->fake.accepted, 2);
    assert_int_equal(f->fake.last_content_size, size);
    assert_memory_equal(f->fake.last_content, first, size);
}

// "removed" does not overtake an "added" that was deferred; other news does.
static void test_opposites_leave_in_order(void **state)
{
    struct fixture *f = *state;
    struct telling telling = telling_member_added;
    f->fake.reply[FAKE_RCPT] = "451 4.7.1 greylisted";
    f->fake.times[FAKE_RCPT] = 1;
    queue_messages(f, 1);
    open_sender(f);
    while (message_of(f, 1).attempts == 0)
        event_base_loop(f->base, EVLOOP_ONCE);
    telling.type = EVENT_GROUP_MEMBER_REMOVED;
    world_tell(f->w, telling);
    telling.group = 11;
    world_tell(f->w, telling);
    queue_messages(f, 0);
    sender_wake(f->sender);
    wait_for(f, MESSAGE_SENT, 1);
    assert_int_equal(message_of(f, 2).state, MESSAGE_QUEUED);
    assert_int_equal(message_of(f, 3).state, MESSAGE_SENT);

    const struct message_query first = { .id = 1, .state = -1 };
    int64_t changed;
    MUST(delivery_store_act(f->w->store, MESSAGE_HOLD, &first, "test", f->now, &changed, &err));
    sender_wake(f->sender);
    for (int i = 0; i < 10; i++)
        event_base_loop(f->base, EVLOOP_NONBLOCK);
    assert_int_equal(f->fake.accepted, 1);
    MUST(delivery_store_act(f->w->store, MESSAGE_RETRY, &first, "test", f->now, &changed, &err));
    sender_wake(f->sender);
    wait_for(f, MESSAGE_SENT, 3);
    assert_non_null(strstr(f->fake.last_content, "id=corp-2"));
}

static void test_unusable_transport_keeps_its_messages(void **state)
{
    struct fixture *f = *state;
    f->w->transports[0].hosts = (char *)"no host at all";
    queue_messages(f, 1);
    open_sender(f);
    json_t *status = sender_status(f->sender);
    assert_string_equal(json_string_value(json_object_get(status, "state")), "failed");
    json_decref(status);
    assert_int_equal(count_of(f, MESSAGE_QUEUED), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_drains),
        TEST(test_woken_for_new_messages),
        TEST(test_deferred_and_tried_again),
        TEST(test_refused_is_dead_with_the_servers_words),
        TEST(test_pause),
        TEST(test_too_old_is_not_sent),
        TEST(test_stop_gives_back_what_has_not_left),
        TEST(test_crash_sends_the_same_bytes_again),
        TEST(test_opposites_leave_in_order),
        TEST(test_unusable_transport_keeps_its_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
