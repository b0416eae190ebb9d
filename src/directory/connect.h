// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_CONNECT_H
#define LDAPNOTIFY_DIRECTORY_CONNECT_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"

// One attempt at one server: connect, TLS, bind. Plain data.
struct connection {
    const struct config_directory *config;
    const char *uri;
    LDAPURLDesc *url;
    LDAP *ld;
    int fd;
    bool implicit, starttls; // how TLS begins, if at all
    bool encrypted;
    bool local;        // ldapi
    bool answered;     // the peer has spoken LDAP to us
    int64_t deadline;  // clock_monotonic()
};

// Until `connection->deadline`: bound, with a non-blocking descriptor. On failure `err` has an enum
// session_failure as code, and the connection is closed. `config` and `uri` are set by the caller and outlive
// the connection.
int connection_open(struct connection *connection, struct error *err) MUST_CHECK;
void connection_close(struct connection *connection);

// Connected, with options set and nothing said yet. Verification as configured, or none for a mere look.
int connection_begin(struct connection *connection, bool verify, struct error *err) MUST_CHECK;
// TLS as the URI and the configuration want it.
int connection_secure(struct connection *connection, struct error *err) MUST_CHECK;
int connection_bind(struct connection *connection, struct error *err) MUST_CHECK;

// The answer to `msgid`, or -1 with an error that says what `what` was waiting for.
int connection_wait(struct connection *connection, int msgid, const char *what, LDAPMessage **answer,
                    struct error *err) MUST_CHECK;

// What to think of a connection that is lost before the server has said anything; "" if nothing.
const char *connection_lost_hint(const struct connection *connection);

#endif
