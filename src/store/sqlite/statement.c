// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "base/log.h"
#include "database.h"

// Prepared statements, results in words, transactions.

struct statement {
    const char *sql; // key: the literal's address, for each place in the source has its own
    sqlite3_stmt *prepared;
    UT_hash_handle hh;
};

// --- results in words ----------------------------------------------------------------------------

int database_fail(struct database *db, int result, struct error *err)
{
    const char *words = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(result);
    switch (result & 0xff) {
    case SQLITE_FULL:
        return error_set_code(err, STORE_FULL,
                              "%s: no room left (%s); make room, nothing that was committed is lost",
                              db->path, words);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return error_set_code(
            err, STORE_FULL,
            "%s: reading or writing failed (%s, code %d); look at the disk and its kernel messages", db->path,
            words, sqlite3_extended_errcode(db->handle));
    case SQLITE_READONLY:
        return error_set_code(err, STORE_FULL,
                              "%s cannot be written to (%s); check the file's owner and mode and whether "
                              "its file system is mounted read-only",
                              db->path, words);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set_code(err, STORE_DAMAGED,
                              "%s is damaged (%s). Stop the daemon, move the file away and start again: %s",
                              db->path, words, db->kind->loss);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set_code(err, STORE_LOCKED, "%s is locked by another program (%s)", db->path, words);
    default:
        return error_set_code(err, STORE_FAILED, "%s: %s (code %d)", db->path, words, result);
    }
}

// --- statements ----------------------------------------------------------------------------------

sqlite3_stmt *database_query(struct database *db, const char *sql, struct error *err)
{
    struct statement *statement;
    HASH_FIND_PTR(db->statements, &sql, statement);
    if (statement) {
        sqlite3_reset(statement->prepared);
        sqlite3_clear_bindings(statement->prepared);
        return statement->prepared;
    }
    statement = talloc_zero(db, struct statement);
    statement->sql = sql;
    int result =
        sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->prepared, NULL);
    if (result != SQLITE_OK) {
        database_fail(db, result, err);
        talloc_free(statement);
        return NULL;
    }
    HASH_ADD_PTR(db->statements, sql, statement);
    return statement->prepared;
}

void database_forget_statements(struct database *db)
{
    struct statement *statement, *next;
    HASH_ITER (hh, db->statements, statement, next) {
        HASH_DEL(db->statements, statement);
        sqlite3_finalize(statement->prepared);
        talloc_free(statement);
    }
}

int database_step(struct database *db, sqlite3_stmt *statement, struct error *err)
{
    int result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        return 1;
    if (result != SQLITE_DONE)
        database_fail(db, result, err);
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? 0 : -1;
}

int database_run(struct database *db, sqlite3_stmt *statement, struct error *err)
{
    int result = database_step(db, statement, err);
    if (result > 0)
        sqlite3_reset(statement);
    return result < 0 ? -1 : 0;
}

int database_execute(struct database *db, const char *sql, struct error *err)
{
    int result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : database_fail(db, result, err);
}

int database_number(struct database *db, sqlite3_stmt *statement, int64_t *number, struct error *err)
{
    int result = database_step(db, statement, err);
    *number = result > 0 ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return result < 0 ? -1 : 0;
}

int64_t database_changes(const struct database *db)
{
    return sqlite3_changes(db->handle);
}

void bind_int(sqlite3_stmt *statement, int index, int64_t number)
{
    sqlite3_bind_int64(statement, index, number);
}

void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

void bind_blob(sqlite3_stmt *statement, int index, const void *data, size_t length)
{
    sqlite3_bind_blob64(statement, index, data, length, SQLITE_STATIC);
}

void bind_uuid(sqlite3_stmt *statement, int index, const struct uuid *uuid)
{
    if (!uuid_is_null(uuid))
        sqlite3_bind_blob(statement, index, uuid->octets, sizeof uuid->octets, SQLITE_STATIC);
}

const char *column_text(TALLOC_CTX *ctx, sqlite3_stmt *statement, int index)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);
    return text ? talloc_strndup(ctx, text, (size_t)sqlite3_column_bytes(statement, index)) : NULL;
}

struct uuid column_uuid(sqlite3_stmt *statement, int index)
{
    struct uuid uuid = { 0 };
    const void *octets = sqlite3_column_blob(statement, index);
    if (octets && sqlite3_column_bytes(statement, index) == (int)sizeof uuid.octets)
        memcpy(uuid.octets, octets, sizeof uuid.octets);
    return uuid;
}

char *text_like(TALLOC_CTX *ctx, const char *text)
{
    char *pattern = talloc_strdup(ctx, "%");
    for (; *text; text++)
        pattern = talloc_asprintf_append_buffer(pattern, strchr("%_\\", *text) ? "\\%c" : "%c", *text);
    return talloc_asprintf_append_buffer(pattern, "%%");
}

// --- transactions --------------------------------------------------------------------------------

int database_begin(struct database *db, struct error *err)
{
    if (db->mode != STORE_WRITE)
        return error_set_code(err, STORE_FAILED, "%s is open for reading only", db->path);
    sqlite3_stmt *statement = database_query(db, "BEGIN IMMEDIATE", err);
    return statement ? database_run(db, statement, err) : -1;
}

int database_commit(struct database *db, struct error *err)
{
    sqlite3_stmt *statement = database_query(db, "COMMIT", err);
    if (statement && database_run(db, statement, err) == 0)
        return 0;
    database_rollback(db);
    return -1;
}

void database_rollback(struct database *db)
{
    // SQLite may have rolled back by itself, as after "disk full".
    if (database_in_transaction(db))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

bool database_in_transaction(const struct database *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

int database_checkpoint(struct database *db, int64_t limit, struct error *err)
{
    if (db->wal_octets <= limit)
        return 0;
    // A reader is never waited for long: the next call finds it gone. Only a log that has grown far too large
    // is worth it.
    sqlite3_busy_timeout(db->handle, db->wal_octets > 4 * WAL_BUSY_LIMIT ? 2000 : 50);
    int result = sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(db->handle, 5000);
    if (result == SQLITE_OK)
        db->wal_octets = db->wal_excused = 0;
    return result == SQLITE_OK || (result & 0xff) == SQLITE_BUSY ? 0 : database_fail(db, result, err);
}

void database_checkpoint_busy(struct database *db)
{
    struct error why;
    if (database_checkpoint(db, WAL_BUSY_LIMIT + db->wal_excused, &why) < 0)
        log_warning("write-ahead log not shortened", LOG_E(&why));
}

void database_excuse_log(struct database *db)
{
    db->wal_excused = db->wal_octets;
}

int database_cache(struct database *db, int kib, struct error *err)
{
    char sql[48];
    snprintf(sql, sizeof sql, "PRAGMA cache_size = -%d", kib);
    return database_execute(db, sql, err);
}

void database_shrink(struct database *db)
{
    sqlite3_db_release_memory(db->handle);
    malloc_trim(0);
}
