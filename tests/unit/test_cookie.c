// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "source/cookie.h"

#define T1 "20261120100000.000001Z"
#define T2 "20261120100000.000002Z"
#define T3 "20261120100001.000000Z"
#define CSN(time, sid) time "#000000#" sid "#000000"

static void assert_text(const char *what, char *got, const char *expected)
{
    if ((got == NULL) != (expected == NULL) || (got && strcmp(got, expected) != 0))
        fail_msg("%s: got \"%s\", expected \"%s\"", what, got ? got : "(none)",
                 expected ? expected : "(none)");
    talloc_free(got);
}

static void test_merge(void **state)
{
    (void)state;
    static const struct {
        const char *what, *ours, *theirs, *merged;
    } table[] = {
        { "nothing", NULL, NULL, NULL },
        { "first cookie", NULL, "rid=001,csn=" CSN(T1, "000"), "rid=001,csn=" CSN(T1, "000") },
        { "sid is stripped", NULL, "rid=001,sid=002,csn=" CSN(T1, "002"), "rid=001,csn=" CSN(T1, "002") },
        { "delcsn is left out", NULL, "rid=001,csn=" CSN(T1, "002") ",delcsn=" CSN(T2, "002"),
          "rid=001,csn=" CSN(T1, "002") },
        { "a persist cookie carries one SID", "rid=001,csn=" CSN(T1, "001") ";" CSN(T1, "002"),
          "rid=001,sid=001,csn=" CSN(T2, "002"), "rid=001,csn=" CSN(T1, "001") ";" CSN(T2, "002") },
        { "a new SID is added in order", "rid=001,csn=" CSN(T1, "002"), "rid=001,csn=" CSN(T2, "001"),
          "rid=001,csn=" CSN(T2, "001") ";" CSN(T1, "002") },
        { "never backwards", "rid=001,csn=" CSN(T3, "001"), "rid=001,csn=" CSN(T1, "001"),
          "rid=001,csn=" CSN(T3, "001") },
        { "the count decides within one microsecond", "rid=001,csn=" T1 "#000000#001#000000",
          "rid=001,csn=" T1 "#00000a#001#000000", "rid=001,csn=" T1 "#00000a#001#000000" },
        { "hex in either case", "rid=001,csn=" T1 "#00000B#00A#000000",
          "rid=001,csn=" T1 "#00000a#00a#000000", "rid=001,csn=" T1 "#00000b#00a#000000" },
        { "rid stays ours", "rid=007,csn=" CSN(T1, "001"), "rid=001,csn=" CSN(T2, "001"),
          "rid=007,csn=" CSN(T2, "001") },
        { "rid is added", NULL, "csn=" CSN(T1, "001"), "rid=000,csn=" CSN(T1, "001") },
        { "short rid", NULL, "rid=1,csn=" CSN(T1, "001"), "rid=001,csn=" CSN(T1, "001") },
        { "no CSN at all", NULL, "rid=001", NULL },
        { "empty csn", NULL, "rid=001,csn=", NULL },
        { "empty", "rid=001,csn=" CSN(T1, "001"), "", "rid=001,csn=" CSN(T1, "001") },
        { "their cookie is malformed", "rid=001,csn=" CSN(T1, "001"), "rid=001,csn=nonsense",
          "rid=001,csn=" CSN(T1, "001") },
        { "our cookie is malformed", "what", "rid=002,csn=" CSN(T1, "001"), "rid=002,csn=" CSN(T1, "001") },
        { "both are malformed", "what", "ever", NULL },
        { "the same SID twice", NULL, "rid=001,csn=" CSN(T1, "001") ";" CSN(T2, "001") ";" CSN(T1, "001"),
          "rid=001,csn=" CSN(T2, "001") },
        { "unknown keys", NULL, "rid=001,new=thing,csn=" CSN(T1, "001"), "rid=001,csn=" CSN(T1, "001") },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        assert_text(table[i].what, cookie_merge(NULL, table[i].ours, table[i].theirs), table[i].merged);
}

static void test_send(void **state)
{
    (void)state;
    assert_text("nothing stored", cookie_to_send(NULL, NULL), NULL);
    assert_text("cannot resume", cookie_to_send(NULL, ""), NULL);
    assert_text("stored by us", cookie_to_send(NULL, "rid=000,csn=" CSN(T1, "001")),
                "rid=000,csn=" CSN(T1, "001"));
    assert_text("sid and no rid", cookie_to_send(NULL, "sid=001,csn=" CSN(T1, "001")),
                "rid=000,csn=" CSN(T1, "001"));
    assert_text("another server's", cookie_to_send(NULL, "host:389#cn=x:dc=y:(objectClass=*)#42"), NULL);
}

static void test_sound(void **state)
{
    (void)state;
    static const struct {
        const char *cookie;
        bool sound;
    } table[] = {
        { NULL, false },
        { "", false },
        { "rid=001", false },
        { "rid=001,csn=", false },
        { "csn=" CSN(T1, "001"), false }, // without rid: a silent full reload
        { "rid=001,csn=" CSN(T1, "001"), true },
        { "rid=001,sid=001,csn=" CSN(T1, "001") ";" CSN(T1, "002"), true },
        { "csn=" CSN(T1, "001") ",rid=001", true },
        { "rid=1000,csn=" CSN(T1, "001"), false },
        { "rid=-01,csn=" CSN(T1, "001"), false },
        { "rid=,csn=" CSN(T1, "001"), false },
        { "rid=001,csn=" CSN(T1, "001") ",", false },
        { "rid=001,csn=" CSN(T1, "001") ";;" CSN(T1, "002"), false },
        { "rid=001,csn=" CSN(T1, "001") "0", false },
        { "rid=001,csn=" CSN(T1, "00g"), false },
        { "rid=001,csn=20261120100000Z#000000#00#000000", false }, // before OpenLDAP 2.4
        { "rid=001,=x,csn=" CSN(T1, "001"), false },
        { "rid=001,x,csn=" CSN(T1, "001"), false },
        { ",rid=001,csn=" CSN(T1, "001"), false },
        { "localhost:389#cn=x:dc=example:(objectClass=*)#12", false }, // 389-DS
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (cookie_is_sound(table[i].cookie) != table[i].sound)
            fail_msg("\"%s\" is taken for %s", table[i].cookie, table[i].sound ? "unsound" : "sound");
    }
}

static void test_regression(void **state)
{
    (void)state;
    static const struct {
        const char *what, *ours, *theirs, *sid;
    } table[] = {
        { "no cookie of ours", NULL, "rid=001,csn=" CSN(T1, "001"), NULL },
        { "the same", "rid=001,csn=" CSN(T1, "001"), "rid=001,csn=" CSN(T1, "001"), NULL },
        { "newer", "rid=001,csn=" CSN(T1, "001"), "rid=001,csn=" CSN(T2, "001"), NULL },
        { "one more SID", "rid=001,csn=" CSN(T1, "001"), "rid=001,csn=" CSN(T1, "001") ";" CSN(T1, "002"),
          NULL },
        { "backwards", "rid=001,csn=" CSN(T2, "001"), "rid=001,csn=" CSN(T1, "001"), "001" },
        { "one of two backwards", "rid=001,csn=" CSN(T1, "001") ";" CSN(T2, "00a"),
          "rid=001,csn=" CSN(T3, "001") ";" CSN(T1, "00a"), "00a" },
        { "a SID is missing", "rid=001,csn=" CSN(T1, "001") ";" CSN(T1, "002"), "rid=001,csn=" CSN(T3, "001"),
          "002" },
        { "their cookie is malformed", "rid=001,csn=" CSN(T1, "003"), "what", "003" },
        { "no cookie of theirs", "rid=001,csn=" CSN(T1, "003"), NULL, "003" },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        assert_text(table[i].what, cookie_regression(NULL, table[i].ours, table[i].theirs), table[i].sid);
}

static void test_behind(void **state)
{
    (void)state;
    const char *cookie = "rid=001,csn=" CSN(T2, "001") ";" CSN(T2, "002");
    const char *same[] = { CSN(T2, "001"), CSN(T2, "002") };
    const char *older[] = { CSN(T1, "001") };
    const char *newer[] = { CSN(T2, "001"), CSN(T3, "002") };
    const char *unknown[] = { CSN(T1, "003") };
    const char *malformed[] = { "", "20261120" };

    assert_false(cookie_is_behind(cookie, same, 2));
    assert_false(cookie_is_behind(cookie, older, 1));
    assert_true(cookie_is_behind(cookie, newer, 2));
    assert_true(cookie_is_behind(cookie, unknown, 1));
    assert_false(cookie_is_behind(cookie, malformed, 2));
    assert_false(cookie_is_behind(cookie, NULL, 0));
    assert_true(cookie_is_behind(NULL, older, 1));
}

static void test_past(void **state)
{
    (void)state;
    const char *cookie = "rid=001,csn=" CSN(T2, "001");
    static const struct {
        const char *csn;
        bool past;
    } table[] = {
        { CSN(T1, "001"), true },  { CSN(T2, "001"), false }, { CSN(T3, "001"), false },
        { CSN(T1, "002"), false }, { "nonsense", false },     { "", false },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        assert_int_equal(cookie_is_past(cookie, table[i].csn, strlen(table[i].csn)), table[i].past);
    assert_false(cookie_is_past(NULL, CSN(T1, "001"), 40));
    assert_false(cookie_is_past("nonsense", CSN(T1, "001"), 40));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),      cmocka_unit_test(test_send),   cmocka_unit_test(test_sound),
        cmocka_unit_test(test_regression), cmocka_unit_test(test_behind), cmocka_unit_test(test_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
