// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_SOURCE_LDIF_READER_H
#define LDAPNOTIFY_SOURCE_LDIF_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "base/error.h"

// LDIF (RFC 2849): folding, comments, base64, content and change records. Values read from a URL ("attr:<
// file:…") are refused, "control:" lines are passed over. Values may be raw UTF-8. Comments that begin with
// "#!" are handed out.

enum ldif_kind { LDIF_CONTENT, LDIF_ADD, LDIF_DELETE, LDIF_MODIFY, LDIF_RENAME, LDIF_DIRECTIVE };
enum ldif_op { LDIF_OP_ADD, LDIF_OP_DELETE, LDIF_OP_REPLACE };

struct ldif_value {
    const char *attribute; // as written, with options
    const char *data;      // followed by a NUL that is not counted
    size_t length;
    unsigned line;
};

struct ldif_change {
    enum ldif_op op;
    const char *attribute;
    size_t first, count; // among the record's values
    unsigned line;
};

// One talloc tree.
struct ldif_record {
    enum ldif_kind kind;
    unsigned line;
    const char *dn;            // NULL for a directive
    const char *directive;     // what follows "#!", trimmed
    struct ldif_value *values; // CONTENT, ADD, MODIFY
    size_t count;
    struct ldif_change *changes; // MODIFY
    size_t change_count;
    const char *new_rdn, *new_superior; // RENAME; the latter may be NULL
    bool delete_old_rdn;
};

struct ldif_reader;

// `name` is for error texts; `text` must outlive the reader.
struct ldif_reader *ldif_reader_new(TALLOC_CTX *ctx, const char *name, const char *text, size_t length);
// 1 with a record owned by `ctx`, 0 at the end, -1 with "NAME:LINE: words".
int ldif_reader_next(struct ldif_reader *reader, TALLOC_CTX *ctx, struct ldif_record **record,
                     struct error *err) MUST_CHECK;

#endif
