// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_DELIVER_H
#define LDAPNOTIFY_DELIVER_DELIVER_H

#include "process/worker.h"

// The deliver worker: import → digest → freeze → transport → result.
extern const struct worker_handlers deliver_handlers;

#endif
