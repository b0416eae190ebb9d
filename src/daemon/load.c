// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "load.h"

#include <string.h>

#include "base/log.h"
#include "daemon/checks.h"
#include "mail/template.h"
#include "plan.h"
#include "prepare.h"
#include "process/log_setup.h"

// Every rule's problem is told; `err` keeps the first.
static int check_rule_templates(const struct config *config, const struct template_set *set,
                                config_problem_fn *problem, void *context, struct error *err)
{
    int result = 0;
    for (size_t i = 0; i < config->rule_count; i++) {
        const struct config_rule *rule = &config->rules[i];
        struct error detail;
        if (!rule->template || template_set_has(set, rule->template))
            continue;
        error_set(&detail, "%s: rule \"%s\": no language in %s has a template %s.txt", config->path, rule->name,
                  config->template_dir, rule->template);
        if (problem)
            problem(context, detail.text);
        if (result == 0)
            *err = detail;
        result = -1;
    }
    return result;
}

// Templates are deliver's, but a bad one must be found before deliver is replaced.
static int check_templates(const struct config *config, config_problem_fn *problem, void *context,
                           struct error *err)
{
    struct template_set *set = template_set_open(NULL, config->template_dir, err);
    if (!set) {
        if (problem)
            problem(context, err->text);
        return -1;
    }
    int result = check_rule_templates(config, set, problem, context, err);
    talloc_free(set);
    return result;
}

struct config *load_config(TALLOC_CTX *ctx, const struct options *options, config_problem_fn *problem,
                           void *context, struct error *err)
{
    struct config *config = config_read(ctx, options->config, &daemon_checks, problem, context, err);
    if (!config)
        return NULL;
    if (options->duties & 1u << DUTY_DELIVER && check_templates(config, problem, context, err) < 0) {
        talloc_free(config);
        return NULL;
    }
    // Workers inherit both decisions with their slices; they could not make them without a terminal.
    config->log.target = (int)log_setup_choose((enum config_log_target)config->log.target,
                                               options->foreground);
    if (options->debug)
        config->log.level = LOG_LEVEL_DEBUG;
    if (options->pid_file)
        config->pid_file = talloc_strdup(config, options->pid_file);
    return config;
}

struct config *load_all(TALLOC_CTX *ctx, const struct options *options, config_problem_fn *problem,
                        void *context, struct secrets_watch **watch, struct error *err)
{
    struct config *config = load_config(ctx, options, problem, context, err);
    if (!config)
        return NULL;
    // Before they are read: a change from now on is seen.
    *watch = secrets_watch_new(config, config);
    if (!*watch) {
        error_set(err, "out of memory");
        goto failed;
    }
    if (config_load_secrets(config, err) == 0 && prepare_files(config, err) == 0)
        return config;
failed:
    talloc_free(config);
    return NULL;
}
