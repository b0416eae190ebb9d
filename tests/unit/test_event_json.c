// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/event.h"

static struct party make_party(const char *dn, uint8_t octet)
{
    return (struct party){ .uuid = { { octet, 0xff } }, .dn = dn, .name = "M\xc3\xbcller \"x\"", .mail = "m@example.com" };
}

// An event with everything in it.
static struct directory_event *make_full(TALLOC_CTX *ctx)
{
    static const char *old_values[] = { "a", "b", NULL }, *new_values[] = { NULL };
    static struct event_change changes[] = { { "title", old_values, new_values }, { "dn", new_values, old_values } };
    static struct party members[2], owners[1], managers[1];
    members[0] = make_party("uid=a,dc=x", 1);
    members[1] = (struct party){ .dn = "b" };
    owners[0] = make_party("uid=c,dc=x", 3);
    managers[0] = make_party("uid=d,dc=x", 4);
    struct event_list list = { 0 };
    struct directory_event *event = event_list_add(&list, ctx, EVENT_USER_LOCKED);
    event->sequence = 1842;
    event->time = INT64_C(1795172600250);
    event->directory = "corp-eu";
    event->entry = make_party("uid=jd,dc=x", 5);
    event->party = (struct party){ .dn = "cn=g,dc=x", .is_group = true };
    event->attribute = "member";
    event->changes = changes;
    event->change_count = 2;
    event->actor = make_party("cn=admin,dc=x", 6);
    event->origin = ORIGIN_OPERATOR;
    event->cause = CAUSE_FAILED_LOGINS;
    event->until = INT64_C(1795173500999);
    event->members = members;
    event->member_count = 2;
    event->owners = owners;
    event->owner_count = 1;
    event->managers = managers;
    event->manager_count = 1;
    event->rule = "members";
    event->storm = 3;
    event->count = INT64_C(5000000000);
    event->text = "what happened";
    return event;
}

static void reads_back(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct error err;
    json_t *json = event_to_json(make_full(ctx));
    assert_string_equal(json_string_value(json_object_get(json, "id")), "corp-eu-1842");
    assert_string_equal(json_string_value(json_object_get(json, "time")), "2026-11-20T11:03:20.250Z");
    json_object_set_new(json, "later", json_true());
    struct directory_event *event = event_from_json(ctx, json, &err);
    assert_non_null(event);
    json_object_del(json, "later");
    json_t *again = event_to_json(event);
    assert_true(json_equal(json, again));

    assert_int_equal(event->sequence, 1842);
    assert_int_equal(event->time, INT64_C(1795172600250));
    assert_int_equal(event->until, INT64_C(1795173500999));
    assert_int_equal(event->count, INT64_C(5000000000));
    assert_int_equal(event->member_count, 2);
    assert_string_equal(event->members[1].dn, "b");
    assert_true(uuid_is_null(&event->members[1].uuid));
    assert_int_equal(event->entry.uuid.octets[1], 0xff);
    assert_true(event->party.is_group);
    assert_false(event->entry.is_group);
    assert_string_equal(event->changes[0].old_values[1], "b");
    assert_null(event->changes[0].old_values[2]);
    assert_null(event->changes[0].new_values[0]);
    json_decref(json);
    json_decref(again);
    talloc_free(ctx);
}

static void every_type_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct event_list list = { 0 };
        struct error err;
        json_t *json = event_to_json(event_list_add(&list, ctx, i));
        struct directory_event *event = event_from_json(ctx, json, &err);
        assert_non_null(event);
        assert_int_equal(event->type, i);
        assert_int_equal(event->cause, CAUSE_NONE);
        assert_null(event->actor.dn);
        assert_null(event->changes);
        json_decref(json);
        talloc_free(ctx);
    }
}

// DNs come as the directory wrote them; json_string() would be NULL.
static void bad_utf8(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct directory_event *event = make_full(ctx);
    event->entry.dn = "cn=M\xfcller,dc=x";
    json_t *json = event_to_json(event);
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "entry"), "dn")), "cn=M\xef\xbf\xbdller,dc=x");
    json_decref(json);
    talloc_free(ctx);
}

static void times_that_cannot_be_written(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct directory_event *event = make_full(ctx);
    event->time = INT64_MAX;
    event->until = -1;
    json_t *json = event_to_json(event);
    assert_null(json_object_get(json, "time"));
    assert_null(json_object_get(json, "until"));
    json_decref(json);
    talloc_free(ctx);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *words;
    } cases[] = {
        { "[]", "no JSON object" },
        { "{}", "no event" },
        { "{\"event\":\"user.exploded\"}", "user.exploded" },
        { "{\"event\":5}", "no event" },
        { "{\"event\":\"user.created\",\"time\":5}", "no time" },
        { "{\"event\":\"user.created\",\"time\":\"yesterday\"}", "no time" },
        { "{\"event\":\"user.created\",\"time\":\"2026-02-30T00:00:00Z\"}", "no time" },
        { "{\"event\":\"user.created\",\"time\":\"2026-02-20T00:00:00.000000000000000000000000000000000000000000Z\"}", "no time" },
        { "{\"event\":\"user.created\",\"directory\":5}", "\"directory\" is no string" },
        { "{\"event\":\"user.created\",\"sequence\":\"5\"}", "\"sequence\" is no whole number" },
        { "{\"event\":\"user.created\",\"entry\":\"uid=x\"}", "\"entry\" is no object" },
        { "{\"event\":\"user.created\",\"entry\":{}}", "\"entry\" has no dn" },
        { "{\"event\":\"user.created\",\"entry\":{\"dn\":\"x\",\"uuid\":\"x\"}}", "uuid" },
        { "{\"event\":\"user.created\",\"members\":{}}", "\"members\" is no list" },
        { "{\"event\":\"user.created\",\"members\":[1]}", "\"members\" is no object" },
        { "{\"event\":\"user.created\",\"changes\":[1]}", "a change names no attribute" },
        { "{\"event\":\"user.created\",\"changes\":[{\"attribute\":\"a\",\"old\":[1]}]}", "\"old\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = { 0 };
        TALLOC_CTX *ctx = talloc_new(NULL);
        json_t *json = json_loads(cases[i].json, 0, NULL);
        assert_non_null(json);
        assert_null(event_from_json(ctx, json, &err));
        if (!strstr(err.text, cases[i].words))
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].json, err.text, cases[i].words);
        json_decref(json);
        talloc_free(ctx);
    }
}

static void ids(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct directory_event event = { .directory = "corp-eu", .sequence = 7 };
    struct error err;
    char *directory;
    int64_t sequence;
    assert_string_equal(event_id(ctx, &event), "corp-eu-7");
    assert_int_equal(event_id_parse(ctx, "corp-eu-1842", &directory, &sequence, &err), 0);
    assert_string_equal(directory, "corp-eu");
    assert_int_equal(sequence, 1842);
    static const char *const wrong[] = { "", "corp", "corp-", "-5", "corp-0", "corp-5x", "corp--5x", "corp- 5", "corp-+5",
                                         "corp-99999999999999999999" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(event_id_parse(ctx, wrong[i], &directory, &sequence, &err), -1);
        assert_non_null(strstr(err.text, "corp-1842"));
    }
    talloc_free(ctx);
}

static void list_grows(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct event_list list = { 0 };
    for (int i = 0; i < 1000; i++)
        event_list_add(&list, ctx, EVENT_USER_CREATED)->sequence = i;
    assert_int_equal(list.count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(list.items[i]->sequence, i);
    talloc_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back), cmocka_unit_test(every_type_reads_back), cmocka_unit_test(bad_utf8),
        cmocka_unit_test(times_that_cannot_be_written), cmocka_unit_test(refused), cmocka_unit_test(ids),
        cmocka_unit_test(list_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
