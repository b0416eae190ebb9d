// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "directory.h"

// From the hash of a name to the entry that has it or had it. A target is looked for among present names,
// former names of present entries, the stage, names of former entries, and last among texts of what was never
// an entry.

// One look-up: row (id, uuid, name). 1 found, 0 not, -1 failed.
static int resolve_by(struct directory_store *store, TALLOC_CTX *ctx, const char *sql, int64_t target,
                      struct resolved *resolved, struct error *err)
{
    sqlite3_stmt *read = database_query(store->db, sql, err);
    if (!read)
        return -1;
    bind_int(read, 1, target);
    int result = database_step(store->db, read, err);
    if (result > 0) {
        resolved->id = sqlite3_column_int64(read, 0);
        resolved->uuid = column_uuid(read, 1);
        if (ctx)
            resolved->value = column_text(ctx, read, 2);
        sqlite3_reset(read);
    }
    return result;
}

static int resolve_dn(struct directory_store *store, TALLOC_CTX *ctx, int64_t target,
                      struct resolved *resolved, struct error *err)
{
    int result = resolve_by(
        store, ctx, "SELECT e.id, e.uuid, c.dn FROM entry e JOIN content c ON c.id = e.id WHERE e.hash = ?1",
        target, resolved, err);
    if (result == 0)
        result = resolve_by(store, ctx,
                            "SELECT e.id, e.uuid, c.dn FROM alias a JOIN entry e ON e.id = a.entry "
                            "JOIN content c ON c.id = e.id WHERE a.hash = ?1",
                            target, resolved, err);
    if (result == 0 && stage_answers(store))
        result = resolve_by(store, ctx, "SELECT id, uuid, dn FROM stage.entry WHERE hash = ?1", target,
                            resolved, err);
    if (result == 0)
        result =
            resolve_by(store, ctx, "SELECT id, uuid, dn FROM former WHERE hash = ?1 ORDER BY id DESC LIMIT 1",
                       target, resolved, err);
    if (result == 0)
        result = resolve_by(
            store, ctx,
            "SELECT f.id, f.uuid, f.dn FROM alias a JOIN former f ON f.id = a.entry WHERE a.hash = ?1",
            target, resolved, err);
    return result;
}

static int resolve_uid(struct directory_store *store, int64_t target, struct resolved *resolved,
                       struct error *err)
{
    int result =
        resolve_by(store, NULL, "SELECT id, uuid FROM entry WHERE uid_hash = ?1", target, resolved, err);
    if (result == 0)
        result = resolve_by(
            store, NULL, "SELECT e.id, e.uuid FROM alias a JOIN entry e ON e.id = a.entry WHERE a.hash = ?1",
            target, resolved, err);
    if (result == 0 && stage_answers(store))
        result = resolve_by(store, NULL, "SELECT id, uuid FROM stage.entry WHERE uid_hash = ?1", target,
                            resolved, err);
    if (result == 0)
        result = resolve_by(store, NULL,
                            "SELECT id, uuid FROM former WHERE uid_hash = ?1 ORDER BY id DESC LIMIT 1",
                            target, resolved, err);
    if (result == 0)
        result = resolve_by(
            store, NULL, "SELECT f.id, f.uuid FROM alias a JOIN former f ON f.id = a.entry WHERE a.hash = ?1",
            target, resolved, err);
    return result;
}

static int outside_read(struct directory_store *store, TALLOC_CTX *ctx, int64_t target, const char **value,
                        struct error *err)
{
    sqlite3_stmt *read = database_query(store->db, "SELECT value FROM outside WHERE hash = ?1", err);
    if (!read)
        return -1;
    bind_int(read, 1, target);
    int result = database_step(store->db, read, err);
    if (result > 0) {
        *value = column_text(ctx, read, 0);
        sqlite3_reset(read);
    }
    return result < 0 ? -1 : 0;
}

int target_resolve(struct directory_store *store, TALLOC_CTX *ctx, int64_t target, bool is_uid,
                   struct resolved *resolved, struct error *err)
{
    *resolved = (struct resolved){ 0 };
    int result =
        is_uid ? resolve_uid(store, target, resolved, err) : resolve_dn(store, ctx, target, resolved, err);
    if (result < 0)
        return -1;
    if (stage_only(resolved->id))
        resolved->id = 0;
    if (ctx && !resolved->value && outside_read(store, ctx, target, &resolved->value, err) < 0)
        return -1;
    if (ctx && !resolved->value)
        resolved->value = talloc_asprintf(ctx, "name %016llx", (unsigned long long)target);
    return 0;
}

// --- all names of one entry ----------------------------------------------------------------------

static bool rows_have(const struct link_rows *rows, int64_t attribute, int64_t target)
{
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct link_row *row = &rows->items[middle];
        if (row->attribute < attribute || (row->attribute == attribute && row->target < target))
            low = middle + 1;
        else
            high = middle;
    }
    return low < rows->count && rows->items[low].attribute == attribute && rows->items[low].target == target;
}

static int names_in_rows(struct directory_store *store, const char *sql, int64_t id, int64_t attribute,
                         const struct link_rows *rows, bool *found, struct error *err)
{
    sqlite3_stmt *read = database_query(store->db, sql, err);
    if (!read)
        return -1;
    bind_int(read, 1, id);
    int result = 0;
    while (!*found && (result = database_step(store->db, read, err)) > 0)
        *found = rows_have(rows, attribute, sqlite3_column_int64(read, 0));
    sqlite3_reset(read);
    return result < 0 ? -1 : 0;
}

int links_name_entry(struct directory_store *store, int64_t id, int64_t attribute,
                     const struct link_rows *rows, bool *found, struct error *err)
{
    *found = false;
    if (id == 0 || rows->count == 0)
        return 0;
    if (names_in_rows(
            store,
            "SELECT hash FROM entry WHERE id = ?1 UNION ALL SELECT uid_hash FROM entry WHERE id = ?1 "
            "UNION ALL SELECT hash FROM alias WHERE entry = ?1 "
            "UNION ALL SELECT hash FROM former WHERE id = ?1 UNION ALL SELECT uid_hash FROM former "
            "WHERE id = ?1",
            id, attribute, rows, found, err) < 0)
        return -1;
    if (*found || !stage_answers(store))
        return 0;
    return names_in_rows(
        store,
        "SELECT hash FROM stage.entry WHERE id = ?1 UNION ALL SELECT uid_hash FROM stage.entry "
        "WHERE id = ?1",
        id, attribute, rows, found, err);
}
