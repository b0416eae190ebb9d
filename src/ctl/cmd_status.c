// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "client.h"
#include "table.h"

#define WAIT_STEP_MS 50

static const json_t *status_of(const json_t *answer, const char *name)
{
    size_t index;
    const json_t *worker;
    json_array_foreach(json_object_get(answer, "workers"), index, worker)
        if (strcmp(json_string_value(json_object_get(worker, "name")), name) == 0)
            return json_object_get(worker, "status");
    return NULL;
}

static const json_t *watch_of(const json_t *answer, const char *directory)
{
    char name[80];
    snprintf(name, sizeof name, "watch %s", directory);
    return status_of(answer, name);
}

static const json_t *transports_of(const json_t *answer)
{
    return json_object_get(status_of(answer, "deliver"), "transports");
}

static const char *describe_state(TALLOC_CTX *ctx, const json_t *watch)
{
    if (!json_is_object(watch))
        return "not running";
    if (!json_is_true(json_object_get(watch, "caught_up")))
        return cell_text(ctx, watch, "state");
    return json_integer_value(json_object_get(watch, "behind")) == 1 ? "a moment behind" : "caught up";
}

static void print_directories(TALLOC_CTX *ctx, const json_t *answer)
{
    static const char *const headings[] = { "DIRECTORY", "STATE", "SOURCE", "SERVER", "ENTRIES", "EVENTS", "LAST CHANGE", "PROBLEM", NULL };
    struct table *table = table_new(ctx, headings);
    size_t index;
    const json_t *directory;
    json_array_foreach(json_object_get(answer, "directories"), index, directory) {
        const char *name = cell_text(ctx, directory, "name");
        const json_t *watch = watch_of(answer, name);
        table_row(table, (const char *[]){ name, describe_state(ctx, watch), cell_text(ctx, watch, "source"),
                                           cell_text(ctx, watch, "uri"), cell_number(ctx, directory, "entries"),
                                           cell_number(ctx, directory, "events"),
                                           cell_age(ctx, json_integer_value(json_object_get(directory, "last_change"))),
                                           cell_text(ctx, watch, "problem") });
    }
    table_print(table, "No directory is configured.");
}

static void print_transports(TALLOC_CTX *ctx, const json_t *answer)
{
    static const char *const headings[] = { "TRANSPORT", "STATE", "UNTIL", "PROBLEM", NULL };
    struct table *table = table_new(ctx, headings);
    size_t index;
    const json_t *transport;
    if (json_array_size(transports_of(answer)) == 0)
        return; // in a trial there is none
    json_array_foreach(transports_of(answer), index, transport)
        table_row(table, (const char *[]){ cell_text(ctx, transport, "name"), cell_text(ctx, transport, "state"),
                                           cell_time(ctx, transport, "until"), cell_text(ctx, transport, "problem") });
    table_print(table, "");
    putchar('\n');
}

static void print_workers(TALLOC_CTX *ctx, const json_t *answer)
{
    static const char *const headings[] = { "WORKER", "STATE", "PID", "RESTARTS", NULL };
    struct table *table = table_new(ctx, headings);
    size_t index;
    const json_t *worker;
    json_array_foreach(json_object_get(answer, "workers"), index, worker)
        table_row(table, (const char *[]){ cell_text(ctx, worker, "name"), cell_text(ctx, worker, "state"),
                                           cell_number(ctx, worker, "pid"), cell_number(ctx, worker, "restarts") });
    table_print(table, "No worker runs.");
}

static void print_delivery(TALLOC_CTX *ctx, const json_t *answer)
{
    const json_t *delivery = json_object_get(answer, "delivery"), *messages = json_object_get(delivery, "messages");
    printf("notifications  %s waiting, %s cancelled, %s dropped\n", cell_number(ctx, delivery, "waiting"),
           cell_number(ctx, delivery, "cancelled"), cell_number(ctx, delivery, "dropped"));
    printf("messages      ");
    const char *state, *separator = " ";
    const json_t *count;
    json_object_foreach((json_t *)messages, state, count) {
        printf("%s%lld %s", separator, (long long)json_integer_value(count), state);
        separator = ", ";
    }
    putchar('\n');
    int64_t oldest = json_integer_value(json_object_get(delivery, "oldest_queued"));
    if (oldest)
        printf("oldest queued  %s\n", cell_age(ctx, oldest));
}

static int status_print(struct invocation *invocation, json_t *answer)
{
    TALLOC_CTX *ctx = invocation->ctx;
    bool live = json_is_true(json_object_get(answer, "live"));
    printf("ldapnotifyd %s, %s\n\n", cell_text(ctx, answer, "version"),
           live ? "live" : "trial: everything is decided and rendered, nothing is sent");
    print_directories(ctx, answer);
    putchar('\n');
    print_delivery(ctx, answer);
    putchar('\n');
    print_transports(ctx, answer);
    print_workers(ctx, answer);
    printf("\n%s\n", json_is_true(json_object_get(answer, "idle")) ? "Everything is worked off." : "Work is going on.");
    json_decref(answer);
    return EXIT_DONE;
}

static int status_wait(struct invocation *invocation, int64_t wait, json_t **answer)
{
    int64_t until = clock_monotonic() + wait;
    int status;
    struct error err = { 0 };
    for (;;) {
        *answer = NULL;
        status = client_try(invocation, "GET", "/v1/status", NULL, answer, &err);
        bool idle = status == EXIT_DONE && json_is_true(json_object_get(*answer, "idle"));
        bool hopeless = status == EXIT_FORBIDDEN;
        if (idle || hopeless || clock_monotonic() >= until)
            break;
        json_decref(*answer);
        poll(NULL, 0, WAIT_STEP_MS);
    }
    return status == EXIT_DONE ? EXIT_DONE : complain(status, "%s", err.text);
}

static int run_status(struct invocation *invocation)
{
    const char *wait = option_value(invocation, "--wait");
    int64_t milliseconds = 0;
    struct error err;
    if (wait && text_parse_duration(wait, &milliseconds, &err) < 0)
        return complain(EXIT_USAGE, "--wait: %s", err.text);
    if (words_done(invocation, &command_status) != EXIT_DONE)
        return EXIT_USAGE;
    json_t *answer;
    int status = wait ? status_wait(invocation, milliseconds, &answer)
                      : client_call(invocation, "GET", "/v1/status", NULL, &answer);
    if (status != EXIT_DONE)
        return status;
    bool idle = json_is_true(json_object_get(answer, "idle"));
    status = invocation->json ? print_json(answer) : status_print(invocation, answer);
    return wait && !idle ? EXIT_FAILED : status;
}

const struct command command_status = {
    "status", "[--wait DURATION]",
    "How every directory, the queue and the workers stand. --wait returns once everything is worked off, or fails.", run_status
};

// --- check: one line and an exit status for monitoring (0 ok, 1 warning, 2 critical, 3 unknown) -----------------------------

enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

static void check_raise(int *worst, char **words, int level, const char *text)
{
    if (level > *worst)
        *worst = level;
    *words = talloc_asprintf_append(*words, "%s%s", **words ? "; " : "", text);
}

static void check_directories(TALLOC_CTX *ctx, const json_t *answer, int *worst, char **words)
{
    size_t index;
    const json_t *directory;
    json_array_foreach(json_object_get(answer, "directories"), index, directory) {
        const char *name = cell_text(ctx, directory, "name");
        const json_t *watch = watch_of(answer, name);
        if (!json_is_true(json_object_get(watch, "caught_up")))
            check_raise(worst, words, CHECK_CRITICAL,
                        talloc_asprintf(ctx, "%s is %s (%s)", name, describe_state(ctx, watch), cell_text(ctx, watch, "problem")));
    }
}

static void check_transports(TALLOC_CTX *ctx, const json_t *answer, int *worst, char **words)
{
    size_t index;
    const json_t *transport;
    json_array_foreach(transports_of(answer), index, transport)
        if (strcmp(cell_text(ctx, transport, "state"), "ok") != 0)
            check_raise(worst, words, CHECK_WARNING,
                        talloc_asprintf(ctx, "transport %s is %s (%s)", cell_text(ctx, transport, "name"),
                                        cell_text(ctx, transport, "state"), cell_text(ctx, transport, "problem")));
}

// The level is the exit status.
static int check_print(struct invocation *invocation, int level, const char *words, const char *numbers)
{
    static const char *const levels[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
    if (invocation->json)
        print_json(json_pack("{s:s,s:i,s:s}", "state", levels[level], "status", level, "words", words));
    else
        printf("LDAPNOTIFY %s - %s%s\n", levels[level], words, numbers);
    return level;
}

static int run_check(struct invocation *invocation)
{
    struct error err = { 0 };
    json_t *answer = NULL;
    if (words_done(invocation, &command_check) != EXIT_DONE)
        return CHECK_UNKNOWN;
    int status = client_try(invocation, "GET", "/v1/status", NULL, &answer, &err);
    if (status != EXIT_DONE)
        return check_print(invocation, status == EXIT_FORBIDDEN ? CHECK_UNKNOWN : CHECK_CRITICAL, err.text, "");
    TALLOC_CTX *ctx = invocation->ctx;
    int worst = CHECK_OK;
    char *words = talloc_strdup(ctx, "");
    const json_t *messages = json_object_get(json_object_get(answer, "delivery"), "messages");
    long long dead = json_integer_value(json_object_get(messages, "dead")), queued = json_integer_value(json_object_get(messages, "queued"));
    check_directories(ctx, answer, &worst, &words);
    check_transports(ctx, answer, &worst, &words);
    if (dead > 0)
        check_raise(&worst, &words, CHECK_WARNING, talloc_asprintf(ctx, "%lld messages failed for good", dead));
    if (!*words)
        words = talloc_strdup(ctx, "all directories are caught up");
    json_decref(answer);
    return check_print(invocation, worst, words, talloc_asprintf(ctx, " | queued=%lld dead=%lld", queued, dead));
}

const struct command command_check = {
    "check", "", "One line and an exit status for Nagios and the like: 0 ok, 1 warning, 2 critical, 3 unknown.", run_check
};
