// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_DN_H
#define LDAPNOTIFY_DIRECTORY_DN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"

// Distinguished names (RFC 4514). The normal form: canonical attribute names in lower case, values
// case-folded (Unicode simple folding, NFKC) and with inner runs of spaces made one, AVAs of an RDN sorted,
// escapes as \XX in lower case where RFC 4514 §2.4 requires one, separated by "," and "+". Two names with
// the same normal form are the same name; in doubt (an unknown attribute type whose matching rule may be
// case-sensitive) they still fold, for OpenLDAP, AD and 389-DS name entries case-insensitively.
// Attribute types whose values are case-sensitive are not folded (see schema_is_case_exact()).

// The normal form of `dn`, or NULL if it is no DN. A plain-ASCII DN takes a fast path (a 50,000-member group is
// normalised in a few milliseconds). Owned by `ctx`.
char *dn_normalize(TALLOC_CTX *ctx, const char *dn, size_t length, struct error *err) MUST_CHECK;

// hash_bytes() of the normal form without keeping it; `scratch` is a buffer that grows as needed and is reused.
struct dn_scratch; // opaque; talloc'd by dn_scratch_new()
struct dn_scratch *dn_scratch_new(TALLOC_CTX *ctx);
// 0, or -1 if `dn` is no DN. *parent (may be NULL) gets the hash of the parent's normal form, 0 for a root.
int dn_hash(struct dn_scratch *scratch, const char *dn, size_t length, uint64_t *hash, uint64_t *parent) MUST_CHECK;

// The following work on DNs as written, honouring escapes and quotes; they return pointers into `dn`.
const char *dn_parent(const char *dn);     // after the first unescaped ',', spaces skipped; "" for the last
size_t dn_rdn_length(const char *dn);      // length of the first RDN
// First value of the first RDN, unescaped, for showing to people: "uid=jd,ou=x" gives "jd". Owned by `ctx`.
char *dn_rdn_value(TALLOC_CTX *ctx, const char *dn);

// On normal forms: is `dn` equal to or below `base`?
bool dn_is_within(const char *normal_dn, const char *normal_base);

#endif
