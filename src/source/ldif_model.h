// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_SOURCE_LDIF_MODEL_H
#define LDAPNOTIFY_SOURCE_LDIF_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "base/error.h"
#include "directory/entry.h"
#include "ldif_reader.h"

// A directory in memory that takes LDIF records as slapd would: checks, naming values, operational attributes
// (entryUUID, entryCSN, creatorsName, createTimestamp, modifiersName, modifyTimestamp), whole subtrees
// renamed. Left out: schema, access, referential integrity, password policy; a record has to say what those
// would do. Values of secret attributes (schema_is_secret) are dropped, their change is not.

struct ldif_model;

// One entry as it is now; valid until the entry changes.
typedef int ldif_model_fn(void *context, const struct entry *entry, struct error *err);

struct ldif_model *ldif_model_new(TALLOC_CTX *ctx);

// Whose modifiersName the following changes get; copied.
void ldif_model_actor(struct ldif_model *model, const char *dn);
// `uuid` says which entry the record was about; CONTENT is an add. `silent`: neither entryCSN nor
// modifiersName move, as with an overlay's own writes. Errors are words only; the caller knows the line.
int ldif_model_apply(struct ldif_model *model, const struct ldif_record *record, bool silent,
                     struct uuid *uuid, struct error *err) MUST_CHECK;
// The entry a record is about before it is applied; NULL when there is none.
const struct entry *ldif_model_find_dn(const struct ldif_model *model, const char *dn);
const struct entry *ldif_model_find(const struct ldif_model *model, const struct uuid *uuid);
// All entries, in the order in which they were added.
int ldif_model_each(const struct ldif_model *model, ldif_model_fn *fn, void *context,
                    struct error *err) MUST_CHECK;
// "rid=000,csn=" and the newest CSN, as a server would give it. Owned by `ctx`. "" while nothing was written.
char *ldif_model_cookie(TALLOC_CTX *ctx, const struct ldif_model *model);

#endif
