// SPDX-License-Identifier: Apache-2.0
#include "directory/entry.h"

#include <stdlib.h>
#include <string.h>

#include "directory/schema.h"
#include "schema_table.h"

struct entry *entry_new(TALLOC_CTX *ctx, const struct uuid *uuid, const char *dn)
{
    struct entry *entry = talloc_zero(ctx, struct entry);
    if (uuid != NULL)
        entry->uuid = *uuid;
    entry->dn = talloc_strdup(entry, dn != NULL ? dn : "");
    return entry;
}

// Room for one element more; talloc knows how large the array is, so the structs need no capacity.
static void *array_room(const void *owner, void *array, size_t count, size_t size)
{
    size_t capacity = array != NULL ? talloc_get_size(array) / size : 0;
    if (count < capacity)
        return array;
    return talloc_realloc_size(owner, array, (capacity < 4 ? 4 : capacity * 2) * size);
}

static struct attribute *attribute_find(const struct entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->count; i++)
        if (entry->attributes[i].name == name || strcmp(entry->attributes[i].name, name) == 0)
            return &entry->attributes[i];
    return NULL;
}

static struct attribute *attribute_append(struct entry *entry, const char *name)
{
    entry->attributes = array_room(entry, entry->attributes, entry->count, sizeof *entry->attributes);
    struct attribute *attribute = &entry->attributes[entry->count++];
    *attribute = (struct attribute){ .name = name };
    return attribute;
}

static void value_append(struct entry *entry, struct attribute *attribute, struct value value)
{
    attribute->values = array_room(entry, attribute->values, attribute->count, sizeof *attribute->values);
    attribute->values[attribute->count++] = value;
}

void entry_add(struct entry *entry, const char *name, const char *data, size_t length)
{
    name = schema_canonical(name, strlen(name));
    struct attribute *attribute = attribute_find(entry, name);
    if (attribute == NULL)
        attribute = attribute_append(entry, name);
    char *copy = talloc_array(entry, char, length + 1);
    if (length > 0)
        memcpy(copy, data, length);
    copy[length] = '\0';
    value_append(entry, attribute, (struct value){ .data = copy, .length = length });
}

void entry_add_text(struct entry *entry, const char *name, const char *text)
{
    entry_add(entry, name, text, strlen(text));
}

void entry_take(struct entry *entry, const char *name, struct value *values, size_t count)
{
    name = schema_canonical(name, strlen(name));
    // A server may send "cn" and "cn;lang-de": here they are one attribute.
    struct attribute *attribute = attribute_find(entry, name);
    if (attribute == NULL) {
        attribute = attribute_append(entry, name);
        attribute->values = values;
        attribute->count = count;
        return;
    }
    for (size_t i = 0; i < count; i++)
        value_append(entry, attribute, values[i]);
}

const struct attribute *entry_attribute(const struct entry *entry, const char *name)
{
    return entry != NULL ? attribute_find(entry, name) : NULL;
}

const char *entry_text(const struct entry *entry, const char *name)
{
    const struct attribute *attribute = entry_attribute(entry, name);
    if (attribute == NULL || attribute->count == 0)
        return NULL;
    const struct value *value = &attribute->values[0];
    return strlen(value->data) == value->length ? value->data : NULL;
}

bool entry_has_class(const struct entry *entry, const char *object_class)
{
    const struct attribute *attribute = entry_attribute(entry, "objectClass");
    for (size_t i = 0; attribute != NULL && i < attribute->count; i++)
        if (schema_class_is(attribute->values[i].data, object_class))
            return true;
    return false;
}

// The packed form, all numbers as LEB128:
//
//   pack      = version attribute-count attribute*
//   attribute = name-length name NUL value-count value*
//   value     = length octets NUL
//
// The NULs let an unpacked entry point into one copy of it. Attributes are sorted by name, so that the
// same entry always packs to the same octets.
#define PACK_VERSION 1

static size_t number_size(size_t number)
{
    size_t size = 1;
    while (number >= 0x80) {
        number >>= 7;
        size++;
    }
    return size;
}

static uint8_t *put_number(uint8_t *p, size_t number)
{
    while (number >= 0x80) {
        *p++ = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    *p++ = (uint8_t)number;
    return p;
}

static uint8_t *put_text(uint8_t *p, const char *data, size_t length)
{
    p = put_number(p, length);
    if (length > 0)
        memcpy(p, data, length);
    p[length] = '\0';
    return p + length + 1;
}

static int attribute_compare(const void *a, const void *b)
{
    const struct attribute *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

int entry_pack(TALLOC_CTX *ctx, const struct entry *entry, uint8_t **data, size_t *length)
{
    const struct attribute **sorted = talloc_array(ctx, const struct attribute *, entry->count + 1);
    if (sorted == NULL)
        return -1;
    size_t size = 1 + number_size(entry->count);
    for (size_t i = 0; i < entry->count; i++) {
        const struct attribute *attribute = sorted[i] = &entry->attributes[i];
        size_t name = strlen(attribute->name);
        size += number_size(name) + name + 1 + number_size(attribute->count);
        for (size_t j = 0; j < attribute->count; j++)
            size += number_size(attribute->values[j].length) + attribute->values[j].length + 1;
    }
    qsort(sorted, entry->count, sizeof *sorted, attribute_compare);
    uint8_t *p = *data = talloc_array(ctx, uint8_t, size);
    if (p == NULL) {
        talloc_free(sorted);
        return -1;
    }
    *p++ = PACK_VERSION;
    p = put_number(p, entry->count);
    for (size_t i = 0; i < entry->count; i++) {
        p = put_text(p, sorted[i]->name, strlen(sorted[i]->name));
        p = put_number(p, sorted[i]->count);
        for (size_t j = 0; j < sorted[i]->count; j++)
            p = put_text(p, sorted[i]->values[j].data, sorted[i]->values[j].length);
    }
    *length = size;
    talloc_free(sorted);
    return 0;
}

struct reader {
    const uint8_t *p, *end;
};

static int get_number(struct reader *reader, size_t *number)
{
    *number = 0;
    for (unsigned shift = 0; shift < 63 && reader->p < reader->end; shift += 7) {
        uint8_t octet = *reader->p++;
        *number |= (size_t)(octet & 0x7f) << shift;
        if ((octet & 0x80) == 0)
            return 0;
    }
    return -1;
}

// Each of `count` things takes at least `least` octets: a claim beyond that is damage, not a reason to
// allocate.
static int get_count(struct reader *reader, size_t least, size_t *count)
{
    return get_number(reader, count) == 0 && *count <= (size_t)(reader->end - reader->p) / least ? 0 : -1;
}

static int get_text(struct reader *reader, struct value *value)
{
    size_t length;
    if (get_number(reader, &length) != 0 || length >= (size_t)(reader->end - reader->p))
        return -1;
    if (reader->p[length] != '\0')
        return -1;
    *value = (struct value){ .data = (const char *)reader->p, .length = length };
    reader->p += length + 1;
    return 0;
}

static int unpack_attribute(struct reader *reader, struct entry *entry)
{
    struct value name;
    size_t count;
    if (get_text(reader, &name) != 0 || name.length == 0 || strlen(name.data) != name.length ||
        get_count(reader, 2, &count) != 0)
        return -1;
    const struct schema_type *type = schema_find(name.data, name.length);
    struct attribute *attribute = attribute_append(entry, type != NULL ? type->name : name.data);
    attribute->values = talloc_array(entry, struct value, count);
    for (; attribute->count < count; attribute->count++)
        if (get_text(reader, &attribute->values[attribute->count]) != 0)
            return -1;
    return 0;
}

int entry_unpack(struct entry *entry, const uint8_t *data, size_t length, struct error *err)
{
    uint8_t *copy = talloc_memdup(entry, data, length);
    struct reader reader = { .p = copy, .end = copy + length };
    size_t count;
    if (length < 2 || *reader.p++ != PACK_VERSION || get_count(&reader, 3, &count) != 0)
        goto damaged;
    entry->attributes = talloc_array(entry, struct attribute, count);
    entry->count = 0;
    for (size_t i = 0; i < count; i++)
        if (unpack_attribute(&reader, entry) != 0)
            goto damaged;
    if (reader.p != reader.end)
        goto damaged;
    return 0;
damaged:
    for (size_t i = 0; i < entry->count; i++)
        talloc_free(entry->attributes[i].values);
    TALLOC_FREE(entry->attributes);
    entry->count = 0;
    talloc_free(copy);
    return error_set(err, "a stored entry is damaged: not in the form this version writes");
}

struct entry *entry_copy(TALLOC_CTX *ctx, const struct entry *entry)
{
    struct entry *copy = entry_new(ctx, &entry->uuid, entry->dn);
    for (size_t i = 0; i < entry->count; i++)
        for (size_t j = 0; j < entry->attributes[i].count; j++)
            entry_add(copy, entry->attributes[i].name, entry->attributes[i].values[j].data,
                      entry->attributes[i].values[j].length);
    return copy;
}
