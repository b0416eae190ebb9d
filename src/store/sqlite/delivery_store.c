// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "delivery.h"

static const struct database_kind delivery_kind = {
    .name = "delivery store",
    .loss =
        "messages that were waiting are in the old file only, and events that the directories still "
        "keep are told again",
    .application_id = 0x4c4e6465, // "LNde"
    .migrations = delivery_migrations,
    .durable = false,
};

static int store_destroy(struct delivery_store *store)
{
    database_rollback(store->db);
    return 0;
}

int delivery_store_open(TALLOC_CTX *ctx, const char *path, enum store_mode mode,
                        struct delivery_store **store, struct error *err)
{
    struct delivery_store *opened = talloc_zero(ctx, struct delivery_store);
    if (!opened)
        return error_set_code(err, STORE_FAILED, "out of memory");
    if (database_open(opened, path, mode, &delivery_kind, &opened->db, err) < 0) {
        talloc_free(opened);
        return -1;
    }
    talloc_set_destructor(opened, store_destroy);
    *store = opened;
    return 0;
}

void delivery_store_close(struct delivery_store *store)
{
    talloc_free(store);
}

int delivery_store_begin(struct delivery_store *store, struct error *err)
{
    TALLOC_FREE(store->last_directory);
    return database_begin(store->db, err);
}

int delivery_store_commit(struct delivery_store *store, struct error *err)
{
    TALLOC_FREE(store->last_directory);
    if (database_commit(store->db, err) < 0)
        return -1;
    database_checkpoint_busy(store->db);
    return 0;
}

void delivery_store_rollback(struct delivery_store *store)
{
    TALLOC_FREE(store->last_directory);
    database_rollback(store->db);
}

int delivery_store_checkpoint(struct delivery_store *store, struct error *err)
{
    return database_checkpoint(store->db, WAL_IDLE_LIMIT, err);
}

int delivery_enter(struct delivery_store *store, bool *own, struct error *err)
{
    *own = !database_in_transaction(store->db);
    return *own ? delivery_store_begin(store, err) : 0;
}

int delivery_leave(struct delivery_store *store, bool own, int result, struct error *err)
{
    if (!own)
        return result;
    if (result == 0)
        return delivery_store_commit(store, err);
    delivery_store_rollback(store);
    return result;
}

// --- names ---------------------------------------------------------------------------------------

const char *notification_state_name(enum notification_state state)
{
    static const char *const names[] = { "waiting", "frozen", "cancelled", "dropped" };
    return names[state];
}

static const char *const message_states[MESSAGE_STATE_COUNT] = { "queued", "leased", "sent",
                                                                 "dead",   "held",   "trial" };

const char *message_state_name(enum message_state state)
{
    return message_states[state];
}

int message_state_from_name(const char *name)
{
    for (int i = 0; i < MESSAGE_STATE_COUNT; i++)
        if (strcmp(message_states[i], name) == 0)
            return i;
    return -1;
}

// --- counts --------------------------------------------------------------------------------------

static int counts_by(struct delivery_store *store, const char *sql, int64_t *counts, int size,
                     struct error *err)
{
    sqlite3_stmt *row = database_query(store->db, sql, err);
    int result = row ? 0 : -1;
    while (result >= 0 && (result = database_step(store->db, row, err)) > 0) {
        int state = sqlite3_column_int(row, 0);
        if (state >= 0 && state < size)
            counts[state] = sqlite3_column_int64(row, 1);
    }
    return result;
}

int delivery_store_counts(struct delivery_store *store, struct delivery_counts *counts, struct error *err)
{
    int64_t notifications[NOTIFICATION_DROPPED + 1] = { 0 };
    *counts = (struct delivery_counts){ 0 };
    // Both walk an index with nothing else in it.
    if (counts_by(store,
                  "SELECT state, count(*) FROM notification INDEXED BY notification_state GROUP BY state",
                  notifications, NOTIFICATION_DROPPED + 1, err) < 0 ||
        counts_by(store, "SELECT state, count(*) FROM message INDEXED BY message_state GROUP BY state",
                  counts->messages, MESSAGE_STATE_COUNT, err) < 0)
        return -1;
    counts->waiting = notifications[NOTIFICATION_WAITING];
    counts->cancelled = notifications[NOTIFICATION_CANCELLED];
    counts->dropped = notifications[NOTIFICATION_DROPPED];
    sqlite3_stmt *oldest =
        database_query(store->db,
                       "SELECT coalesce(min(created), 0) FROM message INDEXED BY message_due "
                       "WHERE state = 0",
                       err);
    return oldest ? database_number(store->db, oldest, &counts->oldest_queued, err) : -1;
}
