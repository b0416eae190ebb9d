// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_CERTIFICATE_H
#define LDAPNOTIFY_DIRECTORY_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

// Just enough of an X.509 certificate (RFC 5280 §4.1) to tell an administrator why it was not accepted:
// libldap with GnuTLS only says "unknown error code". Nothing is trusted on the strength of this.
struct certificate {
    char *subject, *issuer; // as DNs
    int64_t not_before, not_after;
    char *names; // DNS names and addresses of subjectAltName, ", " between them, or the common name
    bool self_issued;
};

// NULL if the DER octets are no certificate. Owned by `ctx`.
struct certificate *certificate_parse(TALLOC_CTX *ctx, const void *der, size_t length);
// Does it bear this name or address (RFC 6125 §6.4; the common name only counts where there is no other)?
bool certificate_is_for(const struct certificate *certificate, const char *host);
// One sentence: why this certificate was most likely refused when connecting to `host`, and what to do.
// `ca_file` may be NULL. Owned by `ctx`.
char *certificate_explain(TALLOC_CTX *ctx, const struct certificate *certificate, const char *host,
                          const char *ca_file, int64_t now);

#endif
