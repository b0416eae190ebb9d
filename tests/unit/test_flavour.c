// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "directory/flavour.h"
#include "directory/view.h"

static struct entry *make(TALLOC_CTX *ctx, const char *dn, const char *classes, const char *attribute,
                          const char *value)
{
    struct entry *entry = entry_new(ctx, NULL, dn);
    char *copy = talloc_strdup(ctx, classes), *save = NULL;
    for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
        entry_add_text(entry, "objectClass", word);
    if (attribute != NULL)
        entry_add_text(entry, attribute, value);
    return entry;
}

static void users_and_groups(void **state)
{
    (void)state;
    static const struct {
        const char *flavour, *classes, *attribute, *value;
        bool user, group, disabled;
    } table[] = {
        { "openldap", "top inetOrgPerson", "uid", "jane", true, false, false },
        { "openldap", "inetOrgPerson", "mail", "contact@example.org", true, false, false }, // a contact
        { "openldap", "account posixAccount", "uid", "jane", true, false, false },
        { "openldap", "person", "cn", "Jane", true, false, false },
        { "openldap", "account posixAccount sambaSamAccount", "uid", "pc17$", false, false, false },
        { "openldap", "groupOfNames", "cn", "g", false, true, false },
        { "openldap", "groupOfUniqueNames", "cn", "g", false, true, false },
        { "openldap", "posixGroup", "cn", "g", false, true, false },
        { "openldap", "groupOfNames posixGroup", "cn", "g", false, true, false },
        { "openldap", "organizationalUnit", "ou", "x", false, false, false },
        { "openldap", "organizationalRole simpleSecurityObject", "cn", "x", false, false, false },
        { "rfc2307", "account posixAccount shadowAccount", "uid", "jane", true, false, false },
        { "rfc2307", "posixGroup", "cn", "g", false, true, false },
        { "389ds", "nsPerson nsAccount nsOrgPerson posixAccount", "uid", "jane", true, false, false },
        { "389ds", "inetOrgPerson", "nsAccountLock", "true", true, false, true },
        { "389ds", "inetOrgPerson", "nsAccountLock", "false", true, false, false },
        { "389ds", "groupOfNames nsMemberOf", "cn", "g", false, true, false },
        { "ad", "top person organizationalPerson user", "userAccountControl", "512", true, false, false },
        { "ad", "top person organizationalPerson user", "userAccountControl", "514", true, false, true },
        { "ad", "top person organizationalPerson user computer", "userAccountControl", "4096", false, false,
          false },
        { "ad", "top person organizationalPerson contact", "mail", "a@example.org", true, false, false },
        { "ad", "top group", "cn", "g", false, true, false },
        { "ad", "top organizationalUnit", "ou", "x", false, false, false },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct error err = { 0 };
        struct flavour *flavour = flavour_new(ctx, table[i].flavour, NULL, &err);
        if (flavour == NULL)
            fail_msg("%s: %s", table[i].flavour, err.text);
        struct entry *entry = make(ctx, "cn=x", table[i].classes, table[i].attribute, table[i].value);
        if (flavour_is_user(flavour, entry) != table[i].user ||
            flavour_is_group(flavour, entry) != table[i].group)
            fail_msg("%s %s", table[i].flavour, table[i].classes);
        bool disabled = flavour->disabled_when != NULL && filter_matches(flavour->disabled_when, entry);
        assert_int_equal(disabled, table[i].disabled);
        assert_false(flavour_is_user(flavour, NULL));
        talloc_free(ctx);
    }
}

static void detection(void **state)
{
    (void)state;
    static const struct {
        const char *attribute, *value, *flavour;
    } table[] = {
        { "supportedCapabilities", "1.2.840.113556.1.4.800", "ad" },
        { "rootDomainNamingContext", "DC=samba,DC=test", "ad" },
        { "vendorName", "389 Project", "389ds" },
        { "vendorVersion", "389-Directory/2.3.1 B2023.001.0000", "389ds" },
        { "vendorName", "Apache Software Foundation", "openldap" },
        { "objectClass", "OpenLDAProotDSE", "openldap" },
        { "namingContexts", "dc=x", "openldap" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct entry *entry = entry_new(NULL, NULL, "");
        entry_add_text(entry, table[i].attribute, table[i].value);
        assert_string_equal(flavour_detect(entry), table[i].flavour);
        talloc_free(entry);
    }
}

static void links(void **state)
{
    (void)state;
    struct flavour *flavour = flavour_new(NULL, "openldap", NULL, NULL);
    static const char *const yes[] = { "member",  "uniqueMember", "memberUid", "owner",
                                       "manager", "secretary",    "seeAlso" };
    static const char *const no[] = { "uid",           "cn",           "mail",
                                      "modifiersName", "creatorsName", "pwdPolicySubentry",
                                      "memberOf",      "entryUUID",    "objectClass" };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(flavour_is_link(flavour, yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(flavour_is_link(flavour, no[i]));
    talloc_free(flavour);
}

static void overrides(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    char *names[] = { (char *)"ManagedBy", (char *)"x-Owner", NULL };
    struct config_map map = { .role = (char *)"owner", .attributes = { names, 2 } };
    struct config_directory config = { .map = &map,
                                       .map_count = 1,
                                       .user_filter = (char *)"(objectClass=robot)",
                                       .disabled_when = (char *)"(employeeType=gone)" };
    struct error err = { 0 };
    struct flavour *flavour = flavour_new(ctx, "openldap", &config, &err);
    assert_non_null(flavour);
    assert_true(flavour_has(flavour, ROLE_OWNER, "managedBy"));
    assert_true(flavour_has(flavour, ROLE_OWNER, "x-owner"));
    assert_false(flavour_has(flavour, ROLE_OWNER, "owner"));
    assert_true(flavour_is_link(flavour, "x-owner"));
    assert_true(flavour_is_user(flavour, make(ctx, "cn=x", "robot", NULL, NULL)));
    assert_false(flavour_is_user(flavour, make(ctx, "cn=x", "inetOrgPerson", NULL, NULL)));
    assert_true(filter_matches(flavour->disabled_when, make(ctx, "cn=x", "robot", "employeeType", "Gone")));
    assert_string_equal(flavour->user_text, "(objectClass=robot)");
    assert_non_null(strstr(flavour_describe(ctx, flavour), "owner=managedBy,x-owner"));

    map.role = (char *)"ownr";
    assert_null(flavour_new(ctx, "openldap", &config, &err));
    assert_non_null(strstr(err.text, "did you mean owner?"));
    map.role = (char *)"owner";
    names[0] = (char *)"userPassword";
    assert_null(flavour_new(ctx, "openldap", &config, &err));
    assert_non_null(strstr(err.text, "secrets"));
    names[0] = (char *)"owner";
    config.group_filter = (char *)"(x";
    assert_null(flavour_new(ctx, "openldap", &config, &err));
    assert_non_null(strstr(err.text, "group_filter: "));
    assert_null(flavour_new(ctx, "auto", NULL, &err));
    assert_non_null(strstr(err.text, "auto"));
    talloc_free(ctx);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *dn, *attribute, *value, *name;
    } table[] = {
        { "uid=jane,dc=x", "displayName", "Jane Doe", "Jane Doe" },
        { "uid=jane,dc=x", "cn", "Jane", "Jane" },
        { "uid=jane,dc=x", "sn", "Doe", "jane" },
        { "uid=jane,dc=x", "displayName", "", "jane" },
        { "uid=jane,dc=x", "displayName", "  ", "jane" },
        { "cn=Doe\\, Jane,dc=x", "sn", "Doe", "Doe, Jane" },
        { "uid=jane,dc=x", "displayName", "a\r\nBcc: b", "a Bcc: b" },
    };
    struct flavour *flavour = flavour_new(NULL, "openldap", NULL, NULL);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct entry *entry = make(flavour, table[i].dn, "person", table[i].attribute, table[i].value);
        assert_string_equal(flavour_display_name(flavour, flavour, entry), table[i].name);
    }
    char *large = talloc_zero_array(flavour, char, 10001);
    memset(large, 'x', 10000);
    struct entry *entry = make(flavour, "uid=x", "person", "displayName", large);
    assert_true(strlen(flavour_display_name(flavour, flavour, entry)) <= 203);
    for (int role = 0; role < ROLE_COUNT; role++)
        assert_int_equal(flavour_role_from_name(flavour_role_name((enum flavour_role)role)), role);
    assert_int_equal(flavour_role_from_name("nonsense"), -1);
    talloc_free(flavour);
}

static void view_hashes(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    const char *attributes[] = { "cn", "mail", NULL };
    struct view view = { "cn=x", "dc=x", "(a=b)", attributes, 2, "openldap" };
    char *first = view_hash(ctx, &view);
    assert_int_equal(strlen(first), 16);
    assert_string_equal(view_hash(ctx, &view), first);
    struct view others[5] = { view, view, view, view, view };
    others[0].bind_dn = NULL;
    others[1].base = "dc=y";
    others[2].filter = "(a=c)";
    others[3].attribute_count = 1;
    others[4].flavour = "openldap owner=managedBy";
    for (int i = 0; i < 5; i++)
        assert_string_not_equal(view_hash(ctx, &others[i]), first);
    talloc_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_and_groups), cmocka_unit_test(detection), cmocka_unit_test(links),
        cmocka_unit_test(overrides), cmocka_unit_test(names), cmocka_unit_test(view_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
