// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_STATE_LOCK_H
#define LDAPNOTIFY_DAEMON_STATE_LOCK_H

#include "base/error.h"

// Keeps a second daemon out of `state_dir`, as far as it has one of the same `duties` (bits, plan.h): workers would refuse
// each other's stores anyway, but for ever again, and the second control worker would take the first one's socket.
// Returns a descriptor that holds the lock until it is closed or the process ends; -1 with `err` naming the other one.
int state_lock_take(const char *state_dir, unsigned duties, struct error *err) MUST_CHECK;

#endif
