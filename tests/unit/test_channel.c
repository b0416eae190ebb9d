// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/channel.h"
#include "process/channel_queue.h"

struct ends {
    int a, b;
};

static int make_ends(void **state)
{
    struct ends *ends = calloc(1, sizeof *ends);
    int pair[2];
    if (channel_pair(pair, NULL) < 0)
        return -1;
    ends->a = pair[0];
    ends->b = pair[1];
    *state = ends;
    return 0;
}

static int close_ends(void **state)
{
    struct ends *ends = *state;
    if (ends->a >= 0)
        close(ends->a);
    if (ends->b >= 0)
        close(ends->b);
    free(ends);
    return 0;
}

static void frame_comes_out_as_it_went_in(void **state)
{
    struct ends *ends = *state;
    struct frame out = {
        .type = FRAME_COMMAND, .request = 7, .number = INT64_MAX, .number2 = -1, .peer = "watch corp"
    };
    struct frame *in;
    struct error err = { 0 };
    assert_int_equal(channel_send(ends->a, &out, "{\"x\":1}", 7, &err), 0);
    assert_int_equal(channel_receive(ends->b, &in, &err), 0);
    assert_non_null(in);
    assert_int_equal(in->type, FRAME_COMMAND);
    assert_int_equal(in->request, 7);
    assert_true(in->number == INT64_MAX && in->number2 == -1);
    assert_string_equal(in->peer, "watch corp");
    assert_int_equal(in->length, 7);
    assert_memory_equal(in->payload, "{\"x\":1}", 7);
    assert_int_equal(channel_receive(ends->b, &in, &err), 0);
    assert_null(in);
}

static void descriptors_are_private_and_do_not_block(void **state)
{
    struct ends *ends = *state;
    assert_true(fcntl(ends->a, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(ends->b, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(ends->a, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(ends->b, F_GETFL) & O_NONBLOCK);
}

static void largest_payload_passes_and_one_more_does_not(void **state)
{
    struct ends *ends = *state;
    struct frame *in;
    struct error err = { 0 };
    char *payload = malloc(FRAME_PAYLOAD_MOST + 1);
    memset(payload, 'x', FRAME_PAYLOAD_MOST + 1);
    assert_int_equal(
        channel_send(ends->a, &(struct frame){ .type = FRAME_REPLY }, payload, FRAME_PAYLOAD_MOST, &err), 0);
    assert_int_equal(channel_receive(ends->b, &in, &err), 0);
    assert_int_equal(in->length, FRAME_PAYLOAD_MOST);
    assert_memory_equal(in->payload, payload, FRAME_PAYLOAD_MOST);
    assert_int_equal(
        channel_send(ends->a, &(struct frame){ .type = FRAME_REPLY }, payload, FRAME_PAYLOAD_MOST + 1, &err),
        -1);
    assert_int_equal(err.code, EMSGSIZE);
    free(payload);
}

static void peer_that_is_gone_is_an_error(void **state)
{
    struct ends *ends = *state;
    struct frame *in;
    struct error err = { 0 };
    assert_int_equal(channel_send(ends->a, &(struct frame){ .type = FRAME_STATUS }, "{}", 2, &err), 0);
    close(ends->a);
    ends->a = -1;
    // Its last words are heard first.
    assert_int_equal(channel_receive(ends->b, &in, &err), 0);
    assert_non_null(in);
    assert_int_equal(channel_receive(ends->b, &in, &err), -1);
    assert_int_not_equal(err.code, EBADMSG);
    assert_int_equal(channel_send(ends->b, &(struct frame){ .type = FRAME_STOP }, NULL, 0, &err), -1);
    assert_int_not_equal(err.code, EAGAIN);
}

static void fill(int descriptor)
{
    struct error err = { 0 };
    static const char payload[1000];
    while (channel_send(descriptor, &(struct frame){ .type = FRAME_STATUS }, payload, sizeof payload, &err) ==
           0)
        continue;
    assert_int_equal(err.code, EAGAIN);
}

static void peer_that_does_not_read_gives_eagain(void **state)
{
    struct ends *ends = *state;
    fill(ends->a);
}

static void bad_frames_are_refused(void **state)
{
    struct ends *ends = *state;
    struct frame unknown = { .type = 99 }, none = { .type = 0 },
                 longer = { .type = FRAME_STATUS, .length = 5 };
    struct frame nameless = { .type = FRAME_COMMAND };
    memset(nameless.peer, 'x', sizeof nameless.peer);
    const struct {
        const void *octets;
        size_t length;
    } cases[] = { { "x", 1 },
                  { &unknown, FRAME_HEADER },
                  { &none, FRAME_HEADER },
                  { &longer, FRAME_HEADER },
                  { &nameless, FRAME_HEADER },
                  { &unknown, FRAME_HEADER - 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame *in;
        struct error err = { 0 };
        assert_int_equal(send(ends->a, cases[i].octets, cases[i].length, 0), (int)cases[i].length);
        assert_int_equal(channel_receive(ends->b, &in, &err), -1);
        assert_int_equal(err.code, EBADMSG);
        assert_null(in);
    }
}

static void packet_beyond_the_buffer_is_refused(void **state)
{
    struct ends *ends = *state;
    size_t size = FRAME_HEADER + FRAME_PAYLOAD_MOST + 1;
    struct frame *big = calloc(1, size), *in;
    struct error err = { 0 };
    big->type = FRAME_STATUS;
    big->length = FRAME_PAYLOAD_MOST; // the part that fits would look whole
    assert_int_equal(send(ends->a, big, size, 0), (int)size);
    assert_int_equal(channel_receive(ends->b, &in, &err), -1);
    assert_int_equal(err.code, EBADMSG);
    free(big);
}

static void name_without_an_end_is_cut_before_it_is_sent(void **state)
{
    struct ends *ends = *state;
    struct frame out = { .type = FRAME_COMMAND }, *in;
    struct error err = { 0 };
    memset(out.peer, 'x', sizeof out.peer);
    assert_int_equal(channel_send(ends->a, &out, NULL, 0, &err), 0);
    assert_int_equal(channel_receive(ends->b, &in, &err), 0);
    assert_int_equal(strlen(in->peer), FRAME_PEER_SIZE - 1);
}

static void queue_keeps_order_and_sends_when_there_is_room(void **state)
{
    struct ends *ends = *state;
    struct event_base *loop = event_base_new();
    struct error err = { 0 };
    struct frame *in;
    struct channel_queue *queue = channel_queue_new(NULL, loop, ends->a);
    fill(ends->a);
    for (uint32_t i = 1; i <= 500; i++)
        assert_int_equal(channel_queue_send(queue, &(struct frame){ .type = FRAME_REPLY, .request = i },
                                            "0123456789", 10, &err),
                         0);
    assert_true(channel_queue_waiting(queue) > 0);
    uint32_t expected = 1;
    while (expected <= 500) {
        event_base_loop(loop, EVLOOP_NONBLOCK);
        assert_int_equal(channel_receive(ends->b, &in, &err), 0);
        if (!in || in->type != FRAME_REPLY)
            continue;
        assert_int_equal(in->request, expected++);
        assert_memory_equal(in->payload, "0123456789", 10);
    }
    assert_int_equal(channel_queue_waiting(queue), 0);
    talloc_free(queue);
    event_base_free(loop);
}

static void queue_has_an_end(void **state)
{
    struct ends *ends = *state;
    struct event_base *loop = event_base_new();
    struct error err = { 0 };
    static const char payload[FRAME_PAYLOAD_MOST];
    struct channel_queue *queue = channel_queue_new(NULL, loop, ends->a);
    size_t sent = 0;
    while (channel_queue_send(queue, &(struct frame){ .type = FRAME_REPLY }, payload, sizeof payload, &err) ==
           0)
        assert_true(++sent < 1000);
    assert_int_equal(err.code, EAGAIN);
    assert_true(channel_queue_waiting(queue) <= CHANNEL_QUEUE_MOST);
    // What cannot ever go is not kept either, not even behind others.
    assert_int_equal(channel_queue_send(queue, &(struct frame){ .type = FRAME_REPLY }, payload,
                                        FRAME_PAYLOAD_MOST + 1, &err),
                     -1);
    assert_int_equal(err.code, EMSGSIZE);
    talloc_free(queue);
    event_base_free(loop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ends, close_ends)
    const struct CMUnitTest tests[] = {
        TEST(frame_comes_out_as_it_went_in),
        TEST(descriptors_are_private_and_do_not_block),
        TEST(largest_payload_passes_and_one_more_does_not),
        TEST(peer_that_is_gone_is_an_error),
        TEST(peer_that_does_not_read_gives_eagain),
        TEST(bad_frames_are_refused),
        TEST(packet_beyond_the_buffer_is_refused),
        TEST(name_without_an_end_is_cut_before_it_is_sent),
        TEST(queue_keeps_order_and_sends_when_there_is_room),
        TEST(queue_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
