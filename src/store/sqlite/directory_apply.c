// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/clock.h"
#include "directory.h"

// One entry into the mirror, or out of it.

struct stored {
    int64_t id, hash, uid_hash, digest;
    int64_t real_hash; // of its DN; another than `hash` while it is parked
    bool has_uid;
    struct entry *entry;
};

// *found false: not in the mirror.
static int stored_read(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *uuid,
                       struct stored *stored, bool *found, struct error *err)
{
    sqlite3_stmt *row = database_query(store->db,
                                       "SELECT e.id, e.hash, e.uid_hash, e.digest, c.dn, c.attributes "
                                       "FROM entry e JOIN content c ON c.id = e.id WHERE e.uuid = ?1",
                                       err);
    if (!row)
        return -1;
    bind_uuid(row, 1, uuid);
    int result = database_step(store->db, row, err);
    *found = result > 0;
    if (result <= 0)
        return result;
    stored->id = sqlite3_column_int64(row, 0);
    stored->hash = sqlite3_column_int64(row, 1);
    stored->has_uid = sqlite3_column_type(row, 2) != SQLITE_NULL;
    stored->uid_hash = sqlite3_column_int64(row, 2);
    stored->digest = sqlite3_column_int64(row, 3);
    const char *dn = (const char *)sqlite3_column_text(row, 4);
    name_hash(store, dn, strlen(dn), &stored->real_hash, NULL);
    // Most messages change nothing that is kept: they need no more than the digest.
    bool same = stored->digest == store->incoming.digest && stored->hash == store->incoming.hash &&
                store->incoming.entry != NULL;
    result = same ? 0 : entry_restore(store, ctx, uuid, dn, row, 5, &stored->entry, err);
    sqlite3_reset(row);
    return result;
}

static int incoming_copy(struct directory_store *store, TALLOC_CTX *ctx, struct entry **copy,
                         struct error *err)
{
    *copy = entry_new(ctx, &store->incoming.entry->uuid, store->incoming.entry->dn);
    return entry_unpack(*copy, store->incoming.pack, store->incoming.pack_length, err);
}

// --- uids: memberUid and the like find their entry by it -----------------------------------------

static int uid_change(struct directory_store *store, const struct stored *stored, struct error *err)
{
    const struct incoming *incoming = &store->incoming;
    if (stored->has_uid == incoming->has_uid && stored->uid_hash == incoming->uid_hash)
        return 0;
    const char *old = stored->entry ? flavour_text(store->flavour, ROLE_UID, stored->entry) : NULL;
    if (stored->has_uid && old && alias_add(store, stored->uid_hash, stored->id, old, err) < 0)
        return -1;
    return incoming->has_uid ? alias_remove(store, incoming->uid_hash, err) : 0;
}

// --- created -------------------------------------------------------------------------------------

static int id_next(struct directory_store *store, int64_t *id, struct error *err)
{
    if (store->next_id == 0) {
        sqlite3_stmt *read = database_query(store->db,
                                            "SELECT max(coalesce((SELECT max(id) FROM entry), 0), "
                                            "coalesce((SELECT max(id) FROM former), 0)) + 1",
                                            err);
        if (!read || database_number(store->db, read, &store->next_id, err) < 0)
            return -1;
    }
    *id = store->next_id++;
    return 0;
}

// An entry that comes back is the one that it was.
static int id_of_former(struct directory_store *store, const struct uuid *uuid, int64_t *id,
                        struct error *err)
{
    sqlite3_stmt *read = database_query(store->db, "SELECT id FROM former WHERE uuid = ?1", err);
    if (!read)
        return -1;
    bind_uuid(read, 1, uuid);
    if (database_number(store->db, read, id, err) < 0)
        return -1;
    if (*id == 0)
        return id_next(store, id, err);
    sqlite3_stmt *write = database_query(store->db, "DELETE FROM former WHERE id = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, *id);
    return database_run(store->db, write, err);
}

static int entry_create(struct directory_store *store, struct delta *delta, struct error *err)
{
    const struct incoming *incoming = &store->incoming;
    static const struct link_rows none;
    int64_t id;
    delta->kind = DELTA_CREATED;
    if (id_of_former(store, &incoming->entry->uuid, &id, err) < 0 ||
        name_take(store, id, incoming->hash, incoming->entry->dn, err) < 0 ||
        (incoming->has_uid && alias_remove(store, incoming->uid_hash, err) < 0))
        return -1;
    if (incoming_insert(store, id, err) < 0 || links_write(store, id, &none, &incoming->links, err) < 0)
        return -1;
    return links_differing(store, delta, &incoming->links, &none, true, err);
}

// --- changed -------------------------------------------------------------------------------------

static int entry_rename(struct directory_store *store, TALLOC_CTX *ctx, const struct stored *stored,
                        struct delta_list *moved, struct error *err)
{
    const struct incoming *incoming = &store->incoming;
    if (stored->hash == incoming->hash)
        return 0;
    if (name_take(store, stored->id, incoming->hash, incoming->entry->dn, err) < 0)
        return -1;
    bool parked = stored->hash != stored->real_hash;
    if (!parked && alias_add(store, stored->hash, stored->id, stored->entry->dn, err) < 0)
        return -1;
    return branch_move(store, ctx, stored->hash, incoming->hash, incoming->entry->dn, moved, err);
}

static int entry_change(struct directory_store *store, TALLOC_CTX *ctx, const struct stored *stored,
                        struct delta *delta, struct delta_list *moved, struct error *err)
{
    const struct incoming *incoming = &store->incoming;
    struct link_rows rows, old;
    delta->kind = DELTA_CHANGED;
    delta->old = talloc_steal(delta, stored->entry);
    delta->renamed = stored->real_hash != incoming->hash;
    if (links_read(store, delta, stored->id, &rows, err) < 0 ||
        entry_rename(store, ctx, stored, moved, err) < 0 || uid_change(store, stored, err) < 0)
        return -1;
    // `old` is what the entry had by today's flavour map, `rows` what is stored.
    old = rows;
    old.items = talloc_memdup(delta, rows.items, rows.count * sizeof *rows.items);
    int result = -1;
    if (links_settle(store, delta, delta->old, &old, err) < 0 ||
        links_differing(store, delta, &incoming->links, &old, true, err) < 0 ||
        links_differing(store, delta, &old, &incoming->links, false, err) < 0 ||
        links_write(store, stored->id, &rows, &incoming->links, err) < 0)
        goto done;
    result = incoming_update(store, stored->id, err);
done:
    talloc_free(rows.items);
    talloc_free(old.items);
    return result;
}

static int run_numbers(struct directory_store *store, const char *sql, int64_t one, int64_t two,
                       struct error *err)
{
    sqlite3_stmt *write = database_query(store->db, sql, err);
    if (!write)
        return -1;
    bind_int(write, 1, one);
    if (sqlite3_bind_parameter_count(write) > 1)
        bind_int(write, 2, two);
    return database_run(store->db, write, err);
}

static int doubt_end(struct directory_store *store, int64_t id, struct error *err)
{
    return run_numbers(store, "DELETE FROM doubt WHERE entry = ?1", id, 0, err);
}

int directory_store_apply(struct directory_store *store, TALLOC_CTX *ctx, const struct entry *entry,
                          struct delta **delta, struct delta_list *moved, struct error *err)
{
    struct stored stored = { 0 };
    bool found;
    *delta = NULL;
    struct delta *made = talloc_zero(ctx, struct delta);
    int result = -1;
    if (incoming_prepare(store, entry, err) < 0 ||
        stored_read(store, made, &entry->uuid, &stored, &found, err) < 0 ||
        (found && doubt_end(store, stored.id, err) < 0))
        goto failed;
    if (found && !stored.entry) {
        incoming_done(store);
        talloc_free(made);
        return 0;
    }
    if (incoming_copy(store, made, &made->new, err) < 0)
        goto failed;
    result = found ? entry_change(store, ctx, &stored, made, moved, err) : entry_create(store, made, err);
    if (result < 0)
        goto failed;
    incoming_done(store);
    *delta = made;
    return 0;
failed:
    incoming_done(store);
    talloc_free(made);
    return -1;
}

// --- deleted -------------------------------------------------------------------------------------

static int entry_bury(struct directory_store *store, const struct stored *stored, struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db,
                       "INSERT INTO former (id, uuid, hash, uid_hash, gone, dn, attributes) "
                       "SELECT e.id, e.uuid, ?2, e.uid_hash, ?3, c.dn, c.attributes FROM entry e "
                       "JOIN content c ON c.id = e.id WHERE e.id = ?1",
                       err);
    if (!write)
        return -1;
    bind_int(write, 1, stored->id);
    bind_int(write, 2, stored->real_hash);
    bind_int(write, 3, clock_now());
    if (database_run(store->db, write, err) < 0)
        return -1;
    // Groups may go on naming it after its former entry has been purged.
    if (run_numbers(store,
                    "INSERT INTO outside (hash, value) SELECT hash, dn FROM former WHERE id = ?1 AND "
                    "EXISTS (SELECT 1 FROM link WHERE target = former.hash) ON CONFLICT DO NOTHING",
                    stored->id, 0, err) < 0 ||
        run_numbers(store, "DELETE FROM link WHERE entry = ?1", stored->id, 0, err) < 0)
        return -1;
    store->grown.links -= database_changes(store->db);
    // A parked entry's children go back to the name that they stand under.
    if (stored->hash != stored->real_hash &&
        run_numbers(store, "UPDATE entry SET parent_hash = ?2 WHERE parent_hash = ?1", stored->hash,
                    stored->real_hash, err) < 0)
        return -1;
    store->grown.entries--;
    return doubt_end(store, stored->id, err) < 0 ||
                   run_numbers(store, "DELETE FROM content WHERE id = ?1", stored->id, 0, err) < 0
               ? -1
               : run_numbers(store, "DELETE FROM entry WHERE id = ?1", stored->id, 0, err);
}

static int timers_bury(struct directory_store *store, const struct uuid *uuid, struct error *err)
{
    sqlite3_stmt *timers = database_query(store->db, "DELETE FROM timer WHERE entry = ?1", err);
    if (!timers)
        return -1;
    bind_uuid(timers, 1, uuid);
    return database_run(store->db, timers, err) < 0
               ? -1
               : directory_store_set_lock_expired(store, uuid, false, err);
}

int directory_store_delete(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *uuid,
                           struct delta **delta, struct error *err)
{
    static const struct link_rows none;
    struct stored stored = { 0 };
    struct link_rows rows;
    bool found;
    *delta = NULL;
    store->incoming.entry = NULL;
    struct delta *made = talloc_zero(ctx, struct delta);
    made->kind = DELTA_DELETED;
    int result = stored_read(store, made, uuid, &stored, &found, err);
    if (result < 0 || !found) {
        talloc_free(made);
        return result;
    }
    made->old = stored.entry;
    if (links_read(store, made, stored.id, &rows, err) < 0 ||
        links_differing(store, made, &rows, &none, false, err) < 0 || entry_bury(store, &stored, err) < 0 ||
        timers_bury(store, uuid, err) < 0) {
        talloc_free(made);
        return -1;
    }
    talloc_free(rows.items);
    *delta = made;
    return 0;
}
