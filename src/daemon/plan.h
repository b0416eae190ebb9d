// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_PLAN_H
#define LDAPNOTIFY_DAEMON_PLAN_H

#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "config/config.h"

// Which workers a configuration asks for, and what each may know.

// In the order in which they are stopped: who makes work first, who reports about it last.
enum duty { DUTY_WATCH, DUTY_DELIVER, DUTY_CONTROL, DUTY_COUNT };

#define DUTY_ALL ((1u << DUTY_COUNT) - 1)

// A name, or NULL past the end.
const char *duty_name(enum duty duty);
// "watch,deliver,control" or some of them, as a set of 1 << duty.
int duty_parse_set(const char *text, unsigned *duties, struct error *err) MUST_CHECK;

struct plan_worker {
    char *name; // "watch corp", "deliver", "control"
    enum duty duty;
    char *slice;
    uint64_t files; // plan_files(), for workers that read them
};

struct plan {
    struct plan_worker *workers;
    size_t count;
};

// How the files look that workers read beside their slice (templates). A worker is replaced when this
// changes, so it is taken when they are checked.
uint64_t plan_files(const struct config *config);
// NULL when memory runs out. Owned by `ctx`.
struct plan *plan_new(TALLOC_CTX *ctx, const struct config *config, unsigned duties, uint64_t files);

#endif
