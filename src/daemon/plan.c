// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "plan.h"

#include <string.h>

static const char *const duty_names[] = {
    [DUTY_WATCH] = "watch",
    [DUTY_DELIVER] = "deliver",
    [DUTY_CONTROL] = "control",
};

static const enum config_slice duty_slices[] = {
    [DUTY_WATCH] = CONFIG_SLICE_WATCH,
    [DUTY_DELIVER] = CONFIG_SLICE_DELIVER,
    [DUTY_CONTROL] = CONFIG_SLICE_CONTROL,
};

const char *duty_name(enum duty duty)
{
    return duty < DUTY_COUNT ? duty_names[duty] : NULL;
}

int duty_parse_set(const char *text, unsigned *duties, struct error *err)
{
    *duties = 0;
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",");
        unsigned duty = 0;
        while (duty < DUTY_COUNT && (strlen(duty_names[duty]) != length || strncmp(duty_names[duty], at, length) != 0))
            duty++;
        if (duty == DUTY_COUNT)
            return error_set(err, "--run: there is no worker \"%.*s\"; there are watch, deliver and control", (int)length, at);
        *duties |= 1u << duty;
        at += length + (at[length] == ',');
    }
    return *duties ? 0 : error_set(err, "--run names no worker; there are watch, deliver and control");
}

static int slice_wipe(char *slice)
{
    explicit_bzero(slice, talloc_get_size(slice));
    return 0;
}

char *slice_copy(TALLOC_CTX *ctx, const char *slice)
{
    char *copy = talloc_strdup(ctx, slice);
    if (copy)
        talloc_set_destructor(copy, slice_wipe);
    return copy;
}

static int plan_add(struct plan *plan, const struct config *config, enum duty duty, const char *directory)
{
    struct plan_worker *worker = &plan->workers[plan->count++];
    worker->duty = duty;
    worker->name = directory ? talloc_asprintf(plan->workers, "%s %s", duty_names[duty], directory)
                             : talloc_strdup(plan->workers, duty_names[duty]);
    worker->slice = config_slice(plan->workers, config, duty_slices[duty], directory);
    if (worker->slice)
        talloc_set_destructor(worker->slice, slice_wipe);
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

const struct plan_worker *plan_find(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->workers[i].name, name) == 0)
            return &plan->workers[i];
    return NULL;
}
