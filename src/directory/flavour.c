// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "directory/flavour.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "directory/dn.h"
#include "directory/schema.h"

// What one kind of server calls things. Attribute lists are in order of preference, space separated.
struct flavour_table {
    const char *name;
    const char *attributes[ROLE_COUNT];
    const char *users, *groups, *policies, *disabled; // filters; disabled may be NULL
};

#define COMMON_GROUPS \
    "(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)" \
    "(objectClass=groupOfMembers)(objectClass=groupOfEntries)(objectClass=groupOfURLs)"
#define NO_GROUP_NO_MACHINE "(!(|" COMMON_GROUPS "))(!(uid=*$))"

static const struct flavour_table tables[] = {
    {
        .name = "openldap",
        .attributes = {
            [ROLE_MEMBER] = "member uniqueMember memberUid",
            [ROLE_OWNER] = "owner",
            [ROLE_MANAGER] = "manager",
            [ROLE_LOCKED_TIME] = "pwdAccountLockedTime",
            [ROLE_PASSWORD_TIME] = "pwdChangedTime",
            [ROLE_PASSWORD_RESET] = "pwdReset",
            [ROLE_PASSWORD_POLICY] = "pwdPolicySubentry",
            [ROLE_LOCKOUT_DURATION] = "pwdLockoutDuration",
            [ROLE_UID] = "uid",
            [ROLE_NAME] = "displayName cn",
            [ROLE_LANGUAGE] = "preferredLanguage",
            [ROLE_MODIFIER] = "modifiersName",
            [ROLE_CREATOR] = "creatorsName",
            [ROLE_CSN] = "entryCSN",
        },
        .users = "(&(|(objectClass=inetOrgPerson)(objectClass=posixAccount)(objectClass=account)"
                 "(objectClass=person))" NO_GROUP_NO_MACHINE ")",
        .groups = "(|" COMMON_GROUPS ")",
        .policies = "(objectClass=pwdPolicy)",
    },
    {
        .name = "rfc2307",
        .attributes = {
            [ROLE_MEMBER] = "memberUid member uniqueMember",
            [ROLE_OWNER] = "owner",
            [ROLE_MANAGER] = "manager",
            [ROLE_LOCKED_TIME] = "pwdAccountLockedTime",
            [ROLE_PASSWORD_TIME] = "pwdChangedTime",
            [ROLE_PASSWORD_RESET] = "pwdReset",
            [ROLE_PASSWORD_POLICY] = "pwdPolicySubentry",
            [ROLE_LOCKOUT_DURATION] = "pwdLockoutDuration",
            [ROLE_UID] = "uid",
            [ROLE_NAME] = "displayName cn gecos",
            [ROLE_LANGUAGE] = "preferredLanguage",
            [ROLE_MODIFIER] = "modifiersName",
            [ROLE_CREATOR] = "creatorsName",
            [ROLE_CSN] = "entryCSN",
        },
        .users = "(&(|(objectClass=posixAccount)(objectClass=shadowAccount)(objectClass=account)"
                 "(objectClass=person))" NO_GROUP_NO_MACHINE ")",
        .groups = "(|" COMMON_GROUPS ")",
        .policies = "(objectClass=pwdPolicy)",
    },
    {
        .name = "389ds",
        .attributes = {
            [ROLE_MEMBER] = "member uniqueMember memberUid",
            [ROLE_OWNER] = "owner",
            [ROLE_MANAGER] = "manager",
            [ROLE_LOCKED_TIME] = "accountUnlockTime",
            [ROLE_PASSWORD_TIME] = "pwdUpdateTime",
            [ROLE_PASSWORD_RESET] = "pwdReset",
            [ROLE_PASSWORD_POLICY] = "pwdPolicySubentry",
            [ROLE_LOCKOUT_DURATION] = "passwordLockoutDuration",
            [ROLE_UID] = "uid",
            [ROLE_NAME] = "displayName cn",
            [ROLE_LANGUAGE] = "preferredLanguage",
            [ROLE_MODIFIER] = "modifiersName",
            [ROLE_CREATOR] = "creatorsName",
            [ROLE_CSN] = "entryUSN",
        },
        .users = "(&(|(objectClass=inetOrgPerson)(objectClass=nsPerson)(objectClass=posixAccount)"
                 "(objectClass=account)(objectClass=person))" NO_GROUP_NO_MACHINE ")",
        .groups = "(|" COMMON_GROUPS ")",
        .policies = "(objectClass=passwordPolicy)",
        .disabled = "(nsAccountLock=TRUE)",
    },
    {
        .name = "ad",
        .attributes = {
            [ROLE_MEMBER] = "member",
            [ROLE_OWNER] = "managedBy msExchCoManagedByLink",
            [ROLE_MANAGER] = "manager",
            [ROLE_LOCKED_TIME] = "lockoutTime",
            [ROLE_PASSWORD_TIME] = "pwdLastSet",
            [ROLE_PASSWORD_RESET] = "",
            [ROLE_PASSWORD_POLICY] = "msDS-ResultantPSO",
            [ROLE_LOCKOUT_DURATION] = "msDS-LockoutDuration lockoutDuration",
            [ROLE_UID] = "sAMAccountName",
            [ROLE_NAME] = "displayName cn",
            [ROLE_LANGUAGE] = "preferredLanguage",
            [ROLE_MODIFIER] = "",
            [ROLE_CREATOR] = "",
            [ROLE_CSN] = "uSNChanged",
        },
        // Computers and managed service accounts are users by class; contacts have no account but mail.
        .users = "(&(|(objectClass=user)(objectClass=contact))(!(objectClass=computer)))",
        .groups = "(objectClass=group)",
        .policies = "(|(objectClass=msDS-PasswordSettings)(objectClass=domainDNS))",
        .disabled = "(userAccountControl:1.2.840.113556.1.4.803:=2)",
    },
};

static const char *const role_names[ROLE_COUNT + 1] = { // ends with NULL
    [ROLE_MEMBER] = "member",
    [ROLE_OWNER] = "owner",
    [ROLE_MANAGER] = "manager",
    [ROLE_LOCKED_TIME] = "locked_time",
    [ROLE_PASSWORD_TIME] = "password_time",
    [ROLE_PASSWORD_RESET] = "password_reset",
    [ROLE_PASSWORD_POLICY] = "password_policy",
    [ROLE_LOCKOUT_DURATION] = "lockout_duration",
    [ROLE_UID] = "uid",
    [ROLE_NAME] = "name",
    [ROLE_LANGUAGE] = "language",
    [ROLE_MODIFIER] = "modifier",
    [ROLE_CREATOR] = "creator",
    [ROLE_CSN] = "csn",
};

int flavour_role_from_name(const char *name)
{
    for (int role = 0; role < ROLE_COUNT; role++)
        if (strcmp(role_names[role], name) == 0)
            return role;
    return -1;
}

const char *flavour_role_name(enum flavour_role role)
{
    return role_names[role];
}

static const struct flavour_table *table_find(const char *name)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(tables[i].name, name) == 0)
            return &tables[i];
    return NULL;
}

static const char **list_split(TALLOC_CTX *ctx, const char *words)
{
    const char **list = talloc_zero_array(ctx, const char *, strlen(words) / 2 + 2);
    for (size_t count = 0; *words != '\0'; count++) {
        size_t length = strcspn(words, " ");
        list[count] = schema_canonical(words, length);
        words += length;
        words += strspn(words, " ");
    }
    return list;
}

static int apply_map(struct flavour *flavour, const struct config_map *map, struct error *err)
{
    int role = flavour_role_from_name(map->role);
    if (role < 0) {
        const char *near = text_nearest(map->role, role_names);
        return error_set(err, "map names the unknown role \"%s\"%s%s%s", map->role,
                         near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                         near != NULL ? "?" : "");
    }
    const char **list = talloc_zero_array(flavour, const char *, map->attributes.count + 1);
    for (size_t i = 0; i < map->attributes.count; i++) {
        const char *name = schema_canonical(map->attributes.items[i], strlen(map->attributes.items[i]));
        if (schema_is_secret(name))
            return error_set(err,
                             "map gives the role %s the attribute %s, which holds secrets and is never read",
                             map->role, name);
        list[i] = name;
    }
    talloc_free(flavour->attributes[role]);
    flavour->attributes[role] = list;
    return 0;
}

static int set_filter(struct flavour *flavour, const char *option, const char *given, const char *usual,
                      struct filter **filter, const char **text, struct error *err)
{
    *text = talloc_strdup(flavour, given != NULL ? given : usual);
    *filter = filter_parse(flavour, *text, err);
    return *filter != NULL ? 0 : error_prepend(err, "%s: ", option);
}

struct flavour *flavour_new(TALLOC_CTX *ctx, const char *name, const struct config_directory *config,
                            struct error *err)
{
    const struct flavour_table *table = table_find(name);
    if (table == NULL) {
        error_set(err, "unknown flavour \"%s\"; there are openldap, rfc2307, 389ds, ad and auto", name);
        return NULL;
    }
    static const struct config_directory usual;
    if (config == NULL)
        config = &usual;
    const char *text;
    struct flavour *flavour = talloc_zero(ctx, struct flavour);
    flavour->name = table->name;
    for (int role = 0; role < ROLE_COUNT; role++)
        flavour->attributes[role] = list_split(flavour, table->attributes[role]);
    for (size_t i = 0; i < config->map_count; i++)
        if (apply_map(flavour, &config->map[i], err) != 0)
            goto bad;
    if (set_filter(flavour, "user_filter", config->user_filter, table->users, &flavour->user_filter,
                   &flavour->user_text, err) != 0 ||
        set_filter(flavour, "group_filter", config->group_filter, table->groups, &flavour->group_filter,
                   &flavour->group_text, err) != 0 ||
        set_filter(flavour, "policy_filter", NULL, table->policies, &flavour->policy_filter, &text, err) != 0)
        goto bad;
    if ((config->disabled_when != NULL || table->disabled != NULL) &&
        set_filter(flavour, "disabled_when", config->disabled_when, table->disabled, &flavour->disabled_when,
                   &flavour->disabled_text, err) != 0)
        goto bad;
    return flavour;
bad:
    talloc_free(flavour);
    return NULL;
}

static bool has_value(const struct entry *entry, const char *name, const char *wanted)
{
    const struct attribute *attribute = entry_attribute(entry, name);
    for (size_t i = 0; attribute != NULL && i < attribute->count; i++)
        if (strcmp(attribute->values[i].data, wanted) == 0)
            return true;
    return false;
}

static bool says(const char *text, const char *word)
{
    return text != NULL && strcasestr(text, word) != NULL;
}

const char *flavour_detect(const struct entry *root_dse)
{
    // [MS-ADTS] 3.1.1.3.4.3: LDAP_CAP_ACTIVE_DIRECTORY_OID and LDAP_CAP_ACTIVE_DIRECTORY_ADAM_OID; Samba has
    // the former.
    if (has_value(root_dse, "supportedCapabilities", "1.2.840.113556.1.4.800") ||
        has_value(root_dse, "supportedCapabilities", "1.2.840.113556.1.4.1851") ||
        entry_text(root_dse, "rootDomainNamingContext") != NULL)
        return "ad";
    const char *vendor = entry_text(root_dse, "vendorName"), *version = entry_text(root_dse, "vendorVersion");
    if (says(vendor, "389 Project") || says(version, "389-Directory") || says(version, "Red Hat-Directory") ||
        says(version, "Sun-Directory") || says(version, "Oracle Directory") || says(version, "Sun-ONE"))
        return "389ds";
    return "openldap";
}

bool flavour_has(const struct flavour *flavour, enum flavour_role role, const char *canonical)
{
    for (const char **name = flavour->attributes[role]; *name != NULL; name++)
        if (strcmp(*name, canonical) == 0)
            return true;
    return false;
}

const char *flavour_text(const struct flavour *flavour, enum flavour_role role, const struct entry *entry)
{
    for (const char **name = flavour->attributes[role]; *name != NULL; name++) {
        const char *text = entry_text(entry, *name);
        if (text != NULL)
            return text;
    }
    return NULL;
}

bool flavour_is_user(const struct flavour *flavour, const struct entry *entry)
{
    return filter_matches(flavour->user_filter, entry);
}

bool flavour_is_group(const struct flavour *flavour, const struct entry *entry)
{
    return filter_matches(flavour->group_filter, entry);
}

char *flavour_display_name(TALLOC_CTX *ctx, const struct flavour *flavour, const struct entry *entry)
{
    const char *text = flavour_text(flavour, ROLE_NAME, entry);
    char *name = text != NULL ? text_clean(ctx, text, strlen(text), 200) : NULL;
    if (name != NULL && name[strspn(name, " ")] != '\0')
        return name;
    talloc_free(name);
    char *rdn = dn_rdn_value(ctx, entry->dn);
    name = text_clean(ctx, rdn, strlen(rdn), 200);
    talloc_free(rdn);
    return name;
}

bool flavour_is_link(const struct flavour *flavour, const char *canonical)
{
    if (flavour_has(flavour, ROLE_MEMBER, canonical) || flavour_has(flavour, ROLE_OWNER, canonical) ||
        flavour_has(flavour, ROLE_MANAGER, canonical))
        return true;
    if (flavour_has(flavour, ROLE_MODIFIER, canonical) || flavour_has(flavour, ROLE_CREATOR, canonical) ||
        flavour_has(flavour, ROLE_PASSWORD_POLICY, canonical) || schema_is_operational(canonical))
        return false;
    enum schema_syntax syntax = schema_syntax(canonical);
    return syntax == SCHEMA_DN || syntax == SCHEMA_UID;
}

char *flavour_describe(TALLOC_CTX *ctx, const struct flavour *flavour)
{
    char *text = talloc_strdup(ctx, flavour->name);
    for (int role = 0; role < ROLE_COUNT; role++) {
        text = talloc_asprintf_append_buffer(text, " %s=", role_names[role]);
        for (const char **name = flavour->attributes[role]; *name != NULL; name++)
            text = talloc_asprintf_append_buffer(text, "%s%s", name == flavour->attributes[role] ? "" : ",",
                                                 *name);
    }
    return talloc_asprintf_append_buffer(text, " users=%s groups=%s disabled=%s", flavour->user_text,
                                         flavour->group_text,
                                         flavour->disabled_text != NULL ? flavour->disabled_text : "");
}
