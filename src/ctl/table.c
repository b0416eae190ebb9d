// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uniwidth.h>

#include "base/clock.h"
#include "base/text.h"

#define CELL_MOST 100

struct table {
    size_t columns, rows;
    const char *const *headings;
    char **cells;
};

struct table *table_new(TALLOC_CTX *ctx, const char *const *headings)
{
    struct table *table = talloc_zero(ctx, struct table);
    table->headings = headings;
    while (headings[table->columns])
        table->columns++;
    return table;
}

void table_row(struct table *table, const char *const *cells)
{
    table->cells = talloc_realloc(table, table->cells, char *, (table->rows + 1) * table->columns);
    for (size_t i = 0; i < table->columns; i++) {
        const char *cell = cells[i] ? cells[i] : "";
        table->cells[table->rows * table->columns + i] = text_clean(table, cell, strlen(cell), CELL_MOST);
    }
    table->rows++;
}

static int width_of(const char *text)
{
    int width = u8_strwidth((const uint8_t *)text, "UTF-8");
    return width < 0 ? (int)strlen(text) : width;
}

static void print_row(const struct table *table, const char *const *cells, const int *widths)
{
    for (size_t i = 0; i < table->columns; i++) {
        fputs(cells[i], stdout);
        if (i + 1 < table->columns)
            printf("%*s", widths[i] - width_of(cells[i]) + 2, "");
    }
    putchar('\n');
}

void table_print(const struct table *table, const char *when_empty)
{
    if (table->rows == 0) {
        puts(when_empty);
        return;
    }
    int *widths = talloc_zero_array(NULL, int, table->columns);
    for (size_t i = 0; i < table->columns; i++) {
        widths[i] = width_of(table->headings[i]);
        for (size_t row = 0; row < table->rows; row++) {
            int width = width_of(table->cells[row * table->columns + i]);
            if (width > widths[i])
                widths[i] = width;
        }
    }
    print_row(table, table->headings, widths);
    for (size_t row = 0; row < table->rows; row++)
        print_row(table, (const char *const *)table->cells + row * table->columns, widths);
    talloc_free(widths);
}

const char *cell_text(TALLOC_CTX *ctx, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text_clean(ctx, text ? text : "", text ? strlen(text) : 0, 0);
}

const char *cell_number(TALLOC_CTX *ctx, const json_t *object, const char *key)
{
    return talloc_asprintf(ctx, "%lld", (long long)json_integer_value(json_object_get(object, key)));
}

const char *cell_time(TALLOC_CTX *ctx, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    time_t seconds = (time_t)(json_integer_value(value) / CLOCK_SECOND);
    struct tm broken = { 0 };
    char text[64];
    if (json_is_string(value) && strptime(json_string_value(value), "%Y-%m-%dT%H:%M:%S", &broken)) // so in events
        seconds = timegm(&broken);
    if (seconds == 0 || !localtime_r(&seconds, &broken) || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &broken) == 0)
        return "-";
    return talloc_strdup(ctx, text);
}

const char *cell_age(TALLOC_CTX *ctx, int64_t time)
{
    if (time == 0)
        return "never";
    int64_t age = (clock_now() - time) / CLOCK_SECOND * CLOCK_SECOND;
    return age <= 0 ? "just now" : talloc_asprintf(ctx, "%s ago", text_describe_duration(ctx, age));
}
