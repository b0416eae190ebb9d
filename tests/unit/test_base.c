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

#include "base/backoff.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/uuid.h"

// --- error --------------------------------------------------------------------------------------------------------

static void test_error(void **state)
{
    (void)state;
    static const struct { const char *given, *kept; } texts[] = {
        { "plain", "plain" },
        { "two\nlines\tand \x1b[31m \x7f", "two lines and  [31m  " },
        { "Zo\xc3\xab", "Zo\xc3\xab" },
        { "C1 \xc2\x9b here", "C1    here" },
        { "bad \xff octet, cut \xe2\x82", "bad ? octet, cut ??" },
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = { .code = 7 };
        assert_int_equal(error_set(&err, "%s", texts[i].given), -1);
        assert_string_equal(err.text, texts[i].kept);
        assert_int_equal(err.code, 0);
    }
    struct error err;
    assert_int_equal(error_set_code(&err, 42, "opening %s", "x"), -1);
    assert_int_equal(err.code, 42);
    assert_int_equal(error_prepend(&err, "reading %s: ", "y\n"), -1);
    assert_string_equal(err.text, "reading y : opening x");
    assert_int_equal(err.code, 42);
    // Its own text as an argument.
    error_set(&err, "again: %s", err.text);
    assert_string_equal(err.text, "again: reading y : opening x");
    error_prepend(&err, "[%s] ", err.text);
    assert_string_equal(err.text, "[again: reading y : opening x] again: reading y : opening x");
    assert_int_equal(error_set(NULL, "nobody listens"), -1);
    assert_int_equal(error_prepend(NULL, "nobody listens"), -1);
}

// Too long a text is cut, between characters.
static void test_error_length(void **state)
{
    (void)state;
    struct error err;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    error_prepend(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xab", 2);
    error_set(&err, "%s", text); // 1023 octets: half a character at the end
    assert_int_equal(err.text[sizeof err.text - 2], '?');
}

// --- clock --------------------------------------------------------------------------------------------------------

static void test_generalized_time(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t time; } good[] = {
        { "19700101000000Z", 0 },
        { "20261120110320Z", INT64_C(1795172600000) },
        { "202611201103Z", INT64_C(1795172580000) },
        { "2026112011Z", INT64_C(1795172400000) },
        { "2026112011.5Z", INT64_C(1795174200000) },
        { "202611201103,5Z", INT64_C(1795172610000) },
        { "20261120110320.123456Z", INT64_C(1795172600123) },
        { "20261120110320.0Z", INT64_C(1795172600000) },
        { "20261120120320+0100", INT64_C(1795172600000) },
        { "20261120053320-0530", INT64_C(1795172600000) },
        { "20261120120320+01", INT64_C(1795172600000) },
        { "20240229000000Z", INT64_C(1709164800000) },
        { "20161231235960Z", INT64_C(1483228800000) },
        { "19691231235959Z", -1000 },
        { "000001010000Z", INT64_C(-62167219200000) },
        { "00000101000000Z", INT64_C(-62167219200000) },
        { "99991231235959Z", INT64_C(253402300799000) },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t time = 1;
        if (clock_from_generalized(good[i].text, strlen(good[i].text), &time) < 0 || time != good[i].time)
            fail_msg("%s gave %lld, not %lld", good[i].text, (long long)time, (long long)good[i].time);
    }
    static const char *const bad[] = {
        "", "2026", "20261120", "20261120110320", "20261120110320z", "20261320110320Z", "20260030110320Z",
        "20261100110320Z", "20261132110320Z", "20260230110320Z", "20260230110360Z", "20250229000000Z", "20261120240320Z",
        "20261120116020Z", "20261120110361Z", "20261120110320.Z", "20261120110320.5", "20261120110320+", "20261120110320+2",
        "20261120110320+2400", "20261120110320+0160", "20261120110320ZZ", "20261120110320Z ", " 20261120110320Z",
        "+0261120110320Z", "2026112011032Z", "never", "133123456789012345",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t time;
        if (clock_from_generalized(bad[i], strlen(bad[i]), &time) == 0)
            fail_msg("\"%s\" was taken for %lld", bad[i], (long long)time);
    }
    // The length rules, not a NUL; and nothing behind it is read.
    char *exact = malloc(15);
    memcpy(exact, "20261120110320Z", 15);
    int64_t time;
    for (size_t length = 0; length < 15; length++) {
        char *part = malloc(length ? length : 1);
        memcpy(part, exact, length);
        assert_int_equal(clock_from_generalized(part, length, &time), -1);
        free(part);
    }
    assert_int_equal(clock_from_generalized(exact, 15, &time), 0);
    free(exact);
}

static void test_iso(void **state)
{
    (void)state;
    static const struct { int64_t time; const char *text; } cases[] = {
        { 0, "1970-01-01T00:00:00Z" },        { 999, "1970-01-01T00:00:00Z" }, { -1, "1969-12-31T23:59:59Z" },
        { -1000, "1969-12-31T23:59:59Z" },    { -1001, "1969-12-31T23:59:58Z" },
        { INT64_C(1795172600123), "2026-11-20T11:03:20Z" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[CLOCK_TEXT_SIZE];
        assert_string_equal(clock_to_iso(cases[i].time, text), cases[i].text);
    }
}

static void test_fake_clock(void **state)
{
    (void)state;
    clock_set_fake(5000);
    assert_int_equal(clock_now(), 5000);
    assert_int_equal(clock_monotonic(), 5000);
    clock_advance_fake(250);
    assert_int_equal(clock_now(), 5250);
    clock_set_fake(0);
    assert_true(clock_now() > INT64_C(1700000000000));
    int64_t before = clock_monotonic();
    assert_true(clock_monotonic() >= before);
}

// --- backoff ------------------------------------------------------------------------------------------------------

static void test_backoff(void **state)
{
    (void)state;
    static const struct { unsigned attempt; int64_t first, most, full; } cases[] = {
        { 1, 1000, 300000, 1000 },   { 2, 1000, 300000, 2000 },     { 3, 1000, 300000, 4000 },  { 9, 1000, 300000, 256000 },
        { 10, 1000, 300000, 300000 }, { 4000000000u, 1000, 300000, 300000 }, { 0, 1000, 300000, 1000 },
        { 1, 5000, 1000, 1000 },     { 70, 1, INT64_MAX, INT64_MAX }, { 3, 0, 1000, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t full = cases[i].full, half = full / 2;
        assert_int_equal(backoff_wait(cases[i].attempt, cases[i].first, cases[i].most, 0), half);
        int64_t middle = backoff_wait(cases[i].attempt, cases[i].first, cases[i].most, UINT32_MAX / 2);
        if (full < INT64_C(1) << 50) {
            assert_int_equal(backoff_wait(cases[i].attempt, cases[i].first, cases[i].most, UINT32_MAX), full);
            assert_in_range(middle, half, full);
        }
    }
    // Random bits differ; eight equal ones are as good as impossible.
    uint32_t first = backoff_random();
    bool differ = false;
    for (int i = 0; i < 8; i++)
        differ = differ || backoff_random() != first;
    assert_true(differ);
}

// --- uuid, hash ---------------------------------------------------------------------------------------------------

static void test_uuid(void **state)
{
    (void)state;
    static const char good[] = "0123abcd-4567-89EF-fedc-ba9876543210";
    struct uuid uuid, other;
    char text[UUID_TEXT_SIZE];
    assert_int_equal(uuid_parse(good, 36, &uuid), 0);
    assert_string_equal(uuid_format(&uuid, text), "0123abcd-4567-89ef-fedc-ba9876543210");
    assert_int_equal(uuid.octets[0], 0x01);
    assert_int_equal(uuid.octets[15], 0x10);
    assert_false(uuid_is_null(&uuid));
    assert_int_equal(uuid_parse(text, 36, &other), 0);
    assert_true(uuid_equal(&uuid, &other));
    other.octets[15]++;
    assert_false(uuid_equal(&uuid, &other));
    assert_int_equal(uuid_parse("00000000-0000-0000-0000-000000000000", 36, &other), 0);
    assert_true(uuid_is_null(&other));

    static const char *const bad[] = {
        "", "0123abcd-4567-89ef-fedc-ba987654321", "0123abcd-4567-89ef-fedc-ba98765432100", "0123abcd-4567-89ef-fedc_ba9876543210",
        "0123abcd4-567-89ef-fedc-ba9876543210", "g123abcd-4567-89ef-fedc-ba9876543210", "0123abcd-4567-89ef-fedc-ba987654321 ",
        "{123abcd-4567-89ef-fedc-ba9876543210", "0123abcd-4567-89ef-fedc-ba987654321-",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (uuid_parse(bad[i], strlen(bad[i]), &other) == 0)
            fail_msg("\"%s\" was taken", bad[i]);

    uuid_random(&uuid);
    uuid_random(&other);
    assert_false(uuid_equal(&uuid, &other));
    assert_int_equal(uuid_format(&uuid, text)[14], '4');
    assert_non_null(strchr("89ab", text[19]));
}

// The published values of XXH3_64bits with seed 0: stores depend on them.
static void test_hash(void **state)
{
    (void)state;
    assert_true(hash_bytes("", 0) == UINT64_C(0x2d06800538d394c2));
    assert_true(hash_bytes("a", 1) == UINT64_C(0xe6c632b61e964e1f));
    assert_true(hash_bytes("abc", 3) == UINT64_C(0x78af5f94892f3950));
    assert_true(hash_bytes("a\0b", 3) != hash_bytes("a\0c", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error),      cmocka_unit_test(test_error_length), cmocka_unit_test(test_generalized_time),
        cmocka_unit_test(test_iso),        cmocka_unit_test(test_fake_clock),   cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_uuid),       cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
