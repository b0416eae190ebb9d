// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_WATCH_WATCH_H
#define LDAPNOTIFY_WATCH_WATCH_H

#include "process/worker.h"

// The watch worker: source → mirror → diff → events → rules → recipients, in one transaction per batch.
extern const struct worker_handlers watch_handlers;

#endif
