// SPDX-License-Identifier: Apache-2.0
#include "control/control.h"

#include "http.h"

struct control {
    struct worker *worker;
    struct server *server;
};

static int control_start(struct worker *worker, void **context, struct error *err)
{
    struct control *control = talloc_zero(NULL, struct control);
    control->worker = worker;
    control->server = server_open(control, worker, err);
    if (!control->server) {
        talloc_free(control);
        return -1;
    }
    *context = control;
    return 0;
}

static void control_command(void *context, uint32_t request, const json_t *command)
{
    (void)command;
    struct control *control = context;
    worker_reply_error(control->worker, request, "the control worker takes no commands");
}

static void control_reply(void *context, uint32_t request, const json_t *reply)
{
    struct control *control = context;
    server_reply(control->server, request, reply);
}

static void control_closed(void *context)
{
    struct control *control = context;
    struct worker *worker = control->worker;
    talloc_free(control);
    worker_exit(worker);
}

static void control_stop(void *context)
{
    struct control *control = context;
    server_close(control->server, control_closed, control);
}

const struct worker_handlers control_handlers = {
    .start = control_start, .command = control_command, .reply = control_reply, .stop = control_stop
};
