// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_PID_FILE_H
#define LDAPNOTIFY_DAEMON_PID_FILE_H

#include "base/error.h"

// A locked file with our process id: the lock, not the number, says whether a daemon runs, so a file that a
// crash left behind is in nobody's way. Returns its descriptor; -1 when another one runs (`err` says which).
int pid_file_take(const char *path, struct error *err) MUST_CHECK;
// Removes the file and lets go of the lock.
void pid_file_give_back(const char *path, int descriptor);

#endif
