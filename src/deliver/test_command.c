// SPDX-License-Identifier: Apache-2.0
#include "test_command.h"

#include "base/text.h"
#include "deliver/test_mail.h"

struct test_command {
    struct worker *worker;
    uint32_t request;
};

static void on_done(void *context, const json_t *hosts)
{
    struct test_command *asked = context;
    json_t *reply = json_pack("{s:b, s:O}", "ok", 1, "hosts", hosts);
    if (reply)
        worker_reply(asked->worker, asked->request, reply);
    else
        worker_reply_error(asked->worker, asked->request, "out of memory");
    json_decref(reply);
    talloc_free(asked);
}

void test_command(TALLOC_CTX *ctx, struct worker *worker, uint32_t request, const json_t *command)
{
    const char *to = json_string_value(json_object_get(command, "to"));
    const char *name = json_string_value(json_object_get(command, "transport"));
    struct error err;
    struct test_command *asked = talloc(ctx, struct test_command);
    char *address = asked && to && text_is_address(to) ? talloc_strdup(asked, to) : NULL;
    if (!address) {
        worker_reply_error(worker, request, asked ? "\"to\" must be a mail address" : "out of memory");
        talloc_free(asked);
        return;
    }
    *asked = (struct test_command){ worker, request };
    if (test_mail_start(asked, worker_loop(worker), worker_config(worker), name, address, on_done, asked, &err))
        return;
    worker_reply_error(worker, request, "%s", err.text);
    talloc_free(asked);
}
