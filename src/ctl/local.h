// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CTL_LOCAL_H
#define LDAPNOTIFY_CTL_LOCAL_H

#include "command.h"
#include "config/config.h"

// For commands that work without the daemon, on a configuration file that may not be loaded yet: reads and checks it,
// with its secrets. NULL after complaining.
struct config *local_config(struct invocation *invocation);

#endif
