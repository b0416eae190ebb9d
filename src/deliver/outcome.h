// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_OUTCOME_H
#define LDAPNOTIFY_DELIVER_OUTCOME_H

#include "deliver/transport.h"

// What a result means for its message. Pure: writes state, attempts, next_attempt, code, reply, host and
// finished; reply and host are those of the result, not copied. `paused_until` is when the transport is tried
// again after TRANSPORT_DOWN.
void outcome_apply(struct message *message, const struct transport_result *result,
                   const struct config_transport *config, int64_t now, int64_t paused_until, uint32_t random);
// Too old to be sent at all?
bool outcome_is_expired(const struct message *message, int64_t now);
// The word for the log: "sent", "deferred", "failed", "down".
const char *outcome_word(const struct message *message, enum transport_outcome outcome);

#endif
