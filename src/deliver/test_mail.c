// SPDX-License-Identifier: Apache-2.0
#include "test_mail.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "deliver/smtp.h"
#include "mail/message.h"
#include "maildir.h"

struct test_mail {
    struct worker *worker;
    uint32_t request;
    struct message message;
    struct smtp_test *test;
    json_t *hosts;
};

static const char *first_of(const char *a, const char *b)
{
    return a ? a : b;
}

static int test_mail_compose(struct test_mail *it, const struct config *config,
                             const struct config_transport *transport, const char *to, struct error *err)
{
    static const char *const no_events[] = { NULL };
    const char *from = first_of(transport->from, config->mail.from);
    if (!from)
        return error_set(err, "there is no sender: set mail.from in the configuration");
    const char *at = strrchr(from, '@');
    char *id = mail_message_id(it, "test", at ? at + 1 : "localhost");
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
        .events = no_events,
        .date = clock_now(),
    };
    uint8_t *bytes;
    if (mail_compose(it, &parts, &bytes, &it->message.length, err) < 0)
        return -1;
    it->message.bytes = bytes;
    it->message.message_id = id;
    it->message.recipient = talloc_strdup(it, to);
    const char *envelope = first_of(transport->envelope_from, config->mail.envelope_from);
    it->message.envelope_from = first_of(envelope, from);
    return it->message.recipient ? 0 : error_set(err, "out of memory");
}

static int test_mail_free(struct test_mail *it)
{
    json_decref(it->hosts);
    return 0;
}

static void test_mail_answer(struct test_mail *it)
{
    json_t *reply = json_pack("{s:b, s:O}", "ok", 1, "hosts", it->hosts);
    if (reply)
        worker_reply(it->worker, it->request, reply);
    else
        worker_reply_error(it->worker, it->request, "out of memory");
    json_decref(reply);
    talloc_free(it);
}

static void on_report(void *context, const struct smtp_report *report)
{
    struct test_mail *it = context;
    json_array_append_new(it->hosts, json_pack("{s:s, s:s, s:I, s:s}", "host", report->host, "step",
                                               smtp_step_name(report->step), "code", (json_int_t)report->code,
                                               "words", report->words));
    if (report->last)
        test_mail_answer(it);
}

static void test_mail_to_maildir(struct test_mail *it, const struct config_transport *transport)
{
    struct error err;
    bool written = maildir_write(transport->path, &it->message, &err) == 0;
    json_array_append_new(it->hosts,
                          json_pack("{s:s, s:s, s:I, s:s}", "host", transport->path, "step",
                                    smtp_step_name(written ? SMTP_STEP_DONE : SMTP_STEP_CONTENT), "code",
                                    (json_int_t)0, "words", written ? "written" : err.text));
    test_mail_answer(it);
}

void test_mail_start(TALLOC_CTX *ctx, struct worker *worker, uint32_t request, const json_t *command)
{
    const struct config *config = worker_config(worker);
    const char *to = json_string_value(json_object_get(command, "to"));
    const char *name = json_string_value(json_object_get(command, "transport"));
    const struct config_transport *transport = name                      ? config_transport_find(config, name)
                                               : config->transport_count ? &config->transports[0]
                                                                         : NULL;
    struct error err;
    if (!to || !text_is_address(to)) {
        worker_reply_error(worker, request, "\"to\" must be a mail address");
        return;
    }
    if (!transport) {
        worker_reply_error(worker, request,
                           name ? "there is no transport \"%s\" in the configuration"
                                : "there is no transport in the configuration%s",
                           name ? name : "");
        return;
    }
    struct test_mail *it = talloc_zero(ctx, struct test_mail);
    if (!it) {
        worker_reply_error(worker, request, "out of memory");
        return;
    }
    talloc_set_destructor(it, test_mail_free);
    it->worker = worker;
    it->request = request;
    it->hosts = json_array();
    if (test_mail_compose(it, config, transport, to, &err) < 0)
        goto failed;
    if (transport->type == CONFIG_TRANSPORT_MAILDIR) {
        test_mail_to_maildir(it, transport);
        return;
    }
    it->test = smtp_test_start(it, worker_loop(worker), transport, &it->message, on_report, it, &err);
    if (it->test)
        return;
failed:
    worker_reply_error(worker, request, "%s", err.text);
    talloc_free(it);
}
