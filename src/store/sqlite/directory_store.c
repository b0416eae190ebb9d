// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "directory.h"

static const struct database_kind directory_kind = {
    .name = "directory store",
    .loss =
        "the directory is read anew without telling anybody; its past events and what was not yet handed to "
        "delivery are in the old file only",
    .application_id = 0x4c4e6469, // "LNdi"
    .migrations = directory_migrations,
    .durable = true,
};

// --- open ----------------------------------------------------------------------------------------

static int store_destroy(struct directory_store *store)
{
    directory_store_load_abort(store);
    stage_close(store);
    database_rollback(store->db);
    link_attributes_forget(store);
    return 0;
}

// A store moved to another directory's name would take everybody for deleted.
static int store_claim(struct directory_store *store, struct error *err)
{
    sqlite3_stmt *read = database_query(store->db, "SELECT directory FROM state", err);
    if (!read || database_step(store->db, read, err) < 0)
        return -1;
    const char *owner = column_text(store, read, 0);
    sqlite3_reset(read);
    if (owner && strcmp(owner, store->directory) != 0)
        return error_set_code(
            err, STORE_FAILED,
            "%s is the store of directory \"%s\", not of \"%s\"; put it back or move it away",
            store->db->path, owner, store->directory);
    if (owner || store->db->mode == STORE_READ)
        return 0;
    sqlite3_stmt *write = database_query(store->db, "UPDATE state SET directory = ?1", err);
    if (!write)
        return -1;
    bind_text(write, 1, store->directory);
    return database_run(store->db, write, err);
}

int directory_store_open(TALLOC_CTX *ctx, const char *path, const char *directory, enum store_mode mode,
                         struct directory_store **store, struct error *err)
{
    struct directory_store *opened = talloc_zero(ctx, struct directory_store);
    if (!opened)
        return error_set_code(err, STORE_FAILED, "out of memory");
    opened->directory = talloc_strdup(opened, directory);
    opened->outside_cursor = INT64_MIN;
    opened->scratch = dn_scratch_new(opened);
    if (database_open(opened, path, mode, &directory_kind, &opened->db, err) < 0) {
        talloc_free(opened);
        return -1;
    }
    talloc_set_destructor(opened, store_destroy);
    if (store_claim(opened, err) < 0) {
        talloc_free(opened);
        return -1;
    }
    *store = opened;
    return 0;
}

void directory_store_close(struct directory_store *store)
{
    talloc_free(store);
}

void directory_store_flavour(struct directory_store *store, const struct flavour *flavour)
{
    store->flavour = flavour;
    link_attributes_forget(store);
}

// --- state ---------------------------------------------------------------------------------------

int directory_store_state(struct directory_store *store, TALLOC_CTX *ctx, struct source_state **state,
                          struct error *err)
{
    sqlite3_stmt *read =
        database_query(store->db,
                       "SELECT source, flavour, view_hash, attributes, cookie, version, loaded, "
                       "caught_up, last_change, doubted, reached FROM state",
                       err);
    int result = read ? database_step(store->db, read, err) : -1;
    if (result < 0)
        return -1;
    if (result == 0)
        return error_set_code(err, STORE_DAMAGED, "%s is damaged (it has lost its state)", store->db->path);
    struct source_state *found = talloc_zero(ctx, struct source_state);
    char **texts[] = { &found->source, &found->flavour, &found->view_hash, &found->attributes,
                       &found->cookie };
    for (int i = 0; i < 5; i++)
        *texts[i] = (char *)column_text(found, read, i);
    found->version = sqlite3_column_int64(read, 5);
    found->loaded = sqlite3_column_int(read, 6) != 0;
    found->caught_up = sqlite3_column_int64(read, 7);
    found->last_change = sqlite3_column_int64(read, 8);
    found->doubted = sqlite3_column_int64(read, 9);
    found->reached = (char *)column_text(found, read, 10);
    sqlite3_reset(read);
    *state = found;
    return 0;
}

static int state_write(struct directory_store *store, const struct source_state *state, struct error *err)
{
    sqlite3_stmt *write =
        database_query(store->db,
                       "UPDATE state SET source = ?1, flavour = ?2, view_hash = ?3, attributes = ?4, "
                       "cookie = ?5, loaded = ?6, caught_up = ?7, last_change = ?8, doubted = ?10, "
                       "reached = ?11, version = version + 1 WHERE version = ?9",
                       err);
    if (!write)
        return -1;
    const char *texts[] = { state->source, state->flavour, state->view_hash, state->attributes,
                            state->cookie };
    for (int i = 0; i < 5; i++)
        bind_text(write, i + 1, texts[i]);
    bind_int(write, 6, state->loaded);
    bind_int(write, 7, state->caught_up);
    bind_int(write, 8, state->last_change);
    bind_int(write, 9, state->version);
    bind_int(write, 10, state->doubted);
    bind_text(write, 11, state->reached);
    if (database_run(store->db, write, err) < 0)
        return -1;
    if (database_changes(store->db) == 1)
        return 0;
    return error_set_code(err, STORE_CONFLICT,
                          "%s: the cookie is no longer version %lld: somebody else has written here; "
                          "nothing was changed",
                          store->db->path, (long long)state->version);
}

static int counts_write(struct directory_store *store, struct error *err)
{
    if (!store->grown.entries && !store->grown.links && !store->grown.events && !store->grown.outbox)
        return 0;
    sqlite3_stmt *write = database_query(store->db,
                                         "UPDATE state SET entries = entries + ?1, links = links + ?2, "
                                         "events = events + ?3, outbox = outbox + ?4",
                                         err);
    if (!write)
        return -1;
    bind_int(write, 1, store->grown.entries);
    bind_int(write, 2, store->grown.links);
    bind_int(write, 3, store->grown.events);
    bind_int(write, 4, store->grown.outbox);
    return database_run(store->db, write, err);
}

int directory_store_counts(struct directory_store *store, struct mirror_counts *counts, struct error *err)
{
    sqlite3_stmt *read = database_query(store->db,
                                        "SELECT entries, links, events, outbox, "
                                        "(SELECT seq FROM sqlite_sequence WHERE name = 'event'), "
                                        "(SELECT seq FROM sqlite_sequence WHERE name = 'outbox') FROM state",
                                        err);
    if (!read || database_step(store->db, read, err) < 0)
        return -1;
    *counts = (struct mirror_counts){ .entries = sqlite3_column_int64(read, 0) + store->grown.entries,
                                      .links = sqlite3_column_int64(read, 1) + store->grown.links,
                                      .events = sqlite3_column_int64(read, 2) + store->grown.events,
                                      .outbox = sqlite3_column_int64(read, 3) + store->grown.outbox,
                                      .last_event = sqlite3_column_int64(read, 4),
                                      .last_outbox = sqlite3_column_int64(read, 5) };
    sqlite3_reset(read);
    return 0;
}

// --- transactions --------------------------------------------------------------------------------

static void grown_forget(struct directory_store *store)
{
    memset(&store->grown, 0, sizeof store->grown);
}

int directory_store_begin(struct directory_store *store, struct error *err)
{
    if (stage_commit(store, err) < 0)
        return -1;
    if (database_begin(store->db, err) < 0)
        return -1; // perhaps because one is open already, whose counts stand
    grown_forget(store);
    return 0;
}

int directory_store_commit(struct directory_store *store, struct source_state *state, struct error *err)
{
    if ((state && state_write(store, state, err) < 0) || counts_write(store, err) < 0) {
        directory_store_rollback(store);
        return -1;
    }
    if (database_commit(store->db, err) < 0) {
        directory_store_rollback(store);
        return -1;
    }
    grown_forget(store);
    if (state)
        state->version++;
    if (store->load)
        database_excuse_log(store->db); // a first load is to be complete soon, not tidy
    database_checkpoint_busy(store->db);
    return 0;
}

void directory_store_rollback(struct directory_store *store)
{
    database_rollback(store->db);
    grown_forget(store);
    link_attributes_forget(store); // their numbers may never have been committed
}

int directory_store_checkpoint(struct directory_store *store, struct error *err)
{
    if (stage_commit(store, err) < 0)
        return -1;
    return database_checkpoint(store->db, WAL_IDLE_LIMIT, err);
}
