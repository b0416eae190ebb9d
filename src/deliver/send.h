// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SEND_H
#define LDAPNOTIFY_DELIVER_SEND_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>

#include "deliver/transport.h"

// One transport's share of the queue: claims messages, hands them over as the transport has room, records
// what became of them. A transport that is down pauses as a whole; the messages do not pay for it with their
// attempts.

struct sender;

// `store` and `config` outlive it. A transport that cannot be opened gives a sender all the same: its
// messages stay queued and its status says why. NULL: out of memory. talloc_free() ends it at once.
struct sender *sender_new(TALLOC_CTX *ctx, struct event_base *base, struct delivery_store *store,
                          const struct config_transport *config, struct error *err) MUST_CHECK;
// There may be new messages, or an administrator wants it tried now.
void sender_wake(struct sender *sender);
void sender_try_now(struct sender *sender);
// Claims nothing any more and gives back what has not left.
void sender_stop(struct sender *sender);
// Something is under way or not recorded yet.
bool sender_is_busy(const struct sender *sender);
const char *sender_name(const struct sender *sender);
// {"name", "state": "ok" | "paused" | "failed", "in_flight", "problem"?, "until"?}; a new reference.
json_t *sender_status(const struct sender *sender);

#endif
