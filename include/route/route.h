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

// `config`, `flavour`, `lookup` outlive it. Rules that are disabled or not for this directory are left out.
struct router *router_new(TALLOC_CTX *ctx, const struct config *config, const struct config_directory *directory,
                          const struct flavour *flavour, const struct route_lookup *lookup, struct error *err) MUST_CHECK;
// Every attribute that rules and address look-ups need in the view, by fn().
void router_attributes(const struct router *router, void (*fn)(void *context, const char *name), void *context);

struct route_match {
    const struct event *event;
    size_t rule;            // index for router_rule_name()
    size_t estimate;        // people it would tell, at least 1
};
struct route_result {
    struct decision *decisions;
    size_t decision_count;
    struct notification *notifications;
    size_t notification_count;
};

const char *router_rule_name(const struct router *router, size_t rule);
int router_rule_find(const struct router *router, const char *name); // -1 when unknown
// `old`/`new`: the entry before and after, with attributes that are not links; `where` matches either. A rule whose
// `on` fits but whose `where` does not gives a decision in `result`. Events of type system.* match no rule: they go
// to `admins` by router_admins(). Owned by `ctx`.
int router_match(struct router *router, TALLOC_CTX *ctx, const struct event *event, const struct entry *old, const struct entry *new,
                 struct route_match **matches, size_t *count, struct route_result *result, struct error *err) MUST_CHECK;
// Expands all matches of ONE event: one notification per recipient and transport, roles merged, earlier rules first.
int router_expand(struct router *router, TALLOC_CTX *ctx, const struct route_match *matches, size_t count, int64_t now,
                  struct route_result *result, struct error *err) MUST_CHECK;
// Tells the directory's admins (else mail.admins) at once.
int router_admins(struct router *router, TALLOC_CTX *ctx, const struct event *event, struct route_result *result, struct error *err) MUST_CHECK;

// The address to use for an entry: mail_attributes in order, first one that text_is_address(). Owned by `ctx`; NULL: none.
char *route_address(TALLOC_CTX *ctx, const struct config_directory *directory, const struct entry *entry);

#endif
