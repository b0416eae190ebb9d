// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_SECRETS_WATCH_H
#define LDAPNOTIFY_DAEMON_SECRETS_WATCH_H

#include <stdbool.h>
#include <talloc.h>

#include "config/config.h"

// Notices that a file with a secret was changed (a rotated password), by looking at it now and then.
struct secrets_watch;

// Remembers the files of `config` as they are now. NULL when memory runs out. `config` is not kept.
struct secrets_watch *secrets_watch_new(TALLOC_CTX *ctx, const struct config *config);
// True once for each change, when the file looks the same at two calls: somebody may still be writing it.
bool secrets_watch_look(struct secrets_watch *watch);

// The path of a secret's file or credential, or NULL if it comes from elsewhere. Owned by `ctx`.
char *secret_path(TALLOC_CTX *ctx, const struct config_secret *secret);

#endif
