// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SMTP_HOSTS_H
#define LDAPNOTIFY_DELIVER_SMTP_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "config/config.h"

// The hosts of a transport, in order of preference, and which of them are out of order at the moment.

struct smtp_host {
    const char *name;  // a name or an address, without brackets
    const char *label; // "name:port" or "[address]:port", for people and for the URL
    int port;
    unsigned failures;  // in a row
    int64_t dead_until; // monotonic; 0: in order
};

struct smtp_hosts {
    struct smtp_host *items;
    size_t count;
};

// For an enum config_tls: 25, 587 (RFC 6409), 465 (RFC 8314).
int smtp_default_port(int tls);
// "relay1;relay2:2525;[::1]:25". Owned by `ctx`.
int smtp_hosts_parse(TALLOC_CTX *ctx, const char *text, int default_port, struct smtp_hosts *hosts,
                     struct error *err) MUST_CHECK;

// The host to try next for a message for which those with their flag in `tried` have failed, or -1. A host
// that is out of order is only tried when all are and none was tried yet: then the one that comes back first.
int smtp_hosts_next(const struct smtp_hosts *hosts, const bool *tried, int64_t now);
// The host failed: it is left alone for a while, longer each time.
void smtp_hosts_failed(struct smtp_hosts *hosts, size_t host, int64_t now, uint32_t random);
void smtp_hosts_worked(struct smtp_hosts *hosts, size_t host);

#endif
