// SPDX-License-Identifier: Apache-2.0
#include "directory.h"

int directory_store_set_timer(struct directory_store *store, const struct timer *timer, struct error *err)
{
    sqlite3_stmt *write =
        timer->due ? database_query(store->db,
                                    "INSERT INTO timer (entry, kind, due) VALUES (?1, ?2, ?3) "
                                    "ON CONFLICT (entry, kind) DO UPDATE SET due = ?3",
                                    err)
                   : database_query(store->db, "DELETE FROM timer WHERE entry = ?1 AND kind = ?2", err);
    if (!write)
        return -1;
    bind_uuid(write, 1, &timer->entry);
    bind_int(write, 2, timer->kind);
    if (timer->due)
        bind_int(write, 3, timer->due);
    return database_run(store->db, write, err);
}

int directory_store_next_timer(struct directory_store *store, struct timer *timer, struct error *err)
{
    *timer = (struct timer){ 0 };
    sqlite3_stmt *read =
        database_query(store->db, "SELECT due, kind, entry FROM timer ORDER BY due LIMIT 1", err);
    int result = read ? database_step(store->db, read, err) : -1;
    if (result > 0) {
        timer->due = sqlite3_column_int64(read, 0);
        timer->kind = (enum timer_kind)sqlite3_column_int(read, 1);
        timer->entry = column_uuid(read, 2);
        sqlite3_reset(read);
    }
    return result < 0 ? -1 : 0;
}

int directory_store_set_lock_expired(struct directory_store *store, const struct uuid *entry, bool expired,
                                     struct error *err)
{
    sqlite3_stmt *write =
        expired ? database_query(store->db,
                                 "INSERT INTO lock_expired (entry) VALUES (?1) ON CONFLICT DO NOTHING", err)
                : database_query(store->db, "DELETE FROM lock_expired WHERE entry = ?1", err);
    if (!write)
        return -1;
    bind_uuid(write, 1, entry);
    return database_run(store->db, write, err);
}

int directory_store_lock_expired(struct directory_store *store, const struct uuid *entry, bool *expired,
                                 struct error *err)
{
    *expired = false;
    sqlite3_stmt *read = database_query(store->db, "SELECT 1 FROM lock_expired WHERE entry = ?1", err);
    if (!read)
        return -1;
    bind_uuid(read, 1, entry);
    int64_t number;
    if (database_number(store->db, read, &number, err) < 0)
        return -1;
    *expired = number != 0;
    return 0;
}
