// SPDX-License-Identifier: Apache-2.0
#include "ldif_model.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <uthash.h>

#include "base/clock.h"
#include "base/hash.h"
#include "directory/dn.h"
#include "directory/schema.h"
#include "ldif_values.h"

#define ROOT_DN "cn=admin"

struct item {
    struct entry *entry; // child of the item
    struct uuid uuid;    // key of by_uuid
    char *normal;        // key of by_name
    UT_hash_handle by_name, by_uuid;
};

// How often a name was given to a new entry: a recreated one is another entry with another UUID.
struct name_use {
    unsigned times;
    UT_hash_handle hh;
    char normal[];
};

struct ldif_model {
    struct item *names, *uuids; // uthash keeps the order of insertion
    struct name_use *uses;
    char *actor;
    char csn[64];
    int64_t csn_time;
    unsigned csn_count;
};

static int model_destroy(struct ldif_model *model)
{
    HASH_CLEAR(by_name, model->names);
    HASH_CLEAR(by_uuid, model->uuids);
    HASH_CLEAR(hh, model->uses);
    return 0;
}

struct ldif_model *ldif_model_new(TALLOC_CTX *ctx)
{
    struct ldif_model *model = talloc_zero(ctx, struct ldif_model);

    model->actor = talloc_strdup(model, ROOT_DN);
    talloc_set_destructor(model, model_destroy);
    return model;
}

void ldif_model_actor(struct ldif_model *model, const char *dn)
{
    talloc_free(model->actor);
    model->actor = talloc_strdup(model, dn);
}

static char *model_normalize(TALLOC_CTX *ctx, const char *dn, struct error *err)
{
    char *normal = dn_normalize(ctx, dn, strlen(dn), err);
    if (!normal)
        error_prepend(err, "\"%s\": ", dn);
    return normal;
}

static struct item *model_item(const struct ldif_model *model, const char *normal)
{
    struct item *item;
    HASH_FIND(by_name, model->names, normal, strlen(normal), item);
    return item;
}

static void model_insert(struct ldif_model *model, struct item *item)
{
    HASH_ADD_KEYPTR(by_name, model->names, item->normal, strlen(item->normal), item);
}

const struct entry *ldif_model_find_dn(const struct ldif_model *model, const char *dn)
{
    char *normal = dn_normalize(NULL, dn, strlen(dn), NULL);
    const struct item *item = normal ? model_item(model, normal) : NULL;

    talloc_free(normal);
    return item ? item->entry : NULL;
}

const struct entry *ldif_model_find(const struct ldif_model *model, const struct uuid *uuid)
{
    const struct item *item;
    HASH_FIND(by_uuid, model->uuids, uuid, sizeof(*uuid), item);
    return item ? item->entry : NULL;
}

int ldif_model_each(const struct ldif_model *model, ldif_model_fn *fn, void *context, struct error *err)
{
    for (const struct item *item = model->uuids; item; item = item->by_uuid.next) {
        if (fn(context, item->entry, err) < 0)
            return -1;
    }
    return 0;
}

char *ldif_model_cookie(TALLOC_CTX *ctx, const struct ldif_model *model)
{
    return model->csn[0] ? talloc_asprintf(ctx, "rid=000,csn=%s", model->csn) : talloc_strdup(ctx, "");
}

// --- naming ---

// Each attribute and value of the first RDN ("cn=a+sn=b").
static void rdn_each(struct entry *entry, const char *dn,
                     void (*fn)(struct entry *entry, const char *name, const struct value *value))
{
    char *rdn = talloc_strndup(NULL, dn, dn_rdn_length(dn));
    char *at = rdn;

    while (*at != '\0') {
        char *end = at;
        while (*end != '\0' && *end != '+')
            end += *end == '\\' && end[1] != '\0' ? 2 : 1;
        bool more = *end == '+';
        *end = '\0';
        at += strspn(at, " ");
        const char *name = schema_canonical(at, strcspn(at, " ="));
        char *text = dn_rdn_value(rdn, at);
        if (text)
            fn(entry, name, &(struct value){ .data = text, .length = strlen(text) });
        at = more ? end + 1 : end;
    }
    talloc_free(rdn);
}

static void naming_add(struct entry *entry, const char *name, const struct value *value)
{
    if (!attribute_has(entry_find(entry, name), value))
        entry_add(entry, name, value->data, value->length);
}

static void naming_drop(struct entry *entry, const char *name, const struct value *value)
{
    entry_drop_value(entry, name, value);
}

// --- operational attributes ---

static void model_csn(struct ldif_model *model)
{
    int64_t now = clock_now();
    time_t seconds = (time_t)(now / 1000);
    char digits[24];
    struct tm tm;

    // A second change in one moment is told from the first by the count.
    model->csn_count = now == model->csn_time ? model->csn_count + 1 : 0;
    model->csn_time = now;
    gmtime_r(&seconds, &tm);
    strftime(digits, sizeof(digits), "%Y%m%d%H%M%S", &tm);
    snprintf(model->csn, sizeof(model->csn), "%s.%06dZ#%06x#000#000000", digits, (int)(now % 1000) * 1000,
             model->csn_count & 0xffffff);
}

static void entry_stamp(struct ldif_model *model, struct entry *entry)
{
    char timestamp[24];

    model_csn(model);
    snprintf(timestamp, sizeof(timestamp), "%.14sZ", model->csn);
    entry_set(entry, "entryCSN", model->csn);
    entry_set(entry, "modifiersName", model->actor);
    entry_set(entry, "modifyTimestamp", timestamp);
}

// Operational attributes that the record gives stay as given: they are part of the story that it tells.
static void entry_stamp_new(struct ldif_model *model, struct entry *entry, const struct uuid *uuid)
{
    static const char *const names[] = { "creatorsName", "createTimestamp", "modifiersName",
                                         "modifyTimestamp" };
    char timestamp[24], text[UUID_TEXT_SIZE];

    model_csn(model);
    snprintf(timestamp, sizeof(timestamp), "%.14sZ", model->csn);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (!entry_find(entry, schema_canonical(names[i], strlen(names[i]))))
            entry_set(entry, names[i], i % 2 == 0 ? model->actor : timestamp);
    }
    entry_set(entry, "entryCSN", model->csn);
    entry_set(entry, "entryUUID", uuid_format(uuid, text));
}

// From the first DN and how often it was used before: a file always gives the same UUIDs. Version 8 (RFC 9562).
static void uuid_from_name(struct ldif_model *model, const char *normal, struct uuid *uuid)
{
    struct name_use *use;
    uint64_t halves[2];

    HASH_FIND(hh, model->uses, normal, strlen(normal), use);
    if (!use) {
        use = talloc_zero_size(model, sizeof(*use) + strlen(normal) + 1);
        memcpy(use->normal, normal, strlen(normal) + 1);
        HASH_ADD_KEYPTR(hh, model->uses, use->normal, strlen(use->normal), use);
    }
    use->times++;
    for (int i = 0; i < 2; i++) {
        char *seed = talloc_asprintf(NULL, "%d/%u/%s", i, use->times, normal);
        halves[i] = hash_bytes(seed, strlen(seed));
        talloc_free(seed);
    }
    for (int i = 0; i < 16; i++)
        uuid->octets[i] = (uint8_t)(halves[i / 8] >> (56 - i % 8 * 8));
    uuid->octets[6] = (uint8_t)((uuid->octets[6] & 0x0f) | 0x80);
    uuid->octets[8] = (uint8_t)((uuid->octets[8] & 0x3f) | 0x80);
}

// --- records ---

static int entry_add_checked(struct entry *entry, const char *attribute, const struct value *value,
                             struct error *err)
{
    const char *name = schema_canonical(attribute, strlen(attribute));

    if (schema_is_secret(name))
        return 0;
    if (attribute_has(entry_find(entry, name), value))
        return error_set(err, "%s has the value \"%.*s\" already", attribute, (int)value->length,
                         value->data);
    entry_add(entry, name, value->data, value->length);
    return 0;
}

static int record_add_values(struct entry *entry, const struct ldif_record *record, size_t first,
                             size_t count, struct error *err)
{
    for (size_t i = first; i < first + count; i++) {
        const struct ldif_value *given = &record->values[i];
        const struct value value = { .data = given->data, .length = given->length };
        if (entry_add_checked(entry, given->attribute, &value, err) < 0)
            return -1;
    }
    return 0;
}

static int model_add(struct ldif_model *model, const struct ldif_record *record, struct uuid *uuid,
                     struct error *err)
{
    struct item *item = talloc_zero(model, struct item);
    const char *given;

    item->normal = model_normalize(item, record->dn, err);
    if (!item->normal)
        goto failed;
    if (model_item(model, item->normal)) {
        error_set(err, "there is an entry \"%s\" already", record->dn);
        goto failed;
    }
    item->entry = entry_new(item, &(struct uuid){ { 0 } }, record->dn);
    if (record_add_values(item->entry, record, 0, record->count, err) < 0)
        goto failed;
    rdn_each(item->entry, record->dn, naming_add);
    given = entry_text(item->entry, schema_canonical("entryUUID", strlen("entryUUID")));
    if (!given) {
        uuid_from_name(model, item->normal, uuid);
    } else if (uuid_parse(given, strlen(given), uuid) < 0) {
        error_set(err, "entryUUID \"%s\" is no UUID", given);
        goto failed;
    }
    if (ldif_model_find(model, uuid)) {
        error_set(err, "another entry has this entryUUID");
        goto failed;
    }
    item->uuid = item->entry->uuid = *uuid;
    entry_stamp_new(model, item->entry, uuid);
    model_insert(model, item);
    HASH_ADD(by_uuid, model->uuids, uuid, sizeof(item->uuid), item);
    return 0;

failed:
    talloc_free(item);
    return -1;
}

static int change_delete(struct entry *entry, const struct ldif_record *record,
                         const struct ldif_change *change, const char *name, struct error *err)
{
    if (change->count == 0) {
        if (!entry_find(entry, name))
            return error_set(err, "there is no attribute %s to delete", change->attribute);
        entry_drop(entry, name);
        return 0;
    }
    for (size_t i = change->first; i < change->first + change->count; i++) {
        const struct ldif_value *given = &record->values[i];
        const struct value value = { .data = given->data, .length = given->length };
        if (!entry_drop_value(entry, name, &value))
            return error_set(err, "%s has no value \"%.*s\" to delete", change->attribute, (int)value.length,
                             value.data);
    }
    return 0;
}

static int change_apply(struct entry *entry, const struct ldif_record *record,
                        const struct ldif_change *change, struct error *err)
{
    const char *name = schema_canonical(change->attribute, strlen(change->attribute));

    if (schema_is_secret(name))
        return 0;
    if (change->op == LDIF_OP_DELETE)
        return change_delete(entry, record, change, name, err);
    if (change->op == LDIF_OP_REPLACE)
        entry_drop(entry, name);
    return record_add_values(entry, record, change->first, change->count, err);
}

static int model_modify(struct ldif_model *model, struct item *item, const struct ldif_record *record,
                        bool silent, struct error *err)
{
    struct entry *work = entry_copy(item, item->entry);

    for (size_t i = 0; i < record->change_count; i++) {
        if (change_apply(work, record, &record->changes[i], err) < 0) {
            talloc_free(work);
            return -1;
        }
    }
    if (!silent)
        entry_stamp(model, work);
    talloc_free(item->entry);
    item->entry = work;
    return 0;
}

static int model_delete(struct ldif_model *model, struct item *item, bool silent, struct error *err)
{
    for (const struct item *other = model->uuids; other; other = other->by_uuid.next) {
        if (other != item && dn_is_within(other->normal, item->normal))
            return error_set(err, "\"%s\" is not a leaf: \"%s\" is below it", item->entry->dn,
                             other->entry->dn);
    }
    // NOLINTBEGIN(clang-analyzer-core.NullDereference): it is in both
    HASH_DELETE(by_name, model->names, item);
    HASH_DELETE(by_uuid, model->uuids, item);
    // NOLINTEND(clang-analyzer-core.NullDereference)
    talloc_free(item);
    if (!silent)
        model_csn(model);
    return 0;
}

// Gives an entry at or below `old_normal` its new place.
static int item_move(struct ldif_model *model, struct item *item, const char *old_normal, const char *new_dn,
                     struct error *err)
{
    const char *rest = item->entry->dn;
    char *moved, *normal;

    for (;;) {
        char *here = model_normalize(NULL, rest, err);
        bool found = here && strcmp(here, old_normal) == 0;
        bool lost = !here || *rest == '\0';
        talloc_free(here);
        if (found)
            break;
        if (lost)
            return -1;
        rest = dn_parent(rest);
    }
    moved = talloc_asprintf(item->entry, "%.*s%s", (int)(rest - item->entry->dn), item->entry->dn, new_dn);
    normal = model_normalize(item, moved, err);
    if (!normal)
        return -1;
    HASH_DELETE(by_name, model->names, item);
    talloc_free(item->normal);
    item->normal = normal;
    item->entry->dn = moved;
    model_insert(model, item);
    return 0;
}

static int model_move_subtree(struct ldif_model *model, const char *old_normal, const char *new_dn,
                              struct error *err)
{
    for (struct item *item = model->uuids; item; item = item->by_uuid.next) {
        if (dn_is_within(item->normal, old_normal) && item_move(model, item, old_normal, new_dn, err) < 0)
            return -1;
    }
    return 0;
}

static int model_rename(struct ldif_model *model, struct item *item, const struct ldif_record *record,
                        bool silent, struct error *err)
{
    TALLOC_CTX *scratch = talloc_new(NULL);
    const char *parent = record->new_superior ? record->new_superior : dn_parent(item->entry->dn);
    char *new_dn = talloc_asprintf(scratch, "%s%s%s", record->new_rdn, *parent ? "," : "", parent);
    char *old_dn = talloc_strdup(scratch, item->entry->dn);
    char *old_normal = talloc_strdup(scratch, item->normal);
    char *new_normal = model_normalize(scratch, new_dn, err);
    const struct item *there = new_normal ? model_item(model, new_normal) : NULL;
    int result = -1;

    if (!new_normal)
        goto done;
    if (there && there != item) {
        error_set(err, "there is an entry \"%s\" already", new_dn);
        goto done;
    }
    if (strcmp(new_normal, old_normal) != 0 && dn_is_within(new_normal, old_normal)) {
        error_set(err, "an entry cannot go below itself");
        goto done;
    }
    if (model_move_subtree(model, old_normal, new_dn, err) < 0)
        goto done;
    if (record->delete_old_rdn)
        rdn_each(item->entry, old_dn, naming_drop);
    rdn_each(item->entry, new_dn, naming_add);
    if (!silent)
        entry_stamp(model, item->entry);
    result = 0;
done:
    talloc_free(scratch);
    return result;
}

int ldif_model_apply(struct ldif_model *model, const struct ldif_record *record, bool silent,
                     struct uuid *uuid, struct error *err)
{
    if (record->kind == LDIF_CONTENT || record->kind == LDIF_ADD)
        return model_add(model, record, uuid, err);

    char *normal = model_normalize(NULL, record->dn, err);
    struct item *item = normal ? model_item(model, normal) : NULL;
    if (normal && !item)
        error_set(err, "there is no entry \"%s\"", record->dn);
    talloc_free(normal);
    if (!item)
        return -1;
    *uuid = item->uuid;
    switch (record->kind) {
    case LDIF_MODIFY:
        return model_modify(model, item, record, silent, err);
    case LDIF_DELETE:
        return model_delete(model, item, silent, err);
    case LDIF_RENAME:
        return model_rename(model, item, record, silent, err);
    default:
        return error_set(err, "this record changes nothing");
    }
}
