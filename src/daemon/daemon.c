// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemonize.h"
#include "load.h"
#include "pid_file.h"
#include "plan.h"
#include "process/log_setup.h"
#include "process/privilege.h"
#include "state_lock.h"

#define SECRETS_INTERVAL (3 * CLOCK_SECOND)
#define STATUS_INTERVAL CLOCK_SECOND
#define PID_FILE_DEFAULT                                                                                     \
    RUNSTATEDIR "/ldapnotifyd.pid" // for a daemon in the background, whose init script needs one

static void print_problem(void *context, const char *text)
{
    *(bool *)context = true;
    fprintf(stderr, "ldapnotifyd: %s\n", text);
}

static void daemon_tell_ready(struct daemon *daemon)
{
    if (daemon->ready || daemon->stopping || !supervisor_settled(daemon->supervisor))
        return;
    daemon->ready = true;
    log_notice("ldapnotifyd is ready", LOG_S("version", PACKAGE_VERSION),
               LOG_S("config", daemon->config->path), LOG_S("live", daemon->config->live ? "yes" : "no"));
    sd_notify(0, "READY=1");
    if (daemon->report >= 0)
        daemonize_report(daemon->report, NULL);
    daemon->report = -1;
}

static void daemon_on_change(void *context)
{
    struct daemon *daemon = context;
    if (!daemon->supervisor)
        return;
    daemon->status_is_old = true;
    daemon_tell_ready(daemon);
}

// A reload moves every worker several times; systemd is told once.
static void daemon_on_status(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct daemon *daemon = context;
    if (!daemon->status_is_old)
        return;
    daemon->status_is_old = false;
    char *summary = supervisor_summary(NULL, daemon->supervisor);
    if (summary)
        sd_notifyf(0, "STATUS=%s%s", summary, daemon->config->live ? "" : " (trial: nothing is sent)");
    talloc_free(summary);
}

static void daemon_describe(void *context, json_t *status)
{
    const struct daemon *daemon = context;
    char started[CLOCK_TEXT_SIZE];
    json_object_set_new(status, "version", json_string(PACKAGE_VERSION));
    json_object_set_new(status, "started", json_string(clock_to_iso(daemon->started, started)));
    json_object_set_new(status, "config", json_string(daemon->config->path));
    json_object_set_new(status, "live", json_boolean(daemon->config->live));
}

static int daemon_on_reload(void *context, const char *who, struct error *err)
{
    return daemon_reload(context, who, err);
}

static void daemon_on_ended(void *context)
{
    struct daemon *daemon = context;
    event_base_loopbreak(daemon->loop);
}

static void daemon_on_hangup(evutil_socket_t signal_number, short what, void *context)
{
    (void)signal_number, (void)what;
    struct error ignored = { 0 }; // daemon_reload() has logged it
    daemon_reload(context, "SIGHUP", &ignored);
}

static void daemon_on_terminate(evutil_socket_t signal_number, short what, void *context)
{
    (void)what;
    struct daemon *daemon = context;
    daemon->stopping = true;
    log_notice("ldapnotifyd is stopping", LOG_S("signal", strsignal((int)signal_number)));
    sd_notify(0, "STOPPING=1");
    supervisor_stop(daemon->supervisor);
}

static void daemon_on_secrets(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    daemon_reload_secrets(context);
}

static void daemon_on_watchdog(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what, (void)context;
    sd_notify(0, "WATCHDOG=1");
}

// `number` is a signal, or -1 for a timer of `milliseconds`.
static int daemon_add_event(struct daemon *daemon, int number, int64_t milliseconds,
                            event_callback_fn callback)
{
    struct timeval every = { .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 };
    short what = number >= 0 ? EV_SIGNAL | EV_PERSIST : EV_PERSIST;
    struct event *event = event_new(daemon->loop, number, what, callback, daemon);
    if (!event)
        return -1;
    daemon->events[daemon->event_count++] = event;
    return event_add(event, milliseconds ? &every : NULL);
}

static int daemon_add_events(struct daemon *daemon, struct error *err)
{
    uint64_t watchdog = 0; // µs within which systemd wants to hear from us
    if (daemon_add_event(daemon, SIGHUP, 0, daemon_on_hangup) < 0 ||
        daemon_add_event(daemon, SIGTERM, 0, daemon_on_terminate) < 0 ||
        daemon_add_event(daemon, SIGINT, 0, daemon_on_terminate) < 0 ||
        daemon_add_event(daemon, -1, SECRETS_INTERVAL, daemon_on_secrets) < 0 ||
        daemon_add_event(daemon, -1, STATUS_INTERVAL, daemon_on_status) < 0 ||
        (sd_watchdog_enabled(0, &watchdog) > 0 && watchdog >= 2000 &&
         daemon_add_event(daemon, -1, (int64_t)(watchdog / 2000), daemon_on_watchdog) < 0))
        return error_set(err, "setting up the event loop: %s", strerror(errno));
    return 0;
}

static int daemon_take_pid_file(struct daemon *daemon, struct error *err)
{
    const char *path = daemon->config->pid_file;
    if (!path && !daemon->options->foreground)
        path = PID_FILE_DEFAULT;
    if (!path)
        return 0;
    daemon->pid_path = talloc_strdup(daemon, path);
    daemon->pid_file = daemon->pid_path ? pid_file_take(daemon->pid_path, err)
                                        : error_set(err, "out of memory");
    return daemon->pid_file < 0 ? -1 : 0;
}

static int daemon_start(struct daemon *daemon, struct error *err)
{
    struct supervisor_settings settings = supervisor_defaults;
    settings.program = "/proc/self/exe"; // an upgrade on disk does not mix versions
    settings.reload = daemon_on_reload;
    settings.describe = daemon_describe;
    settings.changed = daemon_on_change;
    settings.ended = daemon_on_ended;
    settings.context = daemon;
    if (log_setup_open(&daemon->config->log, daemon->options->foreground, "ldapnotifyd", err) < 0 ||
        daemon_take_pid_file(daemon, err) < 0 || process_harden(err) < 0)
        return -1;
    daemon->state_lock = state_lock_take(daemon->config->state_dir, daemon->options->duties, err);
    if (daemon->state_lock < 0)
        return -1;
    signal(SIGPIPE, SIG_IGN);
    if (chdir("/") < 0)
        return error_set(err, "changing to /: %s", strerror(errno));
    daemon->loop = event_base_new();
    if (!daemon->loop)
        return error_set(err, "making the event loop: %s", strerror(errno));
    if (daemon_add_events(daemon, err) < 0)
        return -1;
    daemon->supervisor = supervisor_new(daemon, daemon->loop, &settings, err);
    daemon->files = plan_files(daemon->config);
    if (!daemon->supervisor || daemon_apply(daemon, daemon->config, daemon->files, false, err) < 0)
        return -1;
    daemon_on_change(daemon);
    return 0;
}

static void daemon_end(struct daemon *daemon)
{
    TALLOC_FREE(daemon->supervisor);
    for (size_t i = 0; i < daemon->event_count; i++)
        event_free(daemon->events[i]);
    if (daemon->loop)
        event_base_free(daemon->loop);
    if (daemon->pid_file >= 0)
        pid_file_give_back(daemon->pid_path, daemon->pid_file);
    if (daemon->state_lock >= 0)
        close(daemon->state_lock);
    talloc_free(daemon);
    log_close();
}

// The first word about what is wrong goes where the caller looks: its terminal, or through the report to it.
static void daemon_fail(struct daemon *daemon, const struct error *err)
{
    log_error("ldapnotifyd cannot start", LOG_E(err));
    if (daemon->report >= 0)
        daemonize_report(daemon->report, err->text);
    else if (daemon->config->log.target != CONFIG_LOG_STDERR)
        fprintf(stderr, "ldapnotifyd: %s\n", err->text);
    daemon->report = -1;
}

int daemon_run(const struct options *options)
{
    struct error err = { 0 };
    int status = EXIT_FAILURE;
    struct daemon *daemon = talloc_zero(NULL, struct daemon);
    if (!daemon)
        return EXIT_FAILURE;
    daemon->options = options;
    daemon->report = daemon->pid_file = daemon->state_lock = -1;
    daemon->started = clock_now();
    bool told = false;
    daemon->config = load_all(daemon, options, print_problem, &told, &daemon->secrets, &err);
    if (!daemon->config) {
        if (!told)
            fprintf(stderr, "ldapnotifyd: %s\n", err.text);
        goto out;
    }
    if (!options->foreground && (daemon->report = daemonize(&err)) < 0) {
        daemon_fail(daemon, &err);
        goto out;
    }
    if (daemon_start(daemon, &err) < 0) {
        daemon_fail(daemon, &err);
        goto out;
    }
    if (event_base_dispatch(daemon->loop) >= 0 && daemon->stopping)
        status = EXIT_SUCCESS;
    log_notice("ldapnotifyd has stopped");
    if (daemon->report >= 0)
        daemonize_report(daemon->report, "was stopped while it was starting");
out:
    daemon_end(daemon);
    return status;
}
