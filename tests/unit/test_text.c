// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"

static void test_duration(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t milliseconds; } good[] = {
        { "0", 0 }, { "0s", 0 }, { "1ms", 1 }, { "250ms", 250 }, { "90s", 90000 }, { "5m", 5 * CLOCK_MINUTE },
        { "2h", 2 * CLOCK_HOUR }, { "3d", 3 * CLOCK_DAY }, { "1w", 7 * CLOCK_DAY }, { "005m", 5 * CLOCK_MINUTE },
        { "9223372036854775807ms", INT64_MAX },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t milliseconds = -1;
        struct error err;
        if (text_parse_duration(good[i].text, &milliseconds, &err) < 0 || milliseconds != good[i].milliseconds)
            fail_msg("%s gave %lld", good[i].text, (long long)milliseconds);
    }
    static const char *const bad[] = { "", "5", "m", "-5m", "+5m", "5 m", " 5m", "5m ", "5M", "5min", "5m30s", "1.5h", "0x5m",
                                       "9223372036854775808ms", "9223372036854775807s", "99999999999999999999s", "1y" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t milliseconds;
        struct error err = { 0 };
        if (text_parse_duration(bad[i], &milliseconds, &err) == 0)
            fail_msg("\"%s\" was taken for %lld", bad[i], (long long)milliseconds);
        assert_non_null(strstr(err.text, "such as \"5m\""));
    }
}

static void test_size(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t bytes; } good[] = {
        { "0", 0 }, { "4096", 4096 }, { "64k", 65536 }, { "64K", 65536 }, { "10M", 10485760 }, { "2G", INT64_C(2147483648) },
        { "1t", INT64_C(1099511627776) }, { "9223372036854775807", INT64_MAX },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t bytes = -1;
        struct error err;
        if (text_parse_size(good[i].text, &bytes, &err) < 0 || bytes != good[i].bytes)
            fail_msg("%s gave %lld", good[i].text, (long long)bytes);
    }
    static const char *const bad[] = { "", "k", "-1", "1kB", "1 k", "1.5M", "9223372036854775808", "9007199254740992k", "1x" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t bytes;
        struct error err;
        if (text_parse_size(bad[i], &bytes, &err) == 0)
            fail_msg("\"%s\" was taken for %lld", bad[i], (long long)bytes);
    }
}

static void test_format_duration(void **state)
{
    (void)state;
    static const struct { int64_t milliseconds; const char *text, *people; } cases[] = {
        { 0, "0", "0 seconds" },
        { 1, "1ms", "1 millisecond" },
        { 1500, "1500ms", "1500 milliseconds" },
        { 3700, "3700ms", "4 seconds" },
        { CLOCK_SECOND, "1s", "1 second" },
        { 90 * CLOCK_SECOND, "90s", "90 seconds" },
        { 5 * CLOCK_MINUTE, "5m", "5 minutes" },
        { CLOCK_HOUR, "1h", "1 hour" },
        { CLOCK_HOUR + 3 * CLOCK_MINUTE + 20 * CLOCK_SECOND, "3800s", "63 minutes" },
        { 25 * CLOCK_HOUR, "25h", "25 hours" },
        { 2 * CLOCK_DAY, "2d", "2 days" },
        { 7 * CLOCK_DAY, "1w", "1 week" },
        { 10 * CLOCK_DAY, "10d", "10 days" },
        { 30 * CLOCK_DAY, "30d", "30 days" },
        { 30 * CLOCK_DAY + CLOCK_HOUR, "721h", "30 days" },
    };
    TALLOC_CTX *ctx = talloc_new(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = text_format_duration(ctx, cases[i].milliseconds);
        int64_t back = -1;
        struct error err;
        assert_string_equal(text, cases[i].text);
        assert_int_equal(text_parse_duration(text, &back, &err), 0);
        assert_int_equal(back, cases[i].milliseconds);
        assert_string_equal(text_describe_duration(ctx, cases[i].milliseconds), cases[i].people);
    }
    talloc_free(ctx);
}

static void test_encoding(void **state)
{
    (void)state;
    static const struct { const char *text; size_t length; bool utf8, control; } cases[] = {
        { "", 0, true, false },
        { "plain", 5, true, false },
        { "Zo\xc3\xab \xe2\x98\x83 \xf0\x9f\x98\x80", 13, true, false },
        { "\xff", 1, false, false },
        { "\xc3", 1, false, false },
        { "\xc0\xaf", 2, false, false },         // overlong
        { "\xed\xa0\x80", 3, false, false },     // surrogate
        { "\xf4\x90\x80\x80", 4, false, false }, // beyond U+10FFFF
        { "a\0b", 3, true, true },
        { "a\nb", 3, true, true },
        { "\x7f", 1, true, true },
        { "\xc2\x85", 2, true, true }, // C1
        { "\xc2\x9f", 2, true, true },
        { "\xc2\xa0", 2, true, false },
        { "\xff\x1b", 2, false, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(text_is_utf8(cases[i].text, cases[i].length), cases[i].utf8);
        assert_int_equal(text_has_control(cases[i].text, cases[i].length), cases[i].control);
    }
}

static void test_clean(void **state)
{
    (void)state;
    static const struct { const char *text; size_t length, limit; const char *clean; } cases[] = {
        { "plain", 5, 0, "plain" },
        { "", 0, 0, "" },
        { "Subject\r\nBcc: x", 15, 0, "Subject Bcc: x" },
        { "a\0b\x1b[31m\x7f", 9, 0, "ab[31m" },
        { "bad \xff\xc3", 6, 0, "bad \xef\xbf\xbd\xef\xbf\xbd" },
        { "\xe2\x80\xae" "gpj.exe", 10, 0, "gpj.exe" },            // U+202E
        { "a\xe2\x81\xa6" "b\xe2\x81\xa9" "c\xd8\x9c", 11, 0, "abc" }, // U+2066, U+2069, U+061C
        { "a\xe2\x80\x8f\xe2\x80\x8e" "b", 8, 0, "ab" },            // U+200F, U+200E
        { "\xc2\x9b" "31m", 5, 0, "31m" },                            // C1 CSI
        { "\t\tx\n\n y", 7, 0, "x  y" },
        { "abcdef", 6, 6, "abcdef" },
        { "abcdefg", 7, 6, "abcdef\xe2\x80\xa6" },
        { "ab\xe2\x98\x83" "cd", 7, 4, "ab\xe2\x80\xa6" }, // never half a character
        { "ab\xe2\x98\x83" "cd", 7, 5, "ab\xe2\x98\x83\xe2\x80\xa6" },
        { "\xff\xff", 2, 3, "\xef\xbf\xbd\xe2\x80\xa6" },
    };
    TALLOC_CTX *ctx = talloc_new(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *exact = malloc(cases[i].length + 1); // no NUL behind it to help
        memcpy(exact, cases[i].text, cases[i].length);
        char *clean = text_clean(ctx, exact, cases[i].length, cases[i].limit);
        free(exact);
        assert_non_null(clean);
        if (strcmp(clean, cases[i].clean) != 0)
            fail_msg("case %zu: \"%s\", not \"%s\"", i, clean, cases[i].clean);
        assert_true(text_is_utf8(clean, strlen(clean)));
        assert_false(text_has_control(clean, strlen(clean)));
    }
    talloc_free(ctx);
}

// Any octets become clean text of bounded size.
static void test_clean_anything(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        char text[64];
        size_t length = (size_t)round % sizeof text;
        for (size_t i = 0; i < length; i++)
            text[i] = (char)((seed = seed * 1664525u + 1013904223u) >> 24);
        char *clean = text_clean(NULL, text, length, 20);
        assert_true(text_is_utf8(clean, strlen(clean)));
        assert_false(text_has_control(clean, strlen(clean)));
        assert_true(strlen(clean) <= 20 + strlen("\u2026"));
        talloc_free(clean);
    }
}

static void test_matches(void **state)
{
    (void)state;
    static const struct { const char *pattern, *name; bool matches; } cases[] = {
        { "group.*", "group.member.added", true },   { "group.*", "user.created", false },
        { "*", "", true },                           { "*", "anything", true },
        { "", "", true },                            { "", "x", false },
        { "user.locked", "user.locked", true },      { "user.locked", "user.lockedx", false },
        { "user.lock", "user.locked", false },       { "*.added", "group.member.added", true },
        { "*.added", "group.member.removed", false }, { "*.member.*", "group.member.added", true },
        { "a*b*c", "aXbYbZc", true },                { "a*b*c", "aXbYbZ", false },
        { "**", "x", true },                         { "a*", "a", true },
        { "*a", "b", false },                        { "User.*", "user.x", false },
        { "a?c", "abc", false },                     { "*aab", "aaaaaaab", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (text_matches(cases[i].pattern, cases[i].name) != cases[i].matches)
            fail_msg("%s %s", cases[i].pattern, cases[i].name);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = { "from", "from_name", "reply_to", "digest_wait", "tls", NULL };
    static const struct { const char *word, *nearest; } cases[] = {
        { "form", "from" },     { "fromname", "from_name" },   { "From", "from" },  { "replyto", "reply_to" },
        { "tsl", "tls" },       { "digestwait", "digest_wait" }, { "xyz", NULL },   { "unrelated_thing", NULL },
        { "from", "from" },     { "q", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = text_nearest(cases[i].word, words);
        if (cases[i].nearest ? !nearest || strcmp(nearest, cases[i].nearest) != 0 : nearest != NULL)
            fail_msg("%s: %s", cases[i].word, nearest ? nearest : "none");
    }
    static const char *const none[] = { NULL };
    assert_null(text_nearest("from", none));
    char long_word[200];
    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    assert_null(text_nearest(long_word, words));
    const char *const long_words[] = { long_word, "from", NULL };
    assert_string_equal(text_nearest("form", long_words), "from");
}

static void test_address(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a@b", "first.last+tag@example.com", "o'hara@example.com", "\"quoted@local\"@example.com", "x@[192.0.2.1]",
        "x@[IPv6:2001:db8::1]", "zo\xc3\xab@m\xc3\xbcnchen.example", "x@a-b.c1.example", "!#$%&'*+-/=?^_`{|}~@x",
        "1234567890123456789012345678901234567890123456789012345678901234@example.com",
    };
    static const char *const bad[] = {
        "", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@b..c", "a@-b", "a@b-",
        "a@b-.c", "<a@b>", "a@b>", "a,b@c", "a;b@c", "a:b@c", "(x)a@b", "\"a@b", "\"a\"b@c", "a@b\r\nBcc: c@d", "a\n@b",
        "a@b\x7f", "a@\xff.b", "a@b,c", "a@[]", "a@[x", "@relay:a@b", "\"\\\"@b", "a@b\xc2\x85",
        "12345678901234567890123456789012345678901234567890123456789012345@example.com",
        "a@1234567890123456789012345678901234567890123456789012345678901234.example",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!text_is_address(good[i]))
            fail_msg("\"%s\" was refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (text_is_address(bad[i]))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_false(text_is_address(NULL));
    char long_address[300] = "a@";
    for (int i = 0; i < 63; i++)
        strcat(long_address, "abc.");
    assert_false(text_is_address(strcat(long_address, "d"))); // 255
    long_address[strlen(long_address) - 3] = '\0';            // "a@abc. … ab"
    assert_true(strlen(long_address) == 252 && text_is_address(long_address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration), cmocka_unit_test(test_size),    cmocka_unit_test(test_format_duration),
        cmocka_unit_test(test_encoding), cmocka_unit_test(test_clean),   cmocka_unit_test(test_clean_anything),
        cmocka_unit_test(test_matches),  cmocka_unit_test(test_nearest), cmocka_unit_test(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
