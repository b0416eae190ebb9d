// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/text.h"
#include "event/event.h"
#include "event/notification.h"

// The whole file, its line breaks made spaces, so that wrapped sentences are found.
static char *read_text(TALLOC_CTX *ctx, const char *path)
{
    const char *top = getenv("top_srcdir");
    char *name = talloc_asprintf(ctx, "%s/%s", top ? top : ".", path);
    FILE *file = fopen(name, "r");
    if (!file)
        fail_msg("cannot open %s", name);
    char *text = talloc_strdup(ctx, ""), part[4096];
    size_t length;
    while ((length = fread(part, 1, sizeof part, file)) > 0)
        text = talloc_strndup_append_buffer(text, part, length);
    fclose(file);
    for (char *at = text; *at; at++)
        if (*at == '\n')
            *at = ' ';
    return text;
}

static void rows_are_sound(void **state)
{
    (void)state;
    for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
        const struct event_kind *kind = event_kind(i);
        assert_int_equal(kind->type, i);
        assert_ptr_equal(event_kind_find(kind->name), kind);
        assert_int_equal(strncmp(kind->name, kind->object, strlen(kind->object)), 0);
        assert_int_equal(kind->name[strlen(kind->object)], '.');
        assert_true(strlen(kind->summary) > 10 && kind->summary[strlen(kind->summary) - 1] == '.');
        assert_true(strlen(kind->fires) > 30 && kind->fires[strlen(kind->fires) - 1] == '.');
        assert_non_null(strstr(kind->roles, "admins"));
        if (kind->party) { // the natural role comes first
            assert_int_equal(strncmp(kind->roles, kind->party, strlen(kind->party)), 0);
            assert_non_null(strstr(kind->name, kind->party));
        }
        if (kind->opposite >= 0) {
            assert_int_equal(event_kind(kind->opposite)->opposite, i);
            assert_int_not_equal(kind->opposite, i);
            assert_false(kind->security);
        }
        if (strstr(kind->name, "lock") || strstr(kind->name, "password"))
            assert_true(kind->security);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(event_kind(j)->name, kind->name);
            assert_string_not_equal(event_kind(j)->summary, kind->summary);
        }
    }
    assert_null(event_kind_find("group.member"));
    assert_null(event_kind_find(""));
}

static void patterns(void **state)
{
    (void)state;
    assert_true(event_pattern_is_known("group.*"));
    assert_true(event_pattern_is_known("*"));
    assert_true(event_pattern_is_known("!user.locked"));
    assert_true(event_pattern_is_known("*.member.added"));
    assert_false(event_pattern_is_known("group.membr.added"));
    assert_false(event_pattern_is_known("groups.*"));
    assert_false(event_pattern_is_known(""));
}

// The text of one event's section in doc/events.md.
static char *find_section(TALLOC_CTX *ctx, const char *text, const char *name)
{
    char *heading = talloc_asprintf(ctx, " ## %s ", name);
    const char *start = strstr(text, heading);
    if (!start) {
        fail_msg("doc/events.md has no section \"%s\"", name);
        return NULL;
    }
    const char *body = start + strlen(heading), *end = strstr(body, " ## ");
    return talloc_strndup(ctx, body, end ? (size_t)(end - body) : strlen(body));
}

static void page_tells_all(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    char *text = read_text(ctx, "doc/events.md");
    for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
        const struct event_kind *kind = event_kind(i);
        char *section = find_section(ctx, text, kind->name);
        if (!strstr(section, kind->summary) || !strstr(section, kind->fires))
            fail_msg("section %s of doc/events.md lacks the summary or when it fires", kind->name);
        assert_non_null(strstr(section, "- Carries: "));
        assert_non_null(strstr(section, "- Told by default: "));
        char *roles = talloc_strdup(ctx, kind->roles), *list = talloc_strdup(ctx, "- Roles:"), *save = NULL;
        for (char *role = strtok_r(roles, " ", &save); role; role = strtok_r(NULL, " ", &save))
            list = talloc_asprintf_append(list, " `%s`", role);
        list = talloc_strdup_append(list, " - "); // and no others
        if (!strstr(section, list))
            fail_msg("section %s of doc/events.md lacks \"%s\"", kind->name, list);
        if (kind->opposite >= 0) {
            char *opposite = talloc_asprintf(ctx, "Cancelled by: `%s`", event_kind(kind->opposite)->name);
            assert_non_null(strstr(section, opposite));
        } else {
            assert_null(strstr(section, "Cancelled by"));
        }
    }
    size_t sections = 0; // no section that the catalogue does not have
    for (const char *at = text; (at = strstr(at, " ## ")); at += 4)
        if (strncmp(at + 4, "user.", 5) == 0 || strncmp(at + 4, "group.", 6) == 0 || strncmp(at + 4, "system.", 7) == 0)
            sections++;
    assert_int_equal(sections, EVENT_TYPE_COUNT);
    talloc_free(ctx);
}

static bool in_enum(json_t *schema, const char *property, const char *word)
{
    json_t *words = json_object_get(json_object_get(json_object_get(schema, "properties"), property), "enum");
    size_t i;
    json_t *item;
    json_array_foreach(words, i, item)
        if (strcmp(json_string_value(item), word) == 0)
            return true;
    return false;
}

static void schema_knows_all(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    json_t *schema = json_loads(read_text(ctx, "schemas/json/event.json"), 0, NULL);
    assert_non_null(schema);
    json_t *properties = json_object_get(schema, "properties");
    for (int i = 0; i < EVENT_TYPE_COUNT; i++)
        if (!in_enum(schema, "event", event_kind(i)->name))
            fail_msg("schemas/json/event.json does not know %s", event_kind(i)->name);
    assert_int_equal(json_array_size(json_object_get(json_object_get(properties, "event"), "enum")), EVENT_TYPE_COUNT);
    for (int i = ORIGIN_UNKNOWN; i <= ORIGIN_IMPORT; i++)
        assert_true(in_enum(schema, "origin", event_origin_name(i)));
    for (int i = CAUSE_UNKNOWN; i <= CAUSE_EXPIRY; i++)
        assert_true(in_enum(schema, "cause", event_cause_name(i)));
    json_decref(schema);
    talloc_free(ctx);
}

static void outcomes_have_names(void **state)
{
    (void)state;
    for (int i = DECISION_TOLD; i <= DECISION_STALE; i++) {
        assert_true(strlen(decision_outcome_name(i)) > 3);
        for (int j = DECISION_TOLD; j < i; j++)
            assert_string_not_equal(decision_outcome_name(i), decision_outcome_name(j));
    }
    assert_string_equal(decision_outcome_name(DECISION_NO_ADDRESS), "no_address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sound),   cmocka_unit_test(patterns),
        cmocka_unit_test(page_tells_all),   cmocka_unit_test(schema_knows_all),
        cmocka_unit_test(outcomes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
