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
    const char *const *known;         // attributes of the view; what is not among them has not changed; ends with NULL;
                                      // NULL: all
    // The links that a changed entry had before and still has; only looked at when diff_wants_links(); may be NULL.
    const struct link *kept;
    size_t kept_count;
    // Lock state that the values alone do not tell.
    bool lock_expired;                // our timer has already said that the old lock ended
    int64_t lockout_duration;         // of the policy that applies to the entry, ms; 0: until unlocked
};

// Does the delta make the entry a user or group, or no longer one, without its being created or deleted? Then its
// links that did not change are news too, and the caller puts them in context->kept.
bool diff_wants_links(const struct diff_context *context, const struct delta *delta);

// What the entry's lock state is, for the caller's timer: 0 not locked (or no user), -1 locked without end, else the
// time at which the lock ends by itself, which may be past: AD keeps lockoutTime after the end.
int64_t diff_locked_until(const struct diff_context *context, const struct entry *entry);

// Appends to `list`, owned by `ctx`; the events of one call share strings that `ctx` owns. Party names are filled only
// where the delta itself knows them; the caller completes them (event.party.name NULL otherwise). 0, or -1 when memory
// ran out.
//
// Entries are users or groups by the flavour, before and after; one may be both, and one that is neither gives no events.
//
//  *.created      with *.added for its members, owners, managers; no other state of a new entry is an event
//  *.deleted      carries the last members, owners, managers, which give no events of their own
//                 An entry that becomes or ceases to be a user or group (objectClass) is created or deleted as such.
//  *.renamed      changes[0] is { "dn", old, new }; nothing when moved_with_parent: who moves a branch does not mean
//                 each entry in it, and their own RDN and mail are as they were
//  *.modified     the `watched` attributes without events of their own: octets differ as sets (times, booleans and DNs:
//                 values differ); for links the values lost and gained
//  *.added, *.removed   an entry that one attribute of the role lost and another gained is neither
//  user.locked    a lock that was not there, or whose previous one had ended; cause admin for 000001010000Z, also when
//                 a lock that was to end becomes such a one; one that is over when it is first seen gives its
//                 user.unlocked (expiry) at once, and no timer is needed
//  user.unlocked  the lock went before it ended; nothing when `lock_expired`; cause expiry when it had ended but
//                 our timer had not yet said so
//  user.disabled, user.enabled   flavour->disabled_when
//  user.password.reset     pwdReset became TRUE (pwdLastSet 0), or the password changed and it is TRUE or the actor is
//                          known and not the user
//  user.password.changed   every other change of the password time; its going is none
//
// The actor is modifiersName (creatorsName of a created entry, unless modifiersName shows that somebody else brought it
// into the view) if `live`, and never an overlay or plugin; unknown for deletes and locks by failed logins. When a link
// is lost to an entry that is itself deleted, an overlay may have written it unseen: the caller, who knows, then calls
// event_forget_actor().
//
// Times are context->now, but for a lock that is over its begin and end.
int diff_events(TALLOC_CTX *ctx, const struct diff_context *context, const struct delta *delta, struct event_list *list);

// The event for a lock that ended by itself. NULL: out of memory.
struct directory_event *diff_lock_expired(TALLOC_CTX *ctx, const struct diff_context *context, const struct entry *entry,
                                struct event_list *list);

#endif
