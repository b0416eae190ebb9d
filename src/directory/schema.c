// SPDX-License-Identifier: Apache-2.0
#include "directory/schema.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>

#include "schema_table.h"

// An open-addressed table from every spelling to its type. It is asked for each attribute of each RDN of each
// group member, so it neither copies nor allocates for names that it knows.
struct slot {
    const char *key; // lower case
    size_t length;
    const struct schema_type *type;
};

static struct slot *slots;
static size_t slot_count, slot_used; // slot_count is a power of two

static inline unsigned char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : (unsigned char)c;
}

static size_t key_hash(const char *name, size_t length)
{
    uint32_t hash = (uint32_t)length;
    for (size_t i = 0; i < length; i++)
        hash = hash * 31 + fold(name[i]);
    return hash ^ hash >> 15;
}

static bool key_equal(const struct slot *slot, const char *name, size_t length)
{
    if (slot->length != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)slot->key[i] != fold(name[i]))
            return false;
    return true;
}

static struct slot *slot_for(const char *name, size_t length)
{
    for (size_t i = key_hash(name, length);; i++) {
        struct slot *slot = &slots[i & (slot_count - 1)];
        if (slot->key == NULL || key_equal(slot, name, length))
            return slot;
    }
}

static void slots_grow(size_t count)
{
    struct slot *old = slots;
    size_t old_count = slot_count;
    slots = talloc_zero_array(NULL, struct slot, count);
    if (slots == NULL)
        abort();
    slot_count = count;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].key != NULL) // NOLINT(clang-analyzer-core.NullDereference): no table, no count
            *slot_for(old[i].key, old[i].length) = old[i];
    talloc_free(old);
}

static char *lower_copy(const char *name, size_t length)
{
    char *copy = talloc_array(NULL, char, length + 1);
    if (copy == NULL)
        abort();
    for (size_t i = 0; i < length; i++)
        copy[i] = (char)fold(name[i]);
    copy[length] = '\0';
    return copy;
}

static void slot_add(const char *name, size_t length, const struct schema_type *type)
{
    if ((slot_used + 1) * 4 > slot_count * 3)
        slots_grow(slot_count * 2);
    struct slot *slot = slot_for(name, length);
    if (slot->key != NULL)
        return;
    slot_used++;
    *slot = (struct slot){ .key = lower_copy(name, length), .length = length, .type = type };
}

static const struct schema_type *type_new(const char *name, enum schema_syntax syntax, unsigned flags)
{
    struct schema_type *type = talloc(NULL, struct schema_type);
    if (type == NULL)
        abort();
    size_t length = strlen(name);
    *type = (struct schema_type){ .name = name, .lower = lower_copy(name, length), .length = length,
                                  .syntax = syntax, .flags = flags };
    return type;
}

static void table_load(void)
{
    slots_grow(2048);
    for (const struct schema_row *row = schema_rows; row->name != NULL; row++) {
        const struct schema_type *type = type_new(row->name, row->syntax, row->flags);
        slot_add(row->name, type->length, type);
        for (const char *alias = row->aliases; *alias != '\0';) {
            size_t length = strcspn(alias, " ");
            slot_add(alias, length, type);
            alias += length;
            alias += strspn(alias, " ");
        }
    }
}

const struct schema_type *schema_find(const char *name, size_t length)
{
    if (slots == NULL)
        table_load();
    return slot_for(name, length)->type;
}

static bool ends_with(const char *name, size_t length, const char *ending)
{
    size_t n = strlen(ending);
    return length >= n && memcmp(name + length - n, ending, n) == 0;
}

// For attribute types that nobody has told us of: what such names end in when they hold a password, a hash or
// a key. Ends only: pwdChangedTime, passwordExpirationTime and krbLastPwdChange tell when, not what.
static bool name_smells_secret(const char *lower)
{
    static const char *const endings[] = {
        "password",   "passwd",          "passphrase",  "pwd",    "secret",
        "pwdhistory", "passwordhistory", "hash",        "hashes", "privatekey",
        "secretkey",  "otpkey",          "credentials", "rootpw", NULL,
    };
    size_t length = strlen(lower);
    for (const char *const *ending = endings; *ending != NULL; ending++)
        if (ends_with(lower, length, *ending))
            return true;
    return false;
}

const char *schema_canonical(const char *name, size_t length)
{
    // RFC 4512 §2.5: attributedescription = attributetype options, options = *( SEMI option )
    const char *semicolon = memchr(name, ';', length);
    if (semicolon != NULL)
        length = (size_t)(semicolon - name);
    const struct schema_type *type = schema_find(name, length);
    if (type != NULL)
        return type->name;
    const char *lower = lower_copy(name, length);
    type = type_new(lower, SCHEMA_TEXT, name_smells_secret(lower) ? SCHEMA_FLAG_SECRET : 0);
    slot_add(lower, strlen(lower), type);
    return type->name;
}

enum schema_syntax schema_syntax(const char *canonical)
{
    const struct schema_type *type = schema_find(canonical, strlen(canonical));
    return type != NULL ? type->syntax : SCHEMA_TEXT;
}

static bool has_flag(const char *canonical, unsigned flag)
{
    const struct schema_type *type = schema_find(canonical, strlen(canonical));
    return type != NULL && (type->flags & flag) != 0;
}

bool schema_is_case_exact(const char *canonical)
{
    return has_flag(canonical, SCHEMA_FLAG_EXACT);
}

bool schema_is_operational(const char *canonical)
{
    return has_flag(canonical, SCHEMA_FLAG_OPERATIONAL);
}

bool schema_is_secret(const char *name)
{
    return has_flag(schema_canonical(name, strlen(name)), SCHEMA_FLAG_SECRET);
}

// What OpenLDAP's objectClass matching knows and entries need not spell out (RFC 4512 §3.3).
static const struct {
    const char *name, *superior;
} classes[] = {
    { "organizationalPerson", "person" },
    { "inetOrgPerson", "organizationalPerson" },
    { "residentialPerson", "person" },
    { "user", "organizationalPerson" },
    { "computer", "user" },
};

bool schema_class_is(const char *object_class, const char *wanted)
{
    for (int depth = 0; depth < 8; depth++) {
        if (strcasecmp(object_class, wanted) == 0)
            return true;
        const char *superior = NULL;
        for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
            if (strcasecmp(classes[i].name, object_class) == 0)
                superior = classes[i].superior;
        if (superior == NULL)
            break;
        object_class = superior;
    }
    return strcasecmp(wanted, "top") == 0;
}
