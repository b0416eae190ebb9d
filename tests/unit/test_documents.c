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
#include "config_fixture.h"
#include "daemon/checks.h"
#include "directory/flavour.h"
#include "event/event.h"

// The documents of the tree say what the tables say. After a change of the option table: make documents.

static char *printed(void (*print)(FILE *))
{
    static char *text; // static, for gcc takes the stream's pointer to it for a dangling one
    static size_t size;
    FILE *out = open_memstream(&text, &size);
    print(out);
    fclose(out);
    return text;
}

// The first line that differs, for the one who forgot to run make documents.
static void expect_same(const char *name, const char *file, const char *table)
{
    unsigned line = 1;
    for (; *file && *file == *table; file++, table++)
        line += *file == '\n';
    if (*file || *table)
        fail_msg("%s:%u differs from the option table: \"%.60s\" where it should be \"%.60s\"; run make documents", name, line,
                 file, table);
}

static void test_sample_is_the_table(void **state)
{
    (void)state;
    char *file = fixture_source("etc/ldapnotify.conf"), *table = printed(config_write_sample);
    expect_same("etc/ldapnotify.conf", file, table);
    free(file);
    free(table);
}

static void test_manual_is_the_table(void **state)
{
    (void)state;
    char *file = fixture_source("doc/ldapnotify.conf.5"), *table = printed(config_write_manual);
    char *begin = strstr(file, "begin of the option table"), *end = strstr(file, ".\\\" end of the option table");
    assert_non_null(begin);
    assert_non_null(end);
    *end = '\0';
    expect_same("doc/ldapnotify.conf.5", strchr(begin, '\n') + 1, table);
    free(file);
    free(table);
}

static const char *spelled(const struct option *option)
{
    static char name[80];
    snprintf(name, sizeof name, "%s%s", option->name, option->type == OPTION_SECRET ? "_file" : "");
    return name;
}

// The generators leave nothing out: each option stands in both, with its default.
static void test_every_option(void **state)
{
    (void)state;
    char *sample = printed(config_write_sample), *manual = printed(config_write_manual);
    for (const struct option_section *section = option_sections; section->name; section++) {
        char heading[80];
        snprintf(heading, sizeof heading, ".Ss %s%s\n", !*section->name ? "Outside of all groups" : section->list ? "The list " : "The group ",
                 section->name);
        const char *part = strstr(manual, heading);
        assert_non_null(part);
        const char *next = strstr(part + 1, ".Ss ");
        for (const struct option *option = section->options; option->name; option++) {
            char line[120];
            snprintf(line, sizeof line, ".It Ic %s No = ", spelled(option));
            const char *found = strstr(part, line);
            if (!found || (next && found > next))
                fail_msg("%s.%s is not in the manual", section->name, option->name);
            snprintf(line, sizeof line, "%s = ", spelled(option));
            if (!strstr(sample, line))
                fail_msg("%s.%s is not in the sample", section->name, option->name);
            const char *after = strstr(found + 1, ".It Ic "), *fallback = strstr(found, "\nDefault: ");
            if (option->fallback && (!fallback || (after && fallback > after)))
                fail_msg("%s.%s: its default is not in the manual", section->name, option->name);
        }
    }
    free(sample);
    free(manual);
}

static struct config *read_sample(struct fixture *fixture, const char *sample, struct error *err)
{
    char *rules = fixture_source("etc/rules.conf");
    fixture_text(fixture, "rules.conf", rules);
    struct config *config = config_read(NULL, fixture_text(fixture, "ldapnotify.conf", sample), &daemon_checks, NULL, NULL, err);
    free(rules);
    return config;
}

static void test_sample_is_good(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error err;
    fixture_begin(&fixture);
    char *sample = fixture_source("etc/ldapnotify.conf");
    struct config *config = read_sample(&fixture, sample, &err);
    if (!config)
        fail_msg("%s", err.text);
    assert_false(config->live);
    assert_int_equal(config->transport_count, 1);
    assert_int_equal(config->directory_count, 1);
    assert_string_equal(config->directories[0].bind_password.file, "/etc/ldapnotify/corp.secret");
    talloc_free(config);
    free(sample);
    fixture_end(&fixture);
}

// Options that exclude each other, or need others, cannot all be taken together.
static bool stands_alone(const char *line)
{
    static const char *const others[] = { "path", "bind_password_env", "bind_password_credential", "password_env",
                                          "password_credential", "keytab", "principal" };
    line += strspn(line, " #");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(line, others[i], strlen(others[i])) == 0 && line[strlen(others[i])] == ' ')
            return true;
    return false;
}

// Every setting that is a comment may be taken out of it: all are good, defaults and examples.
static void test_comments_are_good(void **state)
{
    (void)state;
    struct fixture fixture;
    struct error err;
    fixture_begin(&fixture);
    char *sample = fixture_source("etc/ldapnotify.conf"), *out = calloc(1, strlen(sample) + 2), *at = out;
    bool whole = false;
    unsigned taken = 0;
    char *rest = sample;
    for (char *line; (line = strsep(&rest, "\n"));) {
        // Two lists are comments as a whole; rules come from rules.conf already.
        whole = whole ? line[0] == '#' : strcmp(line, "#rules = (") == 0;
        char *mark = line + strspn(line, " ");
        if (*mark == '#' && !whole && !stands_alone(line)) {
            *mark = ' ';
            mark += strspn(mark, " ");
            *(*mark == '#' ? mark : line + strlen(line)) = *mark == '#' ? ' ' : '\0';
            taken++;
        }
        at += sprintf(at, "%s\n", line);
    }
    assert_in_range(taken, 80, 200);
    struct config *config = read_sample(&fixture, out, &err);
    if (!config)
        fail_msg("%s", err.text);
    assert_int_equal(config->subject_count, 1);
    assert_int_equal(config->directories[0].map_count, 1);
    talloc_free(config);
    free(out);
    free(sample);
    fixture_end(&fixture);
}

static bool rule_names(const struct config_rule *rule, const char *event)
{
    for (size_t i = 0; i < rule->on.count; i++)
        if (strcmp(rule->on.items[i], event) == 0)
            return true;
    return false;
}

static bool list_has(const struct config_list *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], word) == 0)
            return true;
    return false;
}

// The shipped rules, those in comments too: the whole catalogue, and nothing of an account's security for others.
static void test_rules(void **state)
{
    (void)state;
    static const char *const shipped[] = { "group.member.added", "group.member.removed", "group.owner.added",
                                           "group.owner.removed", "user.locked", "user.unlocked", "user.enabled",
                                           "user.disabled" };
    struct fixture fixture;
    struct error err;
    fixture_begin(&fixture);
    char *rules = fixture_source("etc/rules.conf"), *sample = fixture_source("etc/ldapnotify.conf");
    for (int comments = 0; comments < 2; comments++) {
        for (char *at = rules; comments && (at = strstr(at, "#{")); at++)
            *at = ' ';
        fixture_text(&fixture, "rules.conf", rules);
        struct config *config = config_read(NULL, fixture_text(&fixture, "ldapnotify.conf", sample), &daemon_checks, NULL,
                                            NULL, &err);
        if (!config)
            fail_msg("%s", err.text);
        for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
            const struct event_kind *kind = event_kind((enum event_type)type);
            bool found = strcmp(kind->object, "system") == 0, on = false;
            for (size_t i = 0; i < config->rule_count; i++) {
                const struct config_rule *rule = &config->rules[i];
                if (!rule_names(rule, kind->name))
                    continue;
                found = true;
                on = on || rule->enabled;
                if (kind->security && (list_has(&rule->to, "owner") || list_has(&rule->to, "manager") || rule->cc.count > 0))
                    fail_msg("rule %s tells others of %s", rule->name, kind->name);
            }
            bool wanted = false;
            for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++)
                wanted = wanted || strcmp(shipped[i], kind->name) == 0;
            if (!comments && on != wanted)
                fail_msg("%s is %s", kind->name, on ? "told" : "not told");
            if (comments && !found)
                fail_msg("%s is in no rule", kind->name);
        }
        talloc_free(config);
    }
    free(rules);
    free(sample);
    fixture_end(&fixture);
}

// What the option table says of other rooms' words is what they say.
static void test_other_rooms(void **state)
{
    (void)state;
    char *manual = fixture_source("doc/ldapnotify.conf.5");
    for (int type = 0; type < EVENT_TYPE_COUNT; type++)
        if (!strstr(manual, event_kind((enum event_type)type)->name))
            fail_msg("%s is not in the manual", event_kind((enum event_type)type)->name);
    free(manual);
    for (const struct option_section *section = option_sections; section->name; section++)
        for (const struct option *option = section->options; option->name; option++) {
            if (option->type == OPTION_MAP) {
                size_t count = 0;
                for (; option->choices[count]; count++)
                    if (flavour_role_from_name(option->choices[count]) < 0)
                        fail_msg("%s is no role of a flavour", option->choices[count]);
                assert_int_equal(count, ROLE_COUNT);
            }
            if (strcmp(option->name, "flavour") != 0)
                continue;
            for (const char *const *name = option->choices + 1; *name; name++) {
                struct config_directory directory = { 0 };
                struct error err;
                struct flavour *flavour = flavour_new(NULL, *name, &directory, &err);
                if (!flavour)
                    fail_msg("flavour %s: %s", *name, err.text);
                talloc_free(flavour);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_is_the_table), cmocka_unit_test(test_manual_is_the_table),
        cmocka_unit_test(test_every_option),        cmocka_unit_test(test_sample_is_good),
        cmocka_unit_test(test_comments_are_good),   cmocka_unit_test(test_rules),
        cmocka_unit_test(test_other_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
