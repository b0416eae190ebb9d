// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "workers.h"

#include <string.h>

#include "control/control.h"
#include "deliver/deliver.h"
#include "plan.h"
#include "watch/watch.h"

static const struct worker_handlers *const duties[DUTY_COUNT] = {
    [DUTY_WATCH] = &watch_handlers,
    [DUTY_DELIVER] = &deliver_handlers,
    [DUTY_CONTROL] = &control_handlers,
};

const struct worker_handlers *workers_find(const char *name)
{
    size_t length = strcspn(name, " ");
    for (unsigned duty = 0; duty < DUTY_COUNT; duty++)
        if (strncmp(name, duty_name(duty), length) == 0 && duty_name(duty)[length] == '\0' &&
            (name[length] != '\0') == (duty == DUTY_WATCH))
            return duties[duty];
    return NULL;
}
