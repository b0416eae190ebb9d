// SPDX-License-Identifier: Apache-2.0
#include "directory.h"

// What has grown old goes, a few rows a call. Outbox and events are numbered in the order they were stored,
// so what is old is always at the beginning.

static int run_number(struct directory_store *store, const char *sql, int64_t number, struct error *err)
{
    sqlite3_stmt *write = database_query(store->db, sql, err);
    if (!write)
        return -1;
    bind_int(write, 1, number);
    return database_run(store->db, write, err);
}

static int purge_outbox(struct directory_store *store, int64_t before, int64_t imported, size_t limit,
                        struct error *err)
{
    sqlite3_stmt *read = database_query(store->db,
                                        "SELECT sequence, stored FROM outbox WHERE sequence <= ?1 "
                                        "ORDER BY sequence LIMIT ?2",
                                        err);
    if (!read)
        return -1;
    bind_int(read, 1, imported);
    bind_int(read, 2, (int64_t)limit);
    int64_t last = 0;
    int result;
    while ((result = database_step(store->db, read, err)) > 0 && sqlite3_column_int64(read, 1) < before)
        last = sqlite3_column_int64(read, 0);
    sqlite3_reset(read);
    if (result < 0 || run_number(store, "DELETE FROM outbox WHERE sequence <= ?1", last, err) < 0)
        return -1;
    store->grown.outbox -= database_changes(store->db);
    return 0;
}

// Numbers that a statement with rows (number, …) gives, collected so that the rows can be deleted.
struct numbers {
    int64_t *items;
    size_t count;
};

static void number_add(TALLOC_CTX *ctx, struct numbers *numbers, int64_t number)
{
    if (!numbers->items || talloc_array_length(numbers->items) == numbers->count)
        numbers->items = talloc_realloc(ctx, numbers->items, int64_t, numbers->count * 2 + 64);
    numbers->items[numbers->count++] = number;
}

// Events still wanted by somebody stay: by the outbox, or by a storm.
static int purge_events(struct directory_store *store, TALLOC_CTX *ctx, int64_t before, size_t limit,
                        struct error *err)
{
    struct numbers old = { 0 };
    sqlite3_stmt *read = database_query(
        store->db,
        "SELECT sequence, stored, EXISTS (SELECT 1 FROM outbox WHERE event = e.sequence) "
        "OR EXISTS (SELECT 1 FROM held WHERE event = e.sequence) FROM event e ORDER BY sequence",
        err);
    int result = read ? 0 : -1;
    while (result >= 0 && old.count < limit && (result = database_step(store->db, read, err)) > 0 &&
           sqlite3_column_int64(read, 1) < before)
        if (!sqlite3_column_int(read, 2))
            number_add(ctx, &old, sqlite3_column_int64(read, 0));
    sqlite3_reset(read);
    for (size_t i = 0; i < old.count && result >= 0; i++) {
        result = run_number(store, "DELETE FROM decision WHERE event = ?1", old.items[i], err);
        if (result == 0)
            result = run_number(store, "DELETE FROM event WHERE sequence = ?1", old.items[i], err);
        store->grown.events--;
    }
    return result < 0 ? -1 : 0;
}

static int purge_former(struct directory_store *store, TALLOC_CTX *ctx, int64_t before, size_t limit,
                        struct error *err)
{
    struct numbers old = { 0 };
    sqlite3_stmt *read =
        database_query(store->db, "SELECT id FROM former WHERE gone < ?1 ORDER BY gone LIMIT ?2", err);
    if (!read)
        return -1;
    bind_int(read, 1, before);
    bind_int(read, 2, (int64_t)limit);
    int result;
    while ((result = database_step(store->db, read, err)) > 0)
        number_add(ctx, &old, sqlite3_column_int64(read, 0));
    // A group may still name it as it was called once.
    for (size_t i = 0; i < old.count && result == 0; i++)
        if (run_number(store,
                       "INSERT INTO outside (hash, value) SELECT hash, name FROM alias WHERE entry = ?1 "
                       "AND EXISTS (SELECT 1 FROM link WHERE target = alias.hash) ON CONFLICT DO NOTHING",
                       old.items[i], err) < 0 ||
            run_number(store, "DELETE FROM alias WHERE entry = ?1", old.items[i], err) < 0 ||
            run_number(store, "DELETE FROM former WHERE id = ?1", old.items[i], err) < 0)
            result = -1;
    return result;
}

// Texts that no link needs any more. Each call looks at the next few and begins anew at the end.
static int purge_outside(struct directory_store *store, TALLOC_CTX *ctx, size_t limit, struct error *err)
{
    struct numbers unused = { 0 };
    sqlite3_stmt *read =
        database_query(store->db,
                       "SELECT hash, EXISTS (SELECT 1 FROM link WHERE target = o.hash) FROM outside o "
                       "WHERE hash > ?1 ORDER BY hash LIMIT ?2",
                       err);
    if (!read)
        return -1;
    bind_int(read, 1, store->outside_cursor);
    bind_int(read, 2, (int64_t)limit);
    size_t seen = 0;
    int result;
    while ((result = database_step(store->db, read, err)) > 0) {
        seen++;
        store->outside_cursor = sqlite3_column_int64(read, 0);
        if (!sqlite3_column_int(read, 1))
            number_add(ctx, &unused, store->outside_cursor);
    }
    if (seen < limit)
        store->outside_cursor = INT64_MIN;
    for (size_t i = 0; i < unused.count && result == 0; i++)
        result = run_number(store, "DELETE FROM outside WHERE hash = ?1", unused.items[i], err);
    return result;
}

int directory_store_purge(struct directory_store *store, int64_t before, int64_t imported, size_t limit,
                          struct error *err)
{
    if (directory_store_begin(store, err) < 0)
        return -1;
    TALLOC_CTX *ctx = talloc_new(NULL);
    int result = -1;
    if (purge_outbox(store, before, imported, limit, err) == 0 &&
        purge_events(store, ctx, before, limit, err) == 0 &&
        purge_former(store, ctx, before, limit, err) == 0 && purge_outside(store, ctx, limit, err) == 0 &&
        run_number(store, "DELETE FROM storm WHERE state <> 0 AND closed < ?1", before, err) == 0)
        result = 0;
    talloc_free(ctx);
    if (result < 0) {
        directory_store_rollback(store);
        return -1;
    }
    return directory_store_commit(store, NULL, err);
}
