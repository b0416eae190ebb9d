// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "base/text.h"
#include "directory.h"
#include "event_row.h"

// --- writing -------------------------------------------------------------------------------------

static char *event_words(TALLOC_CTX *ctx, const struct directory_event *event)
{
    const char *parts[] = { event->entry.dn, event->entry.name, event->party.dn, event->party.name };
    char *words = talloc_strdup(ctx, "");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i])
            words = talloc_asprintf_append_buffer(words, "%s\n", parts[i]);
    return words;
}

// Numbers are never used twice, not even when all events have been purged: SQLite remembers the largest.
static int sequence_next(struct directory_store *store, int64_t *sequence, struct error *err)
{
    sqlite3_stmt *read =
        database_query(store->db, "SELECT seq FROM sqlite_sequence WHERE name = 'event'", err);
    if (!read || database_number(store->db, read, sequence, err) < 0)
        return -1;
    (*sequence)++;
    return 0;
}

int directory_store_put_event(struct directory_store *store, struct directory_event *event, struct error *err)
{
    if (sequence_next(store, &event->sequence, err) < 0)
        return -1;
    TALLOC_CTX *scratch = talloc_new(NULL);
    int result = -1;
    char *data = event_text(scratch, event, err);
    sqlite3_stmt *write =
        data ? database_query(store->db,
                              "INSERT INTO event (sequence, stored, time, type, words, data) "
                              "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                              err)
             : NULL;
    if (write) {
        bind_int(write, 1, event->sequence);
        bind_int(write, 2, clock_now());
        bind_int(write, 3, event->time);
        bind_text(write, 4, event_kind(event->type)->name);
        bind_text(write, 5, event_words(scratch, event));
        bind_text(write, 6, data);
        result = database_run(store->db, write, err);
    }
    talloc_free(scratch);
    if (result == 0)
        store->grown.events++;
    else
        event->sequence = 0;
    return result;
}

int directory_store_put_decisions(struct directory_store *store, int64_t event,
                                  const struct decision *decisions, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct decision *decision = &decisions[i];
        sqlite3_stmt *write =
            database_query(store->db,
                           "INSERT INTO decision (event, rule, role, outcome, reason, uuid, dn, name, "
                           "address, language) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                           err);
        if (!write)
            return -1;
        bind_int(write, 1, event);
        bind_text(write, 2, decision->rule ? decision->rule : "");
        bind_text(write, 3, decision->role ? decision->role : "");
        bind_int(write, 4, decision->outcome);
        bind_text(write, 5, decision->reason);
        bind_uuid(write, 6, &decision->recipient.uuid);
        bind_text(write, 7, decision->recipient.dn);
        bind_text(write, 8, decision->recipient.name);
        bind_text(write, 9, decision->recipient.address);
        bind_text(write, 10, decision->recipient.language);
        if (database_run(store->db, write, err) < 0)
            return -1;
    }
    return 0;
}

int directory_store_put_notifications(struct directory_store *store, int64_t event,
                                      struct notification *notifications, size_t count, struct error *err)
{
    int64_t now = clock_now();
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *write =
            database_query(store->db,
                           "INSERT INTO outbox (event, stored, " NOTIFICATION_COLUMNS ") "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
                           err);
        if (!write)
            return -1;
        bind_int(write, 1, event);
        bind_int(write, 2, now);
        notification_bind(write, 3, &notifications[i]);
        if (database_run(store->db, write, err) < 0)
            return -1;
        notifications[i].sequence = sqlite3_last_insert_rowid(store->db->handle);
        notifications[i].event_sequence = event;
        store->grown.outbox++;
    }
    return 0;
}

// --- reading -------------------------------------------------------------------------------------

int directory_store_outbox(struct directory_store *store, TALLOC_CTX *ctx, int64_t after, size_t limit,
                           struct outbox_row **rows, size_t *count, struct error *err)
{
    *rows = NULL;
    *count = 0;
    sqlite3_stmt *row = database_query(
        store->db,
        "SELECT o.sequence, o.event, e.data, o.uuid, o.dn, o.name, o.address, "
        "o.recipient_language, o.roles, o.courtesy, o.rule, o.transport, o.template, o.language, "
        "o.digest_wait, o.expires FROM outbox o JOIN event e ON e.sequence = o.event "
        "WHERE o.sequence > ?1 ORDER BY o.sequence LIMIT ?2",
        err);
    if (!row)
        return -1;
    bind_int(row, 1, after);
    bind_int(row, 2, (int64_t)limit);
    struct directory_event *event = NULL; // one event often has many rows: it is read once
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        int64_t sequence = sqlite3_column_int64(row, 1);
        if ((!event || event->sequence != sequence) && event_read(store->db, ctx, row, 2, &event, err) < 0) {
            sqlite3_reset(row);
            return -1;
        }
        event->sequence = sequence;
        if (!*rows || talloc_array_length(*rows) == *count)
            *rows = talloc_realloc(ctx, *rows, struct outbox_row, *count * 2 + 16);
        struct outbox_row *read = &(*rows)[(*count)++];
        *read = (struct outbox_row){ .event = event };
        notification_read(ctx, row, 3, &read->notification);
        read->notification.sequence = sqlite3_column_int64(row, 0);
        read->notification.event_sequence = sequence;
    }
    return result;
}

static sqlite3_stmt *events_ask(struct directory_store *store, TALLOC_CTX *ctx,
                                const struct event_query *query, struct error *err)
{
    sqlite3_stmt *row;
    if (query->sequence) {
        row = database_query(store->db, "SELECT sequence, type, data FROM event WHERE sequence = ?1", err);
        if (row)
            bind_int(row, 1, query->sequence);
        return row;
    }
    row = database_query(store->db,
                         "SELECT sequence, type, data FROM event WHERE sequence < ?1 AND time >= ?2 "
                         "AND (?3 IS NULL OR words LIKE ?3 ESCAPE '\\') ORDER BY sequence DESC",
                         err);
    if (row) {
        bind_int(row, 1, query->before ? query->before : INT64_MAX);
        bind_int(row, 2, query->since);
        bind_text(row, 3, query->text ? text_like(ctx, query->text) : NULL);
    }
    return row;
}

int directory_store_events(struct directory_store *store, TALLOC_CTX *ctx, const struct event_query *query,
                           struct event_list *list, struct error *err)
{
    TALLOC_CTX *scratch = talloc_new(NULL);
    *list = (struct event_list){ 0 };
    sqlite3_stmt *row = events_ask(store, scratch, query, err);
    int result = row ? 0 : -1;
    while (result >= 0 && list->count < query->limit && (result = database_step(store->db, row, err)) > 0) {
        if (query->pattern && !text_matches(query->pattern, (const char *)sqlite3_column_text(row, 1)))
            continue;
        struct directory_event *event;
        result = event_read(store->db, ctx, row, 2, &event, err);
        if (result == 0) {
            event->sequence = sqlite3_column_int64(row, 0);
            event_list_take(ctx, list, event);
        }
    }
    sqlite3_reset(row);
    talloc_free(scratch);
    return result < 0 ? -1 : 0;
}

int directory_store_decisions(struct directory_store *store, TALLOC_CTX *ctx, int64_t event,
                              struct decision **decisions, size_t *count, struct error *err)
{
    *decisions = NULL;
    *count = 0;
    sqlite3_stmt *row =
        database_query(store->db,
                       "SELECT rule, role, outcome, reason, uuid, dn, name, address, language "
                       "FROM decision WHERE event = ?1 ORDER BY id",
                       err);
    if (!row)
        return -1;
    bind_int(row, 1, event);
    int result;
    while ((result = database_step(store->db, row, err)) > 0) {
        if (!*decisions || talloc_array_length(*decisions) == *count)
            *decisions = talloc_realloc(ctx, *decisions, struct decision, *count * 2 + 16);
        struct decision *decision = &(*decisions)[(*count)++];
        *decision = (struct decision){ .rule = column_text(ctx, row, 0),
                                       .role = column_text(ctx, row, 1),
                                       .outcome = (enum decision_outcome)sqlite3_column_int(row, 2),
                                       .reason = column_text(ctx, row, 3) };
        decision->recipient = (struct recipient){ .uuid = column_uuid(row, 4),
                                                  .dn = column_text(ctx, row, 5),
                                                  .name = column_text(ctx, row, 6),
                                                  .address = column_text(ctx, row, 7),
                                                  .language = column_text(ctx, row, 8) };
    }
    return result;
}
