// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_PROCESS_PRIVILEGE_H
#define LDAPNOTIFY_PROCESS_PRIVILEGE_H

#include <sys/types.h>

#include "base/error.h"

// Who the workers are, and how a process closes itself off.

struct account {
    char user[64];
    uid_t uid;
    gid_t gid;
};

// The account of the configuration's `user` and `group` (NULL: the user's own group).
int account_find(const char *user, const char *group, struct account *account, struct error *err) MUST_CHECK;

// For good: supplementary groups, group and user ids become the account's, and it is checked that there is no
// way back. Nothing is done unless the process is root.
int privilege_give_up(const struct account *account, struct error *err) MUST_CHECK;

// No debugger, no core dump (memory holds secrets), no privilege by exec, files for the owner and group only.
int process_harden(struct error *err) MUST_CHECK;

#endif
