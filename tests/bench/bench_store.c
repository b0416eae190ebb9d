// SPDX-License-Identifier: Apache-2.0
// bench_store [ENTRIES [LINKS [FOLDER]]]: what the directory store costs, beside what SQLite itself costs for
// as many rows.

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "store/delivery_store.h"
#include "store/directory_store.h"

struct bench {
    TALLOC_CTX *ctx;
    const char *folder;
    int entries, links, group_size;
    struct flavour *flavour;
    struct directory_store *store;
    struct error err;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long resident_kib(void)
{
    long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%ld %ld", &size, &resident) != 2)
            resident = 0;
        fclose(file);
    }
    return resident * 4;
}

static void must(struct bench *b, int result)
{
    if (result >= 0)
        return;
    fprintf(stderr, "bench_store: %s\n", b->err.text);
    exit(1);
}

static struct uuid uuid_of(int number)
{
    // Spread like real ones.
    uint64_t mixed = (uint64_t)(unsigned)number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    struct uuid uuid;
    memcpy(uuid.octets, &mixed, 8);
    mixed = mixed * UINT64_C(0xbf58476d1ce4e5b9) ^ (uint64_t)number;
    memcpy(uuid.octets + 8, &mixed, 8);
    return uuid;
}

static char *user_dn(TALLOC_CTX *ctx, int number)
{
    return talloc_asprintf(ctx, "uid=user%07d,ou=people,dc=example,dc=com", number);
}

static struct entry *user_made(TALLOC_CTX *ctx, int number, const char *title)
{
    struct uuid uuid = uuid_of(number);
    char *dn = user_dn(ctx, number), text[64];
    struct entry *entry = entry_new(ctx, &uuid, dn);
    entry_add_text(entry, "objectClass", "inetOrgPerson");
    entry_add_text(entry, "objectClass", "posixAccount");
    snprintf(text, sizeof text, "user%07d", number);
    entry_add_text(entry, "uid", text);
    snprintf(text, sizeof text, "User Number %d", number);
    entry_add_text(entry, "cn", text);
    entry_add_text(entry, "sn", "Number");
    snprintf(text, sizeof text, "user%07d@example.com", number);
    entry_add_text(entry, "mail", text);
    entry_add_text(entry, "entryCSN", "20260101000000.000000Z#000000#001#000000");
    if (title)
        entry_add_text(entry, "title", title);
    return entry;
}

static struct entry *group_made(TALLOC_CTX *ctx, int number, int users, int size, int first)
{
    struct uuid uuid = uuid_of(1 << 28 | number);
    struct entry *entry =
        entry_new(ctx, &uuid, talloc_asprintf(ctx, "cn=group%05d,ou=groups,dc=example,dc=com", number));
    entry_add_text(entry, "objectClass", "groupOfNames");
    struct value *values = talloc_array(entry, struct value, size);
    for (int i = 0; i < size; i++) {
        char *dn = user_dn(values, (int)(((long)first + i) % users));
        values[i] = (struct value){ .data = dn, .length = strlen(dn) };
    }
    entry_take(entry, "member", values, (size_t)size);
    return entry;
}

typedef void entry_sink(struct bench *b, const struct entry *entry);

static void each_entry(struct bench *b, entry_sink *sink, const char *title)
{
    int groups = b->links / b->group_size, users = b->entries - groups;
    TALLOC_CTX *ctx = talloc_new(NULL);
    for (int i = 0; i < users; i++) {
        sink(b, user_made(ctx, i, i % 100 == 0 ? title : NULL));
        talloc_free_children(ctx);
    }
    for (int i = 0; i < groups; i++) {
        sink(b, group_made(ctx, i, users, b->group_size, i * 37));
        talloc_free_children(ctx);
    }
    talloc_free(ctx);
}

static void sink_none(struct bench *b, const struct entry *entry)
{
    uint8_t *pack;
    size_t length;
    (void)b;
    if (entry_pack(b->ctx, entry, &pack, &length) == 0)
        talloc_free(pack);
}

static void sink_load(struct bench *b, const struct entry *entry)
{
    must(b, directory_store_load(b->store, entry, &b->err));
}

static void sink_stage(struct bench *b, const struct entry *entry)
{
    must(b, directory_store_stage(b->store, entry, &b->err));
}

// As many rows of the same size, in one transaction, with the same indexes made at the end.
static double raw_inserts(struct bench *b)
{
    char *path = talloc_asprintf(b->ctx, "%s/raw.db", b->folder);
    sqlite3 *db;
    sqlite3_stmt *entry, *link;
    sqlite3_open(path, &db);
    sqlite3_exec(
        db,
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA "
        "cache_size=-24576; "
        "CREATE TABLE e (id INTEGER PRIMARY KEY, u BLOB, h INTEGER, b BLOB); "
        "CREATE TABLE l (e INTEGER, a INTEGER, t INTEGER, PRIMARY KEY (e, a, t)) WITHOUT ROWID; BEGIN",
        NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO e VALUES (?1, randomblob(16), random(), zeroblob(320))", -1, &entry,
                       NULL);
    sqlite3_prepare_v2(db, "INSERT INTO l VALUES (?1, 1, ?2)", -1, &link, NULL);
    double start = now();
    for (int i = 0; i < b->entries; i++) {
        sqlite3_bind_int(entry, 1, i);
        sqlite3_step(entry);
        sqlite3_reset(entry);
    }
    for (int i = 0; i < b->links; i++) {
        sqlite3_bind_int64(link, 1, i / b->group_size);
        sqlite3_bind_int64(link, 2, (sqlite3_int64)((uint64_t)i % (unsigned)b->group_size << 44));
        sqlite3_step(link);
        sqlite3_reset(link);
    }
    sqlite3_exec(
        db,
        "CREATE UNIQUE INDEX eu ON e (u); CREATE INDEX eh ON e (h); CREATE INDEX lt ON l (t, a, e); COMMIT; "
        "PRAGMA wal_checkpoint(TRUNCATE)",
        NULL, NULL, NULL);
    double taken = now() - start;
    sqlite3_finalize(entry);
    sqlite3_finalize(link);
    sqlite3_close(db);
    unlink(path);
    return taken;
}

static int double_compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return a < b ? -1 : a > b;
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, double_compare);
    return values[count / 2];
}

// One change a transaction, as changes come when they come one by one.
static double change_of(struct bench *b, struct entry **entries, int count)
{
    double *taken = talloc_array(b->ctx, double, count);
    for (int i = 0; i < count; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct delta *delta;
        double start = now();
        must(b, directory_store_begin(b->store, &b->err));
        must(b, directory_store_apply(b->store, ctx, entries[i], &delta, NULL, &b->err));
        must(b, directory_store_commit(b->store, NULL, &b->err));
        taken[i] = now() - start;
        talloc_free(ctx);
    }
    double result = median(taken, count);
    talloc_free(taken);
    return result;
}

static double change_users(struct bench *b)
{
    enum { COUNT = 200 };
    struct entry *entries[COUNT];
    int users = b->entries - b->links / b->group_size;
    for (int i = 0; i < COUNT; i++)
        entries[i] = user_made(b->ctx, (int)((long)i * 7919 % users), "changed");
    double result = change_of(b, entries, COUNT);
    for (int i = 0; i < COUNT; i++)
        talloc_free(entries[i]);
    malloc_trim(0);
    return result;
}

static double change_group(struct bench *b, int number, int size)
{
    enum { COUNT = 15 };
    struct entry *entries[COUNT];
    for (int i = 0; i < COUNT; i++)
        entries[i] = group_made(b->ctx, number, 1 << 30, size + i, 0);
    change_of(b, entries, 1);
    double result = change_of(b, entries + 1, COUNT - 1);
    for (int i = 0; i < COUNT; i++)
        talloc_free(entries[i]);
    malloc_trim(0);
    return result;
}

static void bench_refresh(struct bench *b, double made)
{
    struct stage_summary summary;
    double start = now();
    must(b, directory_store_stage_begin(b->store, &b->err));
    each_entry(b, sink_stage, "staged");
    must(b, directory_store_stage_end(b->store, UNMENTIONED_GONE, &summary, &b->err));
    double taken = now() - start - made;
    printf("refresh staged and compared   %8.3f s   %lld of %lld differ, %ld MiB resident\n", taken,
           (long long)summary.differing, (long long)summary.staged, resident_kib() / 1024);
    start = now();
    int64_t applied = 0;
    for (;;) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct entry **entries;
        size_t count;
        must(b, directory_store_begin(b->store, &b->err));
        must(b, directory_store_stage_next(b->store, ctx, 500, &entries, &count, &b->err));
        for (size_t i = 0; i < count; i++) {
            struct delta *delta;
            must(b, directory_store_apply(b->store, ctx, entries[i], &delta, NULL, &b->err));
        }
        must(b, directory_store_commit(b->store, NULL, &b->err));
        talloc_free(ctx);
        applied += (int64_t)count;
        if (count == 0)
            break;
    }
    directory_store_stage_drop(b->store);
    printf("  its differences applied     %8.3f s   %lld entries\n", now() - start, (long long)applied);
}

// What a message costs from import to result, without rendering or sending it.
static void bench_delivery(struct bench *b, int count)
{
    struct delivery_store *store;
    char *path = talloc_asprintf(b->ctx, "%s/delivery.db", b->folder);
    static uint8_t bytes[4096];
    must(b, delivery_store_open(b->ctx, path, STORE_WRITE, &store, &b->err));
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct event_list list = { 0 };
    struct directory_event *event = event_list_add(&list, ctx, EVENT_GROUP_DELETED);
    event->directory = "corp";
    event->sequence = 1;
    event->entry = (struct party){ .dn = "cn=g,dc=x", .name = "g" };
    double start = now();
    must(b, delivery_store_begin(store, &b->err));
    for (int i = 0; i < count; i++) {
        struct waiting waiting = { .directory = "corp", .event = event, .due = 1 };
        waiting.notification =
            (struct notification){ .sequence = i + 1,
                                   .event_sequence = 1,
                                   .roles = "member",
                                   .recipient = { .uuid = uuid_of(i), .address = "a@example.com" },
                                   .rule = "r",
                                   .transport = "default" };
        must(b, delivery_store_import(store, &waiting, &b->err));
    }
    must(b, delivery_store_commit(store, &b->err));
    double imported = now();
    for (int i = 0; i < count;) {
        must(b, delivery_store_begin(store, &b->err));
        for (int end = i + 200; i < end && i < count; i++) {
            struct waiting *bundle;
            size_t size;
            must(b, delivery_store_bundle(store, ctx, 1, 100, &bundle, &size, &b->err));
            struct message message = { .directory = "corp",
                                       .transport = "default",
                                       .recipient = "a@example.com",
                                       .message_id = "<m@x>",
                                       .bytes = bytes,
                                       .length = sizeof bytes,
                                       .created = 1,
                                       .expires = 9,
                                       .next_attempt = 1 };
            must(b, delivery_store_freeze(store, &message, bundle, size, &b->err));
            talloc_free(bundle);
        }
        must(b, delivery_store_commit(store, &b->err));
    }
    double frozen = now();
    for (size_t size = 1; size > 0;) {
        struct message *messages;
        must(b, delivery_store_claim(store, ctx, "default", 2, 3, 100, &messages, &size, &b->err));
        for (size_t i = 0; i < size; i++)
            messages[i].state = MESSAGE_SENT;
        must(b, delivery_store_record(store, messages, size, &b->err));
        talloc_free(messages);
    }
    double sent = now();
    struct delivery_counts counts;
    must(b, delivery_store_counts(store, &counts, &b->err));
    printf("%d messages: imported %.1f, frozen %.1f, claimed and recorded %.1f us each; counted in %.2f ms\n",
           (int)counts.messages[MESSAGE_SENT], (imported - start) * 1e6 / count,
           (frozen - imported) * 1e6 / count, (sent - frozen) * 1e6 / count, (now() - sent) * 1e3);
    delivery_store_close(store);
    talloc_free(ctx);
}

static int count_entry(void *context, const struct entry *entry)
{
    (void)entry;
    ++*(int *)context;
    return 0;
}

static void bench_each(struct bench *b)
{
    struct filter *filter = filter_parse(b->ctx, "(objectClass=pwdPolicy)", &b->err);
    int count = 0;
    double start = now();
    must(b, directory_store_each(b->store, filter, count_entry, &count, &b->err));
    printf("all entries walked            %8.3f s\n", now() - start);
}

int main(int argc, char **argv)
{
    struct bench b = { .ctx = talloc_new(NULL),
                       .entries = argc > 1 ? atoi(argv[1]) : 105000,
                       .links = argc > 2 ? atoi(argv[2]) : 700000,
                       .group_size = 140 };
    char folder[] = "/var/tmp/bench-store-XXXXXX";
    b.folder = argc > 3 ? argv[3] : mkdtemp(folder);
    struct config_directory *config = talloc_zero(b.ctx, struct config_directory);
    b.flavour = flavour_new(b.ctx, "openldap", config, &b.err);
    char *path = talloc_asprintf(b.ctx, "%s/corp.db", b.folder);
    must(&b, directory_store_open(b.ctx, path, "corp", STORE_WRITE, &b.store, &b.err));
    directory_store_flavour(b.store, b.flavour);

    double raw = raw_inserts(&b);
    double start = now();
    each_entry(&b, sink_none, NULL);
    double made = now() - start;
    start = now();
    must(&b, directory_store_load_begin(b.store, &b.err));
    each_entry(&b, sink_load, NULL);
    double loaded = now() - start - made;
    must(&b, directory_store_load_end(b.store, NULL, &b.err));
    double load = now() - start - made;
    printf("%d entries, %d links\n", b.entries, b.links);
    printf("raw inserts and indexes       %8.3f s\n", raw);
    printf("first load                    %8.3f s   %.2f x raw (rows %.3f s, end %.3f s), %ld MiB resident\n",
           load, load / raw, loaded, load - loaded, resident_kib() / 1024);
    must(&b, directory_store_checkpoint(b.store, &b.err));
    double change = change_users(&b);
    printf("one user changed              %8.3f ms\n", change * 1e3);
    printf("one member more of 100        %8.3f ms\n", change_group(&b, 90001, 100) * 1e3);
    double large = change_group(&b, 90002, 50000);
    printf("one member more of 50,000     %8.3f ms\n", large * 1e3);
    bench_refresh(&b, made);
    bench_each(&b);
    bench_delivery(&b, 50000);
    printf("at the end                    %ld MiB resident\n", resident_kib() / 1024);
    directory_store_close(b.store);
    if (argc <= 3)
        return system(talloc_asprintf(b.ctx, "rm -rf '%s'", b.folder));
    return 0;
}
