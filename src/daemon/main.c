// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <talloc.h>

#include "daemon.h"
#include "load.h"
#include "options.h"
#include "workers.h"

#define EXIT_USAGE 2

static void print_problem(void *context, const char *text)
{
    *(bool *)context = true;
    fprintf(stderr, "%s\n", text);
}

// Secrets that only the service gets (systemd's credentials, its environment) cannot be looked at from a
// shell.
static bool secret_is_visible(const struct config_secret *secret)
{
    return !(secret->environment && !getenv(secret->environment)) &&
           !(secret->credential && !getenv("CREDENTIALS_DIRECTORY"));
}

static bool secrets_are_visible(const struct config *config)
{
    for (size_t i = 0; i < config->directory_count; i++)
        if (!secret_is_visible(&config->directories[i].bind_password))
            return false;
    for (size_t i = 0; i < config->transport_count; i++)
        if (!secret_is_visible(&config->transports[i].password))
            return false;
    return true;
}

static int test_config(const struct options *options)
{
    struct error err = { 0 };
    bool told = false;
    struct config *config = load_config(NULL, options, print_problem, &told, &err);
    if (!config) {
        if (!told)
            fprintf(stderr, "%s\n", err.text);
        return EXIT_FAILURE;
    }
    int status = EXIT_SUCCESS;
    if (!secrets_are_visible(config)) {
        fprintf(stderr,
                "ldapnotifyd: note: secrets were not checked, for only the service itself is given them\n");
    } else if (config_load_secrets(config, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        status = EXIT_FAILURE;
    }
    if (status == EXIT_SUCCESS)
        printf("%s: good, %s\n", options->config,
               config->live ? "live" : "trial (live = false: nothing is sent)");
    talloc_free(config);
    return status;
}

static int run_worker(const struct options *options)
{
    const struct worker_handlers *handlers = workers_find(options->worker);
    if (handlers)
        return worker_run(options->worker, options->stuck_uri, handlers);
    fprintf(stderr, "ldapnotifyd: there is no worker \"%s\"\n", options->worker);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct options options;
    struct error err = { 0 };
    if (options_parse(argc, argv, &options, &err) < 0) {
        fprintf(stderr, "ldapnotifyd: %s\n", err.text);
        return EXIT_USAGE;
    }
    switch (options.action) {
    case ACTION_WORKER: return run_worker(&options);
    case ACTION_TEST: return test_config(&options);
    case ACTION_RUN: return daemon_run(&options);
    case ACTION_HELP: options_help(stdout); break;
    case ACTION_VERSION: printf("ldapnotifyd %s\n", PACKAGE_VERSION); break;
    }
    return EXIT_SUCCESS;
}
