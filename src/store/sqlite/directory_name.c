// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "directory.h"

void name_hash(struct directory_store *store, const char *dn, size_t length, int64_t *hash,
               int64_t *parent_hash)
{
    uint64_t own, parent = 0;
    if (dn_hash(store->scratch, dn, length, &own, &parent) < 0) {
        own = hash_bytes(dn, length);
        if (length > 0)
            log_warning("not a DN; compared octet by octet", LOG_S("value", dn));
    }
    *hash = (int64_t)own;
    if (parent_hash)
        *parent_hash = (int64_t)parent;
}

int64_t uid_hash(const char *uid, size_t length)
{
    return (int64_t)link_uid_hash(uid, length);
}

int64_t parked_hash(const struct uuid *uuid)
{
    static const char salt[] = "without a name";
    uint8_t octets[sizeof salt + sizeof uuid->octets];
    memcpy(octets, salt, sizeof salt);
    memcpy(octets + sizeof salt, uuid->octets, sizeof uuid->octets);
    return (int64_t)hash_bytes(octets, sizeof octets);
}

int name_check(struct directory_store *store, const char *one, const char *other, struct error *err)
{
    if (strcmp(one, other) == 0)
        return 0;
    char *first = dn_normalize(store, one, strlen(one), NULL);
    char *second = dn_normalize(store, other, strlen(other), NULL);
    int result = 0;
    if (!first || !second || strcmp(first, second) != 0)
        result = error_set_code(
            err, STORE_FAILED,
            "%s: two names have the same 64-bit hash, \"%s\" and \"%s\"; the mirror cannot hold both: "
            "rename one of them in the directory, or leave it out by `filter`",
            store->db->path, one, other);
    talloc_free(first);
    talloc_free(second);
    return result;
}
