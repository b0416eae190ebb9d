// SPDX-License-Identifier: Apache-2.0
#include "deliver/test_mail.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "deliver/smtp.h"
#include "mail/message.h"
#include "maildir.h"

struct test_mail {
    const struct config_transport *transport;
    struct message message;
    struct smtp_test *smtp;
    struct event *write; // to a Maildir, from the loop as everything else
    json_t *hosts;
    test_mail_fn *done;
    void *context;
};

static const char *first_of(const char *a, const char *b)
{
    return a ? a : b;
}

static int test_mail_compose(struct test_mail *test, const struct config *config, const char *to, struct error *err)
{
    static const char *const no_events[] = { NULL };
    const struct config_transport *transport = test->transport;
    const char *from = first_of(transport->from, config->mail.from);
    if (!from)
        return error_set(err, "there is no sender: set mail.from in the configuration");
    const char *at = strrchr(from, '@');
    const char *domain = first_of(config->mail.message_domain, at ? at + 1 : "localhost");
    char *id = mail_message_id(test, "test", domain);
    if (!id)
        return error_set(err, "out of memory");
    const struct mail_parts parts = {
        .from = from,
        .from_name = first_of(transport->from_name, config->mail.from_name),
        .to = to,
        .subject = "Test message from ldapnotify",
        .text = "This is a test message, sent by `ldapnotifyctl test-mail`.\n\n"
                "Since you can read it, ldapnotify can reach you through this transport.\n",
        .message_id = id,
        .list_id = config->mail.list_id,
        .events = no_events,
        .date = clock_now(),
    };
    uint8_t *bytes;
    if (mail_compose(test, &parts, &bytes, &test->message.length, err) < 0)
        return -1;
    test->message.bytes = bytes;
    test->message.message_id = id;
    test->message.recipient = to;
    test->message.envelope_from =
        first_of(first_of(transport->envelope_from, config->mail.envelope_from), from);
    return 0;
}

static void add_host(struct test_mail *test, const char *host, enum smtp_step step, int64_t code, const char *words)
{
    json_array_append_new(test->hosts, json_pack("{s:s, s:s, s:I, s:s}", "host", host, "step",
                                                 smtp_step_name(step), "code", (json_int_t)code, "words",
                                                 words));
}

static void on_report(void *context, const struct smtp_report *report)
{
    struct test_mail *test = context;
    add_host(test, report->host, report->step, report->code, report->words);
    if (report->last)
        test->done(test->context, test->hosts);
}

static void on_write(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct test_mail *test = context;
    struct error err;
    bool written = maildir_write(test->transport->path, &test->message, &err) == 0;
    add_host(test, test->transport->path, written ? SMTP_STEP_DONE : SMTP_STEP_CONTENT, 0,
             written ? "written" : err.text);
    test->done(test->context, test->hosts);
}

static int test_mail_free(struct test_mail *test)
{
    json_decref(test->hosts);
    if (test->write)
        event_free(test->write);
    return 0;
}

static int test_mail_launch(struct test_mail *test, struct event_base *loop, struct error *err)
{
    if (test->transport->type != CONFIG_TRANSPORT_MAILDIR) {
        test->smtp = smtp_test_start(test, loop, test->transport, &test->message, on_report, test, err);
        return test->smtp ? 0 : -1;
    }
    const struct timeval now = { 0 };
    test->write = evtimer_new(loop, on_write, test);
    if (!test->write || event_add(test->write, &now) < 0)
        return error_set(err, "out of memory");
    return 0;
}

struct test_mail *test_mail_start(TALLOC_CTX *ctx, struct event_base *loop, const struct config *config,
                                  const char *transport, const char *to, test_mail_fn *done, void *context,
                                  struct error *err)
{
    struct test_mail *test = talloc_zero(ctx, struct test_mail);
    if (!test) {
        error_set(err, "out of memory");
        return NULL;
    }
    talloc_set_destructor(test, test_mail_free);
    test->done = done;
    test->context = context;
    test->hosts = json_array();
    if (transport)
        test->transport = config_transport_find(config, transport);
    else if (config->transport_count)
        test->transport = &config->transports[0];
    if (!test->transport)
        error_set_code(err, TEST_MAIL_NO_TRANSPORT,
                       transport ? "there is no transport \"%s\" in the configuration"
                                 : "there is no transport in the configuration%s",
                       transport ? transport : "");
    else if (test_mail_compose(test, config, to, err) == 0 && test_mail_launch(test, loop, err) == 0)
        return test;
    talloc_free(test);
    return NULL;
}
