// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_EVENT_DIFF_H
#define LDAPNOTIFY_EVENT_DIFF_H

#include "directory/delta.h"
#include "directory/flavour.h"
#include "event/event.h"

// From a delta to events. Pure: no clock, no store, no log.

struct diff_context {
    const char *directory;
    const struct flavour *flavour;
    int64_t now;
    // The change was seen as it happened, so modifiersName names its actor (promise 5); false in a refresh.
    bool live;
    const char *const *root_actors;   // normal DNs never taken for an actor after lockouts (rootdn, overlays); may be NULL
    const char *const *watched;       // attributes of *.modified, canonical, ends with NULL
    const char *const *silent;        // attributes new in the view: no events from them this time; may be NULL
    const char *const *known;         // attributes of the view; what is not among them has not changed; ends with NULL
    // Lock state that the values alone do not tell.
    bool lock_expired;                // our timer has already said that the old lock ended
    int64_t lockout_duration;         // of the policy that applies to the entry, ms; 0: until unlocked
};

// What the entry's lock state is, for the caller's timer: 0 not locked, -1 locked without end, else the time at
// which the lock ends by itself.
int64_t diff_locked_until(const struct diff_context *context, const struct entry *entry);

// Appends to `list`, owned by `ctx`. Party names are filled only where the delta itself knows them; the caller
// completes them (event.party.name NULL otherwise).
//
//  user.locked    a lock that was not there, or whose previous one had ended; cause admin for 000001010000Z
//  user.unlocked  the lock went before it ended; nothing when `lock_expired`
//  user.password.reset     pwdReset became TRUE, or the password changed and the actor is known and not the user
//  user.password.changed   every other change of the password time
//  group.deleted  carries last members and owners; no member or owner events for the links of a deleted group
//  An entry that becomes or ceases to be a user or group (objectClass) is created or deleted as such.
int diff_events(TALLOC_CTX *ctx, const struct diff_context *context, const struct delta *delta, struct event_list *list);

// The event for a lock that ended by itself.
struct event *diff_lock_expired(TALLOC_CTX *ctx, const struct diff_context *context, const struct entry *entry,
                                struct event_list *list);

#endif
