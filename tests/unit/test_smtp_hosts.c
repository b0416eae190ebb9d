// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/deliver/smtp_hosts.h"
#include "base/clock.h"

static void test_default_ports(void **state)
{
    (void)state;
    assert_int_equal(smtp_default_port(CONFIG_TLS_NONE), 25);
    assert_int_equal(smtp_default_port(CONFIG_TLS_STARTTLS), 587);
    assert_int_equal(smtp_default_port(CONFIG_TLS_IMPLICIT), 465);
}

static void test_parses(void **state)
{
    (void)state;
    // Labels in order, separated by spaces; NULL: refused.
    static const struct {
        const char *text, *labels;
    } cases[] = {
        { "relay1", "relay1:25" },
        { "relay1;relay2:2525;[::1]:26", "relay1:25 relay2:2525 [::1]:26" },
        { " relay1.example.com ; ;relay2 ;", "relay1.example.com:25 relay2:25" },
        { "[2001:db8::25]", "[2001:db8::25]:25" },
        { "192.0.2.1:65535", "192.0.2.1:65535" },
        { "b\xc3\xbc"
          "cher.example",
          "b\xc3\xbc"
          "cher.example:25" },
        { "", NULL },
        { ";", NULL },
        { "relay1:", NULL },
        { "relay1:0", NULL },
        { "relay1:65536", NULL },
        { "relay1:25x", NULL },
        { "relay1:+25", NULL },
        { "relay1:000000000025", NULL },
        { "::1", NULL },
        { "[::1", NULL },
        { "[::1]25", NULL },
        { "[relay]:25", NULL },
        { "relay 1", NULL },
        { "user@relay", NULL },
        { "relay/x", NULL },
        { "-relay", NULL },
        { ":25", NULL },
        { "[]:25", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct smtp_hosts hosts;
        struct error err = { 0 };
        int result = smtp_hosts_parse(ctx, cases[i].text, 25, &hosts, &err);
        if ((result == 0) != (cases[i].labels != NULL))
            fail_msg("\"%s\": %d %s", cases[i].text, result, err.text);
        char *labels = talloc_strdup(ctx, "");
        for (size_t j = 0; result == 0 && j < hosts.count; j++)
            labels = talloc_asprintf_append(labels, "%s%s", j ? " " : "", hosts.items[j].label);
        if (result == 0)
            assert_string_equal(labels, cases[i].labels);
        else
            assert_true(strncmp(err.text, "hosts: ", 7) == 0);
        talloc_free(ctx);
    }
}

static void test_order_and_death(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct smtp_hosts hosts;
    bool tried[3] = { false };
    assert_int_equal(smtp_hosts_parse(ctx, "a;b;c", 25, &hosts, NULL), 0);
    int64_t now = 1000000;
    assert_int_equal(smtp_hosts_next(&hosts, tried, now), 0);
    // One failure met by several connections counts once.
    smtp_hosts_failed(&hosts, 0, now, UINT32_MAX);
    int64_t back = hosts.items[0].dead_until;
    smtp_hosts_failed(&hosts, 0, now, UINT32_MAX);
    assert_int_equal(hosts.items[0].dead_until, back);
    assert_int_equal(hosts.items[0].failures, 1);
    assert_int_equal(smtp_hosts_next(&hosts, tried, now), 1);
    tried[1] = true;
    assert_int_equal(smtp_hosts_next(&hosts, tried, now), 2);
    tried[2] = true;
    // A message that has seen living hosts fail does not wait for dead ones.
    assert_int_equal(smtp_hosts_next(&hosts, tried, now), -1);
    // It comes back by itself.
    memset(tried, 0, sizeof tried);
    assert_int_equal(smtp_hosts_next(&hosts, tried, back - 1), 1);
    assert_int_equal(smtp_hosts_next(&hosts, tried, back), 0);
    // Longer each time, but not for ever.
    int64_t last = 0;
    for (int i = 0; i < 20; i++) {
        now = hosts.items[0].dead_until;
        smtp_hosts_failed(&hosts, 0, now, UINT32_MAX);
        assert_true(hosts.items[0].dead_until - now >= last
                    || hosts.items[0].dead_until - now > 2 * CLOCK_MINUTE);
        last = hosts.items[0].dead_until - now;
    }
    assert_in_range(last, 2 * CLOCK_MINUTE, 5 * CLOCK_MINUTE);
    smtp_hosts_worked(&hosts, 0);
    assert_int_equal(smtp_hosts_next(&hosts, tried, now), 0);
    // All dead: the one that comes back first is asked all the same.
    smtp_hosts_failed(&hosts, 2, now, 0);
    smtp_hosts_failed(&hosts, 0, now + 1, UINT32_MAX);
    smtp_hosts_failed(&hosts, 1, now + 2, UINT32_MAX);
    assert_int_equal(smtp_hosts_next(&hosts, tried, now + 3), 2);
    talloc_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_ports),
        cmocka_unit_test(test_parses),
        cmocka_unit_test(test_order_and_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
