// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_WORKERS_H
#define LDAPNOTIFY_DAEMON_WORKERS_H

#include "process/worker.h"

// What a worker of this name ("watch corp", "deliver") does; NULL when there is none.
const struct worker_handlers *workers_find(const char *name);

#endif
