// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_SOCKET_H
#define LDAPNOTIFY_DIRECTORY_SOCKET_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

// The descriptor under a session. It is ours and not libldap's, so that resolving, connecting over all
// addresses and keepalive have our time limits and our words. Deadlines are clock_monotonic() times.

// Resolves and connects; a blocking descriptor with keepalive set, or -1.
int socket_open(const struct config_directory *config, const LDAPURLDesc *url, int64_t deadline,
                struct error *err) MUST_CHECK;
int socket_set_blocking(int fd, bool blocking);

// libldap's TLS handshake blocks for as long as the peer is silent. Between begin and end a timer signal
// (SIGALRM) shuts the descriptor down once the deadline has passed, which ends every read on it. End says
// whether it did.
void socket_guard_begin(int fd, int64_t deadline);
bool socket_guard_end(void);

// Waits for the peer's first octet without taking it: 0 to 255, or SOCKET_CLOSED, SOCKET_SILENT.
enum { SOCKET_CLOSED = -1, SOCKET_SILENT = -2 };
int socket_peek(int fd, int64_t deadline);

#endif
