// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "client.h"
#include "deliver/smtp.h"
#include "local.h"
#include "mail/message.h"

static void print_report(void *context, const struct smtp_report *report)
{
    (void)context;
    bool good = report->step == SMTP_STEP_DONE;
    printf("%-30s %s: %s\n", report->host, good ? "took the message" : smtp_step_name(report->step), report->words);
}

static const char *first_of(const char *a, const char *b)
{
    return a ? a : b;
}

static int compose(TALLOC_CTX *ctx, const struct config *config, const struct config_transport *transport, const char *to,
                   struct message *message, struct error *err)
{
    const char *from = first_of(transport->from, config->mail.from);
    if (!from)
        return error_set(err, "there is no sender: set mail.from in the configuration");
    const char *at = strrchr(from, '@');
    const char *events[] = { NULL };
    struct mail_parts parts = { .from = from,
                                .from_name = first_of(transport->from_name, config->mail.from_name),
                                .to = to,
                                .subject = "Test message from ldapnotify",
                                .text = "This is a test message, sent by `ldapnotifyctl test-mail`.\n\n"
                                        "Since you can read it, ldapnotify can reach you through this relay.\n",
                                .message_id = mail_message_id(ctx, "test", at ? at + 1 : "localhost"),
                                .events = events,
                                .date = clock_now() };
    uint8_t *bytes;
    if (mail_compose(ctx, &parts, &bytes, &message->length, err) < 0)
        return -1;
    message->bytes = bytes;
    message->recipient = to;
    message->envelope_from = first_of(first_of(transport->envelope_from, config->mail.envelope_from), from);
    message->message_id = parts.message_id;
    return 0;
}

static int test_transport(struct invocation *invocation, const struct config *config, const struct config_transport *transport,
                          const char *to)
{
    struct error err = { 0 };
    struct message message = { 0 };
    if (transport->type != CONFIG_TRANSPORT_SMTP)
        return complain(EXIT_USAGE, "transport \"%s\" is no SMTP transport", transport->name);
    printf("transport %s\n", transport->name);
    if (compose(invocation->ctx, config, transport, to, &message, &err) < 0)
        return complain(EXIT_FAILED, "%s", err.text);
    return smtp_test(transport, &message, print_report, NULL, &err) < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int test_locally(struct invocation *invocation, const char *to, const char *name)
{
    const struct config *config = local_config(invocation);
    if (!config)
        return EXIT_FAILED;
    const struct config_transport *transport = name ? config_transport_find(config, name)
                                               : config->transport_count ? &config->transports[0] : NULL;
    if (!transport)
        return complain(EXIT_ABSENT, "there is no transport \"%s\" in %s", name ? name : "default", invocation->config);
    return test_transport(invocation, config, transport, to);
}

static int test_through_daemon(struct invocation *invocation, const char *to, const char *name)
{
    json_t *answer, *body = json_pack("{s:s,s:s*}", "to", to, "transport", name);
    int status = client_call(invocation, "POST", "/v1/test-mail", body, &answer);
    json_decref(body);
    if (status != EXIT_DONE || invocation->json)
        return status == EXIT_DONE ? print_json(answer) : status;
    size_t index;
    const json_t *host;
    bool sent = false;
    json_array_foreach(json_object_get(answer, "hosts"), index, host) {
        const char *step = json_string_value(json_object_get(host, "step"));
        bool good = step && strcmp(step, "done") == 0;
        sent |= good;
        printf("%-30s %s: %s\n", json_string_value(json_object_get(host, "host")), good ? "took the message" : step,
               json_string_value(json_object_get(host, "words")));
    }
    json_decref(answer);
    return sent ? EXIT_DONE : EXIT_FAILED;
}

static int run_test_mail(struct invocation *invocation)
{
    const char *to = option_value(invocation, "--to"), *transport = option_value(invocation, "--transport");
    if (!to)
        return usage(&command_test_mail);
    if (words_done(invocation, &command_test_mail) != EXIT_DONE)
        return EXIT_USAGE;
    if (!text_is_address(to))
        return complain(EXIT_USAGE, "\"%s\" is no mail address", to);
    return invocation->config_given ? test_locally(invocation, to, transport) : test_through_daemon(invocation, to, transport);
}

const struct command command_test_mail = {
    "test-mail", "--to ADDRESS [--transport NAME] [--config FILE]",
    "Sends one test message and says which step failed and what to do; --config tests settings not yet loaded.", run_test_mail
};
