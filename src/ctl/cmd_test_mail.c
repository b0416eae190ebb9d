// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "client.h"
#include "deliver/test_mail.h"
#include "local.h"
#include "table.h"

static void print_host(TALLOC_CTX *ctx, const json_t *host, bool taken)
{
    const char *name = cell_text(ctx, host, "host");
    if (taken)
        printf("%s took the message: %s\n", name, cell_text(ctx, host, "words"));
    else
        printf("%s failed at step \"%s\"\n  %s\n", name, cell_text(ctx, host, "step"), cell_text(ctx, host, "words"));
}

// {"hosts": […]}; the last host's word is the result.
static int report(struct invocation *invocation, const json_t *answer)
{
    size_t index;
    const json_t *host;
    bool taken = false;
    json_array_foreach(json_object_get(answer, "hosts"), index, host) {
        const char *step = json_string_value(json_object_get(host, "step"));
        taken = step && strcmp(step, "done") == 0;
        if (!invocation->json)
            print_host(invocation->ctx, host, taken);
    }
    if (invocation->json)
        print_json(json_deep_copy(answer));
    return taken ? EXIT_DONE : EXIT_FAILED;
}

// --- without the daemon ------------------------------------------------------------------------------------------------

struct local_test {
    struct event_base *loop;
    json_t *answer;
};

static void on_done(void *context, const json_t *hosts)
{
    struct local_test *test = context;
    test->answer = json_pack("{s:b,s:O}", "ok", 1, "hosts", hosts);
    event_base_loopbreak(test->loop);
}

static int test_locally(struct invocation *invocation, const char *to, const char *name)
{
    const struct config *config = local_config(invocation);
    if (!config)
        return EXIT_FAILED;
    struct error err = { 0 };
    struct local_test local = { .loop = event_base_new() };
    if (!local.loop)
        return complain(EXIT_FAILED, "no event loop can be made");
    struct test_mail *test = test_mail_start(invocation->ctx, local.loop, config, name, to, on_done, &local, &err);
    int status = EXIT_FAILED;
    if (test) {
        event_base_dispatch(local.loop);
        status = report(invocation, local.answer);
        talloc_free(test);
    } else {
        complain(status, "%s", err.text);
        status = err.code == TEST_MAIL_NO_TRANSPORT ? EXIT_ABSENT : EXIT_FAILED;
    }
    json_decref(local.answer);
    event_base_free(local.loop);
    return status;
}

static int test_through_daemon(struct invocation *invocation, const char *to, const char *name)
{
    json_t *answer, *body = json_pack("{s:s,s:s*}", "to", to, "transport", name);
    int status = client_call(invocation, "POST", "/v1/test-mail", body, &answer);
    json_decref(body);
    if (status != EXIT_DONE)
        return status;
    status = report(invocation, answer);
    json_decref(answer);
    return status;
}

static int run_test_mail(struct invocation *invocation)
{
    const char *to = option_value(invocation, "--to"), *transport = option_value(invocation, "--transport");
    if (words_done(invocation, &command_test_mail) != EXIT_DONE)
        return EXIT_USAGE;
    if (!to)
        return usage(&command_test_mail);
    if (!text_is_address(to))
        return complain(EXIT_USAGE, "\"%s\" is no mail address", to);
    return invocation->config_given ? test_locally(invocation, to, transport) : test_through_daemon(invocation, to, transport);
}

const struct command command_test_mail = {
    "test-mail", "--to ADDRESS [--transport NAME] [--config FILE]",
    "Sends one test message and says which step failed and what to do; --config tests settings not yet loaded.", run_test_mail
};
