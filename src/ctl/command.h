// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CTL_COMMAND_H
#define LDAPNOTIFY_CTL_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"

// Exit statuses, as in ldapnotifyctl(8).
enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3, // the daemon does not run, or its socket is elsewhere
    EXIT_FORBIDDEN = 4,
    EXIT_ABSENT = 5, // no such event, message, storm, directory
};

// One run of ldapnotifyctl.

struct invocation {
    TALLOC_CTX *ctx;
    const char *socket; // of the control worker
    const char *config; // file for commands that work without the daemon
    bool config_given;
    bool json;
    int count; // of words after the command's name
    char **words; // options are still among them
};

struct command {
    const char *name;
    const char *arguments; // "[--limit N] [TEXT]"
    const char *help;
    int (*run)(struct invocation *invocation); // an exit status
};

extern const struct command command_check, command_events, command_explain, command_history, command_init, command_queue,
    command_reload, command_status, command_storm, command_test_directory, command_test_mail;

// --- options of a command: taken out of the words as they are asked for ---------------------------------------------

// The value of "--name VALUE" or "--name=VALUE", or NULL.
const char *option_value(struct invocation *invocation, const char *name);
bool option_flag(struct invocation *invocation, const char *name);
// The value of an option that takes a count, as it was written; NULL when absent. -1, and says so, if it is no number.
int option_count(struct invocation *invocation, const char *name, const char **text);
// The next word that is no option, or NULL; taken out.
const char *next_word(struct invocation *invocation);
// Complains about words that nobody asked for. EXIT_DONE or EXIT_USAGE.
int words_done(struct invocation *invocation, const struct command *command);
int usage(const struct command *command);

// Prints "ldapnotifyctl: words" to standard error; returns `status`.
int complain(int status, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
