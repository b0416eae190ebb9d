// SPDX-License-Identifier: Apache-2.0
#include "route/breaker.h"

#include <string.h>

#include "base/clock.h"

// What was let through at one time. There are never more of them than per_minute allows notifications.
struct passage {
    int64_t time;
    size_t count;
};

struct rule_load {
    struct passage *passages; // of the last minute, oldest first
    size_t passage_count;
    size_t in_refresh;        // asked for since the refresh began, held or not
    // Of both, what was counted since breaker_keep().
    size_t asked, passed;
};

struct breaker {
    struct config_storm limits;
    bool refreshing;
    size_t rule_count;
    struct rule_load *rules;
};

struct breaker *breaker_new(TALLOC_CTX *ctx, const struct config_storm *limits, size_t rules)
{
    struct breaker *breaker = talloc_zero(ctx, struct breaker);
    if (!breaker)
        return NULL;
    breaker->limits = *limits;
    breaker->rule_count = rules;
    breaker->rules = talloc_zero_array(breaker, struct rule_load, rules);
    return breaker;
}

static size_t add_counts(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static bool exceeds(size_t count, int64_t limit)
{
    return limit > 0 && count > (uint64_t)limit;
}

// Forgets what is older than a minute; what a clock that was set back has put into the future happened now.
static size_t last_minute(struct rule_load *load, int64_t now)
{
    size_t old = 0, sum = 0;
    while (old < load->passage_count && load->passages[old].time <= now - CLOCK_MINUTE)
        old++;
    load->passage_count -= old;
    if (old)
        memmove(load->passages, load->passages + old, load->passage_count * sizeof *load->passages);
    for (size_t i = 0; i < load->passage_count; i++) {
        if (load->passages[i].time > now)
            load->passages[i].time = now;
        sum = add_counts(sum, load->passages[i].count);
    }
    return sum;
}

static void let_through(struct breaker *breaker, struct rule_load *load, size_t count, int64_t now)
{
    if (breaker->limits.per_minute <= 0 || count == 0)
        return;
    if (load->passage_count && load->passages[load->passage_count - 1].time == now) {
        load->passages[load->passage_count - 1].count += count;
        load->passed += count;
        return;
    }
    size_t room = load->passages ? talloc_get_size(load->passages) / sizeof *load->passages : 0;
    if (load->passage_count == room) {
        struct passage *passages =
            talloc_realloc(breaker, load->passages, struct passage, room ? room * 2 : 16);
        if (!passages)
            return;
        load->passages = passages;
    }
    load->passages[load->passage_count++] = (struct passage){ now, count };
    load->passed += count;
}

bool breaker_trips(struct breaker *breaker, size_t rule, size_t count, int64_t now)
{
    if (rule >= breaker->rule_count)
        return false;
    struct rule_load *load = &breaker->rules[rule];
    size_t together = count;
    if (breaker->refreshing) {
        together = load->in_refresh = add_counts(load->in_refresh, count);
        load->asked = add_counts(load->asked, count);
    }
    if (exceeds(together, breaker->limits.per_transaction) ||
        exceeds(add_counts(last_minute(load, now), count), breaker->limits.per_minute))
        return true;
    let_through(breaker, load, count, now);
    return false;
}

void breaker_keep(struct breaker *breaker)
{
    for (size_t i = 0; i < breaker->rule_count; i++)
        breaker->rules[i].asked = breaker->rules[i].passed = 0;
}

// The newest passages are the ones to take back.
static void passages_undo(struct rule_load *load)
{
    while (load->passed > 0 && load->passage_count > 0) {
        struct passage *newest = &load->passages[load->passage_count - 1];
        size_t part = load->passed < newest->count ? load->passed : newest->count;
        newest->count -= part;
        load->passed -= part;
        if (newest->count == 0)
            load->passage_count--;
    }
}

void breaker_undo(struct breaker *breaker)
{
    for (size_t i = 0; i < breaker->rule_count; i++) {
        struct rule_load *load = &breaker->rules[i];
        load->in_refresh -= load->asked < load->in_refresh ? load->asked : load->in_refresh;
        passages_undo(load);
    }
    breaker_keep(breaker);
}

void breaker_refresh(struct breaker *breaker, bool begin)
{
    breaker->refreshing = begin;
    for (size_t i = 0; i < breaker->rule_count; i++)
        breaker->rules[i].in_refresh = breaker->rules[i].asked = 0;
}
