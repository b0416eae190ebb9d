// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_ROUTE_ROUTE_H
#define LDAPNOTIFY_ROUTE_ROUTE_H

#include <talloc.h>

#include "base/error.h"
#include "config/config.h"
#include "directory/delta.h"
#include "directory/flavour.h"
#include "event/event.h"
#include "event/notification.h"

// Rules and recipients: from an event to decisions and notifications. Two steps, so that the storm breaker can
// look in between, before anything is expanded:
//
//   matches = router_match(event, old, new)      which rules want it, and about how many people that is
//   router_expand(match) → decisions, notifications
//
// Pure but for the look-ups, which answer from the state at the end of the transaction.

struct route_lookup {
    void *context;
    // *entry is NULL when there is none. Deleted entries are found too for some time (*former true), for they keep
    // their last address. Owned by `ctx`. 0, or -1 with `err`.
    int (*by_uuid)(void *context, TALLOC_CTX *ctx, const struct uuid *uuid, struct entry **entry, bool *former, struct error *err);
    int (*by_dn)(void *context, TALLOC_CTX *ctx, const char *dn, struct entry **entry, bool *former, struct error *err);
    int (*links)(void *context, TALLOC_CTX *ctx, const struct uuid *entry, const char *attribute, struct link **links, size_t *count, struct error *err);
    // How many such links, without reading them.
    int (*count_links)(void *context, const struct uuid *entry, const char *attribute, size_t *count, struct error *err);
};

struct router;

// `config`, `directory`, `flavour`, `lookup` outlive it and all its results. Rules that are disabled or not for this
// directory never match. Fails on a filter, DN or role that does not parse, and on a rule without any transport.
struct router *router_new(TALLOC_CTX *ctx, const struct config *config, const struct config_directory *directory,
                          const struct flavour *flavour, const struct route_lookup *lookup, struct error *err) MUST_CHECK;
// Every attribute that rules and address look-ups need in the view, by fn().
void router_attributes(const struct router *router, void (*fn)(void *context, const char *name), void *context);

struct route_match {
    const struct directory_event *event;
    size_t rule;            // index for router_rule_name()
    size_t estimate;        // people it would tell, at least 1
};
struct route_result {
    struct decision *decisions;
    size_t decision_count;
    struct notification *notifications;
    size_t notification_count;
};

// Rules are numbered as in the configuration, those that never match too; the count is what breaker_new() wants.
size_t router_rule_count(const struct router *router);
const char *router_rule_name(const struct router *router, size_t rule);
int router_rule_find(const struct router *router, const char *name); // -1 when unknown, disabled or not for this directory
// `old`/`new`: the entry before and after, with attributes that are not links; `where` matches either. A rule whose
// `on` fits but whose `where` does not gives a decision in `result`. Events of type system.* match no rule: they go
// to `admins` by router_admins(). Owned by `ctx`.
int router_match(struct router *router, TALLOC_CTX *ctx, const struct directory_event *event, const struct entry *old, const struct entry *new,
                 struct route_match **matches, size_t *count, struct route_result *result, struct error *err) MUST_CHECK;
// Expands all matches of ONE event: one notification per recipient (same entry, or same address) and transport, roles
// merged, earlier rules first. An event older than its rule's max_event_age at `now` is only decided on (STALE).
//
//  user     user.*: the entry, whether its account is disabled or not; group.member.*: the member
//  member   group.member.*: the member concerned; group.deleted: event->members; other group events: all members
//  owner    group.deleted: event->owners; other group events: all owners, on group.owner.* the one concerned first
//  manager  user.manager.*: the one concerned; user.deleted: event->managers; other user events and group.member.*:
//           the managers of the user or member
//  actor, admins, attr:NAME (addresses or entries that the event's entry names), addresses
//
// A group in any role but `user` of user.* stands for its members, through nested groups, each group once. The
// `fallback` of a rule is told when a role of its `to` reaches nobody at all.
int router_expand(struct router *router, TALLOC_CTX *ctx, const struct route_match *matches, size_t count, int64_t now,
                  struct route_result *result, struct error *err) MUST_CHECK;
// Tells the directory's admins (else mail.admins) at once, by the first transport, under the rule name "system".
int router_admins(struct router *router, TALLOC_CTX *ctx, const struct directory_event *event, struct route_result *result, struct error *err) MUST_CHECK;

#endif
