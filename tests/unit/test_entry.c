// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "directory/entry.h"

static struct entry *jane(TALLOC_CTX *ctx)
{
    struct uuid uuid = { { 1 } };
    struct entry *entry = entry_new(ctx, &uuid, "uid=jane,dc=x");
    entry_add_text(entry, "objectClass", "top");
    entry_add_text(entry, "objectclass", "inetOrgPerson");
    entry_add_text(entry, "commonName", "Jane");
    entry_add_text(entry, "CN;lang-de", "Johanna");
    entry_add(entry, "jpegPhoto", "a\0b", 3);
    entry_add(entry, "description", "", 0);
    return entry;
}

static void attributes(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct entry *entry = jane(ctx);
    assert_int_equal(entry->count, 4);
    assert_int_equal(entry_attribute(entry, "cn")->count, 2);
    assert_string_equal(entry_text(entry, "cn"), "Jane");
    assert_string_equal(entry_attribute(entry, "cn")->values[1].data, "Johanna");
    assert_string_equal(entry_text(entry, "description"), "");
    assert_null(entry_text(entry, "jpegPhoto"));
    assert_null(entry_text(entry, "mail"));
    assert_null(entry_attribute(entry, "mail"));
    assert_null(entry_attribute(NULL, "mail"));
    assert_null(entry_text(NULL, "mail"));
    assert_true(entry_has_class(entry, "INETORGPERSON"));
    assert_true(entry_has_class(entry, "person"));
    assert_false(entry_has_class(entry, "groupOfNames"));
    assert_false(entry_has_class(NULL, "person"));
    talloc_free(ctx);
}

static void taken_values(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct entry *entry = entry_new(ctx, NULL, NULL);
    assert_string_equal(entry->dn, "");
    assert_true(uuid_is_null(&entry->uuid));
    for (int i = 0; i < 2; i++) {
        struct value *values = talloc_array(entry, struct value, 2);
        values[0] = (struct value){ "a", 1 };
        values[1] = (struct value){ "b", 1 };
        entry_take(entry, i == 0 ? "cn" : "cn;x", values, 2);
    }
    entry_add_text(entry, "cn", "c");
    assert_int_equal(entry->count, 1);
    assert_int_equal(entry_attribute(entry, "cn")->count, 5);
    assert_string_equal(entry_attribute(entry, "cn")->values[4].data, "c");
    talloc_free(ctx);
}

static void packed_and_unpacked(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct entry *entry = jane(ctx);
    char *large = talloc_zero_array(ctx, char, 70000);
    memset(large, 'x', 69999);
    entry_add_text(entry, "info", large);
    for (int i = 0; i < 300; i++)
        entry_add_text(entry, "never-heard-of", "v");
    uint8_t *data;
    size_t length;
    assert_int_equal(entry_pack(ctx, entry, &data, &length), 0);
    struct entry *copy = entry_new(ctx, &entry->uuid, entry->dn);
    struct error err = { 0 };
    assert_int_equal(entry_unpack(copy, data, length, &err), 0);
    memset(data, 0, length); // the copy does not point into it
    assert_int_equal(copy->count, entry->count);
    for (size_t i = 0; i < entry->count; i++) {
        const struct attribute *a = &entry->attributes[i], *b = entry_attribute(copy, a->name);
        assert_non_null(b);
        assert_int_equal(a->count, b->count);
        for (size_t j = 0; j < a->count; j++) {
            assert_int_equal(a->values[j].length, b->values[j].length);
            assert_memory_equal(a->values[j].data, b->values[j].data, a->values[j].length + 1);
        }
    }
    entry_add_text(copy, "cn", "third");
    assert_int_equal(entry_attribute(copy, "cn")->count, 3);
    talloc_free(ctx);
}

static void order_does_not_matter(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    uint8_t *data[2];
    size_t length[2];
    for (int i = 0; i < 2; i++) {
        struct entry *entry = entry_new(ctx, NULL, "");
        entry_add_text(entry, i == 0 ? "cn" : "sn", "a");
        entry_add_text(entry, i == 0 ? "sn" : "cn", "a");
        assert_int_equal(entry_pack(ctx, entry, &data[i], &length[i]), 0);
    }
    assert_int_equal(length[0], length[1]);
    assert_memory_equal(data[0], data[1], length[0]);
    struct entry *none = entry_new(ctx, NULL, "");
    assert_int_equal(entry_pack(ctx, none, &data[0], &length[0]), 0);
    assert_int_equal(entry_unpack(none, data[0], length[0], NULL), 0);
    assert_int_equal(none->count, 0);
    talloc_free(ctx);
}

static void damage(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    uint8_t *data;
    size_t length;
    assert_int_equal(entry_pack(ctx, jane(ctx), &data, &length), 0);
    for (size_t cut = 0; cut < length; cut++) {
        struct error err = { 0 };
        struct entry *entry = entry_new(ctx, NULL, "");
        uint8_t *part = talloc_memdup(ctx, data, cut); // so that a sanitizer sees a read past the end
        assert_int_equal(entry_unpack(entry, part, cut, &err), -1);
        assert_int_equal(entry->count, 0);
        assert_non_null(strstr(err.text, "damaged"));
        talloc_free(part);
    }
    static const char *const table[] = { "\x02\x01", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                                         "\x01\x01\xff",
                                         "\x01\x01\x01"
                                         "cx\x01\x01",
                                         "\x01\x01\x02"
                                         "c" };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(
            entry_unpack(entry_new(ctx, NULL, ""), (const uint8_t *)table[i], strlen(table[i]), NULL), -1);
    talloc_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes), cmocka_unit_test(taken_values), cmocka_unit_test(packed_and_unpacked),
        cmocka_unit_test(order_does_not_matter), cmocka_unit_test(damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
