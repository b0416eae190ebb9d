// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_SCHEMA_TABLE_H
#define LDAPNOTIFY_DIRECTORY_SCHEMA_TABLE_H

#include <stddef.h>

#include "directory/schema.h"

enum schema_flag {
    SCHEMA_FLAG_EXACT = 1,
    SCHEMA_FLAG_OPERATIONAL = 2,
    SCHEMA_FLAG_SECRET = 4,
};

// One line of the table: the name in its usual spelling, then aliases and OIDs, space separated.
struct schema_row {
    const char *name, *aliases;
    enum schema_syntax syntax;
    unsigned flags;
};

extern const struct schema_row schema_rows[]; // ends with name NULL

// A known or interned attribute type.
struct schema_type {
    const char *name;  // canonical
    const char *lower; // the same in lower case
    size_t length;     // of either
    enum schema_syntax syntax;
    unsigned flags;
};

// The type of this name, without options, or NULL if it was never seen: unlike schema_canonical() a look-up
// leaves nothing behind, so names in hostile DNs cannot fill the memory.
const struct schema_type *schema_find(const char *name, size_t length);

#endif
