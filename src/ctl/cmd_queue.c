// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "table.h"

// Only what waits has a next attempt.
static const char *next_attempt(TALLOC_CTX *ctx, const json_t *message)
{
    const char *state = json_string_value(json_object_get(message, "state"));
    return state && strcmp(state, "queued") == 0 ? cell_time(ctx, message, "next_attempt") : "-";
}

static void print_messages(struct invocation *invocation, const json_t *answer, const char *when_empty)
{
    static const char *const headings[] = { "MESSAGE", "STATE", "CREATED", "TO", "SUBJECT", "TRIES", "NEXT", "LAST WORDS", NULL };
    struct table *table = table_new(invocation->ctx, headings);
    TALLOC_CTX *ctx = invocation->ctx;
    size_t index;
    const json_t *message;
    json_array_foreach(json_object_get(answer, "messages"), index, message)
        table_row(table, (const char *[]){ cell_number(ctx, message, "id"), cell_text(ctx, message, "state"),
                                           cell_time(ctx, message, "created"), cell_text(ctx, message, "recipient"),
                                           cell_text(ctx, message, "subject"), cell_number(ctx, message, "attempts"),
                                           next_attempt(ctx, message), cell_text(ctx, message, "reply") });
    table_print(table, when_empty);
}

struct queue_options {
    const char *state, *to, *limit;
};

// Options first: their values are no words of the command.
static int take_options(struct invocation *invocation, struct queue_options *options)
{
    options->state = option_value(invocation, "--state");
    options->to = option_value(invocation, "--to");
    return option_count(invocation, "--limit", &options->limit);
}

static int list_messages(struct invocation *invocation, const struct queue_options *options, const char *when_empty)
{
    json_t *answer;
    char *path = client_path(invocation->ctx, "/v1/queue", "limit", options->limit, "state", options->state, "recipient",
                             options->to, NULL);
    int status = client_call(invocation, "GET", path, NULL, &answer);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    print_messages(invocation, answer, when_empty);
    json_decref(answer);
    return EXIT_DONE;
}

static int show_message(struct invocation *invocation, const char *id)
{
    json_t *answer;
    char *path = talloc_asprintf(invocation->ctx, "/v1/queue/%s", client_escape(invocation->ctx, id));
    int status = client_call(invocation, "GET", path, NULL, &answer);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    TALLOC_CTX *ctx = invocation->ctx;
    printf("message   %s\nstate     %s\nto        %s\nvia       %s %s\ncreated   %s\nattempts  %s\nnext      %s\nfinished  %s\nreply     %s\n",
           cell_number(ctx, answer, "id"), cell_text(ctx, answer, "state"), cell_text(ctx, answer, "recipient"),
           cell_text(ctx, answer, "transport"), cell_text(ctx, answer, "host"), cell_time(ctx, answer, "created"),
           cell_number(ctx, answer, "attempts"), next_attempt(ctx, answer),
           cell_time(ctx, answer, "finished"), cell_text(ctx, answer, "reply"));
    size_t index;
    const json_t *event;
    json_array_foreach(json_object_get(answer, "events"), index, event)
        printf("tells     %s %s\n", cell_text(ctx, event, "id"), cell_text(ctx, event, "event"));
    const char *content = json_string_value(json_object_get(answer, "content"));
    printf("\n%s", content ? content : "");
    json_decref(answer);
    return EXIT_DONE;
}

static int act(struct invocation *invocation, const char *action, const char *id, const char *state)
{
    TALLOC_CTX *ctx = invocation->ctx;
    bool delete = strcmp(action, "delete") == 0;
    char *path = delete ? talloc_asprintf(ctx, "/v1/queue/%s", client_escape(ctx, id))
                        : talloc_asprintf(ctx, "/v1/queue/%s/%s", client_escape(ctx, id), action);
    json_t *answer;
    int status = client_call(invocation, delete ? "DELETE" : "POST", client_path(ctx, path, "state", state, NULL), NULL, &answer);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    long long changed = json_integer_value(json_object_get(answer, "changed"));
    json_decref(answer);
    printf("%lld message%s %s\n", changed, changed == 1 ? "" : "s", delete ? "deleted" : "changed");
    return EXIT_DONE;
}

static bool is_action(const char *word)
{
    static const char *const actions[] = { "retry", "hold", "release", "delete" };
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(word, actions[i]) == 0)
            return true;
    return false;
}

static int run_queue(struct invocation *invocation)
{
    struct queue_options options;
    if (take_options(invocation, &options) < 0)
        return EXIT_USAGE;
    const char *what = next_word(invocation), *id = next_word(invocation);
    if (words_done(invocation, &command_queue) != EXIT_DONE)
        return EXIT_USAGE;
    if ((!what || strcmp(what, "list") == 0) && !id)
        return list_messages(invocation, &options, "No messages.");
    bool narrowed = options.to || options.limit || (options.state && (!id || strcmp(id, "all") != 0));
    if (!what || !id || narrowed)
        return usage(&command_queue);
    if (strcmp(what, "show") == 0)
        return show_message(invocation, id);
    return is_action(what) ? act(invocation, what, id, options.state) : usage(&command_queue);
}

static int run_history(struct invocation *invocation)
{
    struct queue_options options = { .to = option_value(invocation, "--to") };
    if (option_count(invocation, "--limit", &options.limit) < 0 || words_done(invocation, &command_history) != EXIT_DONE)
        return EXIT_USAGE;
    options.state = "sent";
    return list_messages(invocation, &options, "Nothing was sent yet.");
}

const struct command command_queue = {
    "queue", "list [--state STATE] [--to TEXT] [--limit N] | show ID | retry|hold|release|delete ID|all [--state STATE]",
    "Messages on their way: queued, held, dead; looks at them and moves them on.", run_queue
};
const struct command command_history = { "history", "[--to TEXT] [--limit N]", "What was sent, newest first.", run_history };
