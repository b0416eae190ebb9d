// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/hash.h"
#include "directory.h"
#include "directory/schema.h"

// An entry as it comes, made ready for storing: links apart, names hashed, the rest packed, all of it
// digested.

#define LINKS_KEPT 16384
#define LINK_ATTRIBUTES_MOST 64

struct link_attribute {
    const char *name; // key
    bool link, uid;
    int64_t id; // in the dictionary, 0: not known
    UT_hash_handle hh;
};

// --- attribute names -----------------------------------------------------------------------------

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

int link_attribute_id(struct directory_store *store, struct link_attribute *attribute, bool make, int64_t *id,
                      struct error *err)
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

int link_attribute_by_id(struct directory_store *store, int64_t id, struct link_attribute **attribute,
                         struct error *err)
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
    return result < 0 ? -1
                      : error_set_code(err, STORE_DAMAGED, "%s is damaged (a link's attribute has no name)",
                                       store->db->path);
}

void link_attributes_forget(struct directory_store *store)
{
    struct link_attribute *attribute, *next;
    HASH_ITER (hh, store->attributes, attribute, next) {
        HASH_DEL(store->attributes, attribute);
        talloc_free(attribute);
    }
}

// --- digest --------------------------------------------------------------------------------------

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

// --- links ---------------------------------------------------------------------------------------

struct link_source {
    const struct link_attribute *known;
    const struct attribute *attribute;
};

static int row_compare(const void *one, const void *other)
{
    const struct link_row *a = one, *b = other;
    if (a->attribute != b->attribute)
        return a->attribute < b->attribute ? -1 : 1;
    return a->target < b->target ? -1 : a->target > b->target;
}

static void rows_unique(struct link_rows *rows, size_t first)
{
    size_t kept = first + 1;
    for (size_t i = first + 1; i < rows->count; i++)
        if (row_compare(&rows->items[i], &rows->items[kept - 1]) != 0)
            rows->items[kept++] = rows->items[i];
    if (rows->count > first)
        rows->count = kept;
}

void links_sort(struct link_rows *rows)
{
    if (rows->count > 1)
        qsort(rows->items, rows->count, sizeof *rows->items, row_compare);
    rows_unique(rows, 0);
}

static size_t bucket_of(const struct link_row *row, unsigned bits)
{
    return (size_t)(((uint64_t)row->target ^ UINT64_C(1) << 63) >> (64 - bits));
}

// Targets of one attribute. Hashes spread evenly, so that about as many buckets as rows leave next to nothing
// to sort; a bucket that somebody has managed to fill costs no more than sorting.
static void run_sort(struct directory_store *store, struct link_rows *rows, size_t first)
{
    size_t count = rows->count - first;
    unsigned bits = 4;
    while ((size_t)1 << bits < count && bits < 20)
        bits++;
    struct link_row *from = talloc_memdup(store, rows->items + first, count * sizeof *from),
                    *to = rows->items + first;
    size_t *ends = talloc_zero_array(store, size_t, ((size_t)1 << bits) + 1);
    for (size_t i = 0; i < count; i++)
        ends[bucket_of(&from[i], bits) + 1]++;
    for (size_t i = 1; i <= (size_t)1 << bits; i++)
        ends[i] += ends[i - 1];
    for (size_t i = 0; i < count; i++)
        to[ends[bucket_of(&from[i], bits)]++] = from[i];
    for (size_t i = 0, start = 0; i < (size_t)1 << bits; start = ends[i++]) {
        if (ends[i] - start > 1)
            qsort(to + start, ends[i] - start, sizeof *to, row_compare);
    }
    talloc_free(from);
    talloc_free(ends);
    rows_unique(rows, first);
}

static void links_room(struct directory_store *store, struct link_rows *rows, size_t more)
{
    size_t wanted = rows->count + more;
    if (!rows->items || talloc_array_length(rows->items) < wanted)
        rows->items = talloc_realloc(store, rows->items, struct link_row, wanted + wanted / 2 + 64);
}

static void links_take(struct directory_store *store, struct link_rows *rows,
                       const struct link_source *source)
{
    size_t first = rows->count;
    links_room(store, rows, source->attribute->count);
    for (size_t i = 0; i < source->attribute->count; i++) {
        const struct value *value = &source->attribute->values[i];
        struct link_row *row = &rows->items[rows->count++];
        *row = (struct link_row){ .attribute = source->known->id,
                                  .value = value->data,
                                  .length = value->length };
        if (source->known->uid)
            row->target = uid_hash(value->data, value->length);
        else
            name_hash(store, value->data, value->length, &row->target, NULL);
    }
    if (rows->count - first > 1)
        run_sort(store, rows, first);
}

// Attributes in the order of their numbers, so that each only has to be sorted in itself.
static int source_add(struct directory_store *store, struct link_source *sources, size_t *count,
                      struct link_attribute *known, const struct attribute *attribute, struct error *err)
{
    int64_t id;
    if (link_attribute_id(store, known, true, &id, err) < 0)
        return -1;
    if (*count == LINK_ATTRIBUTES_MOST)
        return error_set_code(err, STORE_FAILED, "more than %d attributes of one entry name other entries",
                              LINK_ATTRIBUTES_MOST);
    size_t place = (*count)++;
    for (; place > 0 && sources[place - 1].known->id > id; place--)
        sources[place] = sources[place - 1];
    sources[place] = (struct link_source){ .known = known, .attribute = attribute };
    return 0;
}

// --- an entry ------------------------------------------------------------------------------------

static void plain_take(struct directory_store *store, struct entry *plain, const struct attribute *attribute)
{
    if (!plain->attributes || talloc_array_length(plain->attributes) <= plain->count)
        plain->attributes = talloc_realloc(store, plain->attributes, struct attribute, plain->count * 2 + 16);
    plain->attributes[plain->count++] = *attribute;
}

int incoming_prepare(struct directory_store *store, const struct entry *entry, struct error *err)
{
    struct incoming *incoming = &store->incoming;
    struct link_source sources[LINK_ATTRIBUTES_MOST];
    size_t source_count = 0;
    TALLOC_FREE(incoming->pack);
    incoming->entry = entry;
    incoming->plain.count = 0;
    incoming->plain.uuid = entry->uuid;
    incoming->plain.dn = entry->dn;
    incoming->links.count = 0;
    if (uuid_is_null(&entry->uuid))
        return error_set_code(err, STORE_FAILED, "entry \"%s\" has no UUID; may the bind DN read entryUUID?",
                              entry->dn);
    uint64_t digest = (uint64_t)digest_of_dn(entry->dn);
    for (size_t i = 0; i < entry->count; i++) {
        const struct attribute *attribute = &entry->attributes[i];
        if (attribute->count == 0)
            continue;
        struct link_attribute *known = link_attribute_find(store, attribute->name);
        if (known->link) {
            if (source_add(store, sources, &source_count, known, attribute, err) < 0)
                return -1;
        } else {
            plain_take(store, &incoming->plain, attribute);
            digest += digest_attribute(attribute);
        }
    }
    for (size_t i = 0; i < source_count; i++)
        links_take(store, &incoming->links, &sources[i]);
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

static int content_write(struct directory_store *store, sqlite3_stmt *write, int64_t id, struct error *err)
{
    const struct incoming *incoming = &store->incoming;
    if (!write)
        return -1;
    bind_int(write, 1, id);
    bind_text(write, 2, incoming->entry->dn);
    bind_blob(write, 3, incoming->pack, incoming->pack_length);
    return database_run(store->db, write, err);
}

static int row_write(struct directory_store *store, sqlite3_stmt *write, int64_t id, struct error *err)
{
    const struct incoming *incoming = &store->incoming;
    if (!write)
        return -1;
    bind_int(write, 1, id);
    bind_int(write, 2, incoming->hash);
    bind_int(write, 3, incoming->parent_hash);
    if (incoming->has_uid)
        bind_int(write, 4, incoming->uid_hash);
    bind_int(write, 5, incoming->digest);
    if (sqlite3_bind_parameter_count(write) > 5)
        bind_uuid(write, 6, &incoming->entry->uuid);
    return database_run(store->db, write, err);
}

int incoming_insert(struct directory_store *store, int64_t id, struct error *err)
{
    sqlite3_stmt *row = database_query(store->db,
                                       "INSERT INTO entry (id, hash, parent_hash, uid_hash, digest, uuid) "
                                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                                       err);
    if (row_write(store, row, id, err) < 0)
        return -1;
    store->grown.entries++;
    sqlite3_stmt *content =
        database_query(store->db, "INSERT INTO content (id, dn, attributes) VALUES (?1, ?2, ?3)", err);
    return content_write(store, content, id, err);
}

int incoming_update(struct directory_store *store, int64_t id, struct error *err)
{
    sqlite3_stmt *row =
        database_query(store->db,
                       "UPDATE entry SET hash = ?2, parent_hash = ?3, uid_hash = ?4, digest = ?5 "
                       "WHERE id = ?1",
                       err);
    if (row_write(store, row, id, err) < 0)
        return -1;
    sqlite3_stmt *content =
        database_query(store->db, "UPDATE content SET dn = ?2, attributes = ?3 WHERE id = ?1", err);
    return content_write(store, content, id, err);
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
