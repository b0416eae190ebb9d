// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client.h"
#include "table.h"

static void print_party(TALLOC_CTX *ctx, const char *label, const json_t *party)
{
    if (!json_is_object(party))
        return;
    const char *name = cell_text(ctx, party, "name"), *mail = cell_text(ctx, party, "mail");
    printf("%-9s %s%s%s%s  %s\n", label, name, *mail ? " <" : "", mail, *mail ? ">" : "", cell_text(ctx, party, "dn"));
}

static void print_event(TALLOC_CTX *ctx, const json_t *event)
{
    printf("%s  %s  %s\n", cell_text(ctx, event, "id"), cell_text(ctx, event, "event"), cell_time(ctx, event, "time"));
    print_party(ctx, "entry", json_object_get(event, "entry"));
    print_party(ctx, "party", json_object_get(event, "party"));
    if (json_is_object(json_object_get(event, "actor")))
        print_party(ctx, "by", json_object_get(event, "actor"));
    else
        puts("by        unknown");
}

static void print_decisions(TALLOC_CTX *ctx, const json_t *answer, const char *to)
{
    static const char *const headings[] = { "OUTCOME", "RULE", "ROLE", "WHO", "WHY", NULL };
    struct table *table = table_new(ctx, headings);
    size_t index;
    const json_t *decision;
    json_array_foreach(json_object_get(answer, "decisions"), index, decision) {
        const char *address = cell_text(ctx, decision, "address");
        table_row(table, (const char *[]){ cell_text(ctx, decision, "outcome"), cell_text(ctx, decision, "rule"),
                                           cell_text(ctx, decision, "role"),
                                           *address ? address : cell_text(ctx, decision, "name"),
                                           cell_text(ctx, decision, "reason") });
    }
    table_print(table, to ? "Nothing was decided about this address." : "No rule wanted it, so nobody was told.");
}

static const char *describe_delivery(TALLOC_CTX *ctx, const json_t *delivery)
{
    const json_t *message = json_object_get(delivery, "message");
    const char *reason = cell_text(ctx, delivery, "reason");
    if (!json_is_object(message))
        return *reason ? reason : talloc_asprintf(ctx, "due %s", cell_time(ctx, delivery, "due"));
    return talloc_asprintf(ctx, "message %s %s %s %s", cell_number(ctx, message, "id"), cell_text(ctx, message, "state"),
                           cell_time(ctx, message, "finished"), cell_text(ctx, message, "reply"));
}

static void print_deliveries(TALLOC_CTX *ctx, const json_t *answer)
{
    static const char *const headings[] = { "NOTIFICATION", "TO", "ROLES", "WHAT BECAME OF IT", NULL };
    struct table *table = table_new(ctx, headings);
    size_t index;
    const json_t *delivery;
    json_array_foreach(json_object_get(answer, "deliveries"), index, delivery)
        table_row(table, (const char *[]){ cell_text(ctx, delivery, "state"), cell_text(ctx, delivery, "address"),
                                           cell_text(ctx, delivery, "roles"), describe_delivery(ctx, delivery) });
    table_print(table, "Nothing is on its way because of it.");
}

static int run_explain(struct invocation *invocation)
{
    const char *to = option_value(invocation, "--to");
    const char *id = next_word(invocation);
    if (!id)
        return usage(&command_explain);
    if (words_done(invocation, &command_explain) != EXIT_DONE)
        return EXIT_USAGE;
    TALLOC_CTX *ctx = invocation->ctx;
    char *base = talloc_asprintf(ctx, "/v1/events/%s", client_escape(ctx, id));
    json_t *answer;
    int status = client_call(invocation, "GET", client_path(ctx, base, "to", to, NULL), NULL, &answer);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    print_event(ctx, json_object_get(answer, "event"));
    putchar('\n');
    print_decisions(ctx, answer, to);
    putchar('\n');
    print_deliveries(ctx, answer);
    json_decref(answer);
    return EXIT_DONE;
}

const struct command command_explain = { "explain", "ID [--to ADDRESS]",
                                         "Why somebody was or was not told of an event, and what became of the messages.",
                                         run_explain };
