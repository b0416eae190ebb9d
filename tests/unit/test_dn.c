// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "directory/delta.h"
#include "directory/dn.h"

static char *normal(TALLOC_CTX *ctx, const char *dn)
{
    struct error err = { 0 };
    char *result = dn_normalize(ctx, dn, strlen(dn), &err);
    if (result == NULL)
        print_message("%s: %s\n", dn, err.text);
    return result;
}

static void normal_form(void **state)
{
    (void)state;
    static const struct {
        const char *dn, *normal;
    } table[] = {
        { "", "" },
        { "dc=com", "dc=com" },
        { "UID=Jane,OU=People,DC=Example,DC=Com", "uid=jane,ou=people,dc=example,dc=com" },
        { "userid=jane,organizationalUnitName=x,domainComponent=y", "uid=jane,ou=x,dc=y" },
        { "2.5.4.3=Jane,0.9.2342.19200300.100.1.25=y", "cn=jane,dc=y" },
        { "gn=A,dc=y", "givenname=a,dc=y" },
        { "cn=Jane  Doe ,  dc=x", "cn=jane doe,dc=x" },
        { "cn = Jane Doe,dc=x", "cn=jane doe,dc=x" },
        { "cn=Jane Doe;dc=x", "cn=jane doe,dc=x" },
        { "cn=\\20Jane\\20\\20Doe\\20,dc=x", "cn=jane doe,dc=x" },
        { "cn=Doe\\, Jane,dc=x", "cn=doe\\2c jane,dc=x" },
        { "cn=Doe\\2C Jane,dc=x", "cn=doe\\2c jane,dc=x" },
        { "cn=\"Doe, Jane\",dc=x", "cn=doe\\2c jane,dc=x" },
        { "cn=\\23 1,dc=x", "cn=\\23 1,dc=x" },
        { "cn=C#,dc=x", "cn=c#,dc=x" },
        { "cn=a=b,dc=x", "cn=a=b,dc=x" },
        { "cn=a\\3db,dc=x", "cn=a=b,dc=x" },
        { "cn=a\\+b\\<c\\>\\\\,dc=x", "cn=a\\2bb\\3cc\\3e\\5c,dc=x" },
        { "uid=b+cn=A,dc=x", "cn=a+uid=b,dc=x" },
        { "cn=A+uid=b,dc=x", "cn=a+uid=b,dc=x" },
        { "cn=a+cn=a b,dc=x", "cn=a+cn=a b,dc=x" },
        { "cn=J\xc3\x84GER,dc=x", "cn=j\xc3\xa4ger,dc=x" },
        { "cn=Ja\xcc\x88ger,dc=x", "cn=j\xc3\xa4ger,dc=x" },
        { "cn=J\\C3\\84ger,dc=x", "cn=j\xc3\xa4ger,dc=x" },
        { "cn=Stra\xc3\x9f" "e,dc=x", "cn=stra\xc3\x9f" "e,dc=x" },
        { "cn=\xe2\x84\xa1\xef\xbc\x8c,dc=x", "cn=tel\\2c,dc=x" },
        { "cn=a\xc2\xa0 b,dc=x", "cn=a b,dc=x" },
        { "cn=\\ff\\fe,dc=x", "cn=\\ff\\fe,dc=x" },
        { "cn=a\\00b,dc=x", "cn=a\\00b,dc=x" },
        { "cn=a\\0Ab\\07,dc=x", "cn=a b\\07,dc=x" },
        { "cn=#04024869,dc=x", "cn=#04024869,dc=x" },
        { "cn=#04024A6B,dc=x", "cn=#04024a6b,dc=x" },
        { "cn=,dc=x", "cn=,dc=x" },
        { "homeDirectory=/Home/A,dc=x", "homedirectory=/Home/A,dc=x" },
        { "homeDirectory=/Home/\\41,dc=x", "homedirectory=/Home/A,dc=x" },
        { "xyzzy-1=A,dc=x", "xyzzy-1=a,dc=x" },
        { "CN=Deleted\\0ADEL:6a3b1c5e-0000-4000-8000-000000000001,CN=Deleted Objects,DC=x",
          "cn=deleted del:6a3b1c5e-0000-4000-8000-000000000001,cn=deleted objects,dc=x" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        char *got = normal(ctx, table[i].dn);
        if (got == NULL || strcmp(got, table[i].normal) != 0)
            fail_msg("%s: got %s, not %s", table[i].dn, got != NULL ? got : "nothing", table[i].normal);
        assert_string_equal(normal(ctx, got), got);
        uint64_t hash = 0;
        struct dn_scratch *scratch = dn_scratch_new(ctx);
        assert_int_equal(dn_hash(scratch, table[i].dn, strlen(table[i].dn), &hash, NULL), 0);
        assert_true(hash == hash_bytes(got, strlen(got)));
        talloc_free(ctx);
    }
}

static void no_names(void **state)
{
    (void)state;
    static const char *const table[] = {
        "jane",      "=jane",      "uid=jane,",   ",dc=x",        "uid=jane,,dc=x", "uid=a\\",
        "uid=a\\zz", "cn=#0,dc=x", "cn=#zz,dc=x", "uid=a<b,dc=x", "cn=\"a,dc=x",    " ",
        "uid",       "(uid=jane)", "uid jane=x",  "-=x",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct error err = { 0 };
        char *got = dn_normalize(NULL, table[i], strlen(table[i]), &err);
        if (got != NULL)
            fail_msg("%s was taken for a DN: %s", table[i], got);
        assert_non_null(strstr(err.text, "not a distinguished name"));
        uint64_t hash;
        struct dn_scratch *scratch = dn_scratch_new(NULL);
        assert_int_equal(dn_hash(scratch, table[i], strlen(table[i]), &hash, NULL), -1);
        talloc_free(scratch);
    }
    assert_null(dn_normalize(NULL, "dc=a\0b", 6, NULL));
}

static void different_names_differ(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        { "cn=a,dc=x", "cn=b,dc=x" },
        { "cn=a,dc=x", "uid=a,dc=x" },
        { "cn=a\\,dc=x", "cn=a,dc=x" },
        { "cn=stra\xc3\x9f" "e,dc=x", "cn=strasse,dc=x" },
        { "cn=a b,dc=x", "cn=ab,dc=x" },
        { "cn=a+uid=b,dc=x", "cn=a,uid=b,dc=x" },
        { "homeDirectory=/A,dc=x", "homeDirectory=/a,dc=x" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        assert_string_not_equal(normal(ctx, table[i][0]), normal(ctx, table[i][1]));
        talloc_free(ctx);
    }
}

// The same name on both paths: one escaped octet sends it down the slow one.
static void paths_agree(void **state)
{
    (void)state;
    static const char *const table[] = {
        "uid=jane.doe,ou=People,dc=example,dc=com", "CN=Jane Doe (EXT),OU=Users & Co,DC=corp,DC=example",
        "cn=a-b_c!$%&'()*./:?@[]^`{|}~,dc=x", "homeDirectory=/Home/Jane,dc=x", "c=DE", "cn=1,cn=2,cn=3,dc=x",
        "street=Main St 5,l=X,st=Y,o=Z",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        const char *equals = strchr(table[i], '=');
        char *escaped = talloc_asprintf(ctx, "%.*s\\%02x%s", (int)(equals - table[i] + 1), table[i],
                                        equals[1], equals + 2);
        assert_string_equal(normal(ctx, escaped), normal(ctx, table[i]));
        talloc_free(ctx);
    }
}

static void parents(void **state)
{
    (void)state;
    static const struct {
        const char *dn, *parent; // as written
        size_t rdn;
        const char *value;
    } table[] = {
        { "uid=jd,ou=x,dc=y", "ou=x,dc=y", 6, "jd" },
        { "uid=jd, ou=x", "ou=x", 6, "jd" },
        { "cn=Doe\\, Jane,dc=y", "dc=y", 13, "Doe, Jane" },
        { "cn=\"Doe, Jane\",dc=y", "dc=y", 14, "Doe, Jane" },
        { "cn=a\\2cb+uid=c,dc=y", "dc=y", 14, "a,b" },
        { "cn=J\\C3\\A4ger,dc=y", "dc=y", 13, "J\xc3\xa4ger" },
        { "cn=#0401,dc=y", "dc=y", 8, "cn=#0401" },
        { "dc=com", "", 6, "com" },
        { "cn=", "", 3, "" },
        { "", "", 0, "" },
        { "nonsense", "", 8, "nonsense" },
        { "a\\", "", 2, "a\\" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        assert_string_equal(dn_parent(table[i].dn), table[i].parent);
        assert_int_equal(dn_rdn_length(table[i].dn), table[i].rdn);
        assert_string_equal(dn_rdn_value(ctx, table[i].dn), table[i].value);
        talloc_free(ctx);
    }
    struct dn_scratch *scratch = dn_scratch_new(NULL);
    uint64_t hash, parent, other;
    assert_int_equal(dn_hash(scratch, "uid=a,OU=b\\20c", 14, &hash, &parent), 0);
    assert_int_equal(dn_hash(scratch, "ou=B C", 6, &other, NULL), 0);
    assert_true(parent == other && hash != other);
    assert_int_equal(dn_hash(scratch, "uid=a,OU=b c", 12, &hash, &parent), 0);
    assert_true(parent == other);
    assert_int_equal(dn_hash(scratch, "dc=com", 6, &hash, &parent), 0);
    assert_true(parent == 0);
    assert_int_equal(dn_hash(scratch, "", 0, &hash, &parent), 0);
    assert_true(parent == 0 && hash == hash_bytes("", 0));
    talloc_free(scratch);
}

static void within(void **state)
{
    (void)state;
    assert_true(dn_is_within("uid=a,dc=x", "dc=x"));
    assert_true(dn_is_within("dc=x", "dc=x"));
    assert_true(dn_is_within("dc=x", ""));
    assert_false(dn_is_within("dc=x", "uid=a,dc=x"));
    assert_false(dn_is_within("uid=adc=x", "dc=x"));
    assert_false(dn_is_within("uid=a\\2cdc=x", "dc=x"));
    assert_false(dn_is_within("uid=a,dc=y", "dc=x"));
}

static void uids(void **state)
{
    (void)state;
    assert_true(link_uid_hash("jane", 4) == link_uid_hash("JANE", 4));
    assert_true(link_uid_hash("J\xc3\x84", 3) == link_uid_hash("j\xc3\xa4", 3));
    assert_true(link_uid_hash("jane", 4) != link_uid_hash("jan", 3));
    assert_true(link_uid_hash("dc=x", 4) != hash_bytes("dc=x", 4));
}

// A scratch remembers the last parent; no name may come out differently for it.
static void scratch_with_a_past(void **state)
{
    (void)state;
    static const char *const names[] = {
        "uid=a,ou=People,dc=x",  "uid=b,ou=People,dc=x",    "uid=b,ou=people,dc=x",    "UID=B,ou=People,dc=x",
        "ou=People,dc=x",        "uid=b,ou=People, dc=x",   "uid=b,OU=People,dc=x",    "uid=a\\,b,ou=People,dc=x",
        "uid=b,ou=People,dc=x ", "uid=b+cn=c,ou=People,dc=x", "uid=b,ou=People,dc=xx", "uid=b,ou=Peopl,dc=x",
        "dc=x",                  "",                        "ou=b,dc=x",               "uid=b,xou=People,dc=x",
        "uid=b,",                "uid=c,dc=x",              "uid=c,ou=b,dc=x",
    };
    size_t count = sizeof names / sizeof *names;
    struct dn_scratch *used = dn_scratch_new(NULL);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            uint64_t hash = 0, parent = 0, wanted = 0, wanted_parent = 0, ignored;
            struct dn_scratch *fresh = dn_scratch_new(NULL);
            (void)!dn_hash(used, names[i], strlen(names[i]), &ignored, NULL);
            int result = dn_hash(used, names[j], strlen(names[j]), &hash, &parent);
            assert_int_equal(dn_hash(fresh, names[j], strlen(names[j]), &wanted, &wanted_parent), result);
            assert_true(hash == wanted);
            assert_true(parent == wanted_parent);
            talloc_free(fresh);
        }
    talloc_free(used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_form), cmocka_unit_test(no_names), cmocka_unit_test(different_names_differ),
        cmocka_unit_test(paths_agree), cmocka_unit_test(parents),  cmocka_unit_test(within),
        cmocka_unit_test(uids),
        cmocka_unit_test(scratch_with_a_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
