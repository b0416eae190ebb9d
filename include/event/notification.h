// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_EVENT_NOTIFICATION_H
#define LDAPNOTIFY_EVENT_NOTIFICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

// Who is told what, and why or why not. Plain data, filled by route, kept by the stores.

struct recipient {
    struct uuid uuid;     // null for fixed addresses
    const char *dn;       // or NULL
    const char *name;     // for people, or NULL
    const char *address;  // NULL: has none
    const char *language; // preferredLanguage, or NULL
};

enum decision_outcome {
    DECISION_TOLD,       // a notification was made
    DECISION_MERGED,     // told already by this event in another role or by an earlier rule
    DECISION_NO_ADDRESS, // the role's holder has no usable address
    DECISION_NOBODY,     // the role is empty
    DECISION_FALLBACK,   // told instead of a role that reached nobody
    DECISION_DISABLED,   // the recipient's account is disabled
    DECISION_HELD,       // storm breaker
    DECISION_NO_MATCH,   // the rule's `on` fits but `where` or `base` does not
    DECISION_STALE,      // older than max_event_age
};
const char *decision_outcome_name(enum decision_outcome outcome);

struct decision {
    const char *rule;
    const char *role;           // "" when it concerns the rule as a whole
    struct recipient recipient; // may be empty
    enum decision_outcome outcome;
    const char *reason;         // a sentence
};

// One event for one recipient in one or more roles.
struct notification {
    int64_t sequence;       // in the outbox; 0 until stored
    int64_t event_sequence;
    struct recipient recipient;
    const char *roles;      // space separated, most specific first; the first one picks the template
    bool courtesy;          // only roles told out of courtesy (not owner, admins): opposite changes cancel
    const char *rule;
    const char *transport;
    const char *template_name; // or NULL: by event and role
    const char *language;      // the rule's, or NULL: the recipient's, directory's, mail's
    int64_t digest_wait;
    int64_t expires;           // max_event_age after the event; 0: never
};

#endif
