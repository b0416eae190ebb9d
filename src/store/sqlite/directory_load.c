// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "directory.h"

// The first load: rows are only ever appended, in one transaction, and the indexes are built last.

struct index_sql {
    const char *drop, *make;
};

struct load {
    struct index_sql *indexes;
    size_t index_count;
    int64_t next_id;
    // Hashes that need no text any more: entries, and targets whose text was put aside. Open addressing, 0 is
    // free.
    int64_t *known;
    size_t room, used;
};

// --- hashes that are known -----------------------------------------------------------------------

static bool known_put(int64_t *known, size_t room, int64_t hash)
{
    size_t i = (size_t)hash & (room - 1);
    while (known[i] != 0) {
        if (known[i] == hash)
            return false;
        i = (i + 1) & (room - 1);
    }
    known[i] = hash;
    return true;
}

// True if it is new.
static bool known_add(struct load *load, int64_t hash)
{
    if (hash == 0)
        return true;
    if (load->used * 3 >= load->room * 2) {
        size_t room = load->room ? load->room * 2 : 65536;
        int64_t *known = talloc_zero_array(load, int64_t, room);
        for (size_t i = 0; i < load->room; i++)
            if (load->known[i] != 0)
                known_put(known, room, load->known[i]);
        talloc_free(load->known);
        load->known = known;
        load->room = room;
    }
    bool new = known_put(load->known, load->room, hash);
    load->used += new;
    return new;
}

// --- begin ---------------------------------------------------------------------------------------

// The schema itself says how its indexes are built, so that this is written down once.
static int indexes_drop(struct directory_store *store, struct load *load, struct error *err)
{
    sqlite3_stmt *read = database_query(
        store->db,
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL "
        "AND tbl_name IN ('entry', 'link') ORDER BY rootpage",
        err);
    if (!read)
        return -1;
    int result;
    while ((result = database_step(store->db, read, err)) > 0) {
        load->indexes = talloc_realloc(load, load->indexes, struct index_sql, load->index_count + 1);
        load->indexes[load->index_count++] = (struct index_sql){
            .drop = talloc_asprintf(load, "DROP INDEX \"%s\"", sqlite3_column_text(read, 0)),
            .make = column_text(load, read, 1),
        };
    }
    for (size_t i = 0; i < load->index_count && result == 0; i++)
        result = database_execute(store->db, load->indexes[i].drop, err);
    return result;
}

static int mirror_clear(struct directory_store *store, struct error *err)
{
    return database_execute(
        store->db,
        "DELETE FROM link; DELETE FROM entry; DELETE FROM content; DELETE FROM alias; DELETE FROM former; "
        "DELETE FROM outside; DELETE FROM doubt; DELETE FROM timer; DELETE FROM lock_expired; "
        "UPDATE state SET entries = 0, links = 0; "
        "CREATE TEMP TABLE load_target (hash INTEGER NOT NULL, is_uid INTEGER NOT NULL, value TEXT NOT NULL)",
        err);
}

int directory_store_load_begin(struct directory_store *store, struct error *err)
{
    directory_store_load_abort(store);
    struct load *load = talloc_zero(store, struct load);
    load->next_id = 1;
    if (database_execute(store->db, "DROP TABLE IF EXISTS temp.load_target", err) < 0 ||
        database_cache(store->db, CACHE_LOAD_KIB, err) < 0 || directory_store_begin(store, err) < 0) {
        talloc_free(load);
        return -1;
    }
    store->load = load;
    if (mirror_clear(store, err) == 0 && indexes_drop(store, load, err) == 0)
        return 0;
    directory_store_load_abort(store);
    return -1;
}

static void load_close(struct directory_store *store)
{
    struct error ignored;
    TALLOC_FREE(store->load);
    TALLOC_FREE(store->incoming.links.items);
    store->incoming.links.count = 0;
    store->next_id = 0;
    // Both only hold memory and temporary space; nothing depends on them.
    if (database_execute(store->db, "DROP TABLE IF EXISTS temp.load_target", &ignored) < 0 ||
        database_cache(store->db, CACHE_USUAL_KIB, &ignored) < 0)
        database_rollback(store->db);
    database_shrink(store->db);
}

void directory_store_load_abort(struct directory_store *store)
{
    if (!store->load)
        return;
    directory_store_rollback(store);
    load_close(store);
}

// --- entries -------------------------------------------------------------------------------------

static int load_text(struct directory_store *store, const struct link_row *row, struct error *err)
{
    struct link_attribute *attribute;
    if (link_attribute_by_id(store, row->attribute, &attribute, err) < 0)
        return -1;
    sqlite3_stmt *write =
        database_query(store->db, "INSERT INTO load_target (hash, is_uid, value) VALUES (?1, ?2, ?3)", err);
    if (!write)
        return -1;
    bind_int(write, 1, row->target);
    bind_int(write, 2, link_attribute_is_uid(attribute));
    sqlite3_bind_text(write, 3, row->value, (int)row->length, SQLITE_STATIC);
    return database_run(store->db, write, err);
}

int directory_store_load(struct directory_store *store, const struct entry *entry, struct error *err)
{
    struct incoming *incoming = &store->incoming;
    struct load *load = store->load;
    if (!load)
        return error_set_code(err, STORE_FAILED, "no first load is under way");
    if (incoming_prepare(store, entry, err) < 0)
        return -1;
    int64_t id = load->next_id++;
    if (incoming_insert(store, id, err) < 0 || links_insert(store, id, &incoming->links, err) < 0)
        return -1;
    known_add(load, incoming->hash);
    for (size_t i = 0; i < incoming->links.count; i++) {
        const struct link_row *row = &incoming->links.items[i];
        if (known_add(load, row->target) && load_text(store, row, err) < 0)
            return -1;
    }
    incoming_done(store);
    return 0;
}

// --- end -----------------------------------------------------------------------------------------

// An entry that came twice: what came last counts. Rare, so it may be slow.
static int twice_drop(struct directory_store *store, struct error *err)
{
    if (database_execute(store->db,
                         "CREATE TEMP TABLE twice AS SELECT id FROM entry "
                         "WHERE id NOT IN (SELECT max(id) FROM entry GROUP BY uuid); "
                         "DELETE FROM link WHERE entry IN (SELECT id FROM twice)",
                         err) < 0)
        return -1;
    store->grown.links -= database_changes(store->db);
    if (database_execute(store->db,
                         "DELETE FROM content WHERE id IN (SELECT id FROM twice); "
                         "DELETE FROM entry WHERE id IN (SELECT id FROM twice)",
                         err) < 0)
        return -1;
    store->grown.entries -= database_changes(store->db);
    return database_execute(store->db, "DROP TABLE twice", err);
}

static int indexes_make(struct directory_store *store, struct error *err)
{
    for (size_t i = 0; i < store->load->index_count; i++) {
        const char *sql = store->load->indexes[i].make;
        int result = sqlite3_exec(store->db->handle, sql, NULL, NULL, NULL);
        if ((result & 0xff) == SQLITE_CONSTRAINT) {
            if (twice_drop(store, err) < 0)
                return -1;
            result = sqlite3_exec(store->db->handle, sql, NULL, NULL, NULL);
        }
        if (result != SQLITE_OK)
            return database_fail(store->db, result, err);
    }
    return 0;
}

// Entries with one hash: the same name given to the last that came, or two names that cannot both be kept.
static int names_settle(struct directory_store *store, struct error *err)
{
    sqlite3_stmt *read =
        database_query(store->db, "SELECT max(id), hash FROM entry GROUP BY hash HAVING count(*) > 1", err);
    if (!read)
        return -1;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct {
        int64_t id, hash;
    } *twice = NULL;
    size_t count = 0;
    int result;
    while ((result = database_step(store->db, read, err)) > 0) {
        twice = talloc_realloc_size(ctx, twice, (count + 1) * sizeof *twice);
        twice[count].id = sqlite3_column_int64(read, 0);
        twice[count++].hash = sqlite3_column_int64(read, 1);
    }
    for (size_t i = 0; i < count && result == 0; i++) {
        sqlite3_stmt *row = database_query(store->db, "SELECT dn FROM content WHERE id = ?1", err);
        if (row)
            bind_int(row, 1, twice[i].id);
        result = row && database_step(store->db, row, err) > 0 ? 0 : -1;
        const char *dn = result == 0 ? column_text(ctx, row, 0) : NULL;
        sqlite3_reset(row);
        if (result == 0)
            result = name_take(store, twice[i].id, twice[i].hash, dn, err);
    }
    talloc_free(ctx);
    return result;
}

// Targets that no entry turned out to be keep their text; the others must be called what their entry is
// called.
static int targets_settle(struct directory_store *store, struct error *err)
{
    sqlite3_stmt *read =
        database_query(store->db,
                       "SELECT t.value, c.dn FROM load_target t CROSS JOIN entry e ON e.hash = t.hash "
                       "CROSS JOIN content c ON c.id = e.id WHERE NOT t.is_uid AND t.value <> c.dn",
                       err);
    if (!read)
        return -1;
    int result;
    while ((result = database_step(store->db, read, err)) > 0) {
        if (name_check(store, (const char *)sqlite3_column_text(read, 0),
                       (const char *)sqlite3_column_text(read, 1), err) < 0) {
            sqlite3_reset(read);
            return -1;
        }
    }
    if (result < 0)
        return -1;
    return database_execute(
        store->db,
        "INSERT INTO outside (hash, value) SELECT hash, value FROM load_target "
        "WHERE is_uid OR NOT EXISTS (SELECT 1 FROM entry WHERE entry.hash = load_target.hash) "
        "ORDER BY hash ON CONFLICT DO NOTHING",
        err);
}

int directory_store_load_end(struct directory_store *store, struct source_state *state, struct error *err)
{
    if (!store->load)
        return error_set_code(err, STORE_FAILED, "no first load is under way");
    TALLOC_FREE(store->load->known); // not needed for the indexes, which need memory
    if (indexes_make(store, err) < 0 || names_settle(store, err) < 0 || targets_settle(store, err) < 0) {
        directory_store_load_abort(store);
        return -1;
    }
    int result = directory_store_commit(store, state, err);
    load_close(store);
    return result;
}
