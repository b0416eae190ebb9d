// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "client.h"
#include "table.h"

static const char *name_of(TALLOC_CTX *ctx, const json_t *event, const char *key)
{
    const json_t *party = json_object_get(event, key);
    const char *name = cell_text(ctx, party, "name");
    return *name ? name : cell_text(ctx, party, "dn");
}

static void print_events(struct invocation *invocation, const json_t *answer)
{
    static const char *const headings[] = { "ID", "TIME", "EVENT", "ENTRY", "WHO", "BY", NULL };
    struct table *table = table_new(invocation->ctx, headings);
    size_t index;
    const json_t *event;
    json_array_foreach(json_object_get(answer, "events"), index, event) {
        TALLOC_CTX *ctx = invocation->ctx;
        const char *actor = name_of(ctx, event, "actor");
        table_row(table, (const char *[]){ cell_text(ctx, event, "id"), cell_time(ctx, event, "time"),
                                           cell_text(ctx, event, "event"), name_of(ctx, event, "entry"),
                                           name_of(ctx, event, "party"), *actor ? actor : "-" });
    }
    table_print(table, "No events.");
}

static int run_events(struct invocation *invocation)
{
    const char *limit, *pattern = option_value(invocation, "--event");
    const char *directory = option_value(invocation, "--directory"), *since = option_value(invocation, "--since");
    char *from = NULL;
    int64_t ago;
    struct error err;
    if (option_count(invocation, "--limit", &limit) < 0)
        return EXIT_USAGE;
    const char *text = next_word(invocation);
    if (words_done(invocation, &command_events) != EXIT_DONE)
        return EXIT_USAGE;
    if (since) {
        if (text_parse_duration(since, &ago, &err) < 0)
            return complain(EXIT_USAGE, "--since: %s", err.text);
        from = talloc_asprintf(invocation->ctx, "%lld", (long long)(clock_now() - ago));
    }
    json_t *answer;
    char *path = client_path(invocation->ctx, "/v1/events", "limit", limit, "event", pattern, "directory", directory, "since",
                             from, "text", text, NULL);
    int status = client_call(invocation, "GET", path, NULL, &answer);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    print_events(invocation, answer);
    json_decref(answer);
    return EXIT_DONE;
}

const struct command command_events = {
    "events", "[--limit N] [--since DURATION] [--event PATTERN] [--directory NAME] [TEXT]",
    "What happened, newest first; TEXT is looked for in names and DNs.", run_events
};
