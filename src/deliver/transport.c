// SPDX-License-Identifier: Apache-2.0
#include "deliver/transport.h"

#include "deliver/smtp.h"

struct transport {
    const struct transport_ops *ops;
};

struct transport *transport_open(TALLOC_CTX *ctx, struct event_base *loop,
                                 const struct config_transport *config, transport_done_fn *done,
                                 void *context, struct error *err)
{
    const struct transport_ops *ops =
        config->type == CONFIG_TRANSPORT_MAILDIR ? &transport_maildir : &transport_smtp;
    struct transport *transport = ops->open(ctx, loop, config, done, context, err);
    if (!transport)
        error_prepend(err, "transport %s: ", config->name);
    return transport;
}

size_t transport_room(struct transport *transport)
{
    return transport->ops->room(transport);
}

int64_t transport_wait(struct transport *transport)
{
    return transport->ops->wait(transport);
}

int transport_send(struct transport *transport, const struct message *message, struct error *err)
{
    return transport->ops->send(transport, message, err);
}

void transport_close(struct transport *transport)
{
    transport->ops->close(transport);
}

const char *transport_outcome_name(enum transport_outcome outcome)
{
    switch (outcome) {
    case TRANSPORT_ACCEPTED:
        return "accepted";
    case TRANSPORT_TEMPORARY:
        return "temporary";
    case TRANSPORT_PERMANENT:
        return "permanent";
    case TRANSPORT_DOWN:
        return "down";
    }
    return "unknown";
}
