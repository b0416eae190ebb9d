// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_SCHEMA_H
#define LDAPNOTIFY_DIRECTORY_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

// What must be known of the attribute types this program meets (RFC 4519, 2798, 2307, ppolicy, AD).

enum schema_syntax {
    SCHEMA_TEXT,       // caseIgnoreMatch
    SCHEMA_TEXT_EXACT, // caseExactMatch (uidNumber and the like compare as text)
    SCHEMA_DN,         // distinguishedNameMatch; nameAndOptionalUID for uniqueMember
    SCHEMA_UID,        // a user's uid, RFC 2307 memberUid
    SCHEMA_TIME,       // generalizedTime
    SCHEMA_INTEGER,
    SCHEMA_BOOLEAN,
    SCHEMA_OCTETS,
};

// The one name under which an attribute is known here: aliases ("commonName"), OIDs ("2.5.4.3") and any case
// give "cn"; options (";lang-de") are cut off. An unknown name is lower-cased and interned for the life of the
// process, as are all results: compare with strcmp(), never free.
const char *schema_canonical(const char *name, size_t length);
enum schema_syntax schema_syntax(const char *canonical);
bool schema_is_case_exact(const char *canonical);
bool schema_is_operational(const char *canonical);
// True for attributes that must never be requested, stored, logged or mailed: userPassword, pwdHistory,
// unicodePwd, sambaNTPassword, krbPrincipalKey, …
bool schema_is_secret(const char *canonical);

#endif
