// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/clock.h"
#include "delivery.h"
#include "event_row.h"

// The administrator's view of the queue, and his hand on it; what has grown old.

// --- which messages ------------------------------------------------------------------------------

// Only what is asked for stands in the text, so that SQLite sees which index serves. Not kept: finalize it.
static sqlite3_stmt *query_prepare(struct delivery_store *store, TALLOC_CTX *ctx, const char *columns,
                                   const struct message_query *query, struct error *err)
{
    char *sql = talloc_asprintf(ctx, "SELECT %s FROM message m WHERE 1", columns);
    if (query->id)
        sql = talloc_strdup_append_buffer(sql, " AND m.id = ?1");
    if (query->state >= 0)
        sql = talloc_strdup_append_buffer(sql, " AND m.state = ?2");
    if (query->recipient)
        sql = talloc_strdup_append_buffer(sql, " AND m.recipient LIKE ?3 ESCAPE '\\'");
    if (query->directory)
        sql = talloc_strdup_append_buffer(sql, " AND m.directory = ?4");
    if (query->event)
        sql = talloc_strdup_append_buffer(
            sql, " AND m.id IN (SELECT message FROM notification WHERE directory = ?4 AND event = ?5)");
    if (query->before)
        sql = talloc_strdup_append_buffer(sql, " AND m.id < ?6");
    sql = talloc_strdup_append_buffer(sql, " ORDER BY m.id DESC LIMIT ?7");
    sqlite3_stmt *row = NULL;
    int result = sqlite3_prepare_v2(store->db->handle, sql, -1, &row, NULL);
    if (result != SQLITE_OK) {
        database_fail(store->db, result, err);
        return NULL;
    }
    bind_int(row, 1, query->id);
    bind_int(row, 2, query->state);
    bind_text(row, 3, query->recipient ? text_like(ctx, query->recipient) : NULL);
    bind_text(row, 4, query->directory);
    bind_int(row, 5, query->event);
    bind_int(row, 6, query->before);
    bind_int(row, 7, query->limit ? (int64_t)query->limit : -1);
    return row;
}

int delivery_store_messages(struct delivery_store *store, TALLOC_CTX *ctx, const struct message_query *query,
                            struct message **messages, size_t *count, struct error *err)
{
    *messages = NULL;
    *count = 0;
    TALLOC_CTX *scratch = talloc_new(NULL);
    sqlite3_stmt *row = query_prepare(
        store, scratch,
        query->bytes ? MESSAGE_COLUMNS ", (SELECT bytes FROM body WHERE message = m.id)" : MESSAGE_COLUMNS,
        query, err);
    int result = row ? 0 : -1;
    while (result >= 0 && (result = database_step(store->db, row, err)) > 0) {
        if (!*messages || talloc_array_length(*messages) == *count)
            *messages = talloc_realloc(ctx, *messages, struct message, *count * 2 + 16);
        struct message *message = &(*messages)[(*count)++];
        *message = (struct message){ 0 };
        delivery_message_read(*messages, row, 0, message);
        if (query->bytes)
            delivery_message_bytes(*messages, row, MESSAGE_COLUMN_COUNT, message);
    }
    sqlite3_finalize(row);
    talloc_free(scratch);
    return result;
}

// --- what an event has become, and what a message tells ------------------------------------------

int delivery_store_of_event(struct delivery_store *store, TALLOC_CTX *ctx, const char *directory,
                            int64_t event, struct delivery_row **rows, size_t *count, struct error *err)
{
    *rows = NULL;
    *count = 0;
    sqlite3_stmt *row = database_query(
        store->db,
        "SELECT n.id, n.outbox, n.address, n.roles, n.rule, n.reason, n.state, n.due, " MESSAGE_COLUMNS
        " FROM notification n LEFT JOIN message m ON m.id = n.message "
        "WHERE n.directory = ?1 AND n.event = ?2 ORDER BY n.id",
        err);
    if (!row)
        return -1;
    bind_text(row, 1, directory);
    bind_int(row, 2, event);
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        if (!*rows || talloc_array_length(*rows) == *count)
            *rows = talloc_realloc(ctx, *rows, struct delivery_row, *count * 2 + 16);
        struct delivery_row *read = &(*rows)[(*count)++];
        *read = (struct delivery_row){ .notification = sqlite3_column_int64(row, 0),
                                       .outbox = sqlite3_column_int64(row, 1),
                                       .address = column_text(*rows, row, 2),
                                       .roles = column_text(*rows, row, 3),
                                       .rule = column_text(*rows, row, 4),
                                       .reason = column_text(*rows, row, 5),
                                       .state = (enum notification_state)sqlite3_column_int(row, 6),
                                       .due = sqlite3_column_int64(row, 7) };
        delivery_message_read(*rows, row, 8, &read->message);
    }
    return result;
}

int delivery_store_events_of(struct delivery_store *store, TALLOC_CTX *ctx, int64_t message,
                             struct event_list *list, struct error *err)
{
    *list = (struct event_list){ 0 };
    sqlite3_stmt *row = database_query(
        store->db,
        "SELECT e.sequence, e.data FROM notification n JOIN event e "
        "ON e.directory = n.directory AND e.sequence = n.event WHERE n.message = ?1 ORDER BY n.id",
        err);
    if (!row)
        return -1;
    bind_int(row, 1, message);
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        struct directory_event *event;
        if (event_read(store->db, ctx, row, 1, &event, err) < 0) {
            sqlite3_reset(row);
            return -1;
        }
        event->sequence = sqlite3_column_int64(row, 0);
        event_list_take(ctx, list, event);
    }
    return result;
}

// --- the administrator's hand --------------------------------------------------------------------

static const char *const action_names[] = { "retry", "hold", "release", "delete" };

static int action_log(struct delivery_store *store, enum message_action action, int64_t message,
                      const char *who, int64_t now, struct error *err)
{
    sqlite3_stmt *write = database_query(
        store->db, "INSERT INTO action (time, who, action, message) VALUES (?1, ?2, ?3, ?4)", err);
    if (!write)
        return -1;
    bind_int(write, 1, now);
    bind_text(write, 2, who ? who : "");
    bind_text(write, 3, action_names[action]);
    bind_int(write, 4, message);
    return database_run(store->db, write, err);
}

static int message_forget(struct delivery_store *store, int64_t id, const char *who, int64_t now,
                          struct error *err)
{
    static const char *const statements[] = {
        "DELETE FROM body WHERE message = ?1",
        "UPDATE notification SET state = 3, changed = ?2, "
        "reason = 'the message was deleted by ' || ?3 WHERE message = ?1"
    };
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *write = database_query(store->db, statements[i], err);
        if (!write)
            return -1;
        bind_int(write, 1, id);
        if (i == 1) {
            bind_int(write, 2, now);
            bind_text(write, 3, who ? who : "an administrator");
        }
        if (database_run(store->db, write, err) < 0)
            return -1;
    }
    return 0;
}

// One message; *done tells whether its state allows it.
static int act_one(struct delivery_store *store, enum message_action action, int64_t id, int64_t now,
                   bool *done, struct error *err)
{
    sqlite3_stmt *write = NULL;
    switch (action) {
    case MESSAGE_RETRY:
        write = database_query(store->db,
                               "UPDATE message SET state = 0, next_attempt = ?2, attempts = 0, finished = 0, "
                               "expires = CASE lifetime WHEN 0 THEN 0 ELSE ?2 + lifetime END "
                               "WHERE id = ?1 AND state IN (0, 3, 4)",
                               err);
        break;
    case MESSAGE_HOLD:
        write = database_query(store->db, "UPDATE message SET state = 4 WHERE id = ?1 AND state = 0", err);
        break;
    case MESSAGE_RELEASE:
        write = database_query(store->db, "UPDATE message SET state = 0 WHERE id = ?1 AND state = 4", err);
        break;
    case MESSAGE_DELETE:
        write = database_query(store->db, "DELETE FROM message WHERE id = ?1 AND state <> 1", err);
        break;
    }
    if (!write)
        return -1;
    bind_int(write, 1, id);
    if (action == MESSAGE_RETRY)
        bind_int(write, 2, now);
    if (database_run(store->db, write, err) < 0)
        return -1;
    *done = database_changes(store->db) > 0;
    return 0;
}

static int ids_of(struct delivery_store *store, TALLOC_CTX *ctx, const struct message_query *which,
                  int64_t **ids, size_t *count, struct error *err)
{
    *ids = NULL;
    *count = 0;
    sqlite3_stmt *row = query_prepare(store, ctx, "m.id", which, err);
    int result = row ? 0 : -1;
    while (result >= 0 && (result = database_step(store->db, row, err)) > 0) {
        if (!*ids || talloc_array_length(*ids) == *count)
            *ids = talloc_realloc(ctx, *ids, int64_t, *count * 2 + 64);
        (*ids)[(*count)++] = sqlite3_column_int64(row, 0);
    }
    sqlite3_finalize(row);
    return result;
}

int delivery_store_act(struct delivery_store *store, enum message_action action,
                       const struct message_query *which, const char *who, int64_t now, int64_t *changed,
                       struct error *err)
{
    bool own;
    int64_t *ids;
    size_t count;
    *changed = 0;
    if (delivery_enter(store, &own, err) < 0)
        return -1;
    TALLOC_CTX *ctx = talloc_new(NULL);
    int result = ids_of(store, ctx, which, &ids, &count, err);
    for (size_t i = 0; i < count && result == 0; i++) {
        bool done = false;
        result = act_one(store, action, ids[i], now, &done, err);
        if (result < 0 || !done)
            continue;
        (*changed)++;
        if ((action == MESSAGE_DELETE && message_forget(store, ids[i], who, now, err) < 0) ||
            action_log(store, action, ids[i], who, now, err) < 0)
            result = -1;
    }
    talloc_free(ctx);
    return delivery_leave(store, own, result, err);
}

int delivery_store_actions(struct delivery_store *store, TALLOC_CTX *ctx, size_t limit,
                           struct message_action_row **rows, size_t *count, struct error *err)
{
    *rows = NULL;
    *count = 0;
    sqlite3_stmt *row = database_query(
        store->db, "SELECT time, who, action, message FROM action ORDER BY id DESC LIMIT ?1", err);
    if (!row)
        return -1;
    bind_int(row, 1, (int64_t)limit);
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        if (!*rows || talloc_array_length(*rows) == *count)
            *rows = talloc_realloc(ctx, *rows, struct message_action_row, *count * 2 + 16);
        (*rows)[(*count)++] = (struct message_action_row){ .time = sqlite3_column_int64(row, 0),
                                                           .who = column_text(ctx, row, 1),
                                                           .action = column_text(ctx, row, 2),
                                                           .message = sqlite3_column_int64(row, 3) };
    }
    return result;
}

// --- what has grown old --------------------------------------------------------------------------

// Both tables are numbered in the order of creation: what is old is at the beginning, and the walk ends at
// the first row that is not. `sql` gives (id, created, done).
static int old_ids(struct delivery_store *store, TALLOC_CTX *ctx, const char *sql, int64_t before,
                   size_t limit, int64_t **ids, size_t *count, struct error *err)
{
    *ids = NULL;
    *count = 0;
    sqlite3_stmt *row = database_query(store->db, sql, err);
    int result = row ? 0 : -1;
    if (row)
        bind_int(row, 1, before);
    while (result >= 0 && *count < limit && (result = database_step(store->db, row, err)) > 0 &&
           sqlite3_column_int64(row, 1) < before) {
        if (!sqlite3_column_int(row, 2))
            continue;
        if (!*ids || talloc_array_length(*ids) == *count)
            *ids = talloc_realloc(ctx, *ids, int64_t, *count * 2 + 64);
        (*ids)[(*count)++] = sqlite3_column_int64(row, 0);
    }
    sqlite3_reset(row);
    return result < 0 ? -1 : 0;
}

static int each_run(struct delivery_store *store, const char *sql, const int64_t *ids, size_t count,
                    struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *write = database_query(store->db, sql, err);
        if (!write)
            return -1;
        bind_int(write, 1, ids[i]);
        if (database_run(store->db, write, err) < 0)
            return -1;
    }
    return 0;
}

// An event goes with its last notification.
static const char notification_purge[] = "DELETE FROM notification WHERE id = ?1";
static const char event_purge[] =
    "DELETE FROM event AS e WHERE (e.directory, e.sequence) IN "
    "(SELECT directory, event FROM notification WHERE id = ?1) AND NOT EXISTS "
    "(SELECT 1 FROM notification n WHERE n.directory = e.directory AND n.event = e.sequence "
    "AND n.id <> ?1)";

static int purge_notifications(struct delivery_store *store, TALLOC_CTX *ctx, int64_t before, size_t limit,
                               struct error *err)
{
    int64_t *ids;
    size_t count;
    if (old_ids(
            store, ctx,
            "SELECT n.id, n.created, n.changed < ?1 AND (n.state IN (2, 3) OR (n.state = 1 AND NOT EXISTS "
            "(SELECT 1 FROM message m WHERE m.id = n.message))) FROM notification n ORDER BY n.id",
            before, limit, &ids, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (each_run(store, event_purge, &ids[i], 1, err) < 0 ||
            each_run(store, notification_purge, &ids[i], 1, err) < 0)
            return -1;
    return 0;
}

static int purge_messages(struct delivery_store *store, TALLOC_CTX *ctx, int64_t before, size_t limit,
                          struct error *err)
{
    int64_t *ids;
    size_t count;
    if (old_ids(store, ctx,
                "SELECT id, created, state IN (2, 3, 5) AND finished < ?1 FROM message ORDER BY id", before,
                limit, &ids, &count, err) < 0)
        return -1;
    return each_run(store, "DELETE FROM body WHERE message = ?1", ids, count, err) < 0 ||
                   each_run(store, "DELETE FROM message WHERE id = ?1", ids, count, err) < 0
               ? -1
               : 0;
}

int delivery_store_purge(struct delivery_store *store, int64_t before, size_t limit, struct error *err)
{
    bool own;
    if (delivery_enter(store, &own, err) < 0)
        return -1;
    TALLOC_CTX *ctx = talloc_new(NULL);
    int result = -1;
    sqlite3_stmt *actions = NULL;
    if (purge_messages(store, ctx, before, limit, err) < 0 ||
        purge_notifications(store, ctx, before, limit, err) < 0)
        goto done;
    actions = database_query(store->db,
                             "DELETE FROM action WHERE id IN (SELECT id FROM action WHERE time < ?1 "
                             "ORDER BY id LIMIT ?2)",
                             err);
    if (!actions)
        goto done;
    bind_int(actions, 1, before);
    bind_int(actions, 2, (int64_t)limit);
    result = database_run(store->db, actions, err);
done:
    talloc_free(ctx);
    return delivery_leave(store, own, result, err);
}
