// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_PROCESS_LOG_SETUP_H
#define LDAPNOTIFY_PROCESS_LOG_SETUP_H

#include <stdbool.h>

#include "base/log.h"
#include "config/config.h"

// Where `target = "auto"` leads: the journal when standard error is its stream or systemd started us, else
// standard error in the foreground, else syslog.
enum config_log_target log_setup_choose(enum config_log_target target, bool foreground);
// Opens the log of the configuration.
int log_setup_open(const struct config_log *log, bool foreground, const char *ident,
                   struct error *err) MUST_CHECK;

#endif
