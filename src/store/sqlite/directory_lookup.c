// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "directory.h"
#include "directory/schema.h"

// --- entries: rows are (id, uuid, dn, attributes) ------------------------------------------------

#define ENTRY_COLUMNS "SELECT e.id, e.uuid, c.dn, c.attributes FROM entry e JOIN content c ON c.id = e.id "

// What asks: a UUID, or a hash with the name that must be behind it (NULL: not compared).
struct question {
    const struct uuid *uuid;
    int64_t hash;
    const char *dn;
};

static sqlite3_stmt *question_ask(struct directory_store *store, const char *sql,
                                  const struct question *question, struct error *err)
{
    sqlite3_stmt *read = database_query(store->db, sql, err);
    if (read && question->uuid)
        bind_uuid(read, 1, question->uuid);
    else if (read)
        bind_int(read, 1, question->hash);
    return read;
}

static int mirror_entry(struct directory_store *store, TALLOC_CTX *ctx, const char *sql,
                        const struct question *question, struct entry **entry, struct error *err)
{
    sqlite3_stmt *row = question_ask(store, sql, question, err);
    int result = row ? database_step(store->db, row, err) : -1;
    if (result <= 0)
        return result;
    struct uuid uuid = column_uuid(row, 1);
    // Through an alias the name asked for is the alias's (column 4).
    const char *name = (const char *)sqlite3_column_text(row, sqlite3_column_count(row) > 4 ? 4 : 2);
    result = question->dn ? name_check(store, name, question->dn, err) : 0;
    if (result == 0)
        result =
            entry_restore(store, ctx, &uuid, (const char *)sqlite3_column_text(row, 2), row, 3, entry, err);
    sqlite3_reset(row);
    return result;
}

static int staged_entry(struct directory_store *store, TALLOC_CTX *ctx, const char *sql,
                        const struct question *question, struct entry **entry, struct error *err)
{
    if (!stage_answers(store))
        return 0;
    sqlite3_stmt *row = question_ask(store, sql, question, err);
    int result = row ? database_step(store->db, row, err) : -1;
    if (result <= 0)
        return result;
    result = stage_entry(store, ctx, row, false, entry, err);
    sqlite3_reset(row);
    return result;
}

int directory_store_by_uuid(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *uuid,
                            struct entry **entry, bool *former, struct error *err)
{
    struct question question = { .uuid = uuid };
    *entry = NULL;
    *former = false;
    if (uuid_is_null(uuid))
        return 0;
    int result = mirror_entry(store, ctx, ENTRY_COLUMNS "WHERE e.uuid = ?1", &question, entry, err);
    if (result == 0 && !*entry)
        result = staged_entry(store, ctx,
                              "SELECT id, uuid, dn, pack FROM stage.entry WHERE uuid = ?1 AND fresh = 1",
                              &question, entry, err);
    if (result < 0 || *entry)
        return result;
    result = mirror_entry(store, ctx, "SELECT id, uuid, dn, attributes FROM former WHERE uuid = ?1",
                          &question, entry, err);
    *former = *entry != NULL;
    return result;
}

int directory_store_by_dn(struct directory_store *store, TALLOC_CTX *ctx, const char *dn,
                          struct entry **entry, bool *former, struct error *err)
{
    struct question question = { .dn = dn };
    *entry = NULL;
    *former = false;
    name_hash(store, dn, strlen(dn), &question.hash, NULL);
    int result = mirror_entry(store, ctx, ENTRY_COLUMNS "WHERE e.hash = ?1", &question, entry, err);
    if (result == 0 && !*entry)
        result =
            mirror_entry(store, ctx,
                         "SELECT e.id, e.uuid, c.dn, c.attributes, a.name FROM alias a "
                         "JOIN entry e ON e.id = a.entry JOIN content c ON c.id = e.id WHERE a.hash = ?1",
                         &question, entry, err);
    if (result == 0 && !*entry)
        result = staged_entry(store, ctx, "SELECT id, uuid, dn, pack FROM stage.entry WHERE hash = ?1",
                              &question, entry, err);
    if (result < 0 || *entry)
        return result;
    result = mirror_entry(
        store, ctx, "SELECT id, uuid, dn, attributes FROM former WHERE hash = ?1 ORDER BY id DESC LIMIT 1",
        &question, entry, err);
    if (result == 0 && !*entry)
        result = mirror_entry(store, ctx,
                              "SELECT f.id, f.uuid, f.dn, f.attributes, a.name FROM alias a "
                              "JOIN former f ON f.id = a.entry WHERE a.hash = ?1",
                              &question, entry, err);
    *former = *entry != NULL;
    return result;
}

int directory_store_by_uid(struct directory_store *store, TALLOC_CTX *ctx, const char *uid,
                           struct entry **entry, bool *former, struct error *err)
{
    struct question question = { .hash = uid_hash(uid, strlen(uid)) };
    *entry = NULL;
    *former = false;
    int result = mirror_entry(store, ctx, ENTRY_COLUMNS "WHERE e.uid_hash = ?1", &question, entry, err);
    if (result == 0 && !*entry)
        result = mirror_entry(
            store, ctx,
            "SELECT e.id, e.uuid, c.dn, c.attributes FROM alias a JOIN entry e ON e.id = a.entry "
            "JOIN content c ON c.id = e.id WHERE a.hash = ?1",
            &question, entry, err);
    if (result == 0 && !*entry)
        result = staged_entry(store, ctx, "SELECT id, uuid, dn, pack FROM stage.entry WHERE uid_hash = ?1",
                              &question, entry, err);
    if (result < 0 || *entry)
        return result;
    result = mirror_entry(
        store, ctx,
        "SELECT id, uuid, dn, attributes FROM former WHERE uid_hash = ?1 ORDER BY id DESC LIMIT 1", &question,
        entry, err);
    *former = *entry != NULL;
    return result;
}

int directory_store_each(struct directory_store *store, const struct filter *filter,
                         directory_store_entry_fn *fn, void *context, struct error *err)
{
    // Its own statement: what is called may ask for another walk.
    sqlite3_stmt *row = NULL;
    int result = sqlite3_prepare_v2(store->db->handle,
                                    "SELECT e.id, e.uuid, c.dn, c.attributes FROM content c "
                                    "CROSS JOIN entry e ON e.id = c.id",
                                    -1, &row, NULL);
    if (result != SQLITE_OK)
        return database_fail(store->db, result, err);
    TALLOC_CTX *ctx = talloc_new(NULL);
    while ((result = database_step(store->db, row, err)) > 0) {
        struct entry *entry;
        struct uuid uuid = column_uuid(row, 1);
        result =
            entry_restore(store, ctx, &uuid, (const char *)sqlite3_column_text(row, 2), row, 3, &entry, err);
        if (result < 0)
            break;
        if ((!filter || filter_matches(filter, entry)) && fn(context, entry) != 0)
            break;
        talloc_free_children(ctx);
    }
    talloc_free(ctx);
    sqlite3_finalize(row);
    return result;
}

// --- links ---------------------------------------------------------------------------------------

static int entry_id(struct directory_store *store, const struct uuid *uuid, int64_t *id, struct error *err)
{
    sqlite3_stmt *read = database_query(store->db, "SELECT id FROM entry WHERE uuid = ?1", err);
    if (!read)
        return -1;
    bind_uuid(read, 1, uuid);
    return database_number(store->db, read, id, err);
}

static void link_add(TALLOC_CTX *ctx, struct link **links, size_t *count, const struct link *link)
{
    if (!*links || talloc_array_length(*links) == *count)
        *links = talloc_realloc(ctx, *links, struct link, *count * 2 + 16);
    (*links)[(*count)++] = *link;
}

// Links of an entry that only the stage knows.
static int staged_links(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *uuid,
                        const char *attribute, struct link **links, size_t *count, struct error *err)
{
    struct question question = { .uuid = uuid };
    struct entry *entry = NULL;
    if (!stage_answers(store))
        return 0;
    sqlite3_stmt *row = question_ask(
        store, "SELECT id, uuid, dn, pack FROM stage.entry WHERE uuid = ?1 AND fresh = 1", &question, err);
    int result = row ? database_step(store->db, row, err) : -1;
    if (result <= 0)
        return result;
    result = stage_entry(store, ctx, row, true, &entry, err);
    sqlite3_reset(row);
    for (size_t i = 0; result == 0 && i < entry->count; i++) {
        const struct attribute *values = &entry->attributes[i];
        bool is_uid = schema_syntax(values->name) == SCHEMA_UID;
        for (size_t j = 0;
             j < values->count && result == 0 && (!attribute || strcmp(values->name, attribute) == 0); j++) {
            struct resolved resolved;
            int64_t target;
            if (is_uid)
                target = uid_hash(values->values[j].data, values->values[j].length);
            else
                name_hash(store, values->values[j].data, values->values[j].length, &target, NULL);
            result = target_resolve(store, NULL, target, is_uid, &resolved, err);
            link_add(ctx, links, count,
                     &(struct link){ .attribute = values->name,
                                     .target = (uint64_t)target,
                                     .value = values->values[j].data,
                                     .entry = resolved.uuid });
        }
    }
    return result;
}

static int stored_links(struct directory_store *store, TALLOC_CTX *ctx, int64_t id, const char *attribute,
                        struct link **links, size_t *count, struct error *err)
{
    struct link_rows rows;
    struct link_attribute *known = NULL;
    int64_t last = 0;
    TALLOC_CTX *scratch = talloc_new(NULL);
    int result = links_read(store, scratch, id, &rows, err);
    for (size_t i = 0; i < rows.count && result == 0; i++) {
        const struct link_row *row = &rows.items[i];
        if (row->attribute != last)
            result = link_attribute_by_id(store, row->attribute, &known, err);
        last = row->attribute;
        if (result < 0 || (attribute && strcmp(link_attribute_name(known), attribute) != 0))
            continue;
        struct resolved resolved;
        result = target_resolve(store, ctx, row->target, link_attribute_is_uid(known), &resolved, err);
        const char *name = link_attribute_name(known);
        link_add(ctx, links, count,
                 &(struct link){ .attribute = schema_canonical(name, strlen(name)),
                                 .target = (uint64_t)row->target,
                                 .value = resolved.value,
                                 .entry = resolved.uuid });
    }
    talloc_free(scratch);
    return result;
}

int directory_store_links(struct directory_store *store, TALLOC_CTX *ctx, const struct uuid *entry,
                          const char *attribute, struct link **links, size_t *count, struct error *err)
{
    int64_t id;
    *links = NULL;
    *count = 0;
    if (entry_id(store, entry, &id, err) < 0)
        return -1;
    return id ? stored_links(store, ctx, id, attribute, links, count, err)
              : staged_links(store, ctx, entry, attribute, links, count, err);
}

int directory_store_count_links(struct directory_store *store, const struct uuid *entry,
                                const char *attribute, size_t *count, struct error *err)
{
    int64_t id, number = 0;
    *count = 0;
    if (entry_id(store, entry, &id, err) < 0)
        return -1;
    if (id == 0) {
        TALLOC_CTX *scratch = talloc_new(NULL);
        struct link *links;
        int result = directory_store_links(store, scratch, entry, attribute, &links, count, err);
        talloc_free(scratch);
        return result;
    }
    sqlite3_stmt *read = attribute
                             ? database_query(store->db,
                                              "SELECT count(*) FROM link WHERE entry = ?1 AND "
                                              "attribute = (SELECT id FROM attribute WHERE name = ?2)",
                                              err)
                             : database_query(store->db, "SELECT count(*) FROM link WHERE entry = ?1", err);
    if (!read)
        return -1;
    bind_int(read, 1, id);
    if (attribute)
        bind_text(read, 2, attribute);
    if (database_number(store->db, read, &number, err) < 0)
        return -1;
    *count = (size_t)number;
    return 0;
}
