// SPDX-License-Identifier: Apache-2.0
#include "base/backoff.h"

#include <sys/random.h>

int64_t backoff_wait(unsigned attempt, int64_t first, int64_t most, uint32_t random)
{
    int64_t wait = first;
    for (unsigned i = 1; i < attempt && wait < most; i++)
        wait = wait > most / 2 ? most : wait * 2;
    if (wait > most)
        wait = most;
    int64_t half = wait / 2;
    return half + (int64_t)((double)(wait - half) * ((double)random / (double)UINT32_MAX));
}

uint32_t backoff_random(void)
{
    uint32_t random = 0;
    while (getrandom(&random, sizeof random, 0) != sizeof random)
        ;
    return random;
}
