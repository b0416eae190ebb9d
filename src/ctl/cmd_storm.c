// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "table.h"

static int get_storms(struct invocation *invocation, json_t **answer)
{
    return client_call(invocation, "GET", "/v1/storms", NULL, answer);
}

static int list_storms(struct invocation *invocation)
{
    static const char *const headings[] = { "STORM", "DIRECTORY", "RULE", "STATE", "BEGAN", "LAST", "EVENTS", "MESSAGES", "BY", NULL };
    json_t *answer;
    int status = get_storms(invocation, &answer);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    TALLOC_CTX *ctx = invocation->ctx;
    struct table *table = table_new(ctx, headings);
    size_t index;
    const json_t *storm;
    json_array_foreach(json_object_get(answer, "storms"), index, storm)
        table_row(table, (const char *[]){ cell_number(ctx, storm, "id"), cell_text(ctx, storm, "directory"),
                                           cell_text(ctx, storm, "rule"), cell_text(ctx, storm, "state"),
                                           cell_time(ctx, storm, "opened"), cell_time(ctx, storm, "last"),
                                           cell_number(ctx, storm, "events"), cell_number(ctx, storm, "notifications"),
                                           cell_text(ctx, storm, "closed_by") });
    table_print(table, "No storms.");
    json_decref(answer);
    return EXIT_DONE;
}

// The storm with this number; `directory` NULL: it must be in one directory only.
static const json_t *find_storm(const json_t *answer, const char *id, const char *directory, int *found)
{
    const json_t *storm, *match = NULL;
    size_t index;
    *found = 0;
    json_array_foreach(json_object_get(answer, "storms"), index, storm) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json_object_get(storm, "id")));
        const char *name = json_string_value(json_object_get(storm, "directory"));
        if (strcmp(number, id) == 0 && (!directory || strcmp(directory, name) == 0)) {
            match = storm;
            (*found)++;
        }
    }
    return match;
}

static int show_storm(struct invocation *invocation, const json_t *storm)
{
    TALLOC_CTX *ctx = invocation->ctx;
    printf("storm      %s in %s\nrule       %s\nstate      %s\nbegan      %s\nlast       %s\nevents     %s\nmessages   about %s\n",
           cell_number(ctx, storm, "id"), cell_text(ctx, storm, "directory"), cell_text(ctx, storm, "rule"),
           cell_text(ctx, storm, "state"), cell_time(ctx, storm, "opened"), cell_time(ctx, storm, "last"),
           cell_number(ctx, storm, "events"), cell_number(ctx, storm, "notifications"));
    return EXIT_DONE;
}

static int end_storm(struct invocation *invocation, const json_t *storm, const char *action)
{
    json_t *answer;
    TALLOC_CTX *ctx = invocation->ctx;
    char *path = talloc_asprintf(ctx, "/v1/storms/%s/%s/%s", cell_text(ctx, storm, "directory"), cell_number(ctx, storm, "id"), action);
    int status = client_call(invocation, "POST", path, NULL, &answer);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    if (strcmp(action, "release") == 0)
        printf("released; %s notifications are on their way\n", cell_number(ctx, answer, "notifications"));
    else
        puts("discarded; the events stay listed, nobody is told");
    json_decref(answer);
    return EXIT_DONE;
}

static int run_storm(struct invocation *invocation)
{
    const char *directory = option_value(invocation, "--directory");
    const char *what = next_word(invocation), *id = next_word(invocation);
    if (words_done(invocation, &command_storm) != EXIT_DONE)
        return EXIT_USAGE;
    if (!what || strcmp(what, "list") == 0)
        return list_storms(invocation);
    bool show = strcmp(what, "show") == 0;
    if (!id || (!show && strcmp(what, "release") != 0 && strcmp(what, "discard") != 0))
        return usage(&command_storm);
    json_t *answer;
    int status = get_storms(invocation, &answer), found;
    if (status != EXIT_DONE)
        return status;
    const json_t *storm = find_storm(answer, id, directory, &found);
    if (found == 0)
        status = complain(EXIT_ABSENT, "there is no storm %s; `ldapnotifyctl storm list` lists them", id);
    else if (found > 1)
        status = complain(EXIT_USAGE, "several directories have a storm %s; say which with --directory NAME", id);
    else
        status = show ? (invocation->json ? print_json(json_deep_copy(storm)) : show_storm(invocation, storm))
                      : end_storm(invocation, storm, what);
    json_decref(answer);
    return status;
}

const struct command command_storm = { "storm", "list | show ID | release ID | discard ID [--directory NAME]",
                                       "Notifications that the storm breaker holds back: looks at them, sends or forgets them.",
                                       run_storm };
