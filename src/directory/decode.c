// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <stdlib.h>
#include <string.h>

#include "directory/schema.h"
#include "directory/session.h"

static bool is_wanted(const char *name, const char *const *wanted)
{
    if (wanted == NULL)
        return true;
    for (; *wanted != NULL; wanted++)
        if (*wanted == name || strcmp(*wanted, name) == 0)
            return true;
    return false;
}

// nsUniqueId is a UUID in four groups: "8b1ab80d-1dd211b2-8001e3a1-d0ff0000".
static int parse_unique_id(const struct berval *value, struct uuid *uuid)
{
    char text[UUID_TEXT_SIZE];
    const char *p = value->bv_val;
    if (value->bv_len != 35 || p[8] != '-' || p[17] != '-' || p[26] != '-')
        return -1;
    memcpy(text, p, 13);
    text[13] = '-';
    memcpy(text + 14, p + 13, 4);
    text[18] = '-';
    memcpy(text + 19, p + 18, 4);
    text[23] = '-';
    memcpy(text + 24, p + 22, 4);
    memcpy(text + 28, p + 27, 8);
    return uuid_parse(text, 36, uuid);
}

// Which attribute names the entry: a later one in this list gives way to an earlier one.
enum { RANK_ENTRY_UUID = 1, RANK_UNIQUE_ID, RANK_GUID, RANK_NONE };

static void take_uuid(struct entry *entry, int *rank, const char *name, const struct berval *value)
{
    struct uuid uuid;
    int found = RANK_NONE;
    if (strcmp(name, "entryUUID") == 0 && uuid_parse(value->bv_val, value->bv_len, &uuid) == 0) {
        found = RANK_ENTRY_UUID;
    } else if (strcmp(name, "nsUniqueId") == 0 && parse_unique_id(value, &uuid) == 0) {
        found = RANK_UNIQUE_ID;
    } else if (strcmp(name, "objectGUID") == 0 && value->bv_len == sizeof uuid.octets) {
        memcpy(uuid.octets, value->bv_val, sizeof uuid.octets);
        found = RANK_GUID;
    }
    if (found < *rank) {
        entry->uuid = uuid;
        *rank = found;
    }
}

// RFC 4517 §3.3.21: NameAndOptionalUID = distinguishedName [ SHARP BitString ], BitString = SQUOTE *binary-digit SQUOTE "B".
// The UID tells apart those who had one name after the other; the entry that has the name now is the one to tell.
static size_t without_optional_uid(const char *name, const struct berval *value)
{
    const char *text = value->bv_val;
    size_t at = value->bv_len;
    if (strcmp(name, "uniqueMember") != 0 || at < 4 || text[at - 1] != 'B' || text[at - 2] != '\'')
        return value->bv_len;
    at -= 2;
    while (at > 0 && (text[at - 1] == '0' || text[at - 1] == '1'))
        at--;
    return at >= 2 && text[at - 1] == '\'' && text[at - 2] == '#' ? at - 2 : value->bv_len;
}

// One block for the octets of all values of an attribute: a group with 50,000 members costs two allocations.
static void take_values(struct entry *entry, const char *name, const struct berval *values)
{
    size_t count = 0, size = 0;
    for (const struct berval *value = values; value->bv_val != NULL; value++, count++)
        size += value->bv_len + 1;
    struct value *copies = talloc_array(entry, struct value, count);
    char *p = talloc_array(entry, char, size);
    if (copies == NULL || p == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        size_t length = without_optional_uid(name, &values[i]);
        copies[i] = (struct value){ .data = p, .length = length };
        memcpy(p, values[i].bv_val, length);
        p[length] = '\0';
        p += length + 1;
    }
    entry_take(entry, name, copies, count);
}

struct entry *session_decode_entry(TALLOC_CTX *ctx, LDAP *ld, LDAPMessage *message, const char *const *wanted,
                                   struct error *err)
{
    BerElement *ber = NULL;
    struct berval name, *values = NULL;
    ber_len_t size = 0;
    int rank = RANK_NONE;
    if (ldap_get_dn_ber(ld, message, &ber, &name) != LDAP_SUCCESS) {
        error_set(err, "the server sent an entry that cannot be decoded");
        ber_free(ber, 0);
        return NULL;
    }
    ber_get_option(ber, LBER_OPT_BER_REMAINING_BYTES, &size);
    struct entry *entry = talloc_pooled_object(ctx, struct entry, 24, name.bv_len + size * 2 + 512);
    if (entry == NULL)
        abort();
    *entry = (struct entry){ .dn = talloc_strndup(entry, name.bv_len > 0 ? name.bv_val : "", name.bv_len) };
    for (;;) {
        // PartialAttribute ::= SEQUENCE { type AttributeDescription, vals SET OF value AttributeValue }
        if (ldap_get_attribute_ber(ld, message, ber, &name, &values) != LDAP_SUCCESS) {
            error_set(err, "the server sent an attribute of %s that cannot be decoded", entry->dn);
            TALLOC_FREE(entry);
            break;
        }
        if (name.bv_val == NULL)
            break;
        const char *canonical = schema_canonical(name.bv_val, name.bv_len);
        if (values != NULL && values[0].bv_val != NULL) {
            take_uuid(entry, &rank, canonical, &values[0]);
            if (is_wanted(canonical, wanted) && !schema_is_secret(canonical))
                take_values(entry, canonical, values);
        }
        ber_memfree(values);
        values = NULL;
    }
    ber_free(ber, 0);
    return entry;
}
