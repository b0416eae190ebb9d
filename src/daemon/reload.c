// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon.h"
#include "load.h"
#include "plan.h"
#include "process/log_setup.h"
#include "state_lock.h"

int daemon_apply(struct daemon *daemon, const struct config *config, uint64_t files, bool revive,
                 struct error *err)
{
    struct plan *plan = plan_new(NULL, config, daemon->options->duties, files);
    if (!plan)
        return error_set(err, "out of memory");
    int result = supervisor_apply(daemon->supervisor, plan, revive, err);
    talloc_free(plan);
    return result;
}

static void log_problem(void *context, const char *text)
{
    (void)context;
    log_error("configuration problem", LOG_S("problem", text));
}

// sd_notify(3) wants the clock that the manager compares with, never a fake one.
static void notify_reloading(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
               (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

static bool text_differs(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

// The supervisor's own part of a new configuration.
static void daemon_follow(struct daemon *daemon, struct config *config, struct secrets_watch *secrets)
{
    struct error err = { 0 };
    if (log_setup_open(&config->log, daemon->options->foreground, "ldapnotifyd", &err) < 0)
        log_error("cannot open the log", LOG_E(&err));
    if (text_differs(config->pid_file, daemon->config->pid_file))
        log_notice("another pid_file is used from the next start on");
    talloc_free(daemon->config);
    daemon->config = config;
    daemon->secrets = secrets;
}

// Leaves `lock` as it is, or makes it the new one's when state_dir changes.
static int daemon_lock_state(const struct daemon *daemon, const struct config *config, int *lock, struct error *err)
{
    if (!text_differs(config->state_dir, daemon->config->state_dir))
        return 0;
    int taken = state_lock_take(config->state_dir, daemon->options->duties, err);
    if (taken < 0)
        return -1;
    *lock = taken;
    return 0;
}

int daemon_reload(struct daemon *daemon, const char *who, struct error *err)
{
    struct secrets_watch *secrets;
    if (daemon->stopping)
        return error_set(err, "ldapnotifyd is stopping");
    notify_reloading();
    struct config *config = load_all(daemon, daemon->options, log_problem, NULL, &secrets, err);
    uint64_t files = config ? plan_files(config) : 0;
    int lock = daemon->state_lock;
    int result = config ? daemon_lock_state(daemon, config, &lock, err) : -1;
    if (result == 0)
        result = daemon_apply(daemon, config, files, true, err);
    if (lock != daemon->state_lock) {
        close(result == 0 ? daemon->state_lock : lock);
        daemon->state_lock = result == 0 ? lock : daemon->state_lock;
    }
    if (result == 0) {
        daemon_follow(daemon, config, secrets);
        daemon->files = files;
        log_notice("configuration reloaded", LOG_S("by", who), LOG_S("config", config->path),
                   LOG_S("live", config->live ? "yes" : "no"));
    } else {
        talloc_free(config);
        log_error("reload refused; everything stays as it was", LOG_S("by", who), LOG_E(err));
    }
    sd_notify(0, "READY=1");
    return result;
}

// The configuration in force with new secrets; what was edited in its file since waits for a reload.
void daemon_reload_secrets(struct daemon *daemon)
{
    struct error err = { 0 };
    if (daemon->stopping || !secrets_watch_look(daemon->secrets))
        return;
    if (config_load_secrets(daemon->config, &err) < 0 ||
        daemon_apply(daemon, daemon->config, daemon->files, false, &err) < 0)
        log_error("a secret has changed but cannot be used; the old one stays", LOG_E(&err));
    else
        log_notice("secrets read again, for a file has changed");
}
