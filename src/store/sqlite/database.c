// SPDX-License-Identifier: Apache-2.0
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Opening: lock, file, settings, check, migrations.

#define BUSY_TIMEOUT_MS 5000
#define CHECK_MS 1500 // a large file is looked through for so long and no longer

// --- the lock: SQLite's own are held for one transaction only, ours as long as the writer lives --

static int lock_refused(const char *path, int descriptor, struct error *err)
{
    char pid[24] = "";
    ssize_t length = pread(descriptor, pid, sizeof pid - 1, 0);
    pid[length > 0 ? length : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    return error_set_code(
        err, STORE_LOCKED,
        "%s is in use by another ldapnotifyd%s%s; only one may write to it: stop that one first", path,
        pid[0] ? ", process " : "", pid);
}

static int lock_take(struct database *db, struct error *err)
{
    char *path = talloc_asprintf(db, "%s.lock", db->path);
    db->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (db->lock < 0) {
        int reason = errno;
        return error_set_code(
            err, reason == ENOSPC || reason == EROFS || reason == EDQUOT ? STORE_FULL : STORE_FAILED,
            "the lock %s cannot be made: %s; check state_dir and its owner", path, strerror(reason));
    }
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(db->lock, F_OFD_SETLK, &whole) < 0) {
        int result = lock_refused(db->path, db->lock, err);
        close(db->lock);
        db->lock = -1;
        return result;
    }
    // Who has it is a courtesy to the next one's administrator: a full disk must not stop us here.
    char pid[24];
    int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(db->lock, 0) < 0 || pwrite(db->lock, pid, (size_t)length, 0) != length)
        errno = 0;
    return 0;
}

// --- settings ------------------------------------------------------------------------------------

static int wal_grown(void *context, sqlite3 *handle, const char *name, int frames)
{
    struct database *db = context;
    (void)handle;
    if (strcmp(name, "main") == 0)
        db->wal_octets = (int64_t)frames * 4096;
    return SQLITE_OK;
}

static int settings_common(struct database *db, struct error *err)
{
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return database_cache(db, CACHE_USUAL_KIB, err);
}

// One writer a file is what keeps the write-ahead log sound and small: it alone checkpoints, and when it
// chooses to.
static int settings_writer(struct database *db, struct error *err)
{
    if (database_execute(db, db->kind->durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                         err) < 0 ||
        database_execute(db, "PRAGMA journal_mode = WAL", err) < 0 ||
        database_execute(db, "PRAGMA wal_autocheckpoint = 0", err) < 0 ||
        database_execute(db, "PRAGMA secure_delete = FAST", err) < 0)
        return -1;
    sqlite3_stmt *mode = database_query(db, "SELECT journal_mode FROM pragma_journal_mode()", err);
    if (!mode)
        return -1;
    bool wal =
        sqlite3_step(mode) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(mode, 0), "wal") == 0;
    sqlite3_reset(mode);
    if (!wal)
        return error_set_code(
            err, STORE_FAILED,
            "%s: the file system does not allow a write-ahead log; put state_dir on a local one", db->path);
    sqlite3_wal_hook(db->handle, wal_grown, db);
    return 0;
}

// Sorters and stages spill to temporary files: beside the store there is room for them, in a small /tmp
// perhaps not.
static void settings_temporary(const char *path)
{
    if (sqlite3_temp_directory)
        return;
    const char *slash = strrchr(path, '/');
    sqlite3_temp_directory =
        slash ? sqlite3_mprintf("%.*s", (int)(slash - path) + (slash == path), path) : sqlite3_mprintf(".");
}

// --- what is in the file -------------------------------------------------------------------------

static int pragma_number(struct database *db, const char *sql, int64_t *number, struct error *err)
{
    sqlite3_stmt *statement = database_query(db, sql, err);
    return statement ? database_number(db, statement, number, err) : -1;
}

static int damaged(struct database *db, const char *words, struct error *err)
{
    return error_set_code(err, STORE_DAMAGED,
                          "%s is damaged (%s). Stop the daemon, move the file away and start again: %s",
                          db->path, words, db->kind->loss);
}

// Whose file it is and how old. *version 0: new.
static int file_judge(struct database *db, int64_t *version, struct error *err)
{
    int64_t id, tables;
    if (pragma_number(db, "SELECT application_id FROM pragma_application_id()", &id, err) < 0 ||
        pragma_number(db, "SELECT user_version FROM pragma_user_version()", version, err) < 0 ||
        pragma_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0)
        return -1;
    if ((uint32_t)id != db->kind->application_id && (id != 0 || tables != 0 || *version != 0))
        return error_set_code(err, STORE_DAMAGED,
                              "%s is a database, but no %s; it is left alone: move it away and start again",
                              db->path, db->kind->name);
    int64_t newest = 0;
    for (const struct migration *m = db->kind->migrations; m->version; m++)
        newest = m->version;
    if (*version > newest)
        return error_set_code(
            err, STORE_NEWER,
            "%s was written by a later version of this program (format %lld, this one knows %lld); "
            "install that version again, or put back a copy made before the upgrade",
            db->path, (long long)*version, (long long)newest);
    if (db->mode == STORE_READ && *version < newest)
        return error_set_code(err, STORE_ABSENT, "%s is not ready yet: its writer has not %s it", db->path,
                              *version ? "upgraded" : "made");
    return 0;
}

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int check_overdue(void *deadline)
{
    return milliseconds() > *(int64_t *)deadline;
}

static int file_check(struct database *db, struct error *err)
{
    int64_t deadline = milliseconds() + CHECK_MS;
    sqlite3_progress_handler(db->handle, 10000, check_overdue, &deadline);
    sqlite3_stmt *check = database_query(db, "PRAGMA quick_check(1)", err);
    int result = check ? sqlite3_step(check) : SQLITE_ERROR;
    const char *words = result == SQLITE_ROW ? (const char *)sqlite3_column_text(check, 0) : "";
    int outcome = 0;
    if (result == SQLITE_ROW && strcmp(words, "ok") != 0)
        outcome = damaged(db, words, err);
    else if (result != SQLITE_ROW && (result & 0xff) != SQLITE_INTERRUPT)
        outcome = database_fail(db, result, err);
    sqlite3_reset(check);
    sqlite3_progress_handler(db->handle, 0, NULL, NULL);
    return outcome;
}

static int migrate_one(struct database *db, const struct migration *migration, struct error *err)
{
    char *version = talloc_asprintf(db, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                                    (int)db->kind->application_id, migration->version);
    int result = database_begin(db, err);
    if (result == 0 &&
        (database_execute(db, migration->sql, err) < 0 || database_execute(db, version, err) < 0)) {
        database_rollback(db);
        result = -1;
    } else if (result == 0) {
        result = database_commit(db, err);
    }
    talloc_free(version);
    if (result < 0)
        error_prepend(err, "bringing the %s to format %d", db->kind->name, migration->version);
    return result;
}

static int migrate(struct database *db, int64_t version, struct error *err)
{
    for (const struct migration *m = db->kind->migrations; m->version; m++)
        if (m->version > version && migrate_one(db, m, err) < 0)
            return -1;
    return 0;
}

// --- opening -------------------------------------------------------------------------------------

static int database_destroy(struct database *db)
{
    database_forget_statements(db);
    sqlite3_close_v2(db->handle);
    if (db->lock >= 0)
        close(db->lock);
    return 0;
}

// Made here and not by SQLite, so that nobody else can read it from its first moment on; its companions
// inherit the mode.
static int file_make(struct database *db, struct error *err)
{
    int descriptor = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor >= 0) {
        close(descriptor);
        return 0;
    }
    int reason = errno;
    return error_set_code(err,
                          reason == ENOSPC || reason == EROFS || reason == EDQUOT ? STORE_FULL : STORE_FAILED,
                          "%s cannot be opened for writing: %s; check its owner and mode, and state_dir",
                          db->path, strerror(reason));
}

static int open_writer(struct database *db, struct error *err)
{
    if (lock_take(db, err) < 0 || file_make(db, err) < 0)
        return -1;
    settings_temporary(db->path);
    int result = sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK)
        return database_fail(db, result, err);
    int64_t version;
    if (settings_common(db, err) < 0 || file_judge(db, &version, err) < 0 || settings_writer(db, err) < 0 ||
        file_check(db, err) < 0)
        return -1;
    return migrate(db, version, err);
}

static int open_reader(struct database *db, struct error *err)
{
    struct stat status;
    if (stat(db->path, &status) < 0 && errno == ENOENT)
        return error_set_code(err, STORE_ABSENT, "%s is not there yet: its writer has not made it", db->path);
    int result = sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK)
        return database_fail(db, result, err);
    int64_t version;
    return settings_common(db, err) < 0 ? -1 : file_judge(db, &version, err);
}

int database_open(TALLOC_CTX *ctx, const char *path, enum store_mode mode, const struct database_kind *kind,
                  struct database **database, struct error *err)
{
    struct database *db = talloc_zero(ctx, struct database);
    if (!db)
        return error_set_code(err, STORE_FAILED, "out of memory");
    db->path = talloc_strdup(db, path);
    db->mode = mode;
    db->kind = kind;
    db->lock = -1;
    talloc_set_destructor(db, database_destroy);
    int result = mode == STORE_WRITE ? open_writer(db, err) : open_reader(db, err);
    if (result < 0) {
        talloc_free(db);
        return -1;
    }
    *database = db;
    return 0;
}
