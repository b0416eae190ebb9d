// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "language.h"

static const struct {
    const char *wanted, *result;
} cases[] = {
    { NULL, "" },
    { "", "" },
    { "en", "en" },
    { "de-AT", "de-AT de" },
    { "de_AT", "de-AT de" },
    { "de-DE,de;q=0.9", "de-DE de" },
    { "en;q=0.5, fr", "fr en" },
    { "da, en-gb;q=0.8, en;q=0.7", "da en-gb en" },
    { "en;q=0.1,de;q=0.10,fr;q=0.101", "fr en de" },
    { "de;q=0,en", "en" },
    { "de;q=0.000,en", "en" },
    { "*", "" },
    { "*;q=0.5, it", "it" },
    { "zh-Hant-TW", "zh-Hant-TW zh-Hant zh" },
    { "de-x-private", "de-x-private de" },
    { "de ; q = 0.3 , en", "de en" },
    { " \t de\t,\ten ", "de en" },
    { "de,DE,De", "de" },
    { ",,;,;q=,de,", "de" },
    { "../../etc", "" },
    { "d", "" },
    { "-de", "" },
    { "de-", "" },
    { "de--at", "" },
    { "toolongsubtag", "" },
    { "de\r\nX: y, en", "en" },
    { "\xff\xfe, en", "en" },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct language_list list = { .count = 0 };
        char text[1024] = "";
        language_list_add(&list, cases[i].wanted);
        for (size_t j = 0; j < list.count; j++) {
            strcat(text, j > 0 ? " " : "");
            strcat(text, list.tags[j]);
        }
        assert_string_equal(text, cases[i].result);
        assert_null(list.tags[list.count]);
    }
}

static void test_order_of_wishes(void **state)
{
    (void)state;
    struct language_list list = { .count = 0 };
    language_list_add(&list, "de-AT");
    language_list_add(&list, "de, fr");
    language_list_add(&list, "en");
    assert_int_equal(list.count, 4);
    assert_string_equal(list.tags[0], "de-AT");
    assert_string_equal(list.tags[1], "de");
    assert_string_equal(list.tags[2], "fr");
    assert_string_equal(list.tags[3], "en");
}

static void test_too_many(void **state)
{
    (void)state;
    char wanted[4096] = "";
    for (int i = 0; i < 300; i++)
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "a%c-%d,", 'a' + i % 26, i);
    struct language_list list = { .count = 0 };
    for (int i = 0; i < 10; i++)
        language_list_add(&list, wanted + i);
    assert_int_equal(list.count, LANGUAGE_TAGS_MOST);
    assert_null(list.tags[LANGUAGE_TAGS_MOST]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_order_of_wishes),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
