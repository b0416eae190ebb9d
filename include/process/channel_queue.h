// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_PROCESS_CHANNEL_QUEUE_H
#define LDAPNOTIFY_PROCESS_CHANNEL_QUEUE_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "process/channel.h"

// The sending side of a channel for frames that must not be lost because the other side is busy: they wait in
// order and go out when the loop says that there is room. Freed with talloc_free(); the descriptor stays the
// caller's.
struct channel_queue;

#define CHANNEL_QUEUE_MOST ((size_t)4 * 1024 * 1024) // octets that may wait

struct channel_queue *channel_queue_new(TALLOC_CTX *ctx, struct event_base *loop, int descriptor);
// Sends now or keeps a copy. -1: the peer is gone, the frame is too long (code EMSGSIZE) or too much waits
// (EAGAIN).
int channel_queue_send(struct channel_queue *queue, const struct frame *header, const void *payload,
                       size_t length, struct error *err) MUST_CHECK;
size_t channel_queue_waiting(const struct channel_queue *queue); // octets
// Sends what waits, blocking at most `milliseconds`; for the moment before a blocking call or the end.
void channel_queue_flush(struct channel_queue *queue, int64_t milliseconds);

#endif
