// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/ctl/command.h"
#include "../../src/ctl/table.h"

static const struct command example = { "example", "[--limit N] [--to TEXT] [WORD]", "", NULL };

// What is written to `descriptor` while `fn` runs; to be freed.
static char *capture(int descriptor, FILE *stream, void (*fn)(void *), void *context)
{
    char *text = calloc(1, 4096);
    FILE *file = tmpfile();
    assert_non_null(text);
    assert_non_null(file);
    fflush(stream);
    int saved = dup(descriptor);
    assert_true(saved >= 0 && dup2(fileno(file), descriptor) >= 0);
    fn(context);
    fflush(stream);
    assert_true(dup2(saved, descriptor) >= 0);
    close(saved);
    rewind(file);
    text[fread(text, 1, 4095, file)] = '\0';
    fclose(file);
    return text;
}

struct line {
    char *words[8];
    int count;
    const char *limit, *to, *word;
    int limit_result, status;
};

static void read_line(void *context)
{
    struct line *line = context;
    struct invocation invocation = { .count = line->count, .words = line->words };
    line->to = option_value(&invocation, "--to");
    line->limit_result = option_count(&invocation, "--limit", &line->limit);
    line->word = next_word(&invocation);
    line->status = words_done(&invocation, &example);
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *line, *to, *limit, *word;
        int limit_result, status;
        const char *complaint;
    } rows[] = {
        { "", NULL, NULL, NULL, 0, EXIT_DONE, "" },
        { "hello", NULL, NULL, "hello", 0, EXIT_DONE, "" },
        { "--to me hello --limit 5", "me", "5", "hello", 0, EXIT_DONE, "" },
        { "--limit=5 --to=me", "me", "5", NULL, 0, EXIT_DONE, "" },
        { "--to= hello", "", NULL, "hello", 0, EXIT_DONE, "" },
        { "--limit x", NULL, "x", NULL, -1, EXIT_DONE, "--limit takes a number, not \"x\"" },
        { "--limit -1", NULL, "-1", NULL, -1, EXIT_DONE, "takes a number" },
        { "--limit 99999999999", NULL, "99999999999", NULL, -1, EXIT_DONE, "takes a number" },
        { "--to", NULL, NULL, NULL, 0, EXIT_USAGE, "--to needs a value" },
        { "--top me", NULL, NULL, "me", 0, EXIT_USAGE, "\"--top\" is not understood here" },
        { "one two", NULL, NULL, "one", 0, EXIT_USAGE, "\"two\" is not understood here" },
        { "one two", NULL, NULL, "one", 0, EXIT_USAGE, "usage: ldapnotifyctl example [--limit N]" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[128];
        struct line line = { 0 };
        snprintf(text, sizeof text, "%s", rows[i].line);
        for (char *at = strtok(text, " "); at; at = strtok(NULL, " "))
            line.words[line.count++] = at;
        char *complaint = capture(STDERR_FILENO, stderr, read_line, &line);
        bool same = line.limit_result == rows[i].limit_result && line.status == rows[i].status;
        const char *pairs[][2] = { { line.to, rows[i].to }, { line.limit, rows[i].limit }, { line.word, rows[i].word } };
        for (size_t k = 0; k < 3; k++)
            same = same && (pairs[k][0] == NULL) == (pairs[k][1] == NULL) &&
                   (!pairs[k][0] || strcmp(pairs[k][0], pairs[k][1]) == 0);
        if (!same || !strstr(complaint, rows[i].complaint) || (!*rows[i].complaint && *complaint))
            fail_msg("row %zu, \"%s\": %s", i, rows[i].line, complaint);
        free(complaint);
    }
}

static void print_table(void *context)
{
    (void)context;
    static const char *const headings[] = { "ID", "NAME", "LAST", NULL };
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct table *table = table_new(ctx, headings);
    table_print(table, "Nothing.");
    table_row(table, (const char *[]){ "1", "\xE7\x8E\x8B\xE5\xB0\x8F", "x" }); // two characters of double width
    table_row(table, (const char *[]){ "22", "a\x1B[31m\nb", NULL });
    table_print(table, "Nothing.");
    talloc_free(ctx);
}

static void test_table(void **state)
{
    (void)state;
    char *text = capture(STDOUT_FILENO, stdout, print_table, NULL);
    assert_string_equal(text, "Nothing.\n"
                              "ID  NAME     LAST\n"
                              "1   \xE7\x8E\x8B\xE5\xB0\x8F     x\n"
                              "22  a[31m b  \n");
    free(text);
}

static void test_cells(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    json_t *object = json_pack("{s:s,s:i,s:n}", "text", "a\tb", "number", 5, "nothing");
    assert_string_equal(cell_text(ctx, object, "text"), "a b");
    assert_string_equal(cell_text(ctx, object, "nothing"), "");
    assert_string_equal(cell_text(ctx, NULL, "text"), "");
    assert_string_equal(cell_number(ctx, object, "number"), "5");
    assert_string_equal(cell_time(ctx, object, "nothing"), "-");
    assert_string_equal(cell_age(ctx, 0), "never");
    json_decref(object);
    talloc_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_table),
                                        cmocka_unit_test(test_cells) };
    return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
