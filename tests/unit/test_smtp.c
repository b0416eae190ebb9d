// SPDX-License-Identifier: Apache-2.0
// The SMTP transport against a scripted server on the loopback interface.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "deliver/smtp.h"
#include "fake_smtp.h"

#define RESULTS_MOST 64
#define BODY "From: a@example.com\r\nSubject: test\r\n\r\nHello\r\n.dot\r\n"

struct fixture {
    TALLOC_CTX *ctx;
    struct event_base *base;
    struct config_transport config;
    struct transport *transport;
    struct message messages[RESULTS_MOST];
    size_t sent;
    struct {
        int64_t message;
        struct transport_result result;
        char reply[512], host[128];
    } results[RESULTS_MOST];
    size_t count;
    struct fake_smtp fake, other;
};

static void on_done(void *context, int64_t message, const struct transport_result *result)
{
    struct fixture *f = context;
    assert_true(f->count < RESULTS_MOST);
    f->results[f->count].message = message;
    f->results[f->count].result = *result;
    snprintf(f->results[f->count].reply, sizeof f->results[f->count].reply, "%s",
             result->reply ? result->reply : "");
    snprintf(f->results[f->count].host, sizeof f->results[f->count].host, "%s",
             result->host ? result->host : "");
    f->count++;
}

static void fixture_open(struct fixture *f, const char *hosts)
{
    struct error err;
    f->config.hosts = talloc_strdup(f->ctx, hosts);
    f->transport = transport_open(f->ctx, f->base, &f->config, on_done, f, &err);
    if (!f->transport)
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    struct fixture *f = talloc_zero(NULL, struct fixture);
    signal(SIGPIPE, SIG_IGN);
    f->ctx = f;
    f->base = event_base_new();
    f->config = (struct config_transport){ .name = (char *)"relay",
                                           .connect_timeout = 2000,
                                           .send_timeout = 2000,
                                           .connections = 1,
                                           .tls_verify = true,
                                           .helo = (char *)"client.example.com" };
    fake_smtp_open(&f->fake, f->base);
    fake_smtp_open(&f->other, f->base);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->transport)
        transport_close(f->transport);
    fake_smtp_close(&f->fake);
    fake_smtp_close(&f->other);
    event_base_free(f->base);
    talloc_free(f);
    return 0;
}

static void open_one(struct fixture *f)
{
    char hosts[64];
    snprintf(hosts, sizeof hosts, "127.0.0.1:%d", f->fake.port);
    fixture_open(f, hosts);
}

static void open_two(struct fixture *f)
{
    char hosts[64];
    snprintf(hosts, sizeof hosts, "127.0.0.1:%d;127.0.0.1:%d", f->fake.port, f->other.port);
    fixture_open(f, hosts);
}

static void post_to(struct fixture *f, const char *from, const char *to, const char *body)
{
    struct error err;
    struct message *message = &f->messages[f->sent++];
    *message = (struct message){ .id = (int64_t)f->sent,
                                 .recipient = to,
                                 .envelope_from = from,
                                 .bytes = (const uint8_t *)body,
                                 .length = strlen(body) };
    if (transport_send(f->transport, message, &err) < 0)
        fail_msg("%s", err.text);
}

static void post(struct fixture *f)
{
    post_to(f, "bounce@example.com", "user@example.com", BODY);
}

static void wait_for(struct fixture *f, const size_t *count, size_t least)
{
    int64_t until = clock_monotonic() + 20000;
    while (*count < least) {
        if (clock_monotonic() > until)
            fail_msg("nothing came in 20 s");
        struct timeval tick = { .tv_usec = 50000 };
        event_base_loopexit(f->base, &tick);
        event_base_loop(f->base, EVLOOP_ONCE);
    }
}

// Sends one message and gives its outcome.
static const struct transport_result *deliver(struct fixture *f)
{
    size_t before = f->count;
    post(f);
    wait_for(f, &f->count, before + 1);
    assert_int_equal(f->results[before].message, f->sent);
    return &f->results[before].result;
}

static void assert_reply_has(const struct fixture *f, const char *words)
{
    const char *reply = f->results[f->count - 1].reply;
    if (!strstr(reply, words))
        fail_msg("\"%s\" is not in \"%s\"", words, reply);
}

// --- one message -------------------------------------------------------------------------------------

static void test_accepts(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    const struct transport_result *result = deliver(f);
    assert_int_equal(result->outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(result->code, 250);
    assert_int_equal(result->step, SMTP_STEP_DONE);
    assert_reply_has(f, "queued as FAKE1");
    assert_string_equal(f->fake.last_mail, "<bounce@example.com>");
    assert_string_equal(f->fake.last_rcpt, "<user@example.com>");
    assert_string_equal(f->fake.last_content,
                        "From: a@example.com\r\nSubject: test\r\n\r\nHello\r\n..dot\r\n.\r\n");
}

static void test_accepts_lock_step(void **state)
{
    struct fixture *f = *state;
    f->fake.features = "SIZE 1000";
    open_one(f);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    char mail[64];
    snprintf(mail, sizeof mail, "<bounce@example.com> SIZE=%zu", strlen(BODY));
    assert_string_equal(f->fake.last_mail, mail);
}

static void test_null_reverse_path_and_eight_bit(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    post_to(f, "", "user@example.com",
            "Subject: x\r\n\r\nGr\xc3\xbc\xc3\x9f"
            "e\r\n");
    wait_for(f, &f->count, 1);
    assert_int_equal(f->results[0].result.outcome, TRANSPORT_ACCEPTED);
    assert_string_equal(f->fake.last_mail, "<> BODY=8BITMIME");
}

struct refusal_case {
    enum fake_stage stage;
    const char *reply;
    enum transport_outcome outcome;
    int64_t code;
    enum smtp_step step;
    const char *words;
};

static const struct refusal_case refusals[] = {
    { FAKE_GREETING, "554 5.7.1 go away", TRANSPORT_DOWN, 554, SMTP_STEP_GREETING, "go away" },
    { FAKE_GREETING, "421 4.3.2 busy", TRANSPORT_DOWN, 421, SMTP_STEP_GREETING, "busy" },
    { FAKE_GREETING, FAKE_CUT, TRANSPORT_DOWN, 0, SMTP_STEP_GREETING, "did not greet" },
    { FAKE_EHLO, "550 5.7.1 bad name", TRANSPORT_DOWN, 550, SMTP_STEP_HELLO, "helo" },
    { FAKE_EHLO, FAKE_CUT, TRANSPORT_DOWN, 0, SMTP_STEP_HELLO, "" },
    { FAKE_MAIL, "450 4.1.8 later", TRANSPORT_TEMPORARY, 450, SMTP_STEP_SENDER, "450 4.1.8 later" },
    { FAKE_MAIL, "553 5.1.8 sender\n553 5.1.8 refused", TRANSPORT_PERMANENT, 553, SMTP_STEP_SENDER,
      "envelope_from" },
    { FAKE_MAIL, "530 5.7.0 login", TRANSPORT_DOWN, 530, SMTP_STEP_SENDER, "set user" },
    { FAKE_MAIL, FAKE_CUT, TRANSPORT_TEMPORARY, 0, SMTP_STEP_SENDER, "lost" },
    { FAKE_RCPT, "451 4.7.1 greylisted", TRANSPORT_TEMPORARY, 451, SMTP_STEP_RECIPIENT, "greylisted" },
    { FAKE_RCPT, "550 5.1.1 no such user", TRANSPORT_PERMANENT, 550, SMTP_STEP_RECIPIENT, "no such user" },
    { FAKE_RCPT, "421 4.7.0 too many", TRANSPORT_TEMPORARY, 421, SMTP_STEP_RECIPIENT, "too many" },
    { FAKE_RCPT, FAKE_CUT, TRANSPORT_TEMPORARY, 0, SMTP_STEP_RECIPIENT, "lost" },
    { FAKE_DATA, "451 4.3.0 disk", TRANSPORT_TEMPORARY, 451, SMTP_STEP_DATA, "disk" },
    { FAKE_DATA, "554 5.7.1 no", TRANSPORT_PERMANENT, 554, SMTP_STEP_DATA, "554" },
    { FAKE_DATA, FAKE_CUT, TRANSPORT_TEMPORARY, 0, SMTP_STEP_DATA, "lost" },
    { FAKE_CONTENT, "452 4.3.1 full", TRANSPORT_TEMPORARY, 452, SMTP_STEP_CONTENT, "full" },
    { FAKE_CONTENT, "550 5.7.1 spam", TRANSPORT_PERMANENT, 550, SMTP_STEP_CONTENT, "spam" },
    // The server may have taken it: neither accepted nor refused, and the words say so.
    { FAKE_CONTENT, FAKE_CUT, TRANSPORT_TEMPORARY, 0, SMTP_STEP_CONTENT, "not known whether" },
    { FAKE_CONTENT, "gibberish", TRANSPORT_TEMPORARY, 0, SMTP_STEP_CONTENT, "not known whether" },
};

static void check_refusals(struct fixture *f, const char *features)
{
    f->fake.features = features;
    open_one(f);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal_case *c = &refusals[i];
        // A new connection each time, so that the greeting's turn comes too.
        transport_close(f->transport);
        open_one(f);
        f->fake.reply[c->stage] = c->reply;
        const struct transport_result *result = deliver(f);
        if (result->outcome != c->outcome || result->code != c->code || result->step != (int)c->step)
            fail_msg("case %zu (%s): %s, code %lld, step %s: %s", i, c->reply,
                     transport_outcome_name(result->outcome), (long long)result->code,
                     smtp_step_name(result->step), f->results[f->count - 1].reply);
        assert_reply_has(f, c->words);
        f->fake.reply[c->stage] = NULL;
        // The next message is not harmed by what the last one left behind.
        assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    }
}

static void test_refusals_pipelined(void **state)
{
    check_refusals(*state, NULL);
}

static void test_refusals_lock_step(void **state)
{
    check_refusals(*state, "8BITMIME");
}

// RFC 2920: 354 in spite of the refused recipient; the empty message must not count, even if it is taken.
static void test_data_goes_ahead_without_recipient(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    f->fake.reply[FAKE_RCPT] = "550 5.1.1 no such user";
    f->fake.times[FAKE_RCPT] = 1;
    f->fake.reply[FAKE_DATA] = "354 go ahead anyway";
    f->fake.times[FAKE_DATA] = 1;
    const struct transport_result *result = deliver(f);
    assert_int_equal(result->outcome, TRANSPORT_PERMANENT);
    assert_int_equal(result->code, 550);
    assert_string_equal(f->fake.last_content, ".\r\n");
    assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(f->fake.connections, 1);
    assert_int_equal(f->fake.resets, 1);
}

static void test_silence_ends(void **state)
{
    static const enum fake_stage stages[] = { FAKE_GREETING, FAKE_MAIL, FAKE_CONTENT };
    static const enum transport_outcome outcomes[] = { TRANSPORT_DOWN, TRANSPORT_TEMPORARY,
                                                       TRANSPORT_TEMPORARY };
    struct fixture *f = *state;
    f->config.connect_timeout = 200;
    f->config.send_timeout = 200;
    open_one(f);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        f->fake.reply[stages[i]] = FAKE_SILENT;
        assert_int_equal(deliver(f)->outcome, outcomes[i]);
        f->fake.reply[stages[i]] = NULL;
        assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
        transport_close(f->transport);
        open_one(f);
    }
}

// While one server keeps its last word to itself, other messages go on.
static void test_slow_reply_blocks_nobody(void **state)
{
    struct fixture *f = *state;
    f->config.connections = 2;
    f->config.send_timeout = 1000;
    open_one(f);
    f->fake.reply[FAKE_CONTENT] = FAKE_SILENT;
    f->fake.times[FAKE_CONTENT] = 1;
    post(f);
    post(f);
    wait_for(f, &f->count, 1);
    assert_int_equal(f->results[0].result.outcome, TRANSPORT_ACCEPTED);
    wait_for(f, &f->count, 2);
    assert_int_equal(f->results[1].result.outcome, TRANSPORT_TEMPORARY);
}

// --- addresses ---------------------------------------------------------------------------------------

static void test_control_characters_never_leave(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    post_to(f, "bounce@example.com", "user@example.com>\r\nRCPT TO:<evil@example.com", BODY);
    wait_for(f, &f->count, 1);
    post_to(f, "bounce@example.com>\r\nDATA", "user@example.com", BODY);
    wait_for(f, &f->count, 2);
    assert_int_equal(f->results[0].result.outcome, TRANSPORT_PERMANENT);
    assert_int_equal(f->results[1].result.outcome, TRANSPORT_PERMANENT);
    assert_int_equal(f->fake.rcpts, 0);
    assert_int_equal(f->fake.mails, 0);
}

static void test_smtputf8(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    post_to(f, "bounce@example.com", "j\xc3\xbcrgen@example.com", BODY);
    wait_for(f, &f->count, 1);
    assert_int_equal(f->results[0].result.outcome, TRANSPORT_PERMANENT);
    assert_reply_has(f, "SMTPUTF8");
    assert_int_equal(f->fake.mails, 0);
    // That was this address's fault alone.
    assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(f->fake.connections, 1);

    transport_close(f->transport);
    f->fake.features = "SMTPUTF8";
    open_one(f);
    post_to(f, "bounce@example.com", "j\xc3\xbcrgen@example.com", BODY);
    wait_for(f, &f->count, 3);
    assert_int_equal(f->results[2].result.outcome, TRANSPORT_ACCEPTED);
    assert_string_equal(f->fake.last_mail, "<bounce@example.com> SMTPUTF8");
    assert_string_equal(f->fake.last_rcpt, "<j\xc3\xbcrgen@example.com>");
}

static void test_international_domain(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    post_to(f, "bounce@example.com",
            "user@b\xc3\xbc"
            "cher.example",
            BODY);
    wait_for(f, &f->count, 1);
    assert_int_equal(f->results[0].result.outcome, TRANSPORT_ACCEPTED);
    assert_string_equal(f->fake.last_rcpt, "<user@xn--bcher-kva.example>");
}

static void test_too_large(void **state)
{
    struct fixture *f = *state;
    f->fake.features = "SIZE 10";
    open_one(f);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_PERMANENT);
    assert_reply_has(f, "larger");
    assert_int_equal(f->fake.mails, 0);
}

// --- connections -------------------------------------------------------------------------------------

static void test_connection_is_reused(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    for (int i = 0; i < 5; i++)
        assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(f->fake.connections, 1);
}

static void test_messages_per_connection(void **state)
{
    struct fixture *f = *state;
    f->config.messages_per_connection = 2;
    open_one(f);
    for (int i = 0; i < 5; i++)
        assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(f->fake.connections, 3);
    assert_int_equal(f->fake.quits, 2);
}

static void test_connections_limit(void **state)
{
    struct fixture *f = *state;
    f->config.connections = 3;
    open_one(f);
    for (int round = 0; round < 4; round++) {
        assert_int_equal(transport_room(f->transport), 3);
        for (int i = 0; i < 3; i++)
            post(f);
        assert_int_equal(transport_room(f->transport), 0);
        wait_for(f, &f->count, f->sent);
    }
    assert_int_equal(f->fake.accepted, 12);
    assert_int_equal(f->fake.most_open, 3);
    assert_int_equal(f->fake.connections, 3);
}

// The server closed while nothing was under way: nobody notices.
static void test_stale_connection_is_replaced_at_once(void **state)
{
    static const char *const good_byes[] = { "421 4.4.2 idle too long", NULL };
    struct fixture *f = *state;
    open_one(f);
    for (size_t i = 0; i < sizeof good_byes / sizeof *good_byes; i++) {
        assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
        fake_smtp_hang_up(&f->fake, good_byes[i]);
        assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    }
    assert_int_equal(f->fake.accepted, 4);
}

// The 421 crosses our MAIL on a re-used connection.
static void test_reused_connection_answers_421(void **state)
{
    static const char *const ends[] = { "421 4.4.2 idle too long", FAKE_CUT };
    struct fixture *f = *state;
    open_one(f);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
        f->fake.reply[FAKE_MAIL] = ends[i];
        f->fake.times[FAKE_MAIL] = 1;
        assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    }
    // But not again and again.
    f->fake.reply[FAKE_MAIL] = ends[0];
    assert_int_equal(deliver(f)->outcome, TRANSPORT_TEMPORARY);
}

static void test_cut_after_acceptance_is_acceptance(void **state)
{
    struct fixture *f = *state;
    open_one(f);
    f->fake.cut_after_content = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(f->fake.accepted, 3);
}

static void test_fewer_connections_than_asked_for(void **state)
{
    struct fixture *f = *state;
    f->config.connections = 3;
    open_one(f);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    f->fake.reply[FAKE_GREETING] = "421 4.3.2 too many connections";
    for (int i = 0; i < 3; i++)
        post(f);
    wait_for(f, &f->count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(f->results[i].result.outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(transport_room(f->transport), 1);
    assert_true(transport_wait(f->transport) > 0);
}

static void test_rate_limit(void **state)
{
    struct fixture *f = *state;
    f->config.connections = 4;
    f->config.messages_per_minute = 600; // one in 100 ms
    open_one(f);
    int64_t start = clock_monotonic();
    while (f->sent < 4) {
        if (transport_room(f->transport) > 0) {
            assert_int_equal(transport_room(f->transport), 1);
            post(f);
            continue;
        }
        assert_in_range(transport_wait(f->transport), 0, 100); // 0: it has become free since we looked
        event_base_loop(f->base, EVLOOP_NONBLOCK);
    }
    assert_true(clock_monotonic() - start >= 300 - 2);
    wait_for(f, &f->count, 4);
}

// --- failover ----------------------------------------------------------------------------------------

static void test_second_host_takes_over(void **state)
{
    struct fixture *f = *state;
    open_two(f);
    fake_smtp_stop_listening(&f->fake);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(f->other.accepted, 1);
    char host[64];
    snprintf(host, sizeof host, "127.0.0.1:%d", f->other.port);
    assert_string_equal(f->results[0].host, host);
    // The dead one is left alone for a while.
    assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(f->other.accepted, 2);
}

static void test_host_comes_back(void **state)
{
    struct fixture *f = *state;
    open_two(f);
    f->fake.reply[FAKE_GREETING] = "421 4.3.2 not now";
    assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    assert_int_equal(f->other.accepted, 1);
    f->fake.reply[FAKE_GREETING] = NULL;
    clock_set_fake(clock_now() + 10 * CLOCK_MINUTE);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);
    clock_set_fake(0);
    assert_int_equal(f->fake.accepted, 1);
}

static void test_all_hosts_dead(void **state)
{
    struct fixture *f = *state;
    open_two(f);
    fake_smtp_stop_listening(&f->fake);
    fake_smtp_stop_listening(&f->other);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_DOWN);
    assert_reply_has(f, "nobody listens");
    // Dead or not, one of them is asked.
    assert_int_equal(deliver(f)->outcome, TRANSPORT_DOWN);
    assert_int_equal(f->results[1].result.step, SMTP_STEP_CONNECT);
}

static void test_refused_recipient_is_no_failover(void **state)
{
    struct fixture *f = *state;
    open_two(f);
    f->fake.reply[FAKE_RCPT] = "550 5.1.1 no such user";
    assert_int_equal(deliver(f)->outcome, TRANSPORT_PERMANENT);
    assert_int_equal(f->other.connections, 0);
}

// --- login and TLS -----------------------------------------------------------------------------------

static void test_login(void **state)
{
    struct fixture *f = *state;
    f->config.user = (char *)"notify";
    f->config.password.value = (char *)"geheim";
    f->fake.features = "AUTH PLAIN";
    open_one(f);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_ACCEPTED);

    transport_close(f->transport);
    f->fake.reply[FAKE_AUTH] = "535 5.7.8 no";
    open_one(f);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_DOWN);
    assert_int_equal(f->results[1].result.step, SMTP_STEP_LOGIN);
    assert_int_equal(f->results[1].result.code, 535);
    assert_reply_has(f, "check user and password");
    if (strstr(f->results[1].reply, "geheim"))
        fail_msg("the password is in the reply");
}

static void test_no_login_offered(void **state)
{
    struct fixture *f = *state;
    f->config.user = (char *)"notify";
    open_one(f);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_DOWN);
    assert_reply_has(f, "offers no login");
    assert_int_equal(f->fake.mails, 0);
}

static void test_starttls_is_never_optional(void **state)
{
    struct fixture *f = *state;
    f->config.tls = CONFIG_TLS_STARTTLS;
    open_one(f);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_DOWN);
    assert_reply_has(f, "STARTTLS");
    assert_int_equal(f->fake.mails, 0);
}

static void test_plain_server_where_tls_is_expected(void **state)
{
    struct fixture *f = *state;
    f->config.tls = CONFIG_TLS_IMPLICIT;
    open_one(f);
    assert_int_equal(deliver(f)->outcome, TRANSPORT_DOWN);
    assert_int_equal(f->results[0].result.step, SMTP_STEP_TLS);
    assert_reply_has(f, "does not begin with TLS");
}

// --- the test of a transport -------------------------------------------------------------------------

struct probe {
    struct smtp_report reports[4];
    char words[4][512];
    size_t count, done;
};

static void on_report(void *context, const struct smtp_report *report)
{
    struct probe *probe = context;
    assert_true(probe->count < 4);
    probe->reports[probe->count] = *report;
    snprintf(probe->words[probe->count], sizeof probe->words[0], "%s", report->words);
    probe->count++;
    probe->done += report->last;
}

static void probe_run(struct fixture *f, struct probe *probe, const char *hosts)
{
    struct error err;
    static const struct message message = { .id = 1,
                                            .recipient = "user@example.com",
                                            .envelope_from = "a@example.com",
                                            .bytes = (const uint8_t *)BODY,
                                            .length = sizeof BODY - 1 };
    *probe = (struct probe){ 0 };
    f->config.hosts = (char *)hosts;
    struct smtp_test *test = smtp_test_start(f->ctx, f->base, &f->config, &message, on_report, probe, &err);
    if (!test)
        fail_msg("%s", err.text);
    wait_for(f, &probe->done, 1);
    talloc_free(test);
}

static void test_probe(void **state)
{
    struct fixture *f = *state;
    struct probe probe;
    char hosts[64];
    snprintf(hosts, sizeof hosts, "127.0.0.1:%d;127.0.0.1:%d", f->fake.port, f->other.port);
    f->fake.reply[FAKE_GREETING] = "554 5.3.2 closed";
    probe_run(f, &probe, hosts);
    assert_int_equal(probe.count, 2);
    assert_int_equal(probe.reports[0].step, SMTP_STEP_GREETING);
    assert_int_equal(probe.reports[0].code, 554);
    assert_int_equal(probe.reports[1].step, SMTP_STEP_DONE);

    f->fake.reply[FAKE_GREETING] = NULL;
    f->fake.reply[FAKE_RCPT] = "550 5.7.1 relaying denied";
    probe_run(f, &probe, hosts);
    assert_int_equal(probe.count, 1);
    assert_int_equal(probe.reports[0].step, SMTP_STEP_RECIPIENT);
    assert_non_null(strstr(probe.words[0], "relaying denied"));

    probe_run(f, &probe, "no-such-host.invalid:25");
    assert_int_equal(probe.reports[0].step, SMTP_STEP_RESOLVE);
    assert_non_null(strstr(probe.words[0], "cannot be resolved"));
}

// The waiting form, as ldapnotifyctl calls it: here against a port where nobody listens.
static void test_probe_waiting(void **state)
{
    struct fixture *f = *state;
    struct error err;
    char hosts[64];
    snprintf(hosts, sizeof hosts, "127.0.0.1:%d", f->fake.port);
    fake_smtp_stop_listening(&f->fake);
    f->config.hosts = hosts;
    const struct message message = { .recipient = "user@example.com",
                                     .bytes = (const uint8_t *)BODY,
                                     .length = 10 };
    assert_int_equal(smtp_test(&f->config, &message, NULL, NULL, &err), -1);
    assert_non_null(strstr(err.text, "nobody listens"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(test_accepts),
        TEST(test_accepts_lock_step),
        TEST(test_null_reverse_path_and_eight_bit),
        TEST(test_refusals_pipelined),
        TEST(test_refusals_lock_step),
        TEST(test_data_goes_ahead_without_recipient),
        TEST(test_silence_ends),
        TEST(test_slow_reply_blocks_nobody),
        TEST(test_control_characters_never_leave),
        TEST(test_smtputf8),
        TEST(test_international_domain),
        TEST(test_too_large),
        TEST(test_connection_is_reused),
        TEST(test_messages_per_connection),
        TEST(test_connections_limit),
        TEST(test_stale_connection_is_replaced_at_once),
        TEST(test_reused_connection_answers_421),
        TEST(test_cut_after_acceptance_is_acceptance),
        TEST(test_fewer_connections_than_asked_for),
        TEST(test_rate_limit),
        TEST(test_second_host_takes_over),
        TEST(test_host_comes_back),
        TEST(test_all_hosts_dead),
        TEST(test_refused_recipient_is_no_failover),
        TEST(test_login),
        TEST(test_no_login_offered),
        TEST(test_starttls_is_never_optional),
        TEST(test_plain_server_where_tls_is_expected),
        TEST(test_probe),
        TEST(test_probe_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
