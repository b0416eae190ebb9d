// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_DAEMON_H
#define LDAPNOTIFY_DAEMON_DAEMON_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "options.h"
#include "secrets_watch.h"
#include "supervisor.h"

// The supervisor's process: configuration, signals, systemd, pid file, and the supervisor itself.

struct daemon {
    const struct options *options;
    struct config *config; // what is in force
    struct secrets_watch *secrets; // owned by `config`
    uint64_t files; // plan_files() of `config`
    struct event_base *loop;
    struct supervisor *supervisor;
    struct event *events[8];
    size_t event_count;
    int report; // to the process that waits for the start, or -1
    int pid_file; // or -1
    int state_lock; // or -1
    char *pid_path;
    bool ready, stopping;
    bool status_is_old; // systemd has not heard of the last changes
    int64_t started;
};

// Runs until it is told to stop; the exit status.
int daemon_run(const struct options *options);

// reload.c. Reads everything anew; on failure everything stays as it is.
int daemon_reload(struct daemon *daemon, const char *who, struct error *err);
// Looks whether secrets have changed, and replaces the workers that use them.
void daemon_reload_secrets(struct daemon *daemon);
// Starts or changes the workers so that they follow `config`.
int daemon_apply(struct daemon *daemon, const struct config *config, uint64_t files, bool revive,
                 struct error *err) MUST_CHECK;

#endif
