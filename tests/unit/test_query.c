// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/control/query.h"

static void test_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *value;
    } rows[] = {
        { NULL, "limit", NULL },
        { "", "limit", NULL },
        { "limit=", "limit", NULL },
        { "limit=5", "limit", "5" },
        { "event=group.*&limit=5", "event", "group.*" },
        { "text=a%20b%26c%3D", "text", "a b&c=" },
        { "text=a+b", "text", "a b" },
        { "text=%C3%A9", "text", "\xC3\xA9" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct query *query = query_parse(NULL, rows[i].text);
        const char *value = query ? query_text(query, rows[i].name) : "unreadable";
        if ((value == NULL) != (rows[i].value == NULL) || (value && strcmp(value, rows[i].value) != 0))
            fail_msg("%s gives %s", rows[i].text, value ? value : "nothing");
        talloc_free(query);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        int64_t limit;
    } rows[] = {
        { "", 0, 7 },           { "limit=12", 0, 12 },    { "limit=0", 0, 0 },      { "limit=-1", -1, 0 },
        { "limit=x", -1, 0 },   { "limit=1e3", -1, 0 },   { "limit=%201", -1, 0 },  { "before=x", -1, 0 },
        { "since=0x1", -1, 0 }, { "text=x", 0, 7 },       { "limit=999999999999999999", 0, 999999999999999999 },
        { "limit=9999999999999999999", -1, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = { 0 };
        struct query *query = query_parse(NULL, rows[i].text);
        assert_non_null(query);
        if (query_check(query, &err) != rows[i].result)
            fail_msg("%s: %s", rows[i].text, err.text);
        if (rows[i].result == 0)
            assert_int_equal(query_number(query, "limit", 7), rows[i].limit);
        else
            assert_int_equal(err.code, 400);
        talloc_free(query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_parameters), cmocka_unit_test(test_numbers) };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
