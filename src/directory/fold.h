// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_FOLD_H
#define LDAPNOTIFY_DIRECTORY_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

// String preparation for matching, after RFC 4518: case mapping (unless `exact`), NFKC, insignificant spaces.
// Case is mapped character by character to lower case, as OpenLDAP does: "ß" and "ss" stay two names. Text
// that is not UTF-8 has its ASCII part mapped and is otherwise left alone.

struct fold {
    char *data; // the result, followed by a NUL
    size_t length;
    size_t capacity;
};

// What to do with spaces at the ends. Inner runs always become one.
enum fold_ends { FOLD_TRIM_NONE = 0, FOLD_TRIM_LEFT = 1, FOLD_TRIM_RIGHT = 2, FOLD_TRIM = 3 };

// `fold` is a buffer that is used again and again; `ctx` owns its memory.
void fold_text(TALLOC_CTX *ctx, struct fold *fold, const char *text, size_t length, bool exact,
               enum fold_ends ends);

// ASCII to lower case, everything else as it is.
extern const uint8_t fold_ascii[256];

#endif
