// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONTROL_CONTROL_H
#define LDAPNOTIFY_CONTROL_CONTROL_H

#include "process/worker.h"

// The control worker: HTTP with JSON on a Unix socket. Reads the stores, changes nothing: commands go through the
// supervisor to the worker that owns what they change.
extern const struct worker_handlers control_handlers;

#endif
