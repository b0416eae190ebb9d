// SPDX-License-Identifier: Apache-2.0
#include "deliver/smtp.h"

#include "mail/message.h"
#include "smtp_session.h"

struct smtp_test {
    struct curl_loop *loop;
    struct smtp_session *session;
    struct smtp_hosts hosts;
    size_t at; // host under test
    struct smtp_envelope envelope;
    smtp_report_fn *report;
    void *context;
    struct event *tell;
    struct smtp_report found; // to be told from the loop, where the test may be freed
};

static void on_tell(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct smtp_test *test = context;
    struct smtp_report found = test->found;
    if (!found.last) {
        char *words = talloc_steal(NULL, (char *)found.words);
        test->at++;
        smtp_session_send(test->session, &test->hosts.items[test->at], &test->envelope);
        test->report(test->context, &found);
        talloc_free(words);
        return;
    }
    test->report(test->context, &found);
}

static void on_session_done(void *context, struct smtp_session *session, const struct smtp_evidence *evidence)
{
    (void)session;
    struct smtp_test *test = context;
    struct smtp_verdict verdict = smtp_judge(evidence);
    const char *host = test->hosts.items[test->at].label;
    test->found = (struct smtp_report){
        .host = host,
        .step = evidence->step,
        .code = evidence->code,
        .words = smtp_explain(test, evidence, host),
        // What the server says of the message itself, the next host would say too.
        .last = !verdict.host_failed || test->at + 1 == test->hosts.count,
    };
    event_active(test->tell, EV_TIMEOUT, 0);
}

static int test_free(struct smtp_test *test)
{
    if (test->tell)
        event_free(test->tell);
    TALLOC_FREE(test->session);
    return 0;
}

struct smtp_test *smtp_test_start(TALLOC_CTX *ctx, struct event_base *base,
                                  const struct config_transport *config, const struct message *message,
                                  smtp_report_fn *report, void *context, struct error *err)
{
    struct smtp_test *test = talloc_zero(ctx, struct smtp_test);
    if (!test)
        goto out_of_memory;
    talloc_set_destructor(test, test_free);
    test->report = report;
    test->context = context;
    const char *from = message->envelope_from ? message->envelope_from : "";
    test->envelope = (struct smtp_envelope){
        .from = *from ? mail_wire_address(test, from, err) : "",
        .to = mail_wire_address(test, message->recipient, err),
        .bytes = message->bytes,
        .length = message->length,
    };
    if (!test->envelope.from || !test->envelope.to
        || smtp_hosts_parse(test, config->hosts, smtp_default_port(config->tls), &test->hosts, err) < 0)
        goto failed;
    test->tell = evtimer_new(base, on_tell, test);
    if (!test->tell)
        goto out_of_memory;
    test->loop = curl_loop_new(test, base, err);
    if (!test->loop)
        goto failed;
    test->session = smtp_session_new(test, base, test->loop, config, on_session_done, test, err);
    if (!test->session)
        goto failed;
    smtp_session_send(test->session, &test->hosts.items[0], &test->envelope);
    return test;

out_of_memory:
    error_set(err, "out of memory");
failed:
    talloc_free(test);
    return NULL;
}

// --- the same, waiting -------------------------------------------------------------------------------

struct waiting_test {
    struct event_base *base;
    smtp_report_fn *report;
    void *context;
    struct smtp_report last;
    struct error err;
};

static void on_report(void *context, const struct smtp_report *report)
{
    struct waiting_test *waiting = context;
    if (waiting->report)
        waiting->report(waiting->context, report);
    waiting->last = *report;
    if (!report->last)
        return;
    error_set(&waiting->err, "%s", report->words);
    event_base_loopbreak(waiting->base);
}

int smtp_test(const struct config_transport *config, const struct message *message, smtp_report_fn *report,
              void *context, struct error *err)
{
    struct waiting_test waiting = { .base = event_base_new(), .report = report, .context = context };
    if (!waiting.base)
        return error_set(err, "no event loop can be made");
    int result = -1;
    struct smtp_test *test = smtp_test_start(NULL, waiting.base, config, message, on_report, &waiting, err);
    if (test) {
        event_base_dispatch(waiting.base);
        talloc_free(test);
        if (waiting.last.last && waiting.last.step == SMTP_STEP_DONE)
            result = 0;
        else
            *err = waiting.err;
    }
    event_base_free(waiting.base);
    return result;
}
