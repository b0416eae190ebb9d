// SPDX-License-Identifier: Apache-2.0
#include "outcome.h"

#include "base/backoff.h"

bool outcome_is_expired(const struct message *message, int64_t now)
{
    return message->expires != 0 && now >= message->expires;
}

static void message_defer(struct message *message, int64_t now, int64_t next)
{
    if (outcome_is_expired(message, now)) {
        message->state = MESSAGE_DEAD;
        message->finished = now;
        return;
    }
    message->state = MESSAGE_QUEUED;
    message->next_attempt = message->expires != 0 && next > message->expires ? message->expires : next;
}

void outcome_apply(struct message *message, const struct transport_result *result,
                   const struct config_transport *config, int64_t now, int64_t paused_until, uint32_t random)
{
    message->code = result->code;
    message->reply = result->reply;
    message->host = result->host;
    switch (result->outcome) {
    case TRANSPORT_ACCEPTED:
        message->attempts++;
        message->state = MESSAGE_SENT;
        message->finished = now;
        break;
    case TRANSPORT_PERMANENT:
        message->attempts++;
        message->state = MESSAGE_DEAD;
        message->finished = now;
        break;
    case TRANSPORT_TEMPORARY:
        message->attempts++;
        message_defer(
            message, now,
            now + backoff_wait((unsigned)message->attempts, config->retry_first, config->retry_most, random));
        break;
    case TRANSPORT_DOWN:
        message_defer(message, now, paused_until);
        break;
    }
}

const char *outcome_word(const struct message *message, enum transport_outcome outcome)
{
    switch (message->state) {
    case MESSAGE_SENT:
        return "sent";
    case MESSAGE_DEAD:
        return "failed";
    default:
        return outcome == TRANSPORT_DOWN ? "down" : "deferred";
    }
}
