// SPDX-License-Identifier: Apache-2.0
#include "local.h"

#include "daemon/checks.h"

static void on_problem(void *context, const char *text)
{
    (void)context;
    complain(EXIT_FAILED, "%s", text);
}

struct config *local_config(struct invocation *invocation)
{
    struct error err = { 0 };
    struct config *config = config_read(invocation->ctx, invocation->config, &daemon_checks, on_problem, NULL, &err);
    if (!config)
        return NULL;
    if (config_load_secrets(config, &err) < 0) {
        complain(EXIT_FAILED, "%s", err.text);
        talloc_free(config);
        return NULL;
    }
    return config;
}
