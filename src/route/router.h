// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_ROUTE_ROUTER_H
#define LDAPNOTIFY_ROUTE_ROUTER_H

#include "directory/filter.h"
#include "route/route.h"

// What the parts of the room share.

// In the order in which they win: the most specific first.
enum route_role {
    ROUTE_USER,
    ROUTE_MEMBER,
    ROUTE_OWNER,
    ROUTE_MANAGER,
    ROUTE_ACTOR,
    ROUTE_ATTRIBUTE,
    ROUTE_ADMINS,
    ROUTE_ADDRESS,
};

// One word of `to`, `cc` or `fallback`.
struct route_target {
    enum route_role role;
    const char *word;      // as in the configuration
    const char *name;      // of the role, in notifications: "owner", "attr:mail", "address"
    const char *attribute; // ROUTE_ATTRIBUTE: canonical
};

struct route_rule {
    const struct config_rule *config;
    bool active;
    struct filter *where;     // NULL: every entry
    char *base;               // normal form, NULL: everywhere
    struct route_target *told; // `to`, then `cc`
    size_t to_count, told_count;
    struct route_target *fallback;
    size_t fallback_count;
    const struct config_transport *transport;
};

struct router {
    const struct config *config;
    const struct config_directory *directory;
    const struct flavour *flavour;
    const struct route_lookup *lookup;
    struct route_rule *rules; // one for each of the configuration, active or not
    size_t rule_count;
};

// recipients.c

// Somebody in a role.
struct holder {
    struct recipient recipient;
    enum decision_outcome outcome; // TOLD: can be; NO_ADDRESS, DISABLED, NOBODY
    const char *reason;
};
struct holders {
    struct holder *items;
    size_t count;
};
// Who is in the role; all of it owned by `ctx`. When nobody is, one holder with DECISION_NOBODY says why.
int holders_find(struct router *router, TALLOC_CTX *ctx, const struct directory_event *event,
                 const struct route_target *target, struct holders *holders, struct error *err) MUST_CHECK;
// About how many that would be, without reading links.
int holders_estimate(struct router *router, const struct directory_event *event, const struct route_target *target,
                     size_t *count, struct error *err) MUST_CHECK;

// expand.c
struct decision *result_add_decision(struct route_result *result, TALLOC_CTX *ctx);

// address.c
// The same text for addresses that reach the same mailbox: the domain in lower case. Owned by `ctx`.
char *address_key(TALLOC_CTX *ctx, const char *address);

#endif
