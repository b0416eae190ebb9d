// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/source/sync_control.h"

#define OCTETS(text) (const uint8_t *)(text), sizeof(text) - 1
#define UUID "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
#define UUID_B "\x10\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"

static bool octets_are(const struct sync_octets *octets, const char *text)
{
    if (!text)
        return octets->data == NULL;
    return octets->data && octets->length == strlen(text) && memcmp(octets->data, text, octets->length) == 0;
}

static void test_request(void **state)
{
    (void)state;
    uint8_t *data;
    size_t length;
    char long_cookie[300];

    sync_request_encode(NULL, SYNC_REFRESH_AND_PERSIST, NULL, &data, &length);
    assert_int_equal(length, 5);
    assert_memory_equal(data, "\x30\x03\x0a\x01\x03", 5);
    talloc_free(data);

    sync_request_encode(NULL, SYNC_REFRESH_ONLY, "rid=1", &data, &length);
    assert_int_equal(length, 12);
    assert_memory_equal(data, "\x30\x0a\x0a\x01\x01\x04\x05rid=1", 12);
    talloc_free(data);

    memset(long_cookie, 'x', sizeof(long_cookie) - 1);
    long_cookie[sizeof(long_cookie) - 1] = '\0';
    sync_request_encode(NULL, SYNC_REFRESH_AND_PERSIST, long_cookie, &data, &length);
    assert_int_equal(length, 6 + 3 + 6 + 299);
    assert_memory_equal(data, "\x30\x84\x00\x00\x01\x34\x0a\x01\x03\x04\x84\x00\x00\x01\x2bxxx", 18);
    talloc_free(data);
}

struct state_case {
    const char *what;
    const uint8_t *data;
    size_t length;
    int result;
    int state;
    const char *cookie;
};

static void test_state(void **state)
{
    (void)state;
    static const struct state_case table[] = {
        { "add", OCTETS("\x30\x15\x0a\x01\x01\x04\x10" UUID), 0, SYNC_STATE_ADD, NULL },
        { "present", OCTETS("\x30\x15\x0a\x01\x00\x04\x10" UUID), 0, SYNC_STATE_PRESENT, NULL },
        { "delete with cookie",
          OCTETS("\x30\x1a\x0a\x01\x03\x04\x10" UUID "\x04\x03"
                 "abc"),
          0, SYNC_STATE_DELETE, "abc" },
        { "empty cookie", OCTETS("\x30\x17\x0a\x01\x02\x04\x10" UUID "\x04\x00"), 0, SYNC_STATE_MODIFY, "" },
        { "ApacheDS", OCTETS("\x30\x15\x0a\x01\x04\x04\x10" UUID), 0, SYNC_STATE_RENAME, NULL },
        { "long lengths", OCTETS("\x30\x84\x00\x00\x00\x17\x0a\x01\x01\x04\x82\x00\x10" UUID), 0,
          SYNC_STATE_ADD, NULL },
        { "unknown state", OCTETS("\x30\x15\x0a\x01\x05\x04\x10" UUID), -1, 0, NULL },
        { "negative state", OCTETS("\x30\x15\x0a\x01\xff\x04\x10" UUID), -1, 0, NULL },
        { "two-octet state", OCTETS("\x30\x16\x0a\x02\x00\x01\x04\x10" UUID), -1, 0, NULL },
        { "short UUID",
          OCTETS("\x30\x14\x0a\x01\x01\x04\x0f\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"),
          -1, 0, NULL },
        { "long UUID", OCTETS("\x30\x16\x0a\x01\x01\x04\x11" UUID "\x00"), -1, 0, NULL },
        { "no UUID", OCTETS("\x30\x03\x0a\x01\x01"), -1, 0, NULL },
        { "UUID over the end", OCTETS("\x30\x15\x0a\x01\x01\x04\x7f" UUID), -1, 0, NULL },
        { "sequence over the end", OCTETS("\x30\x16\x0a\x01\x01\x04\x10" UUID), -1, 0, NULL },
        { "cookie over the end", OCTETS("\x30\x17\x0a\x01\x01\x04\x10" UUID "\x04\x05"), -1, 0, NULL },
        { "indefinite length", OCTETS("\x30\x80\x0a\x01\x01\x04\x10" UUID "\x00\x00"), -1, 0, NULL },
        { "length of lengths", OCTETS("\x30\x85\x00\x00\x00\x00\x15\x0a\x01\x01\x04\x10" UUID), -1, 0, NULL },
        { "length cut off", OCTETS("\x30\x84\x00"), -1, 0, NULL },
        { "tag only", OCTETS("\x30"), -1, 0, NULL },
        { "empty", OCTETS(""), -1, 0, NULL },
        { "not a sequence", OCTETS("\x31\x15\x0a\x01\x01\x04\x10" UUID), -1, 0, NULL },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct sync_state_value value;
        struct error err = { .code = 0 };
        int result = sync_state_decode(table[i].data, table[i].length, &value, &err);
        if (result != table[i].result)
            fail_msg("%s: %d", table[i].what, result);
        if (result < 0) {
            assert_non_null(strstr(err.text, "Sync State"));
            continue;
        }
        if ((int)value.state != table[i].state || !octets_are(&value.cookie, table[i].cookie))
            fail_msg("%s: wrong value", table[i].what);
        assert_memory_equal(value.uuid.octets, UUID, 16);
    }
}

static void test_done(void **state)
{
    (void)state;
    struct sync_done_value value;
    struct error err;

    assert_int_equal(sync_done_decode(OCTETS("\x30\x00"), &value, &err), 0);
    assert_null(value.cookie.data);
    assert_false(value.refresh_deletes);
    assert_int_equal(sync_done_decode(OCTETS("\x30\x03\x01\x01\xff"), &value, &err), 0);
    assert_true(value.refresh_deletes);
    assert_int_equal(sync_done_decode(OCTETS("\x30\x06\x04\x01"
                                             "c"
                                             "\x01\x01\x00"),
                                      &value, &err),
                     0);
    assert_true(octets_are(&value.cookie, "c"));
    assert_false(value.refresh_deletes);
    assert_int_equal(sync_done_decode(OCTETS("\x30\x02\x01\x00"), &value, &err), -1);
    assert_int_equal(sync_done_decode(OCTETS("\x30\x04\x01\x02\x00\x01"), &value, &err), -1);
    assert_int_equal(sync_done_decode(OCTETS("\x30\x02\x04\x01"), &value, &err), -1);
    assert_int_equal(sync_done_decode(OCTETS(""), &value, &err), -1);
}

struct info_case {
    const char *what;
    const uint8_t *data;
    size_t length;
    int result;
    int kind;
    const char *cookie;
    bool done, deletes;
    size_t count;
};

static void test_info(void **state)
{
    (void)state;
    static const struct info_case table[] = {
        { "newcookie",
          OCTETS("\x80\x03"
                 "abc"),
          0, SYNC_INFO_NEW_COOKIE, "abc", false, false, 0 },
        { "empty newcookie", OCTETS("\x80\x00"), 0, SYNC_INFO_NEW_COOKIE, "", false, false, 0 },
        { "refreshDelete",
          OCTETS("\xa1\x05\x04\x03"
                 "abc"),
          0, SYNC_INFO_REFRESH_DELETE, "abc", true, false, 0 },
        { "refreshDelete, bare", OCTETS("\xa1\x00"), 0, SYNC_INFO_REFRESH_DELETE, NULL, true, false, 0 },
        { "refreshPresent, more to come", OCTETS("\xa2\x03\x01\x01\x00"), 0, SYNC_INFO_REFRESH_PRESENT, NULL,
          false, false, 0 },
        { "refreshPresent, done",
          OCTETS("\xa2\x06\x04\x01"
                 "c"
                 "\x01\x01\xff"),
          0, SYNC_INFO_REFRESH_PRESENT, "c", true, false, 0 },
        { "present set", OCTETS("\xa3\x26\x31\x24\x04\x10" UUID "\x04\x10" UUID_B), 0, SYNC_INFO_ID_SET, NULL,
          false, false, 2 },
        { "delete set with cookie",
          OCTETS("\xa3\x1a\x04\x01"
                 "c"
                 "\x01\x01\x01\x31\x12\x04\x10" UUID),
          0, SYNC_INFO_ID_SET, "c", false, true, 1 },
        { "empty set", OCTETS("\xa3\x02\x31\x00"), 0, SYNC_INFO_ID_SET, NULL, false, false, 0 },
        { "set missing", OCTETS("\xa3\x03\x01\x01\xff"), -1, 0, NULL, false, false, 0 },
        { "short UUID in a set", OCTETS("\xa3\x05\x31\x03\x04\x01x"), -1, 0, NULL, false, false, 0 },
        { "second UUID cut off", OCTETS("\xa3\x16\x31\x14\x04\x10" UUID "\x04\x10"), -1, 0, NULL, false,
          false, 0 },
        { "set over the end", OCTETS("\xa3\x14\x31\x7f\x04\x10" UUID), -1, 0, NULL, false, false, 0 },
        { "unknown choice", OCTETS("\xa4\x00"), -1, 0, NULL, false, false, 0 },
        { "empty", OCTETS(""), -1, 0, NULL, false, false, 0 },
        { "malformed boolean", OCTETS("\xa1\x02\x01\x00"), -1, 0, NULL, false, false, 0 },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const struct info_case *expected = &table[i];
        struct sync_info_value value;
        struct error err;
        int result = sync_info_decode(expected->data, expected->length, &value, &err);
        if (result != expected->result)
            fail_msg("%s: %d", expected->what, result);
        if (result < 0)
            continue;
        if ((int)value.kind != expected->kind || !octets_are(&value.cookie, expected->cookie) ||
            value.refresh_done != expected->done || value.refresh_deletes != expected->deletes ||
            value.count != expected->count)
            fail_msg("%s: wrong value", expected->what);
    }
}

static void test_uuids(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    uint8_t *data = talloc_array(NULL, uint8_t, 6 + 6 + COUNT * 18);
    uint8_t *at = data;
    struct sync_info_value value;
    struct error err;
    size_t set = COUNT * 18, all = set + 6;

    *at++ = 0xa3;
    *at++ = 0x84;
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(all >> shift);
    *at++ = 0x31;
    *at++ = 0x84;
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(set >> shift);
    for (uint32_t i = 0; i < COUNT; i++) {
        *at++ = 0x04;
        *at++ = 0x10;
        memset(at, 0, 16);
        memcpy(at, &i, sizeof(i));
        at += 16;
    }
    assert_int_equal(sync_info_decode(data, (size_t)(at - data), &value, &err), 0);
    assert_int_equal(value.count, COUNT);
    struct uuid *uuids = sync_info_uuids(data, &value);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_memory_equal(uuids[i].octets, &i, sizeof(i));
    talloc_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request), cmocka_unit_test(test_state), cmocka_unit_test(test_done),
        cmocka_unit_test(test_info),    cmocka_unit_test(test_uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
