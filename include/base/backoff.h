// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_BASE_BACKOFF_H
#define LDAPNOTIFY_BASE_BACKOFF_H

#include <stdint.h>

// Pure. The wait in milliseconds before attempt `attempt` (1 is the first retry): `first` doubled per
// attempt, at most `most`, then spread evenly over [wait/2, wait] by `random` (any 32 random bits),
// so that many clients do not return at once.
int64_t backoff_wait(unsigned attempt, int64_t first, int64_t most, uint32_t random);

// 32 random bits for the caller that has none at hand.
uint32_t backoff_random(void);

#endif
