// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "delivery.h"
#include "event_row.h"

// --- keys: what belongs together, hashed so that an index stays small ----------------------------

static void key_text(char **key, const char *text)
{
    *key = talloc_asprintf_append_buffer(*key, "%s\n", text ? text : "");
}

static void key_who(char **key, const struct uuid *uuid, const char *otherwise)
{
    char text[UUID_TEXT_SIZE];
    key_text(key, uuid_is_null(uuid) ? otherwise : uuid_format(uuid, text));
}

static char *bundle_key(TALLOC_CTX *ctx, const struct waiting *waiting)
{
    const struct notification *notification = &waiting->notification;
    char *key = talloc_strdup(ctx, "");
    key_text(&key, waiting->directory);
    key_text(&key, notification->transport);
    key_who(&key, &notification->recipient.uuid, notification->recipient.address);
    return key;
}

// The same for an event and its opposite.
static char *pair_key(TALLOC_CTX *ctx, const struct waiting *waiting)
{
    const struct directory_event *event = waiting->event;
    int opposite = event_kind(event->type)->opposite;
    int first = opposite >= 0 && opposite < (int)event->type ? opposite : (int)event->type;
    char *key = talloc_strdup(ctx, "");
    key_text(&key, waiting->directory);
    key_text(&key, event_kind((enum event_type)first)->name);
    key_who(&key, &waiting->notification.recipient.uuid, waiting->notification.recipient.address);
    key_who(&key, &event->entry.uuid, event->entry.dn);
    key_who(&key, &event->party.uuid, event->party.dn);
    return key;
}

static int64_t key_hash(const char *key)
{
    return (int64_t)hash_bytes(key, strlen(key));
}

// --- import --------------------------------------------------------------------------------------

int delivery_store_cursor(struct delivery_store *store, const char *directory, int64_t *sequence,
                          struct error *err)
{
    sqlite3_stmt *read = database_query(store->db, "SELECT sequence FROM cursor WHERE directory = ?1", err);
    if (!read)
        return -1;
    bind_text(read, 1, directory);
    return database_number(store->db, read, sequence, err);
}

int delivery_store_set_cursor(struct delivery_store *store, const char *directory, int64_t sequence,
                              struct error *err)
{
    sqlite3_stmt *write = database_query(store->db,
                                         "INSERT INTO cursor (directory, sequence) VALUES (?1, ?2) "
                                         "ON CONFLICT (directory) DO UPDATE SET sequence = ?2",
                                         err);
    if (!write)
        return -1;
    bind_text(write, 1, directory);
    bind_int(write, 2, sequence);
    return database_run(store->db, write, err);
}

// Only ever forward: what was imported once is not imported again.
static int cursor_advance(struct delivery_store *store, const struct waiting *waiting, struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db,
                       "INSERT INTO cursor (directory, sequence) VALUES (?1, ?2) "
                       "ON CONFLICT (directory) DO UPDATE SET sequence = ?2 WHERE sequence < ?2",
                       err);
    if (!write)
        return -1;
    bind_text(write, 1, waiting->directory);
    bind_int(write, 2, waiting->notification.sequence);
    if (database_run(store->db, write, err) < 0)
        return -1;
    if (database_changes(store->db) > 0)
        return 0;
    return error_set_code(err, STORE_CONFLICT, "outbox row %lld of \"%s\" has been imported before",
                          (long long)waiting->notification.sequence, waiting->directory);
}

// A directory's store that was made anew numbers its events from 1 again: what it says now is what is to be told.
static int event_keep(struct delivery_store *store, const struct waiting *waiting, struct error *err)
{
    int64_t sequence = waiting->notification.event_sequence;
    if (store->last_directory && store->last_event == sequence &&
        strcmp(store->last_directory, waiting->directory) == 0)
        return 0;
    char *data = event_text(store, waiting->event, err);
    sqlite3_stmt *write = data ? database_query(store->db,
                                                "INSERT INTO event (directory, sequence, type, data) "
                                                "VALUES (?1, ?2, ?3, ?4) "
                                                "ON CONFLICT DO UPDATE SET type = ?3, data = ?4 "
                                                "WHERE data <> ?4",
                                                err)
                               : NULL;
    int result = -1;
    if (write) {
        bind_text(write, 1, waiting->directory);
        bind_int(write, 2, sequence);
        bind_text(write, 3, event_kind(waiting->event->type)->name);
        bind_text(write, 4, data);
        result = database_run(store->db, write, err);
    }
    talloc_free(data);
    if (result < 0)
        return -1;
    talloc_free(store->last_directory);
    store->last_directory = talloc_strdup(store, waiting->directory);
    store->last_event = sequence;
    return 0;
}

static int waiting_insert(struct delivery_store *store, struct waiting *waiting, struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db,
                       "INSERT INTO notification (directory, outbox, event, created, changed, due, folded, "
                       "pair, bundle, " NOTIFICATION_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, "
                       "?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
                       err);
    if (!write)
        return -1;
    TALLOC_CTX *scratch = talloc_new(NULL);
    bind_text(write, 1, waiting->directory);
    bind_int(write, 2, waiting->notification.sequence);
    bind_int(write, 3, waiting->notification.event_sequence);
    bind_int(write, 4, clock_now());
    bind_int(write, 5, waiting->due);
    bind_int(write, 6, waiting->folded);
    bind_int(write, 7, key_hash(pair_key(scratch, waiting)));
    bind_int(write, 8, key_hash(bundle_key(scratch, waiting)));
    notification_bind(write, 9, &waiting->notification);
    int result = database_run(store->db, write, err);
    talloc_free(scratch);
    if (result == 0)
        waiting->id = sqlite3_last_insert_rowid(store->db->handle);
    return result;
}

int delivery_store_import(struct delivery_store *store, struct waiting *waiting, struct error *err)
{
    return cursor_advance(store, waiting, err) < 0 || event_keep(store, waiting, err) < 0
               ? -1
               : waiting_insert(store, waiting, err);
}

// --- reading -------------------------------------------------------------------------------------

// The planner takes the index on the state alone, which all that waits shares; so the right one is named.
#define WAITING_COLUMNS(index) \
    "SELECT n.id, n.directory, n.outbox, n.event, n.due, n.folded, e.data, n.uuid, n.dn, n.name, " \
    "n.address, " \
    "n.recipient_language, n.roles, n.courtesy, n.rule, n.transport, n.template, n.language, " \
    "n.digest_wait, n.expires " \
    "FROM notification n INDEXED BY " index \
    " JOIN event e ON e.directory = n.directory AND e.sequence = n.event "

static int waiting_read(struct delivery_store *store, TALLOC_CTX *ctx, sqlite3_stmt *row,
                        struct waiting *waiting, struct error *err)
{
    *waiting = (struct waiting){ .id = sqlite3_column_int64(row, 0),
                                 .directory = column_text(ctx, row, 1),
                                 .due = sqlite3_column_int64(row, 4),
                                 .folded = sqlite3_column_int(row, 5) != 0 };
    notification_read(ctx, row, 7, &waiting->notification);
    waiting->notification.sequence = sqlite3_column_int64(row, 2);
    waiting->notification.event_sequence = sqlite3_column_int64(row, 3);
    if (event_read(store->db, ctx, row, 6, &waiting->event, err) < 0)
        return -1;
    waiting->event->sequence = waiting->notification.event_sequence;
    return 0;
}

// Reads rows until there are no more; `wanted` (may be NULL) says which of them count.
typedef bool waiting_wanted_fn(const struct waiting *candidate, const void *context);
static int waiting_collect(struct delivery_store *store, TALLOC_CTX *ctx, sqlite3_stmt *row,
                           waiting_wanted_fn *wanted, const void *context, struct waiting **found,
                           size_t *count, struct error *err)
{
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        if (!*found || talloc_array_length(*found) == *count)
            *found = talloc_realloc(ctx, *found, struct waiting, *count * 2 + 4);
        struct waiting *waiting = &(*found)[*count];
        if (waiting_read(store, *found, row, waiting, err) < 0) {
            sqlite3_reset(row);
            return -1;
        }
        if (!wanted || wanted(waiting, context))
            (*count)++;
    }
    return result;
}

// A hash only says where to look.
static bool is_opposite(const struct waiting *candidate, const void *context)
{
    const struct waiting *waiting = context;
    TALLOC_CTX *scratch = talloc_new(NULL);
    bool same = candidate->id != waiting->id &&
                (int)candidate->event->type == event_kind(waiting->event->type)->opposite &&
                strcmp(pair_key(scratch, candidate), pair_key(scratch, waiting)) == 0;
    talloc_free(scratch);
    return same;
}

int delivery_store_opposites(struct delivery_store *store, TALLOC_CTX *ctx, const struct waiting *waiting,
                             struct waiting **found, size_t *count, struct error *err)
{
    *found = NULL;
    *count = 0;
    if (event_kind(waiting->event->type)->opposite < 0)
        return 0;
    sqlite3_stmt *row = database_query(
        store->db,
        WAITING_COLUMNS("notification_pair") "WHERE n.pair = ?1 AND n.state = 0 AND e.type = ?2 "
                                             "ORDER BY n.id DESC",
        err);
    if (!row)
        return -1;
    TALLOC_CTX *scratch = talloc_new(NULL);
    bind_int(row, 1, key_hash(pair_key(scratch, waiting)));
    talloc_free(scratch);
    bind_text(row, 2, event_kind((enum event_type)event_kind(waiting->event->type)->opposite)->name);
    return waiting_collect(store, ctx, row, is_opposite, waiting, found, count, err);
}

int delivery_store_next_due(struct delivery_store *store, int64_t *due, struct error *err)
{
    sqlite3_stmt *read =
        database_query(store->db,
                       "SELECT due FROM notification INDEXED BY notification_due WHERE state = 0 "
                       "ORDER BY due LIMIT 1",
                       err);
    return read ? database_number(store->db, read, due, err) : -1;
}

static bool is_bundled(const struct waiting *candidate, const void *context)
{
    TALLOC_CTX *scratch = talloc_new(NULL);
    bool same = strcmp(bundle_key(scratch, candidate), bundle_key(scratch, context)) == 0;
    talloc_free(scratch);
    return same;
}

int delivery_store_bundle(struct delivery_store *store, TALLOC_CTX *ctx, int64_t now, size_t limit,
                          struct waiting **bundle, size_t *count, struct error *err)
{
    *bundle = NULL;
    *count = 0;
    sqlite3_stmt *row =
        database_query(store->db,
                       WAITING_COLUMNS("notification_due") "WHERE n.state = 0 AND n.due <= ?1 "
                                                           "ORDER BY n.due, n.id LIMIT 1",
                       err);
    if (!row)
        return -1;
    bind_int(row, 1, now);
    if (waiting_collect(store, ctx, row, NULL, NULL, bundle, count, err) < 0)
        return -1;
    if (*count == 0 || (*bundle)[0].notification.digest_wait == 0)
        return 0;
    struct waiting first = (*bundle)[0];
    struct waiting *held = *bundle; // `first` points into it
    TALLOC_CTX *scratch = talloc_new(NULL);
    int64_t key = key_hash(bundle_key(scratch, &first));
    *bundle = NULL;
    *count = 0;
    row = database_query(
        store->db,
        WAITING_COLUMNS("notification_bundle") "WHERE n.bundle = ?1 AND n.state = 0 AND n.digest_wait > 0 "
                                               "ORDER BY n.id LIMIT ?2",
        err);
    int result = -1;
    if (row) {
        bind_int(row, 1, key);
        bind_int(row, 2, (int64_t)limit);
        result = waiting_collect(store, ctx, row, is_bundled, &first, bundle, count, err);
    }
    talloc_free(held);
    talloc_free(scratch);
    return result;
}

// --- what becomes of them ------------------------------------------------------------------------

int delivery_store_set_state(struct delivery_store *store, int64_t notification,
                             enum notification_state state, const char *reason, struct error *err)
{
    sqlite3_stmt *write = database_query(
        store->db, "UPDATE notification SET state = ?2, reason = ?3, changed = ?4 WHERE id = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, notification);
    bind_int(write, 2, state);
    bind_text(write, 3, reason);
    bind_int(write, 4, clock_now());
    return database_run(store->db, write, err);
}

int delivery_store_postpone(struct delivery_store *store, int64_t notification, int64_t due,
                            struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db, "UPDATE notification SET due = ?2 WHERE id = ?1 AND state = 0", err);
    if (!write)
        return -1;
    bind_int(write, 1, notification);
    bind_int(write, 2, due);
    return database_run(store->db, write, err);
}

int delivery_store_fold(struct delivery_store *store, int64_t notification, struct error *err)
{
    sqlite3_stmt *write = database_query(store->db, "UPDATE notification SET folded = 1 WHERE id = ?1", err);
    if (!write)
        return -1;
    bind_int(write, 1, notification);
    return database_run(store->db, write, err);
}
