// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "directory.h"

// Names change hands. Two entries may exchange theirs within a batch, or within a refresh that shows no step
// between: then for a moment two of them claim one name. The newcomer gets it; whoever had it is parked under
// a hash that no name has, together with its children, until its own message comes.

// --- former names --------------------------------------------------------------------------------

int alias_add(struct directory_store *store, int64_t hash, int64_t id, const char *name, struct error *err)
{
    sqlite3_stmt *write = database_query(store->db,
                                         "INSERT INTO alias (hash, entry, name) VALUES (?1, ?2, ?3) "
                                         "ON CONFLICT (hash) DO UPDATE SET entry = ?2, name = ?3",
                                         err);
    if (!write)
        return -1;
    bind_int(write, 1, hash);
    bind_int(write, 2, id);
    bind_text(write, 3, name);
    return database_run(store->db, write, err);
}

int alias_remove(struct directory_store *store, int64_t hash, struct error *err)
{
    sqlite3_stmt *write = database_query(store->db, "DELETE FROM alias WHERE hash = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, hash);
    return database_run(store->db, write, err);
}

// --- taking a name -------------------------------------------------------------------------------

static int children_point(struct directory_store *store, int64_t from, int64_t to, struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db, "UPDATE entry SET parent_hash = ?2 WHERE parent_hash = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, from);
    bind_int(write, 2, to);
    return database_run(store->db, write, err);
}

static int entry_park(struct directory_store *store, int64_t id, const struct uuid *uuid, int64_t hash,
                      struct error *err)
{
    int64_t parked = parked_hash(uuid);
    sqlite3_stmt *write = database_query(store->db, "UPDATE entry SET hash = ?2 WHERE id = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, id);
    bind_int(write, 2, parked);
    return database_run(store->db, write, err) < 0 ? -1 : children_point(store, hash, parked, err);
}

// The text that is kept for a hash must be the same name. `sql` gives it.
static int text_check(struct directory_store *store, const char *sql, int64_t hash, const char *dn,
                      bool *there, struct error *err)
{
    sqlite3_stmt *read = database_query(store->db, sql, err);
    if (!read)
        return -1;
    bind_int(read, 1, hash);
    int result = database_step(store->db, read, err);
    *there = result > 0;
    if (result <= 0)
        return result;
    result = name_check(store, (const char *)sqlite3_column_text(read, 0), dn, err);
    sqlite3_reset(read);
    return result;
}

static int holder_park(struct directory_store *store, int64_t id, int64_t hash, const char *dn,
                       struct error *err)
{
    for (;;) {
        sqlite3_stmt *read =
            database_query(store->db,
                           "SELECT e.id, e.uuid, c.dn FROM entry e JOIN content c ON c.id = e.id "
                           "WHERE e.hash = ?1 AND e.id <> ?2",
                           err);
        if (!read)
            return -1;
        bind_int(read, 1, hash);
        bind_int(read, 2, id);
        int result = database_step(store->db, read, err);
        if (result <= 0)
            return result;
        int64_t holder = sqlite3_column_int64(read, 0);
        struct uuid uuid = column_uuid(read, 1);
        result = name_check(store, (const char *)sqlite3_column_text(read, 2), dn, err);
        sqlite3_reset(read);
        if (result < 0 || entry_park(store, holder, &uuid, hash, err) < 0)
            return -1;
    }
}

int name_take(struct directory_store *store, int64_t id, int64_t hash, const char *dn, struct error *err)
{
    bool alias, outside;
    if (holder_park(store, id, hash, dn, err) < 0 ||
        text_check(store, "SELECT name FROM alias WHERE hash = ?1", hash, dn, &alias, err) < 0 ||
        (alias && alias_remove(store, hash, err) < 0) ||
        text_check(store, "SELECT value FROM outside WHERE hash = ?1", hash, dn, &outside, err) < 0)
        return -1;
    if (!outside)
        return 0;
    sqlite3_stmt *write = database_query(store->db, "DELETE FROM outside WHERE hash = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, hash);
    return database_run(store->db, write, err);
}

// --- a branch moves with its root ----------------------------------------------------------------

static int children_of(struct directory_store *store, TALLOC_CTX *ctx, int64_t parent, int64_t **ids,
                       size_t *count, struct error *err)
{
    *ids = NULL;
    *count = 0;
    sqlite3_stmt *read =
        database_query(store->db, "SELECT id FROM entry WHERE parent_hash = ?1 ORDER BY id", err);
    if (!read)
        return -1;
    bind_int(read, 1, parent);
    int result;
    while ((result = database_step(store->db, read, err)) > 0) {
        if (!*ids || talloc_array_length(*ids) == *count)
            *ids = talloc_realloc(ctx, *ids, int64_t, *count * 2 + 64);
        (*ids)[(*count)++] = sqlite3_column_int64(read, 0);
    }
    return result;
}

static void moved_add(TALLOC_CTX *ctx, struct delta_list *moved, struct delta *delta)
{
    if (!moved->items || talloc_array_length(moved->items) == moved->count)
        moved->items = talloc_realloc(ctx, moved->items, struct delta *, moved->count * 2 + 16);
    moved->items[moved->count++] = delta;
}

// Old and new differ in nothing but their names, so they share what they hold.
static int moved_delta(struct directory_store *store, TALLOC_CTX *ctx, sqlite3_stmt *row, const char *dn,
                       struct delta **delta, struct error *err)
{
    struct uuid uuid = column_uuid(row, 0);
    struct delta *moved = *delta = talloc_zero(ctx, struct delta);
    moved->kind = DELTA_CHANGED;
    moved->renamed = moved->moved_with_parent = true;
    if (entry_restore(store, moved, &uuid, (const char *)sqlite3_column_text(row, 3), row, 4, &moved->old,
                      err) < 0)
        return -1;
    moved->new = entry_new(moved, &uuid, dn);
    moved->new->attributes = moved->old->attributes;
    moved->new->count = moved->old->count;
    return 0;
}

static int child_write(struct directory_store *store, int64_t id, int64_t hash, int64_t parent,
                       int64_t digest, const char *dn, struct error *err)
{
    sqlite3_stmt *write = database_query(
        store->db, "UPDATE entry SET hash = ?2, parent_hash = ?3, digest = ?4 WHERE id = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, id);
    bind_int(write, 2, hash);
    bind_int(write, 3, parent);
    bind_int(write, 4, digest);
    if (database_run(store->db, write, err) < 0)
        return -1;
    write = database_query(store->db, "UPDATE content SET dn = ?2 WHERE id = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, id);
    bind_text(write, 2, dn);
    return database_run(store->db, write, err);
}

static int child_move(struct directory_store *store, TALLOC_CTX *ctx, int64_t id, int64_t parent,
                      const char *parent_dn, struct delta_list *moved, struct error *err)
{
    sqlite3_stmt *row = database_query(store->db,
                                       "SELECT e.uuid, e.hash, e.digest, c.dn, c.attributes FROM entry e "
                                       "JOIN content c ON c.id = e.id WHERE e.id = ?1",
                                       err);
    if (!row)
        return -1;
    bind_int(row, 1, id);
    if (database_step(store->db, row, err) <= 0)
        return -1;
    TALLOC_CTX *scratch = talloc_new(ctx);
    struct delta *delta = NULL;
    int64_t stored = sqlite3_column_int64(row, 1), digest = sqlite3_column_int64(row, 2), was, hash;
    const char *old_dn = column_text(scratch, row, 3);
    char *dn = talloc_asprintf(scratch, "%.*s,%s", (int)dn_rdn_length(old_dn), old_dn, parent_dn);
    int result = moved ? moved_delta(store, ctx, row, dn, &delta, err) : 0;
    sqlite3_reset(row);
    if (result < 0)
        goto done;
    result = -1;
    name_hash(store, old_dn, strlen(old_dn), &was, NULL);
    name_hash(store, dn, strlen(dn), &hash, NULL);
    digest = (int64_t)((uint64_t)digest - (uint64_t)digest_of_dn(old_dn) + (uint64_t)digest_of_dn(dn));
    if (name_take(store, id, hash, dn, err) < 0 ||
        child_write(store, id, hash, parent, digest, dn, err) < 0 ||
        (stored == was && alias_add(store, was, id, old_dn, err) < 0))
        goto done;
    if (moved)
        moved_add(ctx, moved, delta);
    result = branch_move(store, ctx, stored, hash, dn, moved, err);
done:
    talloc_free(scratch);
    return result;
}

int branch_move(struct directory_store *store, TALLOC_CTX *ctx, int64_t from, int64_t to, const char *dn,
                struct delta_list *moved, struct error *err)
{
    int64_t *ids;
    size_t count;
    TALLOC_CTX *scratch = talloc_new(NULL);
    int result = children_of(store, scratch, from, &ids, &count, err);
    for (size_t i = 0; i < count && result == 0; i++)
        result = child_move(store, ctx, ids[i], to, dn, moved, err);
    talloc_free(scratch);
    return result;
}
