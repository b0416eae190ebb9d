// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_OPTIONS_H
#define LDAPNOTIFY_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

// The command line.

enum action { ACTION_RUN, ACTION_WORKER, ACTION_TEST, ACTION_VERSION, ACTION_HELP };

struct options {
    enum action action;
    const char *config; // absolute path
    const char *pid_file; // NULL: as configured
    bool foreground, debug;
    unsigned duties;
    const char *worker;
    int stuck_uri;
};

int options_parse(int argc, char **argv, struct options *options, struct error *err) MUST_CHECK;
void options_help(FILE *out);

#endif
