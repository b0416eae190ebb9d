// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "config_fixture.h"

static struct fixture fixture;

// What the log file holds, without time and process; valid until the next call.
static const char *logged(const char *path)
{
    static char text[20000];
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = '\0';
    if (file)
        fclose(file);
    const char *after = strstr(text, "] ");
    return after ? after + 2 : text;
}

static const char *log_begin(enum log_level level)
{
    static char path[300];
    struct error err;
    snprintf(path, sizeof path, "%s/log", fixture.path);
    unlink(path);
    if (log_open(LOG_TARGET_FILE, path, level, "test", &err) < 0)
        fail_msg("%s", err.text);
    return path;
}

// A hostile value stays inside its quotes on its line.
static void test_values(void **state)
{
    (void)state;
    static const struct { const char *value, *line; } cases[] = {
        { "plain", "info: said value=plain\n" },
        { "", "info: said value=\"\"\n" },
        { "two words", "info: said value=\"two words\"\n" },
        { "x level=error", "info: said value=\"x level=error\"\n" },
        { "a=b", "info: said value=\"a=b\"\n" },
        { "\"", "info: said value=\"\\\"\"\n" },
        { "CORP\\new", "info: said value=\"CORP\\\\new\"\n" },
        { "x\n2026 error: forged", "info: said value=\"x\\x0a2026 error: forged\"\n" },
        { "\x1b[2J", "info: said value=\"\\x1b[2J\"\n" },
        { "\x7f", "info: said value=\"\\x7f\"\n" },
        { "\xc2\x9b" "2J", "info: said value=\"\\xc2\\x9b2J\"\n" }, // C1 CSI does to some terminals what ESC [ does
        { "\xff", "info: said value=\"\\xff\"\n" },
        { "Zo\xc3\xab", "info: said value=Zo\xc3\xab\n" },
        { NULL, "info: said value=\"\"\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = log_begin(LOG_LEVEL_INFO);
        log_info("said", LOG_S("value", cases[i].value));
        assert_string_equal(logged(path), cases[i].line);
    }
    log_close();
}

static void test_lines(void **state)
{
    (void)state;
    clock_set_fake(INT64_C(1795172600123));
    const char *path = log_begin(LOG_LEVEL_NOTICE);
    log_set_context("directory", "corp");
    log_info("not this");
    log_notice("change applied", LOG_I("events", -3));
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("now this");
    log_set_context("directory", NULL);
    log_error("plain");
    char expected[300];
    snprintf(expected, sizeof expected,
             "2026-11-20T11:03:20Z test[%ld] notice: change applied directory=corp events=-3\n"
             "2026-11-20T11:03:20Z test[%ld] debug: now this directory=corp\n"
             "2026-11-20T11:03:20Z test[%ld] error: plain\n",
             (long)getpid(), (long)getpid(), (long)getpid());
    FILE *file = fopen(path, "r");
    char text[1000] = "";
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, expected);
    log_close();
    clock_set_fake(0);
}

// However long, a line ends once, and the next one is whole.
static void test_long_line(void **state)
{
    (void)state;
    static char value[10000];
    memset(value, 'x', sizeof value - 1);
    const char *path = log_begin(LOG_LEVEL_INFO);
    log_info("long", LOG_S("value", value));
    const char *text = logged(path);
    assert_true(strlen(text) < 4096);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    log_info("short");
    assert_non_null(strstr(logged(path), "info: short\n"));
    log_close();
}

// logrotate renames the file: the log follows its path within a second.
static void test_rotation(void **state)
{
    (void)state;
    clock_set_fake(INT64_C(1795172600000));
    const char *path = log_begin(LOG_LEVEL_INFO);
    char moved[320];
    snprintf(moved, sizeof moved, "%s.1", path);
    log_info("first");
    assert_int_equal(rename(path, moved), 0);
    clock_advance_fake(CLOCK_SECOND);
    log_info("second");
    assert_string_equal(logged(moved), "info: first\n");
    assert_string_equal(logged(path), "info: second\n");
    log_close();
    clock_set_fake(0);
}

static void test_open_problems(void **state)
{
    (void)state;
    struct error err;
    char path[300], link_path[300];
    snprintf(path, sizeof path, "%s/none/log", fixture.path);
    assert_int_equal(log_open(LOG_TARGET_FILE, path, LOG_LEVEL_INFO, "test", &err), -1);
    assert_non_null(strstr(err.text, "/none/log: No such file or directory"));
    // Whoever may write to the folder must not choose another file for us.
    snprintf(link_path, sizeof link_path, "%s/link", fixture.path);
    assert_int_equal(symlink("/dev/null", link_path), 0);
    assert_int_equal(log_open(LOG_TARGET_FILE, link_path, LOG_LEVEL_INFO, "test", &err), -1);
    log_close();
    static const struct { const char *name; int level; } levels[] = {
        { "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARNING }, { "notice", LOG_LEVEL_NOTICE },
        { "info", LOG_LEVEL_INFO },   { "debug", LOG_LEVEL_DEBUG },     { "loud", -1 },
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        assert_int_equal(log_level_from_name(levels[i].name), levels[i].level);
}

static int begin(void **state)
{
    (void)state;
    fixture_begin(&fixture);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_end(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_lines),         cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_rotation), cmocka_unit_test(test_open_problems),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
