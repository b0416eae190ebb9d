// SPDX-License-Identifier: Apache-2.0
#include "process/channel_queue.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"

struct waiting {
    struct waiting *next;
    struct frame frame; // its payload follows
};

struct channel_queue {
    int descriptor;
    struct event *writable;
    struct waiting *first, **last;
    size_t octets;
};

static void queue_drop_first(struct channel_queue *queue)
{
    struct waiting *first = queue->first;
    queue->octets -= FRAME_HEADER + first->frame.length;
    queue->first = first->next;
    if (!queue->first)
        queue->last = &queue->first;
    talloc_free(first);
}

// A peer that is gone is noticed by whoever reads the channel: then nothing need wait any more.
static void queue_drain(struct channel_queue *queue)
{
    struct error err = { 0 };
    while (queue->first) {
        const struct frame *frame = &queue->first->frame;
        if (channel_send(queue->descriptor, frame, frame->payload, frame->length, &err) < 0 &&
            err.code == EAGAIN)
            break;
        queue_drop_first(queue);
    }
    if (queue->first)
        event_add(queue->writable, NULL);
    else
        event_del(queue->writable);
}

static void queue_on_writable(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    queue_drain(context);
}

static int queue_end(struct channel_queue *queue)
{
    if (queue->writable)
        event_free(queue->writable);
    return 0;
}

struct channel_queue *channel_queue_new(TALLOC_CTX *ctx, struct event_base *loop, int descriptor)
{
    struct channel_queue *queue = talloc_zero(ctx, struct channel_queue);
    if (!queue)
        return NULL;
    queue->descriptor = descriptor;
    queue->last = &queue->first;
    queue->writable = event_new(loop, descriptor, EV_WRITE, queue_on_writable, queue);
    talloc_set_destructor(queue, queue_end);
    if (!queue->writable)
        TALLOC_FREE(queue);
    return queue;
}

static int queue_keep(struct channel_queue *queue, const struct frame *header, const void *payload,
                      size_t length, struct error *err)
{
    size_t size = FRAME_HEADER + length;
    if (queue->octets + size > CHANNEL_QUEUE_MOST)
        return error_set_code(err, EAGAIN, "the other process does not read its messages");
    struct waiting *waiting = talloc_size(queue, sizeof *waiting + length);
    if (!waiting)
        return error_set_code(err, ENOMEM, "out of memory");
    waiting->next = NULL;
    waiting->frame = *header;
    waiting->frame.length = (uint32_t)length;
    if (length)
        memcpy(waiting->frame.payload, payload, length);
    *queue->last = waiting;
    queue->last = &waiting->next;
    queue->octets += size;
    event_add(queue->writable, NULL);
    return 0;
}

int channel_queue_send(struct channel_queue *queue, const struct frame *header, const void *payload,
                       size_t length, struct error *err)
{
    struct error why = { 0 };
    if (length > FRAME_PAYLOAD_MOST || !queue->first) {
        if (channel_send(queue->descriptor, header, payload, length, &why) == 0)
            return 0;
        if (why.code != EAGAIN)
            return error_set_code(err, why.code, "%s", why.text);
    }
    return queue_keep(queue, header, payload, length, err);
}

size_t channel_queue_waiting(const struct channel_queue *queue)
{
    return queue->octets;
}

void channel_queue_flush(struct channel_queue *queue, int64_t milliseconds)
{
    int64_t until = clock_monotonic() + milliseconds;
    queue_drain(queue);
    while (queue->first) {
        int64_t left = until - clock_monotonic();
        struct pollfd ready = { .fd = queue->descriptor, .events = POLLOUT };
        if (left <= 0 || (poll(&ready, 1, (int)left) < 0 && errno != EINTR))
            return;
        queue_drain(queue);
    }
}
