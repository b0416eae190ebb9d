// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/deliver/outcome.h"
#include "base/clock.h"

#define NOW INT64_C(1000000000)

static const struct config_transport config = { .retry_first = CLOCK_MINUTE, .retry_most = CLOCK_HOUR };

static struct message apply(enum transport_outcome outcome, int64_t attempts, int64_t expires)
{
    struct message message = { .state = MESSAGE_LEASED, .attempts = attempts, .expires = expires };
    const struct transport_result result = {
        .outcome = outcome, .code = 451, .reply = "words", .host = "relay"
    };
    outcome_apply(&message, &result, &config, NOW, NOW + 5 * CLOCK_SECOND, UINT32_MAX);
    return message;
}

static void test_outcomes(void **state)
{
    (void)state;
    static const struct {
        enum transport_outcome outcome;
        int64_t attempts, expires;
        enum message_state state;
        int64_t attempts_after, next;
        const char *word;
    } cases[] = {
        { TRANSPORT_ACCEPTED, 0, 0, MESSAGE_SENT, 1, 0, "sent" },
        { TRANSPORT_PERMANENT, 2, 0, MESSAGE_DEAD, 3, 0, "failed" },
        { TRANSPORT_TEMPORARY, 0, 0, MESSAGE_QUEUED, 1, NOW + CLOCK_MINUTE, "deferred" },
        { TRANSPORT_TEMPORARY, 2, 0, MESSAGE_QUEUED, 3, NOW + 4 * CLOCK_MINUTE, "deferred" },
        { TRANSPORT_TEMPORARY, 1000, 0, MESSAGE_QUEUED, 1001, NOW + CLOCK_HOUR, "deferred" },
        // The last attempt is at the end of its life, not after it.
        { TRANSPORT_TEMPORARY, 5, NOW + 10, MESSAGE_QUEUED, 6, NOW + 10, "deferred" },
        { TRANSPORT_TEMPORARY, 5, NOW, MESSAGE_DEAD, 6, 0, "failed" },
        // Not the message's fault: no attempt is counted.
        { TRANSPORT_DOWN, 3, 0, MESSAGE_QUEUED, 3, NOW + 5 * CLOCK_SECOND, "down" },
        { TRANSPORT_DOWN, 3, NOW, MESSAGE_DEAD, 3, 0, "failed" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message message = apply(cases[i].outcome, cases[i].attempts, cases[i].expires);
        if (message.state != cases[i].state || message.attempts != cases[i].attempts_after
            || message.next_attempt != cases[i].next)
            fail_msg("case %zu: state %d, attempts %lld, next +%lld", i, (int)message.state,
                     (long long)message.attempts, (long long)(message.next_attempt - NOW));
        assert_string_equal(outcome_word(&message, cases[i].outcome), cases[i].word);
        assert_int_equal(message.finished, message.state == MESSAGE_QUEUED ? 0 : NOW);
        assert_int_equal(message.code, 451);
        assert_string_equal(message.reply, "words");
        assert_string_equal(message.host, "relay");
    }
}

static void test_expiry(void **state)
{
    (void)state;
    assert_false(outcome_is_expired(&(struct message){ .expires = 0 }, NOW));
    assert_false(outcome_is_expired(&(struct message){ .expires = NOW + 1 }, NOW));
    assert_true(outcome_is_expired(&(struct message){ .expires = NOW }, NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_expiry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
