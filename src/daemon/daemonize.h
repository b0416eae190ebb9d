// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_DAEMONIZE_H
#define LDAPNOTIFY_DAEMON_DAEMONIZE_H

#include "base/error.h"

// Goes to the background. Returns in the new process only, with a descriptor for daemonize_report(); the
// process that was called waits for the report, prints its words on standard error and exits with its status.
// -1: still the caller.
int daemonize(struct error *err) MUST_CHECK;
// Tells how the start went (`words` NULL: well) and leaves the terminal. Closes the descriptor.
void daemonize_report(int descriptor, const char *words);

#endif
