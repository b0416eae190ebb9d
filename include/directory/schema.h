// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_SCHEMA_H
#define LDAPNOTIFY_DIRECTORY_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

// What must be known of the attribute types this program meets (RFC 4519, 2798, 2307, ppolicy, AD).

enum schema_syntax {
    SCHEMA_TEXT,       // caseIgnoreMatch
    SCHEMA_TEXT_EXACT, // caseExactMatch
    SCHEMA_DN,         // distinguishedNameMatch; nameAndOptionalUID for uniqueMember
    SCHEMA_UID,        // names a user by uid: RFC 2307 memberUid (uid itself is text)
    SCHEMA_TIME,       // generalizedTime
    SCHEMA_INTEGER,    // uidNumber, userAccountControl, AD's large integers (lockoutTime)
    SCHEMA_BOOLEAN,
    SCHEMA_OCTETS,
};

// The one name under which an attribute is known here: aliases ("commonName"), OIDs ("2.5.4.3") and any case
// give "cn"; options (";lang-de") are cut off. Known names come in their usual spelling ("uniqueMember"). An unknown
// name is lower-cased and interned for the life of the process, as are all results: compare with strcmp(), never free.
const char *schema_canonical(const char *name, size_t length);
enum schema_syntax schema_syntax(const char *canonical);
bool schema_is_case_exact(const char *canonical);
bool schema_is_operational(const char *canonical);
// True for attributes that must never be requested, stored, logged or mailed: userPassword, pwdHistory,
// unicodePwd, sambaNTPassword, krbPrincipalKey, … and for unknown names that end as such names do
// ("applicationPassword"). Any spelling is understood here.
bool schema_is_secret(const char *name);
// Is `object_class` the class `wanted` or a well-known subclass of it ("inetOrgPerson" is a "person"), in any case?
bool schema_class_is(const char *object_class, const char *wanted);

#endif
