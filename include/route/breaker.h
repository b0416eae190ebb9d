// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_ROUTE_BREAKER_H
#define LDAPNOTIFY_ROUTE_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "config/config.h"

// The storm breaker: counts what each rule would send and says when that is too much. Pure but for what it
// remembers; times come from the caller.
struct breaker;

struct breaker *breaker_new(TALLOC_CTX *ctx, const struct config_storm *limits, size_t rules);
// A transaction would make `count` notifications by rule `rule`. True: too many, hold all of them. Counts that are
// let through enter the rule's last minute.
bool breaker_trips(struct breaker *breaker, size_t rule, size_t count, int64_t now);
// What was counted since the last breaker_keep() is not counted after all: it was never sent.
void breaker_keep(struct breaker *breaker);
void breaker_undo(struct breaker *breaker);
// A big refresh comes in several transactions: until ended, per_transaction counts over all of them, so that the
// rest of it is held once the limit has been passed.
void breaker_refresh(struct breaker *breaker, bool begin);

#endif
