// SPDX-License-Identifier: Apache-2.0
#include "ldif_values.h"

#include <string.h>
#include <strings.h>

#include "directory/dn.h"
#include "directory/schema.h"

static bool value_equal(const char *name, const struct value *a, const struct value *b)
{
    enum schema_syntax syntax = schema_syntax(name);

    if (a->length == b->length && memcmp(a->data, b->data, a->length) == 0)
        return true;
    if (syntax == SCHEMA_DN) {
        char *left = dn_normalize(NULL, a->data, a->length, NULL);
        char *right = dn_normalize(NULL, b->data, b->length, NULL);
        bool equal = left && right && strcmp(left, right) == 0;
        talloc_free(left);
        talloc_free(right);
        return equal;
    }
    if ((syntax != SCHEMA_TEXT && syntax != SCHEMA_UID) || schema_is_case_exact(name))
        return false;
    return a->length == b->length && strncasecmp(a->data, b->data, a->length) == 0;
}

struct attribute *entry_find(struct entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->count; i++) {
        if (strcmp(entry->attributes[i].name, name) == 0)
            return &entry->attributes[i];
    }
    return NULL;
}

bool attribute_has(const struct attribute *attribute, const struct value *value)
{
    for (size_t i = 0; attribute && i < attribute->count; i++) {
        if (value_equal(attribute->name, &attribute->values[i], value))
            return true;
    }
    return false;
}

void entry_drop(struct entry *entry, const char *name)
{
    struct attribute *attribute = entry_find(entry, name);

    if (!attribute)
        return;
    size_t after = (size_t)(entry->attributes + entry->count - attribute) - 1;
    memmove(attribute, attribute + 1, after * sizeof(*attribute));
    entry->count--;
}

bool entry_drop_value(struct entry *entry, const char *name, const struct value *value)
{
    struct attribute *attribute = entry_find(entry, name);

    for (size_t i = 0; attribute && i < attribute->count; i++) {
        if (!value_equal(name, &attribute->values[i], value))
            continue;
        memmove(&attribute->values[i], &attribute->values[i + 1],
                (attribute->count - i - 1) * sizeof(*attribute->values));
        if (--attribute->count == 0)
            entry_drop(entry, name);
        return true;
    }
    return false;
}

void entry_set(struct entry *entry, const char *name, const char *text)
{
    const char *canonical = schema_canonical(name, strlen(name));
    entry_drop(entry, canonical);
    entry_add_text(entry, canonical, text);
}
