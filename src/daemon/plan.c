// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "plan.h"

static const enum config_slice duty_slices[] = {
    [DUTY_WATCH] = CONFIG_SLICE_WATCH,
    [DUTY_DELIVER] = CONFIG_SLICE_DELIVER,
    [DUTY_CONTROL] = CONFIG_SLICE_CONTROL,
};

static int plan_add(struct plan *plan, const struct config *config, enum duty duty, const char *directory)
{
    struct plan_worker *worker = &plan->workers[plan->count++];
    worker->duty = duty;
    worker->name = directory ? talloc_asprintf(plan->workers, "%s %s", duty_name(duty), directory)
                             : talloc_strdup(plan->workers, duty_name(duty));
    worker->slice = config_slice(plan->workers, config, duty_slices[duty], directory);
    return worker->name && worker->slice ? 0 : -1;
}

struct plan *plan_new(TALLOC_CTX *ctx, const struct config *config, unsigned duties)
{
    struct plan *plan = talloc_zero(ctx, struct plan);
    if (!plan)
        return NULL;
    plan->workers = talloc_zero_array(plan, struct plan_worker, config->directory_count + DUTY_COUNT);
    int failed = plan->workers ? 0 : -1;
    for (unsigned duty = 0; duty < DUTY_COUNT && !failed; duty++) {
        if (!(duties & 1u << duty))
            continue;
        if (duty != DUTY_WATCH)
            failed = plan_add(plan, config, duty, NULL);
        for (size_t i = 0; duty == DUTY_WATCH && i < config->directory_count && !failed; i++)
            failed = plan_add(plan, config, duty, config->directories[i].name);
    }
    if (failed)
        TALLOC_FREE(plan);
    return plan;
}
