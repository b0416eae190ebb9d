// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONTROL_PEER_H
#define LDAPNOTIFY_CONTROL_PEER_H

#include <sys/types.h>

#include "config/config.h"

// Who is at the other end of the Unix socket, and what they may do. The kernel says who it is (SO_PEERCRED); nothing
// that the caller sends is asked.

enum peer_right { PEER_NOTHING, PEER_READ, PEER_OPERATE };

struct peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    char name[64]; // "root", or "uid 1000" if the account has no name
};

// -1 when the kernel does not tell.
int peer_of(int descriptor, struct peer *peer);
// root and the daemon's own user may do everything; others as `operators` and `readers` say.
enum peer_right peer_right(const struct config_control *config, const struct peer *peer);

#endif
