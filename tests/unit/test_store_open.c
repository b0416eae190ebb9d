// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_fixture.h"

// Files as administrators find them: somebody else's, damaged, of a later version, on a full disk.

static void closed(struct fixture *f)
{
    directory_store_close(f->store);
    f->store = NULL;
}

static void refused(struct fixture *f, enum store_mode mode, int code, const char *words)
{
    f->err = (struct error){ 0 };
    struct directory_store *store;
    assert_int_equal(directory_store_open(f, f->path, "corp", mode, &store, &f->err), -1);
    if (f->err.code != code || !strstr(f->err.text, words))
        fail_msg("code %d: %s", f->err.code, f->err.text);
    assert_non_null(strstr(f->err.text, f->path));
}

static void file_patch(const char *path, long offset, const void *data, size_t length)
{
    int descriptor = open(path, O_WRONLY);
    assert_true(descriptor >= 0);
    assert_int_equal(pwrite(descriptor, data, length, offset), (ssize_t)length);
    close(descriptor);
}

static long file_size(const char *path)
{
    struct stat status;
    return stat(path, &status) < 0 ? -1 : (long)status.st_size;
}

static void files_are_private(void **state)
{
    struct fixture *f = *state;
    mode_t mask = umask(0);
    closed(f);
    unlink(f->path);
    fixture_reopen(f);
    applied(f, user_of(f, 1, "a"));
    umask(mask);
    static const char *const endings[] = { "", "-wal", "-shm", ".lock" };
    for (size_t i = 0; i < 4; i++) {
        struct stat status;
        assert_int_equal(stat(talloc_asprintf(f, "%s%s", f->path, endings[i]), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
}

static void second_writer_is_refused(void **state)
{
    struct fixture *f = *state;
    refused(f, STORE_WRITE, STORE_LOCKED, talloc_asprintf(f, "process %ld", (long)getpid()));
    fixture_reopen(f);
    refused(f, STORE_WRITE, STORE_LOCKED, "in use");
}

// A lock ends with its process, whatever ends that.
static void killed_writer_leaves_no_lock(void **state)
{
    struct fixture *f = *state;
    closed(f);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct directory_store *store;
        bool opened = directory_store_open(f, f->path, "corp", STORE_WRITE, &store, &f->err) == 0;
        if (write(ready[1], opened ? "y" : "n", 1) == 1)
            pause();
        _exit(1);
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    refused(f, STORE_WRITE, STORE_LOCKED, talloc_asprintf(f, "process %ld", (long)child));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    fixture_reopen(f);
}

static void reader_sees_what_is_committed(void **state)
{
    struct fixture *f = *state;
    struct directory_store *reader;
    assert_done(f, directory_store_open(f, f->path, "corp", STORE_READ, &reader, &f->err));
    applied(f, user_of(f, 1, "a"));
    begin(f);
    apply_text(f, user_of(f, 2, "b"));
    struct mirror_counts counts;
    assert_done(f, directory_store_counts(reader, &counts, &f->err));
    assert_int_equal(counts.entries, 1);
    commit(f);
    assert_done(f, directory_store_counts(reader, &counts, &f->err));
    assert_int_equal(counts.entries, 2);
    assert_int_equal(directory_store_begin(reader, &f->err), -1);
    directory_store_close(reader);
}

static void absent_file_is_absent(void **state)
{
    struct fixture *f = *state;
    closed(f);
    unlink(f->path);
    refused(f, STORE_READ, STORE_ABSENT, "not there yet");
    assert_int_equal(file_size(f->path), -1);
    file_sql(f->path, "PRAGMA user_version = 0");
    refused(f, STORE_READ, STORE_ABSENT, "not ready yet");
    fixture_reopen(f); // an empty file is a new one
    applied(f, user_of(f, 1, "a"));
}

static void absent_folder_is_named(void **state)
{
    struct fixture *f = *state;
    closed(f);
    const char *path = f->path;
    f->path = talloc_asprintf(f, "%s/no/corp.db", f->folder);
    refused(f, STORE_WRITE, STORE_FAILED, "No such file or directory");
    f->path = talloc_strdup(f, path);
}

static void later_version_is_refused(void **state)
{
    struct fixture *f = *state;
    closed(f);
    file_sql(f->path, "PRAGMA user_version = 99");
    refused(f, STORE_WRITE, STORE_NEWER, "later version");
    refused(f, STORE_READ, STORE_NEWER, "format 99");
}

static void other_programs_file_is_left_alone(void **state)
{
    struct fixture *f = *state;
    closed(f);
    unlink(f->path);
    file_sql(f->path, "CREATE TABLE precious (a); INSERT INTO precious VALUES (1)");
    long size = file_size(f->path);
    refused(f, STORE_WRITE, STORE_DAMAGED, "no directory store");
    assert_int_equal(file_size(f->path), size);
    // Nor is a delivery store a directory store.
    struct delivery_store *delivery;
    assert_done(f, delivery_store_open(f, f->delivery_path, STORE_WRITE, &delivery, &f->err));
    delivery_store_close(delivery);
    f->path = f->delivery_path;
    refused(f, STORE_WRITE, STORE_DAMAGED, "no directory store");
}

static void no_database_is_refused(void **state)
{
    struct fixture *f = *state;
    closed(f);
    file_patch(f->path, 0, "This is a text, not a database.", 31);
    long size = file_size(f->path);
    refused(f, STORE_WRITE, STORE_DAMAGED, "move the file away");
    refused(f, STORE_READ, STORE_DAMAGED, "move the file away");
    assert_int_equal(file_size(f->path), size);
}

static void damaged_pages_are_found(void **state)
{
    struct fixture *f = *state;
    begin(f);
    for (int i = 1; i < 500; i++)
        apply_text(f, user_of(f, i, talloc_asprintf(f, "u%d", i)));
    commit(f);
    closed(f);
    long size = file_size(f->path);
    // One page of entries, which opening alone would not look at.
    char rubbish[4096];
    memset(rubbish, 0xa5, sizeof rubbish);
    file_patch(f->path, size - (long)sizeof rubbish, rubbish, sizeof rubbish);
    refused(f, STORE_WRITE, STORE_DAMAGED, "move the file away");
    assert_int_equal(file_size(f->path), size);
}

static void file_without_permission_is_named(void **state)
{
    struct fixture *f = *state;
    closed(f);
    assert_int_equal(chmod(f->path, 0400), 0);
    bool root = geteuid() == 0; // whom modes do not stop
    if (root) {
        assert_int_equal(chown(f->folder, 65534, 65534), 0);
        assert_int_equal(chown(talloc_asprintf(f, "%s.lock", f->path), 65534, 65534), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    refused(f, STORE_WRITE, STORE_FAILED, "Permission denied");
    if (root)
        assert_int_equal(seteuid(0), 0);
}

// A limit on the size of files acts like a full disk: what was committed stays, the rest is refused until
// there is room.
static void full_disk_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, small;
    applied(f, user_of(f, 1, "a"));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = (rlim_t)file_size(talloc_asprintf(f, "%s-wal", f->path)) + 65536;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    begin(f);
    int result = 0;
    for (int i = 2; i < 2000 && result == 0; i++) {
        const struct entry *entry = user_of(f, i, talloc_asprintf(f, "u%d", i));
        result = directory_store_apply(f->store, f, entry, &f->delta, NULL, &f->err);
    }
    if (result == 0)
        result = directory_store_commit(f->store, NULL, &f->err);
    else
        directory_store_rollback(f->store);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(result, -1);
    assert_int_equal(f->err.code, STORE_FULL);
    struct mirror_counts counts;
    assert_done(f, directory_store_counts(f->store, &counts, &f->err));
    assert_int_equal(counts.entries, 1);
    assert_string_equal(applied(f, user_of(f, 3, "c")), "created");
    fixture_reopen(f);
    assert_string_equal(found_by_number(f, 1), "1");
    assert_string_equal(found_by_number(f, 3), "3");
    assert_string_equal(found_by_number(f, 4), "none");
}

// --- a power cut: the log ends anywhere ----------------------------------------------------------

static void file_copy(const char *from, const char *to, long length)
{
    char command[1024];
    snprintf(command, sizeof command, "head -c %ld '%s' > '%s'", length, from, to);
    assert_int_equal(system(command), 0);
}

static void commit_cookie(struct fixture *f, const char *cookie)
{
    struct source_state *source;
    assert_done(f, directory_store_state(f->store, f, &source, &f->err));
    source->cookie = talloc_strdup(source, cookie);
    assert_done(f, directory_store_commit(f->store, source, &f->err));
}

static void cookie_never_runs_ahead_of_the_mirror(void **state)
{
    struct fixture *f = *state;
    char *wal = talloc_asprintf(f, "%s-wal", f->path);
    begin(f);
    apply_text(f, user_of(f, 1, "a"));
    commit_cookie(f, "first");
    long start = file_size(wal);
    begin(f);
    for (int i = 2; i < 300; i++)
        apply_text(f, user_of(f, i, talloc_asprintf(f, "u%d", i)));
    commit_cookie(f, "second");
    long end = file_size(wal);
    assert_true(end > start + 3 * 4096);
    char *path = talloc_asprintf(f, "%s/cut.db", f->folder), *log = talloc_asprintf(f, "%s-wal", path);
    const long cuts[] = { start, start + 1, start + 4096, (start + end) / 2, end - 4096, end - 1, end };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        file_copy(f->path, path, file_size(f->path));
        file_copy(wal, log, cuts[i]);
        struct directory_store *store;
        struct source_state *source;
        struct mirror_counts counts;
        assert_done(f, directory_store_open(f, path, "corp", STORE_WRITE, &store, &f->err));
        assert_done(f, directory_store_state(store, f, &source, &f->err));
        assert_done(f, directory_store_counts(store, &counts, &f->err));
        assert_string_equal(source->cookie, cuts[i] == end ? "second" : "first");
        assert_int_equal(counts.entries, cuts[i] == end ? 299 : 1);
        directory_store_close(store);
    }
}

// --- the write-ahead log -------------------------------------------------------------------------

static void log_is_truncated_when_it_has_grown(void **state)
{
    struct fixture *f = *state;
    char *wal = talloc_asprintf(f, "%s-wal", f->path);
    char *text = talloc_zero_size(f, 100001);
    for (int i = 1; file_size(wal) < 17 << 20; i++) {
        assert_true(i < 1000);
        memset(text, 'a' + i % 26, 100000);
        applied(f, entry_of(f, 1, "cn=large,dc=x", "description", text, NULL));
    }
    // A reader in the middle of a row is not waited for.
    sqlite3 *reader;
    sqlite3_stmt *rows;
    assert_int_equal(sqlite3_open(f->path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(reader, "SELECT * FROM sqlite_schema", -1, &rows, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
    applied(f, entry_of(f, 1, "cn=large,dc=x", "description", "small", NULL));
    assert_done(f, directory_store_checkpoint(f->store, &f->err));
    assert_true(file_size(wal) > 0);
    sqlite3_finalize(rows);
    sqlite3_close(reader);
    assert_done(f, directory_store_checkpoint(f->store, &f->err));
    assert_int_equal(file_size(wal), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_private),
        TEST(second_writer_is_refused),
        TEST(killed_writer_leaves_no_lock),
        TEST(reader_sees_what_is_committed),
        TEST(absent_file_is_absent),
        TEST(absent_folder_is_named),
        TEST(later_version_is_refused),
        TEST(other_programs_file_is_left_alone),
        TEST(no_database_is_refused),
        TEST(damaged_pages_are_found),
        TEST(file_without_permission_is_named),
        TEST(full_disk_loses_nothing),
        TEST(cookie_never_runs_ahead_of_the_mirror),
        TEST(log_is_truncated_when_it_has_grown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
