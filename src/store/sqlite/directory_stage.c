// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/log.h"
#include "directory.h"

// A refresh is compared with the mirror while it comes: what is the same leaves only a bit behind, what
// differs is kept whole in a temporary database that vanishes with this connection. Rows that change an entry
// have its id, rows of new entries ids of their own.

#define FRESH_BASE (INT64_C(1) << 62)
// After all new and renamed ones, which come by depth: a branch before what stands in it.
#define RANK_CHANGED 1000000
#define STAGE_TRANSACTION 10000

struct bits {
    uint8_t *octets;
    size_t size;
};

struct stage {
    struct bits mentioned, gone, doubted; // by id of the mirror
    int64_t next_fresh;
    int64_t staged;
    int64_t pending;     // rows written since the last commit
    bool writing;        // our own transaction is open
    bool complete;       // stage_end() was called: look-ups may ask
    int64_t rank, after; // where stage_next() stands
    int64_t gone_after;
};

static void bits_set(struct stage *stage, struct bits *bits, int64_t id, bool value)
{
    size_t octet = (size_t)id / 8;
    if (octet >= bits->size) {
        if (!value)
            return;
        size_t size = (octet + 1) * 2;
        bits->octets = talloc_realloc(stage, bits->octets, uint8_t, size);
        memset(bits->octets + bits->size, 0, size - bits->size);
        bits->size = size;
    }
    if (value)
        bits->octets[octet] |= (uint8_t)(1 << id % 8);
    else
        bits->octets[octet] &= (uint8_t) ~(1 << id % 8);
}

static bool bits_get(const struct bits *bits, int64_t id)
{
    size_t octet = (size_t)id / 8;
    return octet < bits->size && (bits->octets[octet] >> id % 8 & 1);
}

// --- open and close ------------------------------------------------------------------------------

void stage_close(struct directory_store *store)
{
    if (!store->stage)
        return;
    if (store->stage->writing) {
        database_rollback(store->db);
        link_attributes_forget(store);
    }
    TALLOC_FREE(store->stage);
    database_forget_statements(store->db); // those on the stage would hold it
    struct error why;
    if (database_execute(store->db, "DETACH stage", &why) < 0)
        log_warning("a refresh's temporary database stays until the end", LOG_E(&why));
    database_shrink(store->db);
}

void directory_store_stage_drop(struct directory_store *store)
{
    stage_close(store);
}

int directory_store_stage_begin(struct directory_store *store, struct error *err)
{
    stage_close(store);
    if (database_execute(store->db, "ATTACH '' AS stage", err) < 0)
        return -1;
    store->stage = talloc_zero(store, struct stage);
    store->stage->next_fresh = FRESH_BASE;
    store->stage->after = -1;
    if (database_execute(
            store->db,
            "PRAGMA stage.journal_mode = MEMORY; PRAGMA stage.synchronous = OFF; "
            "PRAGMA stage.cache_size = -8192; "
            "CREATE TABLE stage.entry (id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, fresh INTEGER NOT NULL, "
            "rank INTEGER NOT NULL, hash INTEGER NOT NULL, uid_hash INTEGER, dn TEXT NOT NULL, pack "
            "BLOB NOT NULL); "
            "CREATE UNIQUE INDEX stage.entry_fresh ON entry (uuid) WHERE fresh = 1; "
            "CREATE TABLE stage.gone (id INTEGER PRIMARY KEY, uuid BLOB NOT NULL)",
            err) == 0)
        return 0;
    stage_close(store);
    return -1;
}

bool stage_answers(const struct directory_store *store)
{
    return store->stage && store->stage->complete;
}

bool stage_only(int64_t id)
{
    return id >= FRESH_BASE;
}

// --- its own transactions, between which others may run ------------------------------------------

static int stage_write(struct directory_store *store, struct error *err)
{
    struct stage *stage = store->stage;
    if (!stage || stage->complete)
        return error_set_code(err, STORE_FAILED, "no refresh is being staged");
    if (stage->writing && stage->pending++ > STAGE_TRANSACTION && stage_commit(store, err) < 0)
        return -1;
    if (stage->writing || database_in_transaction(store->db))
        return 0;
    stage->writing = true;
    stage->pending = 0;
    return database_execute(store->db, "BEGIN", err);
}

int stage_commit(struct directory_store *store, struct error *err)
{
    if (!store->stage || !store->stage->writing)
        return 0;
    store->stage->writing = false;
    return database_commit(store->db, err);
}

// --- what comes ----------------------------------------------------------------------------------

struct counterpart {
    int64_t id; // 0: none in the mirror
    int64_t digest, hash;
};

static int counterpart_read(struct directory_store *store, const struct uuid *uuid, struct counterpart *found,
                            struct error *err)
{
    *found = (struct counterpart){ 0 };
    sqlite3_stmt *read = database_query(store->db, "SELECT id, digest, hash FROM entry WHERE uuid = ?1", err);
    if (!read)
        return -1;
    bind_uuid(read, 1, uuid);
    int result = database_step(store->db, read, err);
    if (result > 0) {
        *found = (struct counterpart){ .id = sqlite3_column_int64(read, 0),
                                       .digest = sqlite3_column_int64(read, 1),
                                       .hash = sqlite3_column_int64(read, 2) };
        sqlite3_reset(read);
    }
    return result < 0 ? -1 : 0;
}

// What was said of this entry before counts no more.
static int row_drop(struct directory_store *store, const struct uuid *uuid, int64_t id, struct error *err)
{
    sqlite3_stmt *write =
        id ? database_query(store->db, "DELETE FROM stage.entry WHERE id = ?1", err)
           : database_query(store->db, "DELETE FROM stage.entry WHERE uuid = ?1 AND fresh = 1", err);
    if (!write)
        return -1;
    if (id)
        bind_int(write, 1, id);
    else
        bind_uuid(write, 1, uuid);
    return database_run(store->db, write, err);
}

static int64_t depth_of(const char *dn)
{
    int64_t depth = 0;
    for (; *dn; dn = dn_parent(dn))
        depth++;
    return depth < RANK_CHANGED ? depth : RANK_CHANGED - 1;
}

static int row_put(struct directory_store *store, const struct entry *entry, const struct counterpart *old,
                   struct error *err)
{
    const struct incoming *incoming = &store->incoming;
    uint8_t *pack;
    size_t length;
    sqlite3_stmt *write =
        database_query(store->db,
                       "INSERT INTO stage.entry (id, uuid, fresh, rank, hash, uid_hash, dn, pack) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                       err);
    if (!write)
        return -1;
    if (entry_pack(store, entry, &pack, &length) < 0)
        return error_set_code(err, STORE_FAILED, "out of memory");
    bind_int(write, 1, old->id ? old->id : store->stage->next_fresh++);
    bind_uuid(write, 2, &entry->uuid);
    bind_int(write, 3, old->id == 0);
    bind_int(write, 4, old->id == 0 || old->hash != incoming->hash ? depth_of(entry->dn) : RANK_CHANGED);
    bind_int(write, 5, incoming->hash);
    if (incoming->has_uid)
        bind_int(write, 6, incoming->uid_hash);
    bind_text(write, 7, entry->dn);
    bind_blob(write, 8, pack, length);
    int result = database_run(store->db, write, err);
    talloc_free(pack);
    return result;
}

int directory_store_stage(struct directory_store *store, const struct entry *entry, struct error *err)
{
    struct counterpart old;
    if (stage_write(store, err) < 0 || incoming_prepare(store, entry, err) < 0 ||
        counterpart_read(store, &entry->uuid, &old, err) < 0)
        return -1;
    struct stage *stage = store->stage;
    bool same = old.id && old.digest == store->incoming.digest && old.hash == store->incoming.hash;
    bool again = old.id == 0 ? stage->next_fresh > FRESH_BASE : bits_get(&stage->mentioned, old.id);
    if (again && row_drop(store, &entry->uuid, old.id, err) < 0)
        return -1;
    if (!same && row_put(store, entry, &old, err) < 0)
        return -1;
    if (old.id) {
        bits_set(stage, &stage->mentioned, old.id, true);
        bits_set(stage, &stage->gone, old.id, false);
    }
    stage->staged++;
    incoming_done(store);
    return 0;
}

int directory_store_stage_present(struct directory_store *store, const struct uuid *uuids, size_t count,
                                  struct error *err)
{
    if (stage_write(store, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct counterpart old;
        if (counterpart_read(store, &uuids[i], &old, err) < 0)
            return -1;
        if (old.id) {
            bits_set(store->stage, &store->stage->mentioned, old.id, true);
            bits_set(store->stage, &store->stage->gone, old.id, false);
        }
    }
    return 0;
}

int directory_store_stage_gone(struct directory_store *store, const struct uuid *uuids, size_t count,
                               struct error *err)
{
    if (stage_write(store, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct counterpart old;
        if (counterpart_read(store, &uuids[i], &old, err) < 0 || row_drop(store, &uuids[i], old.id, err) < 0)
            return -1;
        if (old.id)
            bits_set(store->stage, &store->stage->gone, old.id, true);
    }
    return 0;
}

// --- what differs --------------------------------------------------------------------------------

static int gone_put(struct directory_store *store, int64_t id, const struct uuid *uuid, struct error *err)
{
    sqlite3_stmt *write = database_query(store->db, "INSERT INTO stage.gone (id, uuid) VALUES (?1, ?2)", err);
    if (!write)
        return -1;
    bind_int(write, 1, id);
    bind_uuid(write, 2, uuid);
    return database_run(store->db, write, err);
}

static int run_id(struct directory_store *store, const char *sql, int64_t id, struct error *err)
{
    sqlite3_stmt *write = database_query(store->db, sql, err);
    if (!write)
        return -1;
    bind_int(write, 1, id);
    return database_run(store->db, write, err);
}

// Who was named is in doubt no more.
static int doubts_settle(struct directory_store *store, struct error *err)
{
    struct stage *stage = store->stage;
    int64_t *named = NULL;
    size_t count = 0;
    sqlite3_stmt *read = database_query(store->db, "SELECT entry FROM doubt", err);
    int result = read ? 0 : -1;
    while (result >= 0 && (result = database_step(store->db, read, err)) > 0) {
        int64_t id = sqlite3_column_int64(read, 0);
        if (!bits_get(&stage->mentioned, id)) {
            bits_set(stage, &stage->doubted, id, true);
            continue;
        }
        if (!named || talloc_array_length(named) == count)
            named = talloc_realloc(stage, named, int64_t, count * 2 + 64);
        named[count++] = id;
    }
    for (size_t i = 0; i < count && result == 0; i++)
        result = run_id(store, "DELETE FROM doubt WHERE entry = ?1", named[i], err);
    talloc_free(named);
    return result;
}

// One entry that was not named, or that was named as gone.
static int gone_judge(struct directory_store *store, int64_t id, const struct uuid *uuid,
                      enum stage_unmentioned unmentioned, struct stage_summary *summary, struct error *err)
{
    const struct stage *stage = store->stage;
    if (!bits_get(&stage->gone, id)) {
        if (unmentioned == UNMENTIONED_STAY || bits_get(&stage->doubted, id))
            return 0;
        if (unmentioned == UNMENTIONED_DOUBT) {
            summary->doubted++;
            return run_id(store, "INSERT INTO doubt (entry) VALUES (?1)", id, err);
        }
    }
    summary->gone++;
    return gone_put(store, id, uuid, err);
}

// Walks the index on UUIDs, which has all that is asked for.
static int gone_collect(struct directory_store *store, enum stage_unmentioned unmentioned,
                        struct stage_summary *summary, struct error *err)
{
    struct stage *stage = store->stage;
    sqlite3_stmt *read =
        database_query(store->db, "SELECT id, uuid FROM entry INDEXED BY entry_uuid ORDER BY uuid", err);
    if (!read)
        return -1;
    int result;
    while ((result = database_step(store->db, read, err)) > 0) {
        int64_t id = sqlite3_column_int64(read, 0);
        if (bits_get(&stage->mentioned, id) && !bits_get(&stage->gone, id))
            continue;
        struct uuid uuid = column_uuid(read, 1);
        if (gone_judge(store, id, &uuid, unmentioned, summary, err) < 0) {
            sqlite3_reset(read);
            return -1;
        }
    }
    return result;
}

int directory_store_stage_end(struct directory_store *store, enum stage_unmentioned unmentioned,
                              struct stage_summary *summary, struct error *err)
{
    *summary = (struct stage_summary){ 0 };
    if (stage_write(store, err) < 0)
        return -1;
    struct stage *stage = store->stage;
    bool collect = unmentioned != UNMENTIONED_STAY || stage->gone.size > 0;
    if (doubts_settle(store, err) < 0 || (collect && gone_collect(store, unmentioned, summary, err) < 0))
        return -1;
    if (database_execute(store->db,
                         "CREATE INDEX stage.entry_rank ON entry (rank); "
                         "CREATE INDEX stage.entry_hash ON entry (hash); "
                         "CREATE INDEX stage.entry_uid ON entry (uid_hash)",
                         err) < 0)
        return -1;
    sqlite3_stmt *count = database_query(store->db, "SELECT count(*) FROM stage.entry", err);
    if (!count || database_number(store->db, count, &summary->differing, err) < 0)
        return -1;
    summary->staged = stage->staged;
    TALLOC_FREE(stage->mentioned.octets);
    TALLOC_FREE(stage->gone.octets);
    TALLOC_FREE(stage->doubted.octets);
    if (stage_commit(store, err) < 0)
        return -1;
    stage->complete = true;
    return 0;
}

int stage_entry(struct directory_store *store, TALLOC_CTX *ctx, sqlite3_stmt *row, bool links,
                struct entry **entry, struct error *err)
{
    struct uuid uuid = column_uuid(row, 1);
    if (entry_restore(store, ctx, &uuid, (const char *)sqlite3_column_text(row, 2), row, 3, entry, err) < 0)
        return -1;
    size_t kept = 0;
    for (size_t i = 0; i < (*entry)->count; i++)
        if (link_attribute_is_link(link_attribute_find(store, (*entry)->attributes[i].name)) == links)
            (*entry)->attributes[kept++] = (*entry)->attributes[i];
    (*entry)->count = kept;
    return 0;
}

int directory_store_stage_next(struct directory_store *store, TALLOC_CTX *ctx, size_t limit,
                               struct entry ***entries, size_t *count, struct error *err)
{
    *entries = NULL;
    *count = 0;
    struct stage *stage = store->stage;
    if (!stage_answers(store))
        return error_set_code(err, STORE_FAILED, "no refresh is staged");
    sqlite3_stmt *row =
        database_query(store->db,
                       "SELECT id, uuid, dn, pack, rank FROM stage.entry WHERE (rank, id) > (?1, ?2) "
                       "ORDER BY rank, id LIMIT ?3",
                       err);
    if (!row)
        return -1;
    bind_int(row, 1, stage->rank);
    bind_int(row, 2, stage->after);
    bind_int(row, 3, (int64_t)limit);
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        struct uuid uuid = column_uuid(row, 1);
        const char *dn = (const char *)sqlite3_column_text(row, 2);
        if (!*entries || talloc_array_length(*entries) == *count)
            *entries = talloc_realloc(ctx, *entries, struct entry *, *count * 2 + 16);
        if (entry_restore(store, *entries, &uuid, dn, row, 3, &(*entries)[*count], err) < 0) {
            sqlite3_reset(row);
            return -1;
        }
        (*count)++;
        stage->after = sqlite3_column_int64(row, 0);
        stage->rank = sqlite3_column_int64(row, 4);
    }
    return result;
}

int directory_store_stage_next_gone(struct directory_store *store, TALLOC_CTX *ctx, size_t limit,
                                    struct uuid **uuids, size_t *count, struct error *err)
{
    *uuids = NULL;
    *count = 0;
    if (!stage_answers(store))
        return error_set_code(err, STORE_FAILED, "no refresh is staged");
    sqlite3_stmt *row =
        database_query(store->db, "SELECT id, uuid FROM stage.gone WHERE id > ?1 ORDER BY id LIMIT ?2", err);
    if (!row)
        return -1;
    bind_int(row, 1, store->stage->gone_after);
    bind_int(row, 2, (int64_t)limit);
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        if (!*uuids || talloc_array_length(*uuids) == *count)
            *uuids = talloc_realloc(ctx, *uuids, struct uuid, *count * 2 + 16);
        (*uuids)[(*count)++] = column_uuid(row, 1);
        store->stage->gone_after = sqlite3_column_int64(row, 0);
    }
    return result;
}
