// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "client.h"

#define BACK_WITHIN (5 * CLOCK_SECOND)
#define LOOK_MS 20

// The control worker itself may have been replaced: the next command must find it.
static void wait_for_control(struct invocation *invocation)
{
    int64_t until = clock_monotonic() + BACK_WITHIN;
    json_t *answer = NULL;
    struct error err;
    while (client_try(invocation, "GET", "/v1/status", NULL, &answer, &err) == EXIT_UNREACHABLE && clock_monotonic() < until)
        poll(NULL, 0, LOOK_MS);
    json_decref(answer);
}

static int run_reload(struct invocation *invocation)
{
    json_t *answer;
    if (words_done(invocation, &command_reload) != EXIT_DONE)
        return EXIT_USAGE;
    int status = client_call(invocation, "POST", "/v1/reload", NULL, &answer);
    if (status == EXIT_DONE)
        wait_for_control(invocation);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    json_decref(answer);
    puts("reloaded");
    return EXIT_DONE;
}

const struct command command_reload = {
    "reload", "", "Reads the configuration and secrets anew; a bad file changes nothing and is reported.", run_reload
};
