// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "directory.h"
#include "directory/schema.h"

// The links of one entry: stored rows against incoming ones. Both are sorted alike, so a comparison is one
// walk; one member more in a large group reads its rows and writes one.

int links_read(struct directory_store *store, TALLOC_CTX *ctx, int64_t id, struct link_rows *rows,
               struct error *err)
{
    *rows = (struct link_rows){ 0 };
    sqlite3_stmt *read = database_query(store->db,
                                        "SELECT attribute, target FROM link WHERE entry = ?1 "
                                        "ORDER BY attribute, target",
                                        err);
    if (!read)
        return -1;
    bind_int(read, 1, id);
    size_t room = 0;
    int result;
    while ((result = database_step(store->db, read, err)) > 0) {
        if (rows->count == room) {
            room = room ? room * 2 : 64;
            rows->items = talloc_realloc(ctx, rows->items, struct link_row, room);
        }
        rows->items[rows->count++] = (struct link_row){ .attribute = sqlite3_column_int64(read, 0),
                                                        .target = sqlite3_column_int64(read, 1) };
    }
    return result;
}

// --- when the flavour map has changed ------------------------------------------------------------

static int settle_no_longer_links(struct directory_store *store, struct entry *old,
                                  const struct link_rows *rows, struct error *err)
{
    struct link_attribute *attribute = NULL;
    int64_t last = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct link_row *row = &rows->items[i];
        if (row->attribute != last && link_attribute_by_id(store, row->attribute, &attribute, err) < 0)
            return -1;
        last = row->attribute;
        if (link_attribute_is_link(attribute))
            continue;
        struct resolved resolved;
        if (target_resolve(store, old, row->target, link_attribute_is_uid(attribute), &resolved, err) < 0)
            return -1;
        entry_add_text(old, link_attribute_name(attribute), resolved.value);
    }
    return 0;
}

static int settle_links_now(struct directory_store *store, TALLOC_CTX *ctx, struct entry *old,
                            struct link_rows *rows, struct error *err)
{
    size_t kept = 0, before = rows->count;
    for (size_t i = 0; i < old->count; i++) {
        const struct attribute *attribute = &old->attributes[i];
        struct link_attribute *known = link_attribute_find(store, attribute->name);
        if (!link_attribute_is_link(known)) {
            old->attributes[kept++] = *attribute;
            continue;
        }
        int64_t id;
        if (link_attribute_id(store, known, true, &id, err) < 0)
            return -1;
        rows->items = talloc_realloc(ctx, rows->items, struct link_row, rows->count + attribute->count);
        for (size_t j = 0; j < attribute->count; j++) {
            const struct value *value = &attribute->values[j];
            struct link_row row = { .attribute = id };
            if (link_attribute_is_uid(known))
                row.target = uid_hash(value->data, value->length);
            else
                name_hash(store, value->data, value->length, &row.target, NULL);
            rows->items[rows->count++] = row;
        }
    }
    old->count = kept;
    if (rows->count != before)
        links_sort(rows);
    return 0;
}

int links_settle(struct directory_store *store, TALLOC_CTX *ctx, struct entry *old, struct link_rows *rows,
                 struct error *err)
{
    return settle_links_now(store, ctx, old, rows, err) < 0 ? -1
                                                            : settle_no_longer_links(store, old, rows, err);
}

// --- writing -------------------------------------------------------------------------------------

// The text of a target that no entry of the mirror tells: what lies outside, and every uid.
static int outside_keep(struct directory_store *store, const struct link_row *row, bool is_uid,
                        struct error *err)
{
    char *text = talloc_strndup(store, row->value, row->length);
    sqlite3_stmt *write = database_query(store->db,
                                         "INSERT INTO outside (hash, value) VALUES (?1, ?2) "
                                         "ON CONFLICT DO NOTHING",
                                         err);
    int result = -1;
    if (!write)
        goto done;
    bind_int(write, 1, row->target);
    bind_text(write, 2, text);
    if (database_run(store->db, write, err) < 0)
        goto done;
    result = 0;
    if (database_changes(store->db) > 0 || is_uid)
        goto done;
    sqlite3_stmt *read = database_query(store->db, "SELECT value FROM outside WHERE hash = ?1", err);
    if (!read) {
        result = -1;
        goto done;
    }
    bind_int(read, 1, row->target);
    result = database_step(store->db, read, err);
    if (result > 0) {
        result = name_check(store, (const char *)sqlite3_column_text(read, 0), text, err);
        sqlite3_reset(read);
    }
done:
    talloc_free(text);
    return result;
}

static int target_keep(struct directory_store *store, const struct link_row *row, struct error *err)
{
    struct link_attribute *attribute;
    if (link_attribute_by_id(store, row->attribute, &attribute, err) < 0)
        return -1;
    if (link_attribute_is_uid(attribute))
        return outside_keep(store, row, true, err);
    sqlite3_stmt *read = database_query(
        store->db, "SELECT c.dn FROM entry e JOIN content c ON c.id = e.id WHERE e.hash = ?1", err);
    if (!read)
        return -1;
    bind_int(read, 1, row->target);
    int result = database_step(store->db, read, err);
    if (result <= 0)
        return result < 0 ? -1 : outside_keep(store, row, false, err);
    char *text = talloc_strndup(store, row->value, row->length);
    result = name_check(store, (const char *)sqlite3_column_text(read, 0), text, err);
    talloc_free(text);
    sqlite3_reset(read);
    return result;
}

static int link_insert(struct directory_store *store, int64_t id, const struct link_row *row,
                       struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db, "INSERT INTO link (entry, attribute, target) VALUES (?1, ?2, ?3)", err);
    if (!write)
        return -1;
    bind_int(write, 1, id);
    bind_int(write, 2, row->attribute);
    bind_int(write, 3, row->target);
    if (database_run(store->db, write, err) < 0)
        return -1;
    store->grown.links++;
    return 0;
}

// A statement with many rows costs a third of as many statements.
#define ROWS_4 "(?1, ?, ?), (?1, ?, ?), (?1, ?, ?), (?1, ?, ?)"
#define ROWS_32 ROWS_4 ", " ROWS_4 ", " ROWS_4 ", " ROWS_4 ", " ROWS_4 ", " ROWS_4 ", " ROWS_4 ", " ROWS_4

static int rows_insert(struct directory_store *store, sqlite3_stmt *write, int64_t id,
                       const struct link_row *rows, int count, struct error *err)
{
    if (!write)
        return -1;
    bind_int(write, 1, id);
    for (int i = 0; i < count; i++) {
        bind_int(write, 2 + i * 2, rows[i].attribute);
        bind_int(write, 3 + i * 2, rows[i].target);
    }
    if (database_run(store->db, write, err) < 0)
        return -1;
    store->grown.links += count;
    return 0;
}

int links_insert(struct directory_store *store, int64_t id, const struct link_rows *rows, struct error *err)
{
    size_t i = 0;
    for (; i + 32 <= rows->count; i += 32)
        if (rows_insert(
                store,
                database_query(store->db, "INSERT INTO link (entry, attribute, target) VALUES " ROWS_32, err),
                id, &rows->items[i], 32, err) < 0)
            return -1;
    for (; i + 4 <= rows->count; i += 4)
        if (rows_insert(
                store,
                database_query(store->db, "INSERT INTO link (entry, attribute, target) VALUES " ROWS_4, err),
                id, &rows->items[i], 4, err) < 0)
            return -1;
    for (; i < rows->count; i++)
        if (link_insert(store, id, &rows->items[i], err) < 0)
            return -1;
    return 0;
}

static int link_delete(struct directory_store *store, int64_t id, const struct link_row *row,
                       struct error *err)
{
    sqlite3_stmt *write = database_query(
        store->db, "DELETE FROM link WHERE entry = ?1 AND attribute = ?2 AND target = ?3", err);
    if (!write)
        return -1;
    bind_int(write, 1, id);
    bind_int(write, 2, row->attribute);
    bind_int(write, 3, row->target);
    if (database_run(store->db, write, err) < 0)
        return -1;
    store->grown.links -= database_changes(store->db);
    return 0;
}

static int row_order(const struct link_rows *one, size_t i, const struct link_rows *other, size_t j)
{
    if (i == one->count)
        return 1;
    if (j == other->count)
        return -1;
    const struct link_row *a = &one->items[i], *b = &other->items[j];
    if (a->attribute != b->attribute)
        return a->attribute < b->attribute ? -1 : 1;
    return a->target < b->target ? -1 : a->target > b->target;
}

int links_write(struct directory_store *store, int64_t id, const struct link_rows *old,
                const struct link_rows *new, struct error *err)
{
    for (size_t i = 0, j = 0; i < old->count || j < new->count;) {
        int order = row_order(old, i, new, j);
        if (order < 0 && link_delete(store, id, &old->items[i], err) < 0)
            return -1;
        if (order > 0 &&
            (link_insert(store, id, &new->items[j], err) < 0 || target_keep(store, &new->items[j], err) < 0))
            return -1;
        i += order <= 0;
        j += order >= 0;
    }
    return 0;
}

// --- for the delta -------------------------------------------------------------------------------

static int delta_add(struct directory_store *store, struct delta *delta, const struct link_row *row,
                     const struct link_rows *other, bool gained, struct error *err)
{
    struct link_attribute *attribute;
    struct resolved resolved;
    bool named = false;
    if (link_attribute_by_id(store, row->attribute, &attribute, err) < 0)
        return -1;
    if (!link_attribute_is_link(attribute))
        return 0;
    bool is_uid = link_attribute_is_uid(attribute);
    if (target_resolve(store, gained ? NULL : delta, row->target, is_uid, &resolved, err) < 0 ||
        links_name_entry(store, resolved.id, row->attribute, other, &named, err) < 0)
        return -1;
    if (named)
        return 0;
    if (!delta->links || talloc_array_length(delta->links) == delta->link_count)
        delta->links = talloc_realloc(delta, delta->links, struct link, delta->link_count * 2 + 16);
    delta->links[delta->link_count++] = (struct link){
        .attribute = schema_canonical(link_attribute_name(attribute), strlen(link_attribute_name(attribute))),
        .target = (uint64_t)row->target,
        .value = gained ? talloc_strndup(delta, row->value, row->length) : resolved.value,
        .entry = resolved.uuid,
        .gained = gained,
    };
    return 0;
}

int links_differing(struct directory_store *store, struct delta *delta, const struct link_rows *from,
                    const struct link_rows *other, bool gained, struct error *err)
{
    for (size_t i = 0, j = 0; i < from->count;) {
        int order = row_order(from, i, other, j);
        if (order < 0 && delta_add(store, delta, &from->items[i], other, gained, err) < 0)
            return -1;
        i += order <= 0;
        j += order >= 0;
    }
    return 0;
}
