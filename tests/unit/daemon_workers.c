// SPDX-License-Identifier: Apache-2.0
// Takes the place of src/daemon/workers.c in tests/unit/daemon_double: workers that tell in state_dir/trace
// what they were given, and do nothing else.
#include "../../src/daemon/workers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct worker *ours;

static int trace(const char *what, struct error *err)
{
    char path[512], line[512];
    const struct config *config = worker_config(ours);
    const char *name = worker_directory(ours);
    const struct config_directory *directory = name ? config_directory_find(config, name) : NULL;
    const char *secret = directory ? directory->bind_password.value : NULL;
    snprintf(path, sizeof path, "%s/trace", config->state_dir);
    int size = snprintf(line, sizeof line, "%s %s secret=%s uid=%d\n", what, worker_name(ours),
                        secret ? secret : "-", (int)geteuid());
    int descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0 || write(descriptor, line, (size_t)size) != size)
        return error_set(err, "cannot write %s", path);
    close(descriptor);
    return 0;
}

static int double_start(struct worker *worker, void **context, struct error *err)
{
    ours = worker;
    *context = worker;
    return trace("start", err);
}

static void double_stop(void *context)
{
    struct error ignored;
    if (trace("stop", &ignored) == 0)
        worker_exit(context);
}

static const struct worker_handlers handlers = { .start = double_start, .stop = double_stop };

const struct worker_handlers *workers_find(const char *name)
{
    return strcmp(name, "nobody") == 0 ? NULL : &handlers;
}
