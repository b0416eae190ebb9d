// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_PREPARE_H
#define LDAPNOTIFY_DAEMON_PREPARE_H

#include "config/config.h"

// Makes what the workers cannot make once they have given up root: state_dir (0750), run_dir (0755) and the
// log file, owned by the configuration's user. What exists is left as it is. Finds out whether that user
// exists.
int prepare_files(const struct config *config, struct error *err) MUST_CHECK;

#endif
