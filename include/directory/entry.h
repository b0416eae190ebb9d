// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_ENTRY_H
#define LDAPNOTIFY_DIRECTORY_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "base/uuid.h"

// One attribute value: octets, always followed by a NUL that is not counted.
struct value {
    const char *data;
    size_t length;
};

// An attribute with its values (RFC 4512 §2.2). `name` is the canonical name from schema_canonical(),
// without options, so names compare with strcmp().
struct attribute {
    const char *name;
    struct value *values;
    size_t count;
};

// A directory entry, or the part of it that is watched. Plain data in one talloc tree: everything it
// points to belongs to the entry itself or to one of its parents.
struct entry {
    struct uuid uuid;
    const char *dn; // as the server wrote it
    struct attribute *attributes;
    size_t count;
};

struct entry *entry_new(TALLOC_CTX *ctx, const struct uuid *uuid, const char *dn);
// Both copy the value and take the name in any spelling. An attribute that is already there gets the value appended.
void entry_add(struct entry *entry, const char *name, const char *data, size_t length);
void entry_add_text(struct entry *entry, const char *name, const char *text);
// For a reader that decodes many values at once: appends an attribute whose values array is already a
// child of `entry`; nothing is copied.
void entry_take(struct entry *entry, const char *name, struct value *values, size_t count);

// A deep copy. Owned by `ctx`.
struct entry *entry_copy(TALLOC_CTX *ctx, const struct entry *entry);

// `name` is canonical. NULL when the entry is NULL or has no such attribute.
const struct attribute *entry_attribute(const struct entry *entry, const char *name);
// First value as text, or NULL; a value with an embedded NUL is not text.
const char *entry_text(const struct entry *entry, const char *name);
// RFC 4512 §2.4.1, case-insensitive; an inetOrgPerson has the class person too (schema_class_is()).
bool entry_has_class(const struct entry *entry, const char *object_class);

// A compact form for storing: self-contained, without UUID and DN; attributes sorted by name, values in their order.
// entry_unpack() fills an entry that has no attributes yet; it accepts any octets and fails cleanly on damaged ones.
int entry_pack(TALLOC_CTX *ctx, const struct entry *entry, uint8_t **data, size_t *length);
int entry_unpack(struct entry *entry, const uint8_t *data, size_t length, struct error *err) MUST_CHECK;

#endif
