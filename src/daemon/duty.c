// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "plan.h"

#include <string.h>

static const char *const duty_names[] = {
    [DUTY_WATCH] = "watch",
    [DUTY_DELIVER] = "deliver",
    [DUTY_CONTROL] = "control",
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
        while (duty < DUTY_COUNT &&
               (strlen(duty_names[duty]) != length || strncmp(duty_names[duty], at, length) != 0))
            duty++;
        if (duty == DUTY_COUNT)
            return error_set(err, "--run: there is no worker \"%.*s\"; there are watch, deliver and control",
                             (int)length, at);
        *duties |= 1u << duty;
        at += length + (at[length] == ',');
    }
    return *duties ? 0 : error_set(err, "--run names no worker; there are watch, deliver and control");
}
