// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_DELTA_H
#define LDAPNOTIFY_DIRECTORY_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "directory/entry.h"

// A link from one entry to another: one value of a DN- or uid-valued attribute (flavour_is_link()).
struct link {
    const char *attribute; // canonical
    uint64_t target;       // dn_hash() of the value; for uid-valued attributes link_uid_hash()
    const char *value;     // as the directory wrote it last, never NULL
    struct uuid entry;     // the entry it points to, or null when that is outside the mirror
    bool gained;           // in a delta: gained or lost
};

// The hash under which a uid (memberUid) is stored; never equal to a DN's but by chance. Case-insensitive.
uint64_t link_uid_hash(const char *uid, size_t length);

enum delta_kind { DELTA_CREATED, DELTA_CHANGED, DELTA_DELETED };

// What applying one entry to the mirror has shown. `old` and `new` hold the attributes that are not links.
struct delta {
    enum delta_kind kind;
    struct entry *old, *new; // NULL when created / deleted
    bool renamed;            // the normal form of the DN differs (not only its case or spaces)
    bool moved_with_parent;  // renamed only because an entry above it was
    // DELTA_CHANGED: links gained and lost, where old and new value do not resolve to one entry.
    // DELTA_CREATED: all its links, gained. DELTA_DELETED: all its links, lost.
    struct link *links;
    size_t link_count;
};

#endif
