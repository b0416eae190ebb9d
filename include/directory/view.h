// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_VIEW_H
#define LDAPNOTIFY_DIRECTORY_VIEW_H

#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"

// What a source is asked for: bind DN, base, filter, attributes and flavour map together. Plain data.
struct view {
    const char *bind_dn, *base, *filter;
    const char **attributes; // canonical names, sorted, ends with NULL; never "*", "+" or a secret
    size_t attribute_count;
    const char *flavour;     // name and overrides as one text
};

// Hex text of a hash over all of it; stored beside the cookie. Owned by `ctx`.
char *view_hash(TALLOC_CTX *ctx, const struct view *view);

#endif
