// SPDX-License-Identifier: Apache-2.0
// What a reply is, what follows from it, and in which words.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "../../src/deliver/smtp_content.h"
#include "../../src/deliver/smtp_reply.h"
#include "../../src/deliver/smtp_result.h"

// --- verdicts ----------------------------------------------------------------------------------------

static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        struct smtp_evidence evidence;
        enum transport_outcome outcome;
        bool host_failed, again, usable;
    } cases[] = {
        // Connecting: never the message's fault, always the host's.
        { { .step = SMTP_STEP_RESOLVE, .curl = CURLE_COULDNT_RESOLVE_HOST },
          TRANSPORT_DOWN,
          true,
          false,
          false },
        { { .step = SMTP_STEP_CONNECT, .curl = CURLE_COULDNT_CONNECT }, TRANSPORT_DOWN, true, false, false },
        { { .step = SMTP_STEP_GREETING, .code = 421 }, TRANSPORT_DOWN, true, false, false },
        { { .step = SMTP_STEP_GREETING, .code = 554 }, TRANSPORT_DOWN, true, false, false },
        { { .step = SMTP_STEP_HELLO, .code = 550 }, TRANSPORT_DOWN, true, false, false },
        { { .step = SMTP_STEP_TLS, .curl = CURLE_PEER_FAILED_VERIFICATION },
          TRANSPORT_DOWN,
          true,
          false,
          false },
        { { .step = SMTP_STEP_LOGIN, .code = 535 }, TRANSPORT_DOWN, true, false, false },
        { { .step = SMTP_STEP_LOGIN, .code = 454 }, TRANSPORT_DOWN, true, false, false },
        { { .step = SMTP_STEP_LOGIN, .refusal = SMTP_REFUSAL_NO_LOGIN }, TRANSPORT_DOWN, true, false, false },
        // The envelope.
        { { .step = SMTP_STEP_SENDER, .code = 450 }, TRANSPORT_TEMPORARY, false, false, true },
        { { .step = SMTP_STEP_SENDER, .code = 550 }, TRANSPORT_PERMANENT, false, false, true },
        { { .step = SMTP_STEP_SENDER, .code = 530 }, TRANSPORT_DOWN, true, false, false },
        { { .step = SMTP_STEP_SENDER, .code = 503 }, TRANSPORT_TEMPORARY, false, false, false },
        { { .step = SMTP_STEP_RECIPIENT, .code = 452 }, TRANSPORT_TEMPORARY, false, false, true },
        { { .step = SMTP_STEP_RECIPIENT, .code = 550 }, TRANSPORT_PERMANENT, false, false, true },
        { { .step = SMTP_STEP_RECIPIENT, .code = 354 }, TRANSPORT_TEMPORARY, false, false, false },
        { { .step = SMTP_STEP_DATA, .code = 554 }, TRANSPORT_PERMANENT, false, false, true },
        { { .step = SMTP_STEP_DATA, .code = 250 }, TRANSPORT_TEMPORARY, false, false, false },
        // Closed by the server: at once again when it was an idle connection.
        { { .step = SMTP_STEP_SENDER, .code = 421, .reused = true },
          TRANSPORT_TEMPORARY,
          false,
          true,
          false },
        { { .step = SMTP_STEP_SENDER, .reused = true }, TRANSPORT_TEMPORARY, false, true, false },
        { { .step = SMTP_STEP_DATA, .reused = true }, TRANSPORT_TEMPORARY, false, true, false },
        { { .step = SMTP_STEP_SENDER, .code = 421 }, TRANSPORT_TEMPORARY, true, false, false },
        { { .step = SMTP_STEP_RECIPIENT }, TRANSPORT_TEMPORARY, true, false, false },
        // After 354: without a word, nobody knows. Never at once again, not even on a re-used connection.
        { { .step = SMTP_STEP_CONTENT, .reused = true }, TRANSPORT_TEMPORARY, false, false, false },
        { { .step = SMTP_STEP_CONTENT, .timed_out = true }, TRANSPORT_TEMPORARY, false, false, false },
        { { .step = SMTP_STEP_CONTENT, .code = 354 }, TRANSPORT_TEMPORARY, false, false, false },
        { { .step = SMTP_STEP_CONTENT, .code = 451 }, TRANSPORT_TEMPORARY, false, false, true },
        { { .step = SMTP_STEP_CONTENT, .code = 421 }, TRANSPORT_TEMPORARY, false, false, false },
        { { .step = SMTP_STEP_CONTENT, .code = 554 }, TRANSPORT_PERMANENT, false, false, true },
        { { .step = SMTP_STEP_CONTENT, .code = 250 }, TRANSPORT_ACCEPTED, false, false, true },
        { { .step = SMTP_STEP_DONE, .code = 250 }, TRANSPORT_ACCEPTED, false, false, true },
        // Ours.
        { { .step = SMTP_STEP_SENDER, .refusal = SMTP_REFUSAL_UTF8 },
          TRANSPORT_PERMANENT,
          false,
          false,
          true },
        { { .step = SMTP_STEP_SENDER, .refusal = SMTP_REFUSAL_SIZE },
          TRANSPORT_PERMANENT,
          false,
          false,
          true },
        { { .step = SMTP_STEP_SENDER, .refusal = SMTP_REFUSAL_ADDRESS },
          TRANSPORT_PERMANENT,
          false,
          false,
          true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct smtp_verdict verdict = smtp_judge(&cases[i].evidence);
        if (verdict.outcome != cases[i].outcome || verdict.host_failed != cases[i].host_failed
            || verdict.again != cases[i].again || verdict.usable != cases[i].usable)
            fail_msg("case %zu: %s, host_failed %d, again %d, usable %d", i,
                     transport_outcome_name(verdict.outcome), verdict.host_failed, verdict.again,
                     verdict.usable);
    }
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        struct smtp_evidence evidence;
        const char *words;
    } cases[] = {
        { { .step = SMTP_STEP_RESOLVE, .curl_words = "Could not resolve host: x" }, "cannot be resolved" },
        { { .step = SMTP_STEP_RESOLVE, .timed_out = true }, "name servers in time" },
        { { .step = SMTP_STEP_CONNECT, .os_error = ECONNREFUSED }, "nobody listens" },
        { { .step = SMTP_STEP_CONNECT, .os_error = EHOSTUNREACH }, "no route" },
        { { .step = SMTP_STEP_CONNECT, .timed_out = true }, "firewalls" },
        { { .step = SMTP_STEP_GREETING, .tls = CONFIG_TLS_STARTTLS, .timed_out = true },
          "tls = \"implicit\"" },
        { { .step = SMTP_STEP_GREETING, .code = 554, .text = "554 no" }, "554 no" },
        { { .step = SMTP_STEP_HELLO, .code = 550, .text = "550 bad" }, "helo" },
        { { .step = SMTP_STEP_TLS, .curl = CURLE_USE_SSL_FAILED }, "offers no STARTTLS" },
        { { .step = SMTP_STEP_TLS,
            .curl = CURLE_SSL_CONNECT_ERROR,
            .tls = CONFIG_TLS_IMPLICIT,
            .curl_words = "error:0A00010B:SSL routines::wrong version number" },
          "does not begin with TLS" },
        { { .step = SMTP_STEP_TLS, .curl = CURLE_PEER_FAILED_VERIFICATION, .verify = 20 }, "tls_ca_file" },
        { { .step = SMTP_STEP_TLS, .curl = CURLE_PEER_FAILED_VERIFICATION, .verify = 18 }, "self-signed" },
        { { .step = SMTP_STEP_TLS, .curl = CURLE_PEER_FAILED_VERIFICATION, .verify = 10 }, "expired" },
        { { .step = SMTP_STEP_TLS, .curl = CURLE_PEER_FAILED_VERIFICATION, .verify = 9 }, "clocks" },
        { { .step = SMTP_STEP_TLS, .curl = CURLE_PEER_FAILED_VERIFICATION, .verify = 62 }, "another name" },
        { { .step = SMTP_STEP_TLS,
            .curl = CURLE_PEER_FAILED_VERIFICATION,
            .curl_words = "SSL: no alternative certificate subject name matches target host name 'x'" },
          "another name" },
        { { .step = SMTP_STEP_TLS, .curl = CURLE_SSL_CACERT_BADFILE }, "tls_ca_file cannot be read" },
        { { .step = SMTP_STEP_TLS, .curl = CURLE_SSL_CERTPROBLEM }, "tls_cert_file" },
        { { .step = SMTP_STEP_LOGIN, .code = 535, .text = "535 no" }, "check user and password" },
        { { .step = SMTP_STEP_LOGIN, .refusal = SMTP_REFUSAL_NO_LOGIN }, "offers no login" },
        { { .step = SMTP_STEP_SENDER, .code = 553, .text = "553 no" }, "envelope_from" },
        { { .step = SMTP_STEP_RECIPIENT, .code = 550, .text = "550 no such user" }, "550 no such user" },
        { { .step = SMTP_STEP_RECIPIENT }, "lost at step recipient" },
        { { .step = SMTP_STEP_CONTENT }, "not known whether the server took it" },
        { { .step = SMTP_STEP_SENDER, .refusal = SMTP_REFUSAL_UTF8 }, "SMTPUTF8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *words = smtp_explain(NULL, &cases[i].evidence, "relay:25");
        if (strncmp(words, "relay:25: ", 10) != 0 || !strstr(words, cases[i].words))
            fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].words, words);
        talloc_free(words);
    }
}

static void test_step_names(void **state)
{
    (void)state;
    for (int i = 0; i < SMTP_STEP_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(smtp_step_name((enum smtp_step)i), smtp_step_name((enum smtp_step)j));
    assert_string_equal(smtp_step_name(SMTP_STEP_COUNT), "unknown");
}

// --- replies -----------------------------------------------------------------------------------------

static void test_replies(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        int end, code;
        const char *text;
        size_t left;
    } cases[] = {
        { "250 ok\r\n", 1, 250, "250 ok", 0 },
        { "250\r\n", 1, 250, "250", 0 },
        { "250 \r\n", 1, 250, "250", 0 },
        { "250 ok\n", 1, 250, "250 ok", 0 },
        { "550-5.1.1 no\r\n550 5.1.1 such user\r\n", 1, 550, "550 5.1.1 no 5.1.1 such user", 0 },
        { "250 one\r\n354 two\r\n", 1, 250, "250 one", 9 },
        { "550 bad\x1b[31m\x01 text\r\n", 1, 550, "550 bad[31m text", 0 },
        { "250 not yet", 0, 0, NULL, 0 },
        { "250-more\r\n", 0, 0, NULL, 0 },
        { "hello\r\n", -1, 0, NULL, 0 },
        { "25\r\n", -1, 0, NULL, 0 },
        { "150 no\r\n", -1, 0, NULL, 0 },
        { "650 no\r\n", -1, 0, NULL, 0 },
        { "250xok\r\n", -1, 0, NULL, 0 },
        { "\r\n", -1, 0, NULL, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        // Whole, and octet by octet: the same.
        for (int split = 0; split < 2; split++) {
            struct smtp_reply reply = { 0 };
            size_t length = strlen(cases[i].octets), at = 0, used = 0;
            int end = 0;
            while (at < length && end == 0) {
                end = smtp_reply_feed(&reply, cases[i].octets + at, split ? 1 : length, &used);
                at += used;
            }
            if (end != cases[i].end)
                fail_msg("case %zu split %d: end %d", i, split, end);
            if (end <= 0)
                continue;
            assert_int_equal(reply.code, cases[i].code);
            assert_int_equal(length - at, cases[i].left);
            assert_string_equal(reply.text, cases[i].text);
        }
}

static void test_endless_reply_ends(void **state)
{
    (void)state;
    struct smtp_reply reply = { 0 };
    size_t used;
    int end = 0, lines = 0;
    while (end == 0 && lines < 100000) {
        end = smtp_reply_feed(&reply, "250-more and more and more\r\n", 28, &used);
        lines++;
    }
    assert_int_equal(end, -1);
    // A line without end takes no memory.
    reply = (struct smtp_reply){ 0 };
    for (int i = 0; i < 100000; i++)
        assert_int_equal(smtp_reply_feed(&reply, "2500000000", 10, &used), 0);
}

static void test_features(void **state)
{
    (void)state;
    static const char *const lines[] = { "250-relay.example.com", "250-pipelining\r\n",
                                         "250-SIZE 10240000\r\n", "250-AUTH PLAIN LOGIN\r\n",
                                         "250-8BITMIME\r\n",      "250-SMTPUTF8X\r\n",
                                         "250 HELP\r\n" };
    struct smtp_features features = { 0 };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        smtp_features_line(&features, lines[i], strlen(lines[i]));
    assert_true(features.pipelining && features.size && features.auth && features.eight_bit);
    assert_false(features.utf8);
    assert_int_equal(features.size_most, 10240000);
    smtp_features_line(&features, "250 SMTPUTF8", 12);
    assert_true(features.utf8);
    static const char huge[] = "250 SIZE 99999999999999999999999999";
    smtp_features_line(&features, huge, sizeof huge - 1);
    assert_int_equal(features.size_most, 0);
    features = (struct smtp_features){ 0 };
    smtp_features_line(&features, "550 SMTPUTF8", 12);
    assert_false(features.utf8);
}

// --- content -----------------------------------------------------------------------------------------

static void test_content(void **state)
{
    (void)state;
    static const struct {
        const char *message, *wire;
    } cases[] = {
        { "", ".\r\n" },
        { "a\r\n", "a\r\n.\r\n" },
        { "a", "a\r\n.\r\n" },
        { ".\r\n", "..\r\n.\r\n" },
        { ".a\r\n..b\r\nc.d\r\n", "..a\r\n...b\r\nc.d\r\n.\r\n" },
        // What ends a message early on servers that take a lone CR or LF for a line's end.
        { "a\n.\nMAIL FROM:<x>\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n" },
        { "a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n" },
        { "a\r.\r\nb", "a\r\n..\r\nb\r\n.\r\n" },
        { "a\r\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n" },
        { "a\r", "a\r\n.\r\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size;
        char *wire = smtp_content(NULL, (const uint8_t *)cases[i].message, strlen(cases[i].message), &size);
        if (size != strlen(cases[i].wire) || memcmp(wire, cases[i].wire, size) != 0)
            fail_msg("case %zu: \"%.*s\"", i, (int)size, wire);
        talloc_free(wire);
    }
    assert_true(smtp_content_is_eight_bit((const uint8_t *)"a\xc3", 2));
    assert_false(smtp_content_is_eight_bit((const uint8_t *)"a\x7f", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_step_names),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_endless_reply_ends),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
