// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/hash.h"
#include "directory.h"
#include "directory/schema.h"

// An entry as it comes, made ready for storing: links apart, names hashed, the rest packed, all of it digested.

#define LINKS_KEPT 16384

struct link_attribute {
    const char *name; // key
    bool link, uid;
    int64_t id; // in the dictionary, 0: not known
    UT_hash_handle hh;
};

// --- attribute names -----------------------------------------------------------------------------------------------------

struct link_attribute *link_attribute_find(struct directory_store *store, const char *name)
{
    struct link_attribute *attribute;
    HASH_FIND_STR(store->attributes, name, attribute);
    if (attribute)
        return attribute;
    attribute = talloc_zero(store, struct link_attribute);
    attribute->name = talloc_strdup(attribute, name);
    attribute->link = store->flavour && flavour_is_link(store->flavour, name);
    attribute->uid = schema_syntax(name) == SCHEMA_UID;
    HASH_ADD_KEYPTR(hh, store->attributes, attribute->name, strlen(attribute->name), attribute);
    return attribute;
}

bool link_attribute_is_link(const struct link_attribute *attribute)
{
    return attribute->link;
}

bool link_attribute_is_uid(const struct link_attribute *attribute)
{
    return attribute->uid;
}

const char *link_attribute_name(const struct link_attribute *attribute)
{
    return attribute->name;
}

int link_attribute_id(struct directory_store *store, struct link_attribute *attribute, bool make, int64_t *id, struct error *err)
{
    if (attribute->id == 0) {
        sqlite3_stmt *read = database_query(store->db, "SELECT id FROM attribute WHERE name = ?1", err);
        if (!read)
            return -1;
        bind_text(read, 1, attribute->name);
        if (database_number(store->db, read, &attribute->id, err) < 0)
            return -1;
    }
    if (attribute->id == 0 && make) {
        sqlite3_stmt *write = database_query(store->db, "INSERT INTO attribute (name) VALUES (?1)", err);
        if (!write)
            return -1;
        bind_text(write, 1, attribute->name);
        if (database_run(store->db, write, err) < 0)
            return -1;
        attribute->id = sqlite3_last_insert_rowid(store->db->handle);
    }
    *id = attribute->id;
    return 0;
}

int link_attribute_by_id(struct directory_store *store, int64_t id, struct link_attribute **attribute, struct error *err)
{
    for (*attribute = store->attributes; *attribute; *attribute = (*attribute)->hh.next)
        if ((*attribute)->id == id)
            return 0;
    sqlite3_stmt *read = database_query(store->db, "SELECT name FROM attribute WHERE id = ?1", err);
    if (!read)
        return -1;
    bind_int(read, 1, id);
    int result = database_step(store->db, read, err);
    if (result > 0) {
        *attribute = link_attribute_find(store, (const char *)sqlite3_column_text(read, 0));
        (*attribute)->id = id;
        sqlite3_reset(read);
        return 0;
    }
    return result < 0 ? -1 : error_set_code(err, STORE_DAMAGED, "%s is damaged (a link's attribute has no name)", store->db->path);
}

void link_attributes_forget(struct directory_store *store)
{
    struct link_attribute *attribute, *next;
    HASH_ITER(hh, store->attributes, attribute, next) {
        HASH_DEL(store->attributes, attribute);
        talloc_free(attribute);
    }
}

// --- digest --------------------------------------------------------------------------------------------------------------

// A digest is a sum, so that neither the order of attributes nor that of values makes a difference.
static uint64_t digest_pair(uint64_t one, uint64_t other)
{
    uint64_t pair[2] = { one, other };
    return hash_bytes(pair, sizeof pair);
}

int64_t digest_of_dn(const char *dn)
{
    return (int64_t)hash_bytes(dn, strlen(dn));
}

static uint64_t digest_attribute(const struct attribute *attribute)
{
    uint64_t name = hash_bytes(attribute->name, strlen(attribute->name)), sum = 0;
    for (size_t i = 0; i < attribute->count; i++)
        sum += digest_pair(name, hash_bytes(attribute->values[i].data, attribute->values[i].length));
    return sum;
}

static uint64_t digest_links(const struct link_rows *rows)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < rows->count; i++)
        sum += digest_pair((uint64_t)rows->items[i].attribute, (uint64_t)rows->items[i].target);
    return sum;
}

// --- links ---------------------------------------------------------------------------------------------------------------

static int row_compare(const void *one, const void *other)
{
    const struct link_row *a = one, *b = other;
    if (a->attribute != b->attribute)
        return a->attribute < b->attribute ? -1 : 1;
    return a->target < b->target ? -1 : a->target > b->target;
}

void links_sort(struct link_rows *rows)
{
    if (rows->count < 2)
        return;
    qsort(rows->items, rows->count, sizeof *rows->items, row_compare);
    size_t kept = 1;
    for (size_t i = 1; i < rows->count; i++)
        if (row_compare(&rows->items[i], &rows->items[kept - 1]) != 0)
            rows->items[kept++] = rows->items[i];
    rows->count = kept;
}

static void links_room(struct directory_store *store, struct link_rows *rows, size_t more)
{
    size_t wanted = rows->count + more;
    if (!rows->items || talloc_array_length(rows->items) < wanted)
        rows->items = talloc_realloc(store, rows->items, struct link_row, wanted + wanted / 2 + 64);
}

static int links_take(struct directory_store *store, struct link_rows *rows, struct link_attribute *known,
                      const struct attribute *attribute, struct error *err)
{
    int64_t id;
    if (link_attribute_id(store, known, true, &id, err) < 0)
        return -1;
    links_room(store, rows, attribute->count);
    for (size_t i = 0; i < attribute->count; i++) {
        const struct value *value = &attribute->values[i];
        struct link_row *row = &rows->items[rows->count++];
        *row = (struct link_row){ .attribute = id, .value = value->data, .length = value->length };
        if (known->uid)
            row->target = uid_hash(value->data, value->length);
        else
            name_hash(store, value->data, value->length, &row->target, NULL);
    }
    return 0;
}

// --- an entry ------------------------------------------------------------------------------------------------------------

static void plain_take(struct directory_store *store, struct entry *plain, const struct attribute *attribute)
{
    if (!plain->attributes || talloc_array_length(plain->attributes) <= plain->count)
        plain->attributes = talloc_realloc(store, plain->attributes, struct attribute, plain->count * 2 + 16);
    plain->attributes[plain->count++] = *attribute;
}

int incoming_prepare(struct directory_store *store, const struct entry *entry, struct error *err)
{
    struct incoming *incoming = &store->incoming;
    TALLOC_FREE(incoming->pack);
    incoming->entry = entry;
    incoming->plain.count = 0;
    incoming->plain.uuid = entry->uuid;
    incoming->plain.dn = entry->dn;
    incoming->links.count = 0;
    if (uuid_is_null(&entry->uuid))
        return error_set_code(err, STORE_FAILED, "entry \"%s\" has no UUID; may the bind DN read entryUUID?", entry->dn);
    uint64_t digest = (uint64_t)digest_of_dn(entry->dn);
    for (size_t i = 0; i < entry->count; i++) {
        const struct attribute *attribute = &entry->attributes[i];
        if (attribute->count == 0)
            continue;
        struct link_attribute *known = link_attribute_find(store, attribute->name);
        if (known->link) {
            if (links_take(store, &incoming->links, known, attribute, err) < 0)
                return -1;
        } else {
            plain_take(store, &incoming->plain, attribute);
            digest += digest_attribute(attribute);
        }
    }
    links_sort(&incoming->links);
    incoming->digest = (int64_t)(digest + digest_links(&incoming->links));
    name_hash(store, entry->dn, strlen(entry->dn), &incoming->hash, &incoming->parent_hash);
    const char *uid = store->flavour ? flavour_text(store->flavour, ROLE_UID, entry) : NULL;
    incoming->has_uid = uid != NULL;
    incoming->uid_hash = uid ? uid_hash(uid, strlen(uid)) : 0;
    if (entry_pack(store, &incoming->plain, &incoming->pack, &incoming->pack_length) < 0)
        return error_set_code(err, STORE_FAILED, "out of memory");
    return 0;
}

void incoming_done(struct directory_store *store)
{
    TALLOC_FREE(store->incoming.pack);
    // One large group must not hold its megabytes for ever.
    if (store->incoming.links.items && talloc_array_length(store->incoming.links.items) > LINKS_KEPT) {
        TALLOC_FREE(store->incoming.links.items);
        store->incoming.links.count = 0;
    }
}

int entry_restore(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *uuid, const char *dn,
                  sqlite3_stmt *statement, int pack_column, struct entry **entry, struct error *err)
{
    struct entry *restored = entry_new(ctx, uuid, dn);
    const uint8_t *pack = sqlite3_column_blob(statement, pack_column);
    size_t length = (size_t)sqlite3_column_bytes(statement, pack_column);
    if (entry_unpack(restored, pack, length, err) < 0) {
        talloc_free(restored);
        if (err)
            err->code = STORE_DAMAGED;
        return error_prepend(err, "%s, \"%s\"", store->db->path, dn);
    }
    *entry = restored;
    return 0;
}
