// SPDX-License-Identifier: Apache-2.0
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "build_config.h"
#include "command.h"

static const struct command *const commands[] = {
    &command_status, &command_check,   &command_events, &command_history,   &command_explain,        &command_queue,
    &command_storm,  &command_reload,  &command_init,   &command_test_mail, &command_test_directory,
};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void print_help(void)
{
    puts("usage: ldapnotifyctl [--socket PATH] [--config FILE] [--json] COMMAND …\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %s %s\n      %s\n", commands[i]->name, commands[i]->arguments, commands[i]->help);
    puts("\nExit status: 0 done, 1 failed, 2 wrong usage, 3 the daemon cannot be reached, 4 not allowed, 5 not found.\n"
         "See ldapnotifyctl(8).");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int no_command(void)
{
    return complain(EXIT_USAGE, "a command is missing; `ldapnotifyctl --help` lists them");
}

static int unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT + 1] = { 0 };
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i]->name;
    const char *nearest = text_nearest(name, names);
    if (nearest)
        return complain(EXIT_USAGE, "there is no command \"%s\"; did you mean \"%s\"?", name, nearest);
    return complain(EXIT_USAGE, "there is no command \"%s\"; `ldapnotifyctl --help` lists them", name);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    log_set_level(LOG_LEVEL_ERROR);
    struct invocation invocation = { .ctx = talloc_new(NULL), .count = argc - 1, .words = argv + 1 };
    if (option_flag(&invocation, "--version") || option_flag(&invocation, "-V")) {
        puts("ldapnotifyctl " PACKAGE_VERSION);
        return EXIT_DONE;
    }
    if (invocation.count == 0 || option_flag(&invocation, "--help") || option_flag(&invocation, "-h")) {
        print_help();
        return argc == 1 ? EXIT_USAGE : EXIT_DONE;
    }
    invocation.json = option_flag(&invocation, "--json");
    invocation.socket = option_value(&invocation, "--socket");
    invocation.config = option_value(&invocation, "--config");
    invocation.config_given = invocation.config != NULL;
    if (!invocation.socket)
        invocation.socket = getenv("LDAPNOTIFY_SOCKET");
    if (!invocation.socket)
        invocation.socket = RUNSTATEDIR "/ldapnotify/control.sock";
    if (!invocation.config)
        invocation.config = SYSCONFDIR "/ldapnotify/ldapnotify.conf";
    const char *name = next_word(&invocation);
    const struct command *command = name ? find_command(name) : NULL;
    int status = command ? command->run(&invocation) : name ? unknown_command(name) : no_command();
    talloc_free(invocation.ctx);
    if (fflush(stdout) != 0 && status == EXIT_DONE)
        status = complain(EXIT_FAILED, "the output could not be written");
    return status;
}
