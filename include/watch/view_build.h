// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_WATCH_VIEW_BUILD_H
#define LDAPNOTIFY_WATCH_VIEW_BUILD_H

#include "config/config.h"
#include "directory/flavour.h"
#include "directory/view.h"
#include "route/route.h"

// The view that configuration, flavour and rules need: every attribute that anything looks at, and nothing
// more. Never a secret attribute, never "*" or "+" (promise 7). Owned by `ctx`.
struct view *view_build(TALLOC_CTX *ctx, const struct config_directory *directory, const struct flavour *flavour,
                        const struct router *router);

// A NULL-ended list of the words in `text` (space separated); interned names.
const char **view_split(TALLOC_CTX *ctx, const char *text);
char *view_join(TALLOC_CTX *ctx, const struct view *view);
// Names in `attributes` that are not in `before`; ends with NULL.
const char **view_added(TALLOC_CTX *ctx, const char *const *attributes, const char *const *before);

#endif
