// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_FLAVOUR_H
#define LDAPNOTIFY_DIRECTORY_FLAVOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "base/error.h"
#include "config/config.h"
#include "directory/entry.h"
#include "directory/filter.h"

// Which attribute plays which role, per kind of server.
enum flavour_role {
    ROLE_MEMBER,        // DN- or uid-valued: member, uniqueMember, memberUid
    ROLE_OWNER,         // owner, managedBy, …
    ROLE_MANAGER,       // manager
    ROLE_LOCKED_TIME,   // pwdAccountLockedTime, lockoutTime; 389-DS's accountUnlockTime is when the lock ends
    ROLE_PASSWORD_TIME, // pwdChangedTime, pwdLastSet
    ROLE_PASSWORD_RESET,  // pwdReset
    ROLE_PASSWORD_POLICY, // pwdPolicySubentry
    ROLE_LOCKOUT_DURATION, // pwdLockoutDuration, on policy entries
    ROLE_UID,           // uid, sAMAccountName
    ROLE_NAME,          // for people: displayName, cn, …; in order of preference
    ROLE_LANGUAGE,      // preferredLanguage
    ROLE_MODIFIER,      // modifiersName
    ROLE_CREATOR,       // creatorsName
    ROLE_CSN,           // entryCSN
    ROLE_COUNT
};

struct flavour {
    const char *name; // "openldap", "rfc2307", "389ds", "ad"
    const char **attributes[ROLE_COUNT]; // canonical names, each list ends with NULL; never a NULL list
    struct filter *user_filter, *group_filter, *policy_filter;
    struct filter *disabled_when; // NULL: nobody is ever disabled
    // The texts of the above, for the view's hash and `status`.
    const char *user_text, *group_text, *disabled_text;
};

// "openldap" and so on; "auto" is not a flavour. Overrides come from the directory's `map`, `user_filter`,
// `group_filter`, `disabled_when`; `config` may be NULL. Owned by `ctx`.
struct flavour *flavour_new(TALLOC_CTX *ctx, const char *name, const struct config_directory *config,
                            struct error *err) MUST_CHECK;
// The name for a rootDSE (RFC 4512 §5.1); "openldap" when nothing else fits.
const char *flavour_detect(const struct entry *root_dse);
// Names as in the configuration ("member", "owner", "locked_time", …); -1 when unknown.
int flavour_role_from_name(const char *name);
const char *flavour_role_name(enum flavour_role role);
bool flavour_has(const struct flavour *flavour, enum flavour_role role, const char *canonical);
// First value of the first attribute of the role that the entry has, or NULL.
const char *flavour_text(const struct flavour *flavour, enum flavour_role role, const struct entry *entry);
bool flavour_is_user(const struct flavour *flavour, const struct entry *entry);
bool flavour_is_group(const struct flavour *flavour, const struct entry *entry);
// What people call the entry: a name attribute, else the RDN's value. Cleaned, at most 200 octets. Owned by `ctx`.
char *flavour_display_name(TALLOC_CTX *ctx, const struct flavour *flavour, const struct entry *entry);
// Where mail for the entry goes: mail_attributes in order, the first one that text_is_address(). Owned by `ctx`; NULL: none.
char *flavour_address(TALLOC_CTX *ctx, const struct config_directory *directory, const struct entry *entry);

// Attributes whose values are links to other entries and are stored as rows: members, owners, managers
// and every other attribute with schema_syntax() SCHEMA_DN or SCHEMA_UID. Never the operational ones that merely name
// an entry (modifiersName, pwdPolicySubentry, memberOf): they stay values of the entry.
bool flavour_is_link(const struct flavour *flavour, const char *canonical);

// Name, roles and filters as one text, for view.flavour. Owned by `ctx`.
char *flavour_describe(TALLOC_CTX *ctx, const struct flavour *flavour);

#endif
