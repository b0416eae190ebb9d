// SPDX-License-Identifier: Apache-2.0
#include "directory.h"
#include "event_row.h"

#define STORM_COLUMNS \
    "id, rule, state, opened, last, closed, events, notifications, first_event, last_event, closed_by"

static void storm_read(TALLOC_CTX *ctx, sqlite3_stmt *row, struct storm *storm)
{
    *storm = (struct storm){ .id = sqlite3_column_int64(row, 0),
                             .rule = column_text(ctx, row, 1),
                             .state = (enum storm_state)sqlite3_column_int(row, 2),
                             .opened = sqlite3_column_int64(row, 3),
                             .last = sqlite3_column_int64(row, 4),
                             .closed = sqlite3_column_int64(row, 5),
                             .events = sqlite3_column_int64(row, 6),
                             .notifications = sqlite3_column_int64(row, 7),
                             .first_event = sqlite3_column_int64(row, 8),
                             .last_event = sqlite3_column_int64(row, 9),
                             .closed_by = column_text(ctx, row, 10) };
}

int directory_store_open_storm(struct directory_store *store, TALLOC_CTX *ctx, const char *rule,
                               struct storm *storm, struct error *err)
{
    *storm = (struct storm){ 0 };
    sqlite3_stmt *row = database_query(store->db,
                                       "SELECT " STORM_COLUMNS " FROM storm WHERE rule = ?1 AND state = 0 "
                                       "ORDER BY id DESC LIMIT 1",
                                       err);
    if (!row)
        return -1;
    bind_text(row, 1, rule);
    int result = database_step(store->db, row, err);
    if (result > 0) {
        storm_read(ctx, row, storm);
        sqlite3_reset(row);
    }
    return result < 0 ? -1 : 0;
}

int directory_store_begin_storm(struct directory_store *store, struct storm *storm, struct error *err)
{
    sqlite3_stmt *write = database_query(
        store->db, "INSERT INTO storm (rule, state, opened, last) VALUES (?1, 0, ?2, ?3)", err);
    if (!write)
        return -1;
    bind_text(write, 1, storm->rule);
    bind_int(write, 2, storm->opened);
    bind_int(write, 3, storm->last ? storm->last : storm->opened);
    if (database_run(store->db, write, err) < 0)
        return -1;
    storm->id = sqlite3_last_insert_rowid(store->db->handle);
    return 0;
}

int directory_store_hold(struct directory_store *store, int64_t storm, int64_t event, int64_t notifications,
                         int64_t now, struct error *err)
{
    sqlite3_stmt *write = database_query(store->db,
                                         "INSERT INTO held (storm, event, notifications) VALUES (?1, ?2, ?3) "
                                         "ON CONFLICT DO NOTHING",
                                         err);
    if (!write)
        return -1;
    bind_int(write, 1, storm);
    bind_int(write, 2, event);
    bind_int(write, 3, notifications);
    if (database_run(store->db, write, err) < 0)
        return -1;
    if (database_changes(store->db) == 0)
        return 0;
    write =
        database_query(store->db,
                       "UPDATE storm SET events = events + 1, notifications = notifications + ?2, last = ?3, "
                       "first_event = CASE first_event WHEN 0 THEN ?4 ELSE first_event END, last_event = ?4 "
                       "WHERE id = ?1",
                       err);
    if (!write)
        return -1;
    bind_int(write, 1, storm);
    bind_int(write, 2, notifications);
    bind_int(write, 3, now);
    bind_int(write, 4, event);
    return database_run(store->db, write, err);
}

int directory_store_storms(struct directory_store *store, TALLOC_CTX *ctx, struct storm **storms,
                           size_t *count, struct error *err)
{
    *storms = NULL;
    *count = 0;
    sqlite3_stmt *row =
        database_query(store->db, "SELECT " STORM_COLUMNS " FROM storm ORDER BY id DESC", err);
    if (!row)
        return -1;
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        if (!*storms || talloc_array_length(*storms) == *count)
            *storms = talloc_realloc(ctx, *storms, struct storm, *count * 2 + 16);
        storm_read(ctx, row, &(*storms)[(*count)++]);
    }
    return result;
}

int directory_store_held(struct directory_store *store, TALLOC_CTX *ctx, int64_t storm, int64_t after,
                         size_t limit, struct event_list *list, struct error *err)
{
    *list = (struct event_list){ 0 };
    sqlite3_stmt *row =
        database_query(store->db,
                       "SELECT e.sequence, e.data FROM held h JOIN event e ON e.sequence = h.event "
                       "WHERE h.storm = ?1 AND h.event > ?2 ORDER BY h.event LIMIT ?3",
                       err);
    if (!row)
        return -1;
    bind_int(row, 1, storm);
    bind_int(row, 2, after);
    bind_int(row, 3, (int64_t)limit);
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

int directory_store_unhold(struct directory_store *store, int64_t storm, int64_t upto_event,
                           struct error *err)
{
    sqlite3_stmt *write = database_query(store->db, "DELETE FROM held WHERE storm = ?1 AND event <= ?2", err);
    if (!write)
        return -1;
    bind_int(write, 1, storm);
    bind_int(write, 2, upto_event);
    return database_run(store->db, write, err);
}

int directory_store_end_storm(struct directory_store *store, int64_t storm, enum storm_state state,
                              const char *by, int64_t now, struct error *err)
{
    if (directory_store_unhold(store, storm, INT64_MAX, err) < 0)
        return -1;
    sqlite3_stmt *write = database_query(store->db,
                                         "UPDATE storm SET state = ?2, closed = ?3, closed_by = ?4 "
                                         "WHERE id = ?1 AND state = 0",
                                         err);
    if (!write)
        return -1;
    bind_int(write, 1, storm);
    bind_int(write, 2, state);
    bind_int(write, 3, now);
    bind_text(write, 4, by);
    return database_run(store->db, write, err);
}
