// SPDX-License-Identifier: Apache-2.0
#include "event/notification.h"

const char *decision_outcome_name(enum decision_outcome outcome)
{
    static const char *const names[] = {
        [DECISION_TOLD] = "told",     [DECISION_MERGED] = "merged",     [DECISION_NO_ADDRESS] = "no_address",
        [DECISION_NOBODY] = "nobody", [DECISION_FALLBACK] = "fallback", [DECISION_DISABLED] = "disabled",
        [DECISION_HELD] = "held",     [DECISION_NO_MATCH] = "no_match", [DECISION_STALE] = "stale",
    };
    return names[outcome];
}
