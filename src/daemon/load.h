// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_LOAD_H
#define LDAPNOTIFY_DAEMON_LOAD_H

#include "config/config.h"
#include "options.h"
#include "secrets_watch.h"

// The configuration as this process will use it: read, checked with all that every room knows about its
// strings and templates, and with the command line's word on top. Every problem goes to `problem` (may be
// NULL), the first one to `err` too. No secrets yet. NULL on failure; owned by `ctx`.
struct config *load_config(TALLOC_CTX *ctx, const struct options *options, config_problem_fn *problem,
                           void *context, struct error *err) MUST_CHECK;

// The same with secrets, and with the directories and the account that the workers need. `*watch` knows the
// secrets' files as they were read.
struct config *load_all(TALLOC_CTX *ctx, const struct options *options, config_problem_fn *problem,
                        void *context, struct secrets_watch **watch, struct error *err) MUST_CHECK;

#endif
