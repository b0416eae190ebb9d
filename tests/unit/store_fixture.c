// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_fixture.h"

int fixture_setup(void **state)
{
    struct fixture *f = talloc_zero(NULL, struct fixture);
    const char *base = getenv("TMPDIR");
    f->ctx = f;
    f->folder = talloc_asprintf(f, "%s/store-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(f->folder))
        return -1;
    f->path = talloc_asprintf(f, "%s/corp.db", f->folder);
    f->delivery_path = talloc_asprintf(f, "%s/delivery.db", f->folder);
    struct config_directory *config = talloc_zero(f, struct config_directory);
    f->flavour = flavour_new(f, "openldap", config, &f->err);
    *state = f;
    if (!f->flavour || directory_store_open(f, f->path, "corp", STORE_WRITE, &f->store, &f->err) < 0) {
        fprintf(stderr, "%s\n", f->err.text);
        return -1;
    }
    directory_store_flavour(f->store, f->flavour);
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    directory_store_close(f->store);
    char *command = talloc_asprintf(f, "rm -rf '%s'", f->folder);
    int result = system(command);
    talloc_free(f);
    return result;
}

void fixture_reopen(struct fixture *f)
{
    directory_store_close(f->store);
    f->store = NULL;
    assert_done(f, directory_store_open(f, f->path, "corp", STORE_WRITE, &f->store, &f->err));
    directory_store_flavour(f->store, f->flavour);
}

struct uuid uuid_of(int number)
{
    struct uuid uuid = { { 0x5a } };
    memcpy(uuid.octets + 8, &number, sizeof number);
    return uuid;
}

int number_of(const struct uuid *uuid)
{
    int number;
    memcpy(&number, uuid->octets + 8, sizeof number);
    return number;
}

struct entry *entry_of(TALLOC_CTX *ctx, int number, const char *dn, ...)
{
    struct uuid uuid = uuid_of(number);
    struct entry *entry = entry_new(ctx, &uuid, dn);
    va_list list;
    va_start(list, dn);
    for (const char *name; (name = va_arg(list, const char *));)
        entry_add_text(entry, name, va_arg(list, const char *));
    va_end(list);
    return entry;
}

struct entry *user_of(TALLOC_CTX *ctx, int number, const char *name)
{
    char *dn = talloc_asprintf(ctx, "uid=%s,ou=people,dc=x", name);
    return entry_of(ctx, number, dn, "objectClass", "inetOrgPerson", "uid", name, "cn", name, NULL);
}

struct entry *group_of(TALLOC_CTX *ctx, int number, const char *name, ...)
{
    char *dn = talloc_asprintf(ctx, "cn=%s,ou=groups,dc=x", name);
    struct entry *entry = entry_of(ctx, number, dn, "objectClass", "groupOfNames", "cn", name, NULL);
    va_list list;
    va_start(list, name);
    for (const char *member; (member = va_arg(list, const char *));)
        entry_add_text(entry, "member", member);
    va_end(list);
    return entry;
}

// --- deltas in text ------------------------------------------------------------------------------

static int text_compare(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static const char *links_join(TALLOC_CTX *ctx, const char *start, const struct link *links, size_t count,
                              bool sign)
{
    char **texts = talloc_array(ctx, char *, count + 1);
    char *text = talloc_strdup(ctx, start);
    for (size_t i = 0; i < count; i++) {
        const char *entry =
            uuid_is_null(&links[i].entry) ? "-" : talloc_asprintf(ctx, "%d", number_of(&links[i].entry));
        texts[i] = talloc_asprintf(ctx, "%s%s=%s[%s]",
                                   !sign             ? ""
                                   : links[i].gained ? "+"
                                                     : "-",
                                   links[i].attribute, links[i].value, entry);
    }
    qsort(texts, count, sizeof *texts, text_compare);
    for (size_t i = 0; i < count; i++)
        text = talloc_asprintf_append(text, "%s%s", *text ? " " : "", texts[i]);
    return text;
}

const char *delta_text(TALLOC_CTX *ctx, const struct delta *delta)
{
    static const char *const kinds[] = { "created", "changed", "deleted" };
    if (!delta)
        return "none";
    char *start = talloc_asprintf(ctx, "%s%s%s", kinds[delta->kind], delta->moved_with_parent ? " moved" : "",
                                  delta->renamed ? " renamed" : "");
    assert_true((delta->kind == DELTA_CREATED) == (delta->old == NULL));
    assert_true((delta->kind == DELTA_DELETED) == (delta->new == NULL));
    return links_join(ctx, start, delta->links, delta->link_count, true);
}

void begin(struct fixture *f)
{
    assert_done(f, directory_store_begin(f->store, &f->err));
}

void commit(struct fixture *f)
{
    assert_done(f, directory_store_commit(f->store, NULL, &f->err));
}

const char *apply_text(struct fixture *f, const struct entry *entry)
{
    f->moved = (struct delta_list){ 0 };
    assert_done(f, directory_store_apply(f->store, f->ctx, entry, &f->delta, &f->moved, &f->err));
    return delta_text(f->ctx, f->delta);
}

const char *delete_text(struct fixture *f, int number)
{
    struct uuid uuid = uuid_of(number);
    assert_done(f, directory_store_delete(f->store, f->ctx, &uuid, &f->delta, &f->err));
    return delta_text(f->ctx, f->delta);
}

const char *applied(struct fixture *f, const struct entry *entry)
{
    begin(f);
    const char *text = apply_text(f, entry);
    commit(f);
    return text;
}

const char *deleted(struct fixture *f, int number)
{
    begin(f);
    const char *text = delete_text(f, number);
    commit(f);
    return text;
}

// --- look-ups in text ----------------------------------------------------------------------------

static const char *found_text(struct fixture *f, const struct entry *entry, bool former)
{
    return entry ? talloc_asprintf(f->ctx, "%s%d", former ? "former " : "", number_of(&entry->uuid)) : "none";
}

const char *found_by_dn(struct fixture *f, const char *dn)
{
    struct entry *entry;
    bool former;
    assert_done(f, directory_store_by_dn(f->store, f->ctx, dn, &entry, &former, &f->err));
    return found_text(f, entry, former);
}

const char *found_by_uid(struct fixture *f, const char *uid)
{
    struct entry *entry;
    bool former;
    assert_done(f, directory_store_by_uid(f->store, f->ctx, uid, &entry, &former, &f->err));
    return found_text(f, entry, former);
}

const char *found_by_number(struct fixture *f, int number)
{
    struct uuid uuid = uuid_of(number);
    struct entry *entry;
    bool former;
    assert_done(f, directory_store_by_uuid(f->store, f->ctx, &uuid, &entry, &former, &f->err));
    return found_text(f, entry, former);
}

const char *dn_of(struct fixture *f, int number)
{
    struct uuid uuid = uuid_of(number);
    struct entry *entry;
    bool former;
    assert_done(f, directory_store_by_uuid(f->store, f->ctx, &uuid, &entry, &former, &f->err));
    return entry ? entry->dn : "none";
}

const char *links_text(struct fixture *f, int number)
{
    struct uuid uuid = uuid_of(number);
    struct link *links;
    size_t count;
    assert_done(f, directory_store_links(f->store, f->ctx, &uuid, NULL, &links, &count, &f->err));
    return links_join(f->ctx, "", links, count, false);
}

void file_sql(const char *path, const char *sql)
{
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    char *why = NULL;
    if (sqlite3_exec(handle, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}
