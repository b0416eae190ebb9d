// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "directory/filter.h"

static struct entry *jane(TALLOC_CTX *ctx)
{
    struct entry *entry = entry_new(ctx, NULL, "uid=jane,ou=People,dc=example");
    entry_add_text(entry, "objectClass", "top");
    entry_add_text(entry, "objectClass", "inetOrgPerson");
    entry_add_text(entry, "uid", "jane");
    entry_add_text(entry, "cn", "Jane  Doe");
    entry_add_text(entry, "cn", "J\xc3\xa4ne (the) *star* \\o/");
    entry_add_text(entry, "uidNumber", "1000");
    entry_add_text(entry, "gidNumber", "-5");
    entry_add_text(entry, "userAccountControl", "514");
    entry_add_text(entry, "groupType", "-2147483646");
    entry_add_text(entry, "pwdChangedTime", "20240102030405Z");
    entry_add_text(entry, "pwdReset", "TRUE");
    entry_add_text(entry, "nsAccountLock", "true");
    entry_add_text(entry, "manager", "UID=Boss, OU=People, DC=example");
    entry_add_text(entry, "homeDirectory", "/Home/Jane");
    entry_add_text(entry, "memberUid", "Jane");
    entry_add_text(entry, "shadowMax", "nonsense");
    entry_add_text(entry, "owner", "nonsense");
    entry_add(entry, "objectGUID", "\x00\x01*", 3);
    return entry;
}

static void evaluation(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        enum filter_result result;
    } table[] = {
        { "(uid=jane)", FILTER_TRUE },
        { "(UserID=JANE)", FILTER_TRUE },
        { "(uid=joe)", FILTER_FALSE },
        { "(mail=*)", FILTER_FALSE },
        { "(!(mail=*))", FILTER_TRUE },
        { "(!(mail=a))", FILTER_TRUE },
        { "(cn=*)", FILTER_TRUE },
        { "(cn=jane doe)", FILTER_TRUE },
        { "(cn= Jane   Doe )", FILTER_TRUE },
        { "(cn~=jane doe)", FILTER_TRUE },
        { "(cn=j\xc3\x84ne \\28the\\29 \\2astar\\2A \\5co/)", FILTER_TRUE },
        { "(cn=*\\2astar\\2a*)", FILTER_TRUE },
        { "(cn=*\\2amoon\\2a*)", FILTER_FALSE },
        { "(cn=jane*)", FILTER_TRUE },
        { "(cn=doe*)", FILTER_FALSE },
        { "(cn=*DOE)", FILTER_TRUE },
        { "(cn=*jane)", FILTER_FALSE },
        { "(cn=j*n*d*e)", FILTER_TRUE },
        { "(cn=j*d*n*e)", FILTER_FALSE },
        { "(uid=ja*ne)", FILTER_TRUE },
        { "(uid=jan*ane)", FILTER_FALSE },
        { "(uid=**)", FILTER_TRUE },
        { "(uid=jane*jane)", FILTER_FALSE },
        { "(cn=jane *)", FILTER_TRUE },
        { "(uid>=jan)", FILTER_TRUE },
        { "(uid>=jb)", FILTER_FALSE },
        { "(uid<=jb)", FILTER_TRUE },
        { "(uidNumber=1000)", FILTER_TRUE },
        { "(uidNumber=01000)", FILTER_TRUE },
        { "(uidNumber>=999)", FILTER_TRUE },
        { "(uidNumber>=1001)", FILTER_FALSE },
        { "(uidNumber<=99999999999999999999999)", FILTER_TRUE },
        { "(uidNumber>=-3)", FILTER_TRUE },
        { "(gidNumber<=-4)", FILTER_TRUE },
        { "(gidNumber<=-6)", FILTER_FALSE },
        { "(gidNumber<=0)", FILTER_TRUE },
        { "(uidNumber=ten)", FILTER_UNDEFINED },
        { "(uidNumber=1*)", FILTER_UNDEFINED },
        { "(!(uidNumber=ten))", FILTER_UNDEFINED },
        { "(shadowMax=5)", FILTER_UNDEFINED },
        { "(pwdChangedTime=20240102040405+0100)", FILTER_TRUE },
        { "(pwdChangedTime>=20240102030404Z)", FILTER_TRUE },
        { "(pwdChangedTime<=20240102030404Z)", FILTER_FALSE },
        { "(pwdChangedTime>=yesterday)", FILTER_UNDEFINED },
        { "(pwdReset=TRUE)", FILTER_TRUE },
        { "(nsAccountLock=TRUE)", FILTER_TRUE },
        { "(pwdReset=FALSE)", FILTER_FALSE },
        { "(pwdReset=1)", FILTER_UNDEFINED },
        { "(pwdReset>=TRUE)", FILTER_UNDEFINED },
        { "(manager=uid=boss,ou=people,dc=example)", FILTER_TRUE },
        { "(manager=uid=other,ou=people,dc=example)", FILTER_FALSE },
        { "(manager=boss)", FILTER_UNDEFINED },
        { "(manager=uid=b*)", FILTER_UNDEFINED },
        { "(owner=dc=x)", FILTER_UNDEFINED },
        { "(homeDirectory=/Home/Jane)", FILTER_TRUE },
        { "(homeDirectory=/home/jane)", FILTER_FALSE },
        { "(homeDirectory=/Home/*)", FILTER_TRUE },
        { "(memberUid=JANE)", FILTER_TRUE },
        { "(objectGUID=\\00\\01\\2a)", FILTER_TRUE },
        { "(objectGUID=\\00*)", FILTER_TRUE },
        { "(objectClass=inetorgperson)", FILTER_TRUE },
        { "(objectClass=person)", FILTER_TRUE },
        { "(objectClass=group)", FILTER_FALSE },
        { "(userAccountControl:1.2.840.113556.1.4.803:=2)", FILTER_TRUE },
        { "(userAccountControl:1.2.840.113556.1.4.803:=16)", FILTER_FALSE },
        { "(userAccountControl:1.2.840.113556.1.4.803:=514)", FILTER_TRUE },
        { "(userAccountControl:1.2.840.113556.1.4.804:=18)", FILTER_TRUE },
        { "(userAccountControl:1.2.840.113556.1.4.804:=17)", FILTER_FALSE },
        { "(groupType:1.2.840.113556.1.4.803:=2147483648)", FILTER_TRUE },
        { "(userAccountControl:1.2.840.113556.1.4.803:=x)", FILTER_UNDEFINED },
        { "(cn:1.2.840.113556.1.4.803:=2)", FILTER_UNDEFINED },
        { "(memberOf:1.2.840.113556.1.4.1941:=dc=x)", FILTER_UNDEFINED },
        { "(cn:caseExactMatch:=Jane Doe)", FILTER_UNDEFINED },
        { "(:caseIgnoreMatch:=Jane)", FILTER_UNDEFINED },
        { "(cn:=jane doe)", FILTER_TRUE },
        { "(ou:dn:=people)", FILTER_TRUE },
        { "(ou:dn:=things)", FILTER_FALSE },
        { "(ou:=people)", FILTER_FALSE },
        { "(&)", FILTER_TRUE },
        { "(|)", FILTER_FALSE },
        { "(&(uid=jane)(cn=*))", FILTER_TRUE },
        { "(&(uid=jane)(mail=*))", FILTER_FALSE },
        { "(&(uidNumber=ten)(mail=*))", FILTER_FALSE },
        { "(&(uidNumber=ten)(uid=*))", FILTER_UNDEFINED },
        { "(|(uidNumber=ten)(uid=*))", FILTER_TRUE },
        { "(|(uidNumber=ten)(mail=*))", FILTER_UNDEFINED },
        { " (& (uid=jane)\n (!(mail=*) ) ) ", FILTER_TRUE },
        { "(cn;lang-de=jane doe)", FILTER_TRUE },
        { "(cn=)", FILTER_FALSE },
    };
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct entry *entry = jane(ctx);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct error err = { 0 };
        struct filter *filter = filter_parse(ctx, table[i].filter, &err);
        if (filter == NULL)
            fail_msg("%s: %s", table[i].filter, err.text);
        enum filter_result got = filter_evaluate(filter, entry);
        if (got != table[i].result)
            fail_msg("%s: got %d", table[i].filter, got);
        assert_int_equal(filter_matches(filter, entry), got == FILTER_TRUE);
        assert_false(filter_matches(filter, NULL));
    }
    talloc_free(ctx);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *why;
    } table[] = {
        { "", "expected '('" },
        { "uid=jane", "expected '('" },
        { "(uid=jane", "expected ')'" },
        { "(uid=jane))", "more after the end" },
        { "(uid=jane)(cn=x)", "more after the end" },
        { "(uid)", "attribute=value" },
        { "()", "attribute=value" },
        { "(=x)", "attribute name" },
        { "(u id=x)", "attribute name" },
        { "(!)", "exactly one" },
        { "(!(a=b)(c=d))", "exactly one" },
        { "(uid=a\\zz)", "hexadecimal" },
        { "(uid=a\\2)", "hexadecimal" },
        { "(uid=a\\*)", "hexadecimal" },
        { "(uid=a\\", "hexadecimal" },
        { "(uid=a(b)", "\\28" },
        { "(uid>=a*)", "asterisk" },
        { "(:=x)", "neither" },
        { "(:dn:=x)", "neither" },
        { "(cn::=x)", "matching rule" },
        { "(&(uid=a)", "expected ')'" },
        { "(&uid=a)", "expected ')'" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct error err = { 0 };
        struct filter *filter = filter_parse(NULL, table[i].filter, &err);
        if (filter != NULL || strstr(err.text, table[i].why) == NULL)
            fail_msg("%s: %s", table[i].filter, filter != NULL ? "accepted" : err.text);
    }
}

static void depth(void **state)
{
    (void)state;
    static const struct {
        int depth;
        bool good;
    } table[] = { { 1, true }, { 99, true }, { 100, false }, { 200000, false } };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        int n = table[i].depth;
        char *text = talloc_zero_array(ctx, char, (size_t)n * 3 + 8);
        for (int j = 0; j < n; j++)
            memcpy(text + j * 2, "(!", 2);
        memcpy(text + n * 2, "(a=b)", 5);
        memset(text + n * 2 + 5, ')', (size_t)n);
        struct error err = { 0 };
        struct filter *filter = filter_parse(ctx, text, &err);
        assert_int_equal(filter != NULL, table[i].good);
        if (filter != NULL)
            assert_int_equal(filter_matches(filter, jane(ctx)), n % 2 == 1);
        else
            assert_non_null(strstr(err.text, "too deeply"));
        talloc_free(ctx);
    }
}

static void collect(void *context, const char *name)
{
    strcat(context, name);
    strcat(context, " ");
}

static void attributes(void **state)
{
    (void)state;
    char names[200] = "";
    struct filter *filter = filter_parse(
        NULL, "(&(UID=a)(|(commonName=b*)(!(2.5.4.4=*)))(:rule:=x)(ou:dn:=y))", NULL);
    assert_non_null(filter);
    filter_attributes(filter, collect, names);
    assert_string_equal(names, "uid cn sn ou ");
    talloc_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation),
        cmocka_unit_test(refused),
        cmocka_unit_test(depth),
        cmocka_unit_test(attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
