// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "client.h"

static int run_reload(struct invocation *invocation)
{
    json_t *answer;
    if (words_done(invocation, &command_reload) != EXIT_DONE)
        return EXIT_USAGE;
    int status = client_call(invocation, "POST", "/v1/reload", NULL, &answer);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    json_decref(answer);
    puts("reloaded");
    return EXIT_DONE;
}

const struct command command_reload = {
    "reload", "", "Reads the configuration and secrets anew; a bad file changes nothing and is reported.", run_reload
};
