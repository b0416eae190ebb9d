// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_KEYTAB_H
#define LDAPNOTIFY_DIRECTORY_KEYTAB_H

#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"

// The records of `principal` (NAME or NAME@REALM, as klist -k prints it) in a key table, as a key table of their
// own. `*size` is that of `data`, and then of the result. NULL with errno 0 if there is none, EBADMSG if this is no
// key table, ENOMEM.
uint8_t *keytab_select(TALLOC_CTX *ctx, const uint8_t *data, size_t *size, const char *principal) MUST_CHECK;

// A copy of the key table at `path` with only the keys of `principal`, in memory (tmpfs) and for this user only.
// The caller unlinks it. NULL with `err` on failure.
char *keytab_copy(TALLOC_CTX *ctx, const char *path, const char *principal, struct error *err) MUST_CHECK;

#endif
