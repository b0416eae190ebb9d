// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reader.h"

// Values from their text: defaults of the table, and strings of a file.

int list_add(TALLOC_CTX *ctx, struct config_list *list, const char *text)
{
    char **larger = talloc_realloc(ctx, list->items, char *, list->count + 2);
    if (!larger)
        return -1;
    list->items = larger;
    list->items[list->count] = talloc_strdup(larger, text);
    list->items[list->count + 1] = NULL;
    return list->items[list->count++] ? 0 : -1;
}

static int list_set_words(TALLOC_CTX *ctx, struct config_list *list, const char *words)
{
    char *copy = talloc_strdup(ctx, words), *rest = copy;
    int result = copy ? 0 : -1;
    for (char *word; result == 0 && (word = strsep(&rest, " "));)
        result = list_add(ctx, list, word);
    talloc_free(copy);
    return result;
}

static int choice_from_text(const struct option *option, const char *text, int *choice, struct error *err)
{
    for (int i = 0; option->choices[i]; i++)
        if (strcmp(option->choices[i], text) == 0) {
            *choice = i;
            return 0;
        }
    const char *nearest = text_nearest(text, option->choices);
    if (nearest)
        return error_set(err, "is no known value; did you mean \"%s\"?", nearest);
    error_set(err, "is no known value; take ");
    for (size_t i = 0; option->choices[i]; i++) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, "%s\"%s\"",
                 i == 0 ? "" : option->choices[i + 1] ? ", " : " or ", option->choices[i]);
    }
    return -1;
}

static int duration_from_text(const struct option *option, const char *text, int64_t *milliseconds,
                              struct error *err)
{
    struct error detail;
    if (text_parse_duration(text, milliseconds, &detail) < 0)
        return error_set(err,
                         "is no duration; write a number and a unit (ms, s, m, h, d, w), such as \"5m\"");
    if (*milliseconds >= option->least && *milliseconds <= option->most)
        return 0;
    TALLOC_CTX *scratch = talloc_new(NULL);
    error_set(err, "is out of range; it may be from \"%s\" to \"%s\"",
              text_format_duration(scratch, option->least), text_format_duration(scratch, option->most));
    talloc_free(scratch);
    return -1;
}

int option_set_text(TALLOC_CTX *ctx, const struct option *option, void *field, const char *text,
                    struct error *err)
{
    int ignored;
    switch (option->type) {
    case OPTION_BOOL:
        *(bool *)field = strcmp(text, "true") == 0;
        return 0;
    case OPTION_INT:
        *(int64_t *)field = strtoll(text, NULL, 10);
        return 0;
    case OPTION_DURATION:
        return duration_from_text(option, text, field, err);
    case OPTION_CHOICE:
        return choice_from_text(option, text, field, err);
    case OPTION_STRING:
        if (option->choices && choice_from_text(option, text, &ignored, err) < 0)
            return -1;
        talloc_free(*(char **)field);
        *(char **)field = talloc_strdup(ctx, text);
        return *(char **)field ? 0 : error_set(err, "no memory");
    case OPTION_LIST:
        return list_set_words(ctx, field, text) < 0 ? error_set(err, "no memory") : 0;
    case OPTION_SECRET:
    case OPTION_MAP:
        break;
    }
    return error_set(err, "has no text form");
}

int option_set_fallback(TALLOC_CTX *ctx, const struct option *option, void *field, struct error *err)
{
    if (option->fallback)
        return option_set_text(ctx, option, field, option->fallback, err);
    if (option->type == OPTION_INT || option->type == OPTION_DURATION)
        *(int64_t *)field = -1; // inherited, or not given
    return 0;
}
