// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_STORE_SQLITE_DATABASE_H
#define LDAPNOTIFY_STORE_SQLITE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "base/uuid.h"
#include "store/store.h"

// One SQLite file with its lock, prepared statements and write-ahead log. What both stores are made of.

struct migration {
    int version;
    const char *sql;
};
extern const struct migration directory_migrations[], delivery_migrations[]; // end with version 0

struct database_kind {
    const char *name; // "directory store", for people
    const char *loss; // what happens when an administrator moves a damaged file away
    uint32_t application_id;
    const struct migration *migrations;
    bool durable; // each commit reaches the disk before it returns
};

struct statement;

struct database {
    sqlite3 *handle;
    const struct database_kind *kind;
    const char *path;
    enum store_mode mode;
    int lock;            // descriptor of PATH.lock, -1 for readers
    int64_t wal_octets;  // of the write-ahead log after the last commit
    int64_t wal_excused; // of which so much may wait until we are idle
    struct statement *statements;
};

// Frees with talloc_free().
int database_open(TALLOC_CTX *ctx, const char *path, enum store_mode mode, const struct database_kind *kind,
                  struct database **database, struct error *err) MUST_CHECK;

// --- statements: `sql` is a literal, prepared once per database ----------------------------------

// Ready to bind; NULL with `err` on failure. A statement that is still being stepped must not be asked for
// again.
sqlite3_stmt *database_query(struct database *db, const char *sql, struct error *err) MUST_CHECK;
// 1: a row, 0: no more (the statement is reset), -1: failed (likewise).
int database_step(struct database *db, sqlite3_stmt *statement, struct error *err) MUST_CHECK;
// For what gives no rows.
int database_run(struct database *db, sqlite3_stmt *statement, struct error *err) MUST_CHECK;
// Unprepared text, also several statements.
int database_execute(struct database *db, const char *sql, struct error *err) MUST_CHECK;
// One number: the first column of the first row, 0 if there is none. Resets the statement.
int database_number(struct database *db, sqlite3_stmt *statement, int64_t *number,
                    struct error *err) MUST_CHECK;
// Rows changed by the last statement.
int64_t database_changes(const struct database *db);
// Forgets the prepared statements, for instance before a database is detached.
void database_forget_statements(struct database *db);
// Fills `err` from an SQLite result and the code that fits; returns -1.
int database_fail(struct database *db, int result, struct error *err);

void bind_int(sqlite3_stmt *statement, int index, int64_t number);
void bind_text(sqlite3_stmt *statement, int index,
               const char *text); // must stay until the statement is reset
void bind_blob(sqlite3_stmt *statement, int index, const void *data, size_t length);
void bind_uuid(sqlite3_stmt *statement, int index, const struct uuid *uuid);  // null becomes NULL
const char *column_text(TALLOC_CTX *ctx, sqlite3_stmt *statement, int index); // a copy, or NULL
// A substring as a pattern for LIKE … ESCAPE '\\'. Owned by `ctx`.
char *text_like(TALLOC_CTX *ctx, const char *text);
struct uuid column_uuid(sqlite3_stmt *statement, int index);

// --- transactions --------------------------------------------------------------------------------

int database_begin(struct database *db, struct error *err) MUST_CHECK;
int database_commit(struct database *db, struct error *err) MUST_CHECK; // rolls back on failure
void database_rollback(struct database *db);
bool database_in_transaction(const struct database *db);
// Truncates the write-ahead log if it is larger than `limit` octets and no reader needs it; else it waits for
// next time.
int database_checkpoint(struct database *db, int64_t limit, struct error *err) MUST_CHECK;
// After a commit: the same, but only when the log has grown far too large for waiting. The commit stands in
// any case.
void database_checkpoint_busy(struct database *db);
// What the log holds now is left to the next idle moment.
void database_excuse_log(struct database *db);
int database_cache(struct database *db, int kib,
                   struct error *err) MUST_CHECK; // pages kept in memory, at most
#define CACHE_USUAL_KIB 8192
#define CACHE_LOAD_KIB 24576
// Gives memory that a large transaction took back to the system.
void database_shrink(struct database *db);

// Sizes of the write-ahead log: truncated at the first when idle, at the second even while busy.
#define WAL_IDLE_LIMIT (INT64_C(16) << 20)
#define WAL_BUSY_LIMIT (INT64_C(64) << 20)

#endif
