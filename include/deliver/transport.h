// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_TRANSPORT_H
#define LDAPNOTIFY_DELIVER_TRANSPORT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "config/config.h"
#include "store/delivery_store.h"

// A way out. It takes messages that are frozen and says what became of each, once; it keeps no queue of its
// own: what it cannot take now, it refuses by transport_room().

enum transport_outcome {
    TRANSPORT_ACCEPTED,  // somebody else is responsible now
    TRANSPORT_TEMPORARY, // try again later (4xx, connection lost, outcome unknown)
    TRANSPORT_PERMANENT, // never again (5xx for this message or recipient)
    TRANSPORT_DOWN,      // the way out itself fails (no host reachable, TLS, login): not this message's fault
};

struct transport_result {
    enum transport_outcome outcome;
    int64_t code;      // SMTP reply code, 0: none
    const char *reply; // the last reply, or words for what failed and what to do
    const char *host;  // the host concerned, or NULL
    int step;          // enum smtp_step where it ended
};

struct transport; // ops first

// Called exactly once per transport_send(), from the loop, never from inside transport_send(). It may send
// the next message.
typedef void transport_done_fn(void *context, int64_t message, const struct transport_result *result);

struct transport_ops {
    const char *name;
    struct transport *(*open)(TALLOC_CTX *ctx, struct event_base *loop, const struct config_transport *config,
                              transport_done_fn *done, void *context, struct error *err);
    // How many more messages it would take at this moment.
    size_t (*room)(struct transport *transport);
    // How long, in milliseconds, until room() grows by itself (a rate limit); 0: not before the next done().
    int64_t (*wait)(struct transport *transport);
    // `message` must stay until done.
    int (*send)(struct transport *transport, const struct message *message, struct error *err);
    // Ends everything at once and frees it; done() is not called any more. Not from inside done().
    void (*close)(struct transport *transport);
};

extern const struct transport_ops transport_maildir;

struct transport *transport_open(TALLOC_CTX *ctx, struct event_base *loop,
                                 const struct config_transport *config, transport_done_fn *done,
                                 void *context, struct error *err) MUST_CHECK;
size_t transport_room(struct transport *transport);
int64_t transport_wait(struct transport *transport);
int transport_send(struct transport *transport, const struct message *message, struct error *err) MUST_CHECK;
void transport_close(struct transport *transport);

const char *transport_outcome_name(enum transport_outcome outcome); // "accepted"

#endif
