// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "config/config.h"
#include "config/options.h"

// A configuration in which every field of the table is set, to values that differ from the defaults and hold all that
// a string may hold. Filled by the table, so that a new option is tested the day it is there.

static void *field_of(void *base, size_t offset)
{
    return (char *)base + offset;
}

#define HARD_STRING "Zo\xc3\xab \"quoted\" back\\slash \\n # // /* \xe2\x98\x83"

static char *string_for(TALLOC_CTX *ctx, const struct option *option, const char *label, unsigned number)
{
    switch (option->form) {
    case FORM_NAME: return talloc_asprintf(ctx, "%.20s-%u", option->name[0] == 't' ? "way" : "name", number % 10);
    case FORM_ADDRESS: return talloc_asprintf(ctx, "%u@example.com", number);
    case FORM_URI: return talloc_asprintf(ctx, "ldaps://host%u", number);
    case FORM_PATH: return talloc_asprintf(ctx, "/p %u/\\\"\xc3\xa4", number);
    case FORM_URL: return talloc_asprintf(ctx, "https://host%u/", number);
    case FORM_EVENT: return talloc_strdup(ctx, "group.created");
    case FORM_EVENTS: return talloc_strdup(ctx, number % 2 ? "!user.*" : "group.*");
    case FORM_ROLE: return talloc_strdup(ctx, "attr:owner");
    case FORM_FALLBACK: return talloc_strdup(ctx, "owner");
    case FORM_HOSTS: return talloc_asprintf(ctx, "host%u;[::1]:25", number);
    case FORM_HOST: return talloc_asprintf(ctx, "host%u.example", number);
    case FORM_ATTRIBUTE: return talloc_asprintf(ctx, "attribute%u", number);
    case FORM_LANGUAGE: return talloc_strdup(ctx, "de-AT");
    case FORM_LIST_ID: return talloc_asprintf(ctx, "<l%u.example>", number);
    case FORM_TEMPLATE: return talloc_asprintf(ctx, "t%u", number);
    case FORM_USER:
    case FORM_PEER: return talloc_asprintf(ctx, "user%u", number);
    default: return talloc_asprintf(ctx, "%s %s %u", HARD_STRING, label, number);
    }
}

static void list_fill(TALLOC_CTX *ctx, const struct option *option, struct config_list *list, unsigned number)
{
    list->count = 2;
    list->items = talloc_zero_array(ctx, char *, 3);
    list->items[0] = string_for(list->items, option, option->name, number);
    list->items[1] = string_for(list->items, option, option->name, number + 1);
}

static void option_fill(TALLOC_CTX *ctx, const struct option *option, void *base, unsigned number)
{
    void *field = field_of(base, option->offset);
    switch (option->type) {
    case OPTION_BOOL:
        *(bool *)field = strcmp(option->fallback, "true") != 0;
        break;
    case OPTION_INT:
        *(int64_t *)field = option->least + 7 + number % 10;
        break;
    case OPTION_DURATION:
        *(int64_t *)field = option->least + 61001 + number % 10;
        break;
    case OPTION_STRING:
        *(char **)field = option->choices ? talloc_strdup(ctx, option->choices[1])
                                          : string_for(ctx, option, option->name, number);
        break;
    case OPTION_LIST:
        list_fill(ctx, option, field, number);
        break;
    case OPTION_CHOICE:
        *(int *)field = strcmp(option->choices[1], option->fallback) == 0 ? 0 : 1;
        break;
    case OPTION_SECRET: {
        struct config_secret *secret = field;
        secret->value = talloc_asprintf(ctx, "secret-%s-%u-\x01\x7f\t\xff\xe9\"\\", option->name, number);
        break;
    }
    case OPTION_MAP: {
        struct config_map *map = talloc_zero_array(ctx, struct config_map, 2);
        map[0].role = talloc_strdup(map, option->choices[0]);
        map[1].role = talloc_strdup(map, option->choices[1]);
        list_fill(map, option, &map[0].attributes, number);
        list_fill(map, option, &map[1].attributes, number + 3);
        *(struct config_map **)field = map;
        *(size_t *)field_of(base, option->count_offset) = 2;
        break;
    }
    }
}

static void options_fill(TALLOC_CTX *ctx, const struct option_section *section, void *base, unsigned number)
{
    for (const struct option *option = section->options; option->name; option++)
        option_fill(ctx, option, base, number++);
}

#define ELEMENTS 3

static struct config *full_config(void)
{
    struct config *config = talloc_zero(NULL, struct config);
    unsigned number = 0;
    for (const struct option_section *section = option_sections; section->name; section++, number += 100) {
        if (!section->list) {
            options_fill(config, section, field_of(config, section->offset), number);
            continue;
        }
        char *elements = talloc_zero_size(config, ELEMENTS * section->size);
        *(void **)field_of(config, section->offset) = elements;
        *(size_t *)field_of(config, section->count_offset) = ELEMENTS;
        for (unsigned i = 0; i < ELEMENTS; i++)
            options_fill(config, section, elements + i * section->size, number + i);
    }
    for (unsigned i = 0; i < ELEMENTS; i++) {
        config->directories[i].name = talloc_asprintf(config, "dir-%u", i);
        config->transports[i].name = talloc_asprintf(config, "way-%u", i);
        config->rules[i].directories = (struct config_list){ 0 };
    }
    return config;
}

// --- comparing ----------------------------------------------------------------------------------------------------

static bool list_equal(const struct config_list *a, const struct config_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

static bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool option_equal(const struct option *option, void *a, void *b)
{
    void *x = field_of(a, option->offset), *y = field_of(b, option->offset);
    switch (option->type) {
    case OPTION_BOOL: return *(bool *)x == *(bool *)y;
    case OPTION_INT:
    case OPTION_DURATION: return *(int64_t *)x == *(int64_t *)y;
    case OPTION_CHOICE: return *(int *)x == *(int *)y;
    case OPTION_STRING: return text_equal(*(char **)x, *(char **)y);
    case OPTION_LIST: return list_equal(x, y);
    case OPTION_SECRET: return text_equal(((struct config_secret *)x)->value, ((struct config_secret *)y)->value);
    case OPTION_MAP: {
        size_t count = *(size_t *)field_of(a, option->count_offset);
        struct config_map *m = *(struct config_map **)x, *n = *(struct config_map **)y;
        bool equal = count == *(size_t *)field_of(b, option->count_offset);
        for (size_t i = 0; equal && i < count; i++)
            equal = strcmp(m[i].role, n[i].role) == 0 && list_equal(&m[i].attributes, &n[i].attributes);
        return equal;
    }
    }
    return false;
}

static bool in_scope(enum option_scope scope, enum config_slice slice)
{
    bool directory = slice == CONFIG_SLICE_WATCH || slice == CONFIG_SLICE_LIFECYCLE;
    return scope == SCOPE_ALL || (scope == SCOPE_DIRECTORY && directory) ||
           (scope == SCOPE_TRANSPORT && slice == CONFIG_SLICE_DELIVER) ||
           (scope == SCOPE_CONTROL && slice == CONFIG_SLICE_CONTROL);
}

// Every option in scope has come over; every other one has the value of a file that does not name it.
static void compare_group(const struct option_section *section, void *full, void *slice, enum config_slice kind)
{
    for (const struct option *option = section->options; option->name; option++)
        if (option_equal(option, full, slice) != in_scope(option->scope, kind))
            fail_msg("slice %d: %s.%s %s", kind, section->name, option->name,
                     in_scope(option->scope, kind) ? "got lost" : "is there");
}

static void compare(struct config *full, struct config *slice, enum config_slice kind, size_t directory)
{
    bool watch = kind == CONFIG_SLICE_WATCH || kind == CONFIG_SLICE_LIFECYCLE;
    for (const struct option_section *section = option_sections; section->name; section++) {
        if (!section->list) {
            compare_group(section, field_of(full, section->offset), field_of(slice, section->offset), kind);
            continue;
        }
        bool directories = section->offset == offsetof(struct config, directories);
        size_t count = *(size_t *)field_of(slice, section->count_offset);
        char *theirs = *(char **)field_of(slice, section->offset), *ours = *(char **)field_of(full, section->offset);
        assert_int_equal(count, watch && directories ? 1 : ELEMENTS);
        for (size_t i = 0; i < count; i++)
            compare_group(section, ours + (watch && directories ? directory : i) * section->size, theirs + i * section->size,
                          kind);
    }
}

static const enum config_slice kinds[] = { CONFIG_SLICE_WATCH, CONFIG_SLICE_DELIVER, CONFIG_SLICE_CONTROL,
                                           CONFIG_SLICE_LIFECYCLE };

static void test_round_trip(void **state)
{
    (void)state;
    struct config *full = full_config();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t directory = 0; directory < ELEMENTS; directory++) {
            struct error err;
            char *text = config_slice(full, full, kinds[i], full->directories[directory].name);
            assert_non_null(text);
            struct config *read = config_read_slice(full, text, &err);
            if (!read)
                fail_msg("%s\n%s", err.text, text);
            compare(full, read, kinds[i], directory);
            // What was read gives the same text, to the octet.
            char *again = config_slice(full, read, kinds[i], full->directories[directory].name);
            assert_string_equal(again, text);
            talloc_free(read);
        }
    talloc_free(full);
}

// The other way round: nothing set but defaults.
static void test_sparse(void **state)
{
    (void)state;
    struct error err;
    struct config *read = config_read_slice(NULL, "directories = ( { name = \"a\"; mail_attributes = [ ]; } );", &err);
    assert_non_null(read);
    assert_int_equal(read->directories[0].digest_wait, -1);
    assert_int_equal(read->directories[0].mail_attributes.count, 0);
    char *text = config_slice(read, read, CONFIG_SLICE_WATCH, "a");
    struct config *again = config_read_slice(read, text, &err);
    assert_non_null(again);
    assert_int_equal(again->directories[0].digest_wait, -1);
    assert_int_equal(again->directories[0].mail_attributes.count, 0);
    assert_null(again->directories[0].bind_dn);
    assert_null(again->mail.from);
    assert_string_equal(config_slice(read, again, CONFIG_SLICE_WATCH, "a"), text);
    talloc_free(read);
}

static void test_no_foreign_secrets(void **state)
{
    (void)state;
    struct config *full = full_config();
    for (unsigned i = 0; i < ELEMENTS; i++) {
        full->directories[i].bind_password.value = talloc_asprintf(full, "DIRECTORYSECRET%u", i);
        full->transports[i].password.value = talloc_asprintf(full, "TRANSPORTSECRET%u", i);
        full->directories[i].bind_dn = talloc_asprintf(full, "cn=DIRECTORYLOGIN%u", i);
        full->transports[i].hosts = talloc_asprintf(full, "TRANSPORTHOST%u", i);
    }
    const char *watch = config_slice(full, full, CONFIG_SLICE_WATCH, "dir-1");
    const char *deliver = config_slice(full, full, CONFIG_SLICE_DELIVER, NULL);
    const char *control = config_slice(full, full, CONFIG_SLICE_CONTROL, NULL);
    assert_non_null(strstr(watch, "DIRECTORYSECRET1"));
    assert_non_null(strstr(watch, "DIRECTORYLOGIN1"));
    assert_null(strstr(watch, "DIRECTORYSECRET0"));
    assert_null(strstr(watch, "DIRECTORYSECRET2"));
    assert_null(strstr(watch, "DIRECTORYLOGIN2"));
    assert_null(strstr(watch, "TRANSPORT"));
    assert_non_null(strstr(deliver, "TRANSPORTSECRET0"));
    assert_non_null(strstr(deliver, "TRANSPORTHOST2"));
    assert_null(strstr(deliver, "DIRECTORYSECRET"));
    assert_null(strstr(deliver, "DIRECTORYLOGIN"));
    assert_null(strstr(control, "SECRET"));
    assert_null(strstr(control, "LOGIN"));
    assert_null(strstr(control, "TRANSPORTHOST"));
    talloc_free(full);
}

// Which slices a change touches: these workers are replaced, the others go on.
static void test_stability(void **state)
{
    (void)state;
    enum { WATCH0, WATCH1, DELIVER, CONTROL, SLICES };
    struct config *a = full_config(), *b = full_config();
    struct { const char *what; char **field; char *value; unsigned touched; } changes[] = {
        { "nothing", NULL, NULL, 0 },
        { "another directory's password", &b->directories[1].bind_password.value, NULL, 1u << WATCH1 },
        { "a transport's password", &b->transports[2].password.value, NULL, 1u << DELIVER },
        { "the PID file", &b->pid_file, NULL, 0 },
        { "the way to a secret, not the secret", &b->directories[0].bind_password.file, NULL, 0 },
        { "who may control", &b->control.operators.items[0], NULL, 1u << CONTROL },
        { "the sender", &b->mail.from, NULL, 1u << WATCH0 | 1u << WATCH1 | 1u << DELIVER | 1u << CONTROL },
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *kept = changes[i].field ? *changes[i].field : NULL;
        if (changes[i].field)
            *changes[i].field = talloc_strdup(b, "x@other");
        const enum config_slice slices[] = { CONFIG_SLICE_WATCH, CONFIG_SLICE_WATCH, CONFIG_SLICE_DELIVER,
                                             CONFIG_SLICE_CONTROL };
        const char *const names[] = { "dir-0", "dir-1", NULL, NULL };
        for (unsigned k = 0; k < SLICES; k++) {
            bool equal = strcmp(config_slice(a, a, slices[k], names[k]), config_slice(b, b, slices[k], names[k])) == 0;
            if (equal == (changes[i].touched >> k & 1))
                fail_msg("%s: slice %u is %s", changes[i].what, k, equal ? "the same" : "another");
        }
        if (changes[i].field)
            *changes[i].field = kept;
    }
    // A rule for one directory does not concern the others.
    char *only[] = { talloc_strdup(b, "dir-1"), NULL };
    a->rules[0].directories = b->rules[0].directories = (struct config_list){ only, 1 };
    b->rules[0].digest_wait += 1000;
    assert_string_equal(config_slice(a, a, CONFIG_SLICE_WATCH, "dir-0"), config_slice(b, b, CONFIG_SLICE_WATCH, "dir-0"));
    assert_string_not_equal(config_slice(a, a, CONFIG_SLICE_WATCH, "dir-1"),
                            config_slice(b, b, CONFIG_SLICE_WATCH, "dir-1"));
    talloc_free(a);
    talloc_free(b);
}

static void test_bad_slices(void **state)
{
    (void)state;
    static const char *const bad[] = { "live = ", "unknown = 1;", "@include \"/etc/passwd\"", "live = \"x\";",
                                       "directories = ( { name = \"UPPER\"; } );" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = { 0 };
        assert_null(config_read_slice(NULL, bad[i], &err));
        assert_ptr_equal(strstr(err.text, "slice:1: "), err.text);
    }
}

// Every octet that a secret may have comes over, alone and beside digits that could be taken for its escape.
static void test_octets(void **state)
{
    (void)state;
    struct error problem;
    struct config *config = config_read_slice(NULL, "transports = ( { name = \"a\"; } );", &problem);
    assert_non_null(config);
    for (int octet = 1; octet < 256; octet++) {
        char value[] = { 'a', (char)octet, '4', '1', (char)octet, '\0' };
        config->transports[0].password.value = value;
        struct error err = { 0 };
        struct config *read = config_read_slice(config, config_slice(config, config, CONFIG_SLICE_DELIVER, NULL), &err);
        if (!read)
            fail_msg("octet %d: %s", octet, err.text);
        assert_string_equal(read->transports[0].password.value, value);
        talloc_free(read);
    }
    talloc_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_sparse),     cmocka_unit_test(test_no_foreign_secrets),
        cmocka_unit_test(test_stability),  cmocka_unit_test(test_bad_slices), cmocka_unit_test(test_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
