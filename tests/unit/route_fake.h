// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_TESTS_ROUTE_FAKE_H
#define LDAPNOTIFY_TESTS_ROUTE_FAKE_H

#include "route/route.h"

// A directory in memory, a configuration and a router over both, for the tests of the route room.
struct fake {
    struct config config;
    struct config_directory directory;
    struct config_transport transports[2]; // "default" and "other"
    struct flavour *flavour;
    struct route_lookup lookup;
    struct fake_entry *entries;
    size_t count;
    bool broken;    // every look-up fails
    size_t reads;   // of links
    struct router *router;
    char *admins[3];
};

struct fake *fake_new(void);
// "dn: …\nname: value\n…"; DN-valued attributes become links. The UUID begins with the octet `id`.
void fake_add(struct fake *fake, uint8_t id, bool former, const char *text);
// A rule that is told by what `set` writes into it; words are separated by spaces. Returns it.
struct config_rule *fake_rule(struct fake *fake, const char *name, const char *on, const char *to);
void fake_words(struct fake *fake, struct config_list *list, const char *words);
// Builds the router over the rules so far.
void fake_start(struct fake *fake);
struct party fake_party(uint8_t id, const char *dn);
// "role>address:outcome" of each decision, separated by "; ".
char *fake_decisions(TALLOC_CTX *ctx, const struct route_result *result);
// "address:roles:rule" of each notification.
char *fake_notifications(TALLOC_CTX *ctx, const struct route_result *result);

#endif
