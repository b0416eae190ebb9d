// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "route/breaker.h"

#define START INT64_C(1795172600000)

static struct breaker *make(TALLOC_CTX *ctx, int64_t per_transaction, int64_t per_minute)
{
    struct config_storm limits = { .per_transaction = per_transaction, .per_minute = per_minute };
    return breaker_new(ctx, &limits, 2);
}

static void per_transaction(void **state)
{
    (void)state;
    struct breaker *breaker = make(NULL, 100, 0);
    assert_false(breaker_trips(breaker, 0, 100, START));
    assert_false(breaker_trips(breaker, 0, 100, START)); // each transaction by itself
    assert_true(breaker_trips(breaker, 0, 101, START));
    assert_true(breaker_trips(breaker, 0, SIZE_MAX, START));
    assert_false(breaker_trips(breaker, 0, 1, START));
    assert_false(breaker_trips(breaker, 0, 0, START));
    talloc_free(breaker);
}

static void any_minute(void **state)
{
    (void)state;
    struct breaker *breaker = make(NULL, 0, 10);
    assert_false(breaker_trips(breaker, 0, 6, START));
    assert_false(breaker_trips(breaker, 0, 4, START + 30 * CLOCK_SECOND));
    assert_true(breaker_trips(breaker, 0, 1, START + CLOCK_MINUTE - 1));
    assert_false(breaker_trips(breaker, 0, 6, START + CLOCK_MINUTE)); // the first six are a minute old; what was held never counted
    assert_true(breaker_trips(breaker, 0, 1, START + CLOCK_MINUTE));
    assert_true(breaker_trips(breaker, 0, 11, START + CLOCK_HOUR));
    assert_false(breaker_trips(breaker, 0, 10, START + CLOCK_HOUR));
    talloc_free(breaker);
}

static void rules_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct breaker *breaker = make(NULL, 10, 10);
    assert_true(breaker_trips(breaker, 0, 11, START));
    assert_false(breaker_trips(breaker, 1, 10, START));
    assert_true(breaker_trips(breaker, 1, 1, START));
    assert_false(breaker_trips(breaker, 0, 10, START));
    talloc_free(breaker);
}

static void no_limits(void **state)
{
    (void)state;
    struct breaker *breaker = make(NULL, 0, 0);
    for (int i = 0; i < 1000; i++)
        assert_false(breaker_trips(breaker, 0, 1000000, START));
    assert_false(breaker_trips(breaker, 99, 1, START)); // no such rule
    talloc_free(breaker);
}

static void a_refresh_is_one(void **state)
{
    (void)state;
    struct breaker *breaker = make(NULL, 100, 0);
    breaker_refresh(breaker, true);
    assert_false(breaker_trips(breaker, 0, 60, START));
    assert_false(breaker_trips(breaker, 1, 60, START));
    assert_true(breaker_trips(breaker, 0, 60, START));
    assert_true(breaker_trips(breaker, 0, 1, START + CLOCK_HOUR)); // the rest of it is held too
    assert_false(breaker_trips(breaker, 1, 40, START));
    breaker_refresh(breaker, false);
    assert_false(breaker_trips(breaker, 0, 100, START));
    breaker_refresh(breaker, true); // another begins anew
    assert_false(breaker_trips(breaker, 0, 100, START));
    assert_true(breaker_trips(breaker, 0, SIZE_MAX, START)); // and no sum wraps around
    assert_true(breaker_trips(breaker, 0, SIZE_MAX, START));
    talloc_free(breaker);
}

static void the_clock_is_set_back(void **state)
{
    (void)state;
    struct breaker *breaker = make(NULL, 0, 10);
    assert_false(breaker_trips(breaker, 0, 10, START + CLOCK_DAY));
    assert_true(breaker_trips(breaker, 0, 1, START));
    assert_false(breaker_trips(breaker, 0, 10, START + CLOCK_MINUTE)); // and not blocked for a day
    talloc_free(breaker);
}

static void many_times(void **state)
{
    (void)state;
    struct breaker *breaker = make(NULL, 0, 1000);
    for (int i = 0; i < 1000; i++)
        assert_false(breaker_trips(breaker, 0, 1, START + i));
    assert_true(breaker_trips(breaker, 0, 1, START + 1000));
    assert_false(breaker_trips(breaker, 0, 1, START + CLOCK_MINUTE));
    assert_true(breaker_trips(breaker, 0, 1, START + CLOCK_MINUTE));
    talloc_free(breaker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(per_transaction), cmocka_unit_test(any_minute), cmocka_unit_test(rules_do_not_disturb_each_other),
        cmocka_unit_test(no_limits), cmocka_unit_test(a_refresh_is_one), cmocka_unit_test(the_clock_is_set_back),
        cmocka_unit_test(many_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
