// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_STORE_SQLITE_DIRECTORY_H
#define LDAPNOTIFY_STORE_SQLITE_DIRECTORY_H

#include "database.h"
#include "directory/dn.h"
#include "store/directory_store.h"

// What the files of the directory store share.
//
//   directory_store.c    open, state, transactions          directory_stage.c    a refresh aside
//   directory_name.c     hashes of names, collisions        directory_lookup.c   by UUID, DN, uid; links
//   directory_incoming.c an entry made ready for storing    directory_events.c   events, decisions, outbox
//   directory_resolve.c  from a link's target to its entry  directory_storm.c    storms
//   directory_apply.c    one entry into the mirror          directory_timer.c    timers, lock flags
//   directory_links.c    its links, compared and written    directory_purge.c    what has grown old
//   directory_rename.c   names taken, branches moved        directory_load.c     the first load

struct link_attribute;
struct stage;
struct load;

// Link rows as SQLite orders them: attribute, then target as a signed number.
struct link_row {
    int64_t attribute;
    int64_t target;
    const char *value; // where an incoming entry says so, else NULL
    size_t length;
};

struct link_rows {
    struct link_row *items;
    size_t count;
};

// An entry made ready for storing. The arrays belong to the store and are used again for the next one.
struct incoming {
    const struct entry *entry;
    int64_t hash, parent_hash, uid_hash;
    bool has_uid;
    struct entry plain; // what is no link; points into `entry`
    struct link_rows links;
    int64_t digest;
    uint8_t *pack; // of `plain`
    size_t pack_length;
};

struct directory_store {
    struct database *db;
    const char *directory;
    const struct flavour *flavour;
    struct dn_scratch *scratch;
    struct link_attribute *attributes; // what is known of attribute names
    struct incoming incoming;
    int64_t next_id;        // of entries; 0: to be read
    int64_t outside_cursor; // how far purging has come; INT64_MIN: at the beginning
    struct {
        int64_t entries, links, events, outbox;
    } grown; // in this transaction
    struct stage *stage;
    struct load *load;
};

// --- names ---------------------------------------------------------------------------------------

// dn_hash() as stored; what is no DN is hashed as it is, with a warning.
void name_hash(struct directory_store *store, const char *dn, size_t length, int64_t *hash,
               int64_t *parent_hash);
// Two names have one hash: 0 if they are the same name, else -1 with `err`.
int name_check(struct directory_store *store, const char *one, const char *other,
               struct error *err) MUST_CHECK;
int64_t uid_hash(const char *uid, size_t length);
// What stands in for the hash of an entry whose name another has taken.
int64_t parked_hash(const struct uuid *uuid);

// --- link attributes -----------------------------------------------------------------------------

struct link_attribute *link_attribute_find(struct directory_store *store, const char *name);
bool link_attribute_is_link(const struct link_attribute *attribute);
bool link_attribute_is_uid(const struct link_attribute *attribute);
const char *link_attribute_name(const struct link_attribute *attribute);
// Its number in the dictionary, which is made if `make`; *id 0: it has none.
int link_attribute_id(struct directory_store *store, struct link_attribute *attribute, bool make, int64_t *id,
                      struct error *err) MUST_CHECK;
int link_attribute_by_id(struct directory_store *store, int64_t id, struct link_attribute **attribute,
                         struct error *err) MUST_CHECK;
void link_attributes_forget(struct directory_store *store);

// --- incoming entries ----------------------------------------------------------------------------

// Fills store->incoming; incoming_done() frees what it does not use again.
int incoming_prepare(struct directory_store *store, const struct entry *entry, struct error *err) MUST_CHECK;
void incoming_done(struct directory_store *store);
// Its rows, without links.
int incoming_insert(struct directory_store *store, int64_t id, struct error *err) MUST_CHECK;
int incoming_update(struct directory_store *store, int64_t id, struct error *err) MUST_CHECK;
// The part of a digest that the spelling of the DN makes.
int64_t digest_of_dn(const char *dn);
// An entry from its stored parts. Owned by `ctx`.
int entry_restore(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *uuid, const char *dn,
                  sqlite3_stmt *statement, int pack_column, struct entry **entry,
                  struct error *err) MUST_CHECK;

// --- links ---------------------------------------------------------------------------------------

// What a target is. `id` 0: no entry of the mirror, now or before.
struct resolved {
    int64_t id;
    struct uuid uuid;
    const char *value;
};
int target_resolve(struct directory_store *store, TALLOC_CTX *ctx, int64_t target, bool is_uid,
                   struct resolved *resolved, struct error *err) MUST_CHECK;
// Does any of the names of entry `id`, present or former, stand under this attribute in the sorted rows?
int links_name_entry(struct directory_store *store, int64_t id, int64_t attribute,
                     const struct link_rows *rows, bool *found, struct error *err) MUST_CHECK;
int links_read(struct directory_store *store, TALLOC_CTX *ctx, int64_t id, struct link_rows *rows,
               struct error *err) MUST_CHECK;
void links_sort(struct link_rows *rows); // and without duplicates
// Stored links of attributes that are no longer links become values of the old entry; old values of
// attributes that have become links become links: so that a changed flavour map alone is no change of the
// entry.
int links_settle(struct directory_store *store, TALLOC_CTX *ctx, struct entry *old, struct link_rows *rows,
                 struct error *err) MUST_CHECK;
// Many new rows at once, without their texts.
int links_insert(struct directory_store *store, int64_t id, const struct link_rows *rows,
                 struct error *err) MUST_CHECK;
// Makes the stored rows those of `new`, with texts where nothing else holds them.
int links_write(struct directory_store *store, int64_t id, const struct link_rows *old,
                const struct link_rows *new, struct error *err) MUST_CHECK;
// Links of a delta: those of `from` that are not in `other`, without those whose entry `other` names too.
// Appended.
int links_differing(struct directory_store *store, struct delta *delta, const struct link_rows *from,
                    const struct link_rows *other, bool gained, struct error *err) MUST_CHECK;

// --- names in the mirror -------------------------------------------------------------------------

// Entry `id` takes a name: who has it now is parked, an alias goes.
int name_take(struct directory_store *store, int64_t id, int64_t hash, const char *dn,
              struct error *err) MUST_CHECK;
// A name that entry `id` has left.
int alias_add(struct directory_store *store, int64_t hash, int64_t id, const char *name,
              struct error *err) MUST_CHECK;
int alias_remove(struct directory_store *store, int64_t hash, struct error *err) MUST_CHECK;
// What stood below `from` now stands below `to`, whose DN is `dn`.
int branch_move(struct directory_store *store, TALLOC_CTX *ctx, int64_t from, int64_t to, const char *dn,
                struct delta_list *moved, struct error *err) MUST_CHECK;

// --- stage ---------------------------------------------------------------------------------------

// Is there a stage that answers look-ups? The statements on it then have rows (id, uuid, dn, pack).
bool stage_answers(const struct directory_store *store);
// Is `id` that of an entry which only the stage knows?
bool stage_only(int64_t id);
int stage_commit(struct directory_store *store, struct error *err) MUST_CHECK;
void stage_close(struct directory_store *store);
// An entry of the stage, of which links are taken away, or all but links.
int stage_entry(struct directory_store *store, TALLOC_CTX *ctx, sqlite3_stmt *row, bool links,
                struct entry **entry, struct error *err) MUST_CHECK;

#endif
