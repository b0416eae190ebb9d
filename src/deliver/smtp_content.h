// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SMTP_CONTENT_H
#define LDAPNOTIFY_DELIVER_SMTP_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

// The message as it goes after DATA (RFC 5321 §4.1.1.4, §4.5.2): lines end with CRLF and only so, leading
// dots are doubled, and the line with a single dot ends it. A lone CR or LF becomes CRLF: left alone, it lets
// a message end early on some servers and begin another. Owned by `ctx`; NULL when out of memory.
char *smtp_content(TALLOC_CTX *ctx, const uint8_t *bytes, size_t length, size_t *size);
// Is there an octet beyond ASCII?
bool smtp_content_is_eight_bit(const uint8_t *bytes, size_t length);

#endif
