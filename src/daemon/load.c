// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "load.h"

#include <string.h>

#include "base/log.h"
#include "directory/dn.h"
#include "directory/filter.h"
#include "directory/schema.h"
#include "event/event.h"
#include "mail/template.h"
#include "prepare.h"
#include "process/log_setup.h"

static int check_filter(const char *text, struct error *err)
{
    struct filter *filter = filter_parse(NULL, text, err);
    talloc_free(filter);
    return filter ? 0 : -1;
}

static int check_dn(const char *text, struct error *err)
{
    char *normal = dn_normalize(NULL, text, strlen(text), err);
    talloc_free(normal);
    return normal ? 0 : -1;
}

static int check_attribute(const char *text, struct error *err)
{
    if (schema_is_secret(schema_canonical(text, strlen(text))))
        return error_set(err, "%s holds passwords or keys and is never asked for", text);
    return 0;
}

static int check_event(const char *pattern, struct error *err)
{
    if (!event_pattern_is_known(pattern))
        return error_set(err, "there is no event \"%s\"", pattern);
    return 0;
}

static const struct config_checks checks = {
    .filter = check_filter,
    .dn = check_dn,
    .attribute = check_attribute,
    .event = check_event,
    .subject = template_check,
};

// Templates are deliver's, but a bad one must be found before deliver is replaced.
static int check_templates(const struct config *config, config_problem_fn *problem, void *context, struct error *err)
{
    struct template_set *set = template_set_open(NULL, config->template_dir, err);
    talloc_free(set);
    if (!set && problem)
        problem(context, err->text);
    return set ? 0 : -1;
}

struct config *load_config(TALLOC_CTX *ctx, const struct options *options, config_problem_fn *problem, void *context,
                           struct error *err)
{
    struct config *config = config_read(ctx, options->config, &checks, problem, context, err);
    if (!config)
        return NULL;
    if (options->duties & 1u << DUTY_DELIVER && check_templates(config, problem, context, err) < 0) {
        talloc_free(config);
        return NULL;
    }
    // Workers inherit both decisions with their slices; they could not make them without a terminal.
    config->log.target = (int)log_setup_choose((enum config_log_target)config->log.target, options->foreground);
    if (options->debug)
        config->log.level = LOG_LEVEL_DEBUG;
    if (options->pid_file)
        config->pid_file = talloc_strdup(config, options->pid_file);
    return config;
}

struct config *load_all(TALLOC_CTX *ctx, const struct options *options, config_problem_fn *problem, void *context,
                        struct secrets_watch **watch, struct error *err)
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
