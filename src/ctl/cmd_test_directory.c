// SPDX-License-Identifier: Apache-2.0
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "directory/flavour.h"
#include "directory/session.h"
#include "event/event.h"
#include "local.h"
#include "route/route.h"
#include "source/source.h"
#include "watch/view_build.h"

// Connects and binds as the daemon would, says what the bind DN sees, and runs the source until its first refresh is
// complete or time is up.

#define DELIVERS_WITHIN 30

struct trial {
    struct event_base *loop;
    const struct flavour *flavour;
    const struct view *view;
    size_t *seen; // entries that have the attribute, beside view->attributes
    size_t entries, users, groups, mailless;
    const struct config_directory *directory;
    bool complete;
    struct error failure;
};

static int on_begin(void *context, enum source_refresh kind, struct error *err)
{
    (void)context, (void)kind, (void)err;
    return 0;
}

static int on_entry(void *context, struct entry *entry, struct error *err)
{
    (void)err;
    struct trial *trial = context;
    trial->entries++;
    bool user = flavour_is_user(trial->flavour, entry);
    trial->users += user;
    trial->groups += flavour_is_group(trial->flavour, entry);
    if (user) {
        char *address = flavour_address(NULL, trial->directory, entry);
        trial->mailless += !address;
        talloc_free(address);
    }
    for (size_t i = 0; i < trial->view->attribute_count; i++)
        trial->seen[i] += entry_attribute(entry, trial->view->attributes[i]) != NULL;
    return 0;
}

static int on_uuids(void *context, const struct uuid *uuids, size_t count, struct error *err)
{
    (void)context, (void)uuids, (void)count, (void)err;
    return 0;
}

static int on_end(void *context, enum source_sweep sweep, const char *cookie, const char *doubt, struct error *err)
{
    (void)sweep, (void)cookie, (void)doubt, (void)err;
    struct trial *trial = context;
    trial->complete = true;
    event_base_loopbreak(trial->loop);
    return 0;
}

static int on_checkpoint(void *context, const char *cookie, struct error *err)
{
    (void)context, (void)cookie, (void)err;
    return 0;
}

static void on_failed(void *context, enum source_failure failure, const struct error *err)
{
    (void)failure;
    struct trial *trial = context;
    trial->failure = *err;
    event_base_loopbreak(trial->loop);
}

static int run_source(TALLOC_CTX *ctx, struct trial *trial, struct session *session)
{
    const struct source_ops *ops = source_find(strcmp(trial->directory->source, "auto") == 0 ? "syncrepl" : trial->directory->source);
    struct source_sink sink = { trial, on_begin, on_entry, on_uuids, on_uuids, on_end, on_checkpoint, on_failed };
    struct timeval limit = { .tv_sec = DELIVERS_WITHIN };
    if (!ops)
        return complain(EXIT_FAILED, "there is no source \"%s\"", trial->directory->source);
    trial->loop = event_base_new();
    struct source *source = ops->start(ctx, trial->loop, session, trial->view, NULL, &sink, &trial->failure);
    if (source) {
        event_base_loopexit(trial->loop, &limit);
        event_base_dispatch(trial->loop);
        source_stop(source);
    }
    event_base_free(trial->loop);
    if (trial->complete)
        return EXIT_DONE;
    if (*trial->failure.text)
        return complain(EXIT_FAILED, "the source %s does not deliver what is below %s: %s", ops->name, trial->directory->base,
                        trial->failure.text);
    return complain(EXIT_FAILED, "the source %s did not finish its first refresh within %d seconds", ops->name, DELIVERS_WITHIN);
}

static void print_unseen(const struct trial *trial)
{
    bool any = false;
    for (size_t i = 0; i < trial->view->attribute_count; i++)
        if (trial->seen[i] == 0) {
            printf("%s %s", any ? "," : "not seen on any entry:", trial->view->attributes[i]);
            any = true;
        }
    puts(any ? "\n  (that is right where no entry has them; otherwise the bind DN may not read them)" : "every attribute that is asked for was seen");
}

static int report(const struct trial *trial)
{
    printf("it sees     %zu entries: %zu users (%zu without a usable mail address), %zu groups\n", trial->entries, trial->users,
           trial->mailless, trial->groups);
    if (trial->entries == 0)
        return complain(EXIT_FAILED, "the bind DN sees nothing below %s; check base, filter and the server's access rules", trial->directory->base);
    print_unseen(trial);
    puts("the source delivers");
    return EXIT_DONE;
}

static const struct flavour *choose_flavour(TALLOC_CTX *ctx, const struct config_directory *directory, struct session *session,
                                            struct error *err)
{
    bool automatic = strcmp(directory->flavour, "auto") == 0;
    return flavour_new(ctx, automatic ? flavour_detect(session_root_dse(session)) : directory->flavour, directory, err);
}

static int test_directory(struct invocation *invocation, const struct config *config, const struct config_directory *directory)
{
    TALLOC_CTX *ctx = invocation->ctx;
    struct error err = { 0 };
    struct session *session = session_new(ctx, directory, NULL);
    if (session_open(session, &err) < 0)
        return complain(EXIT_FAILED, "%s", err.text);
    char *identity = session_whoami(ctx, session);
    printf("directory   %s\nserver      %s\nbound as    %s\n", directory->name, session_uri(session), identity ? identity : "(the server does not say)");

    struct trial trial = { .directory = directory };
    struct route_lookup none = { 0 };
    trial.flavour = choose_flavour(ctx, directory, session, &err);
    struct router *router = trial.flavour ? router_new(ctx, config, directory, trial.flavour, &none, &err) : NULL;
    if (!router)
        return complain(EXIT_FAILED, "%s", err.text);
    printf("flavour     %s\n", trial.flavour->name);
    trial.view = view_build(ctx, directory, trial.flavour, router);
    trial.seen = talloc_zero_array(ctx, size_t, trial.view->attribute_count + 1);
    int status = run_source(ctx, &trial, session);
    session_close(session);
    return status == EXIT_DONE ? report(&trial) : status;
}

static int run_test_directory(struct invocation *invocation)
{
    const char *name = next_word(invocation);
    if (words_done(invocation, &command_test_directory) != EXIT_DONE)
        return EXIT_USAGE;
    const struct config *config = local_config(invocation);
    if (!config)
        return EXIT_FAILED;
    if (name && !config_directory_find(config, name))
        return complain(EXIT_ABSENT, "there is no directory \"%s\" in %s", name, invocation->config);
    int worst = EXIT_DONE;
    for (size_t i = 0; i < config->directory_count; i++) {
        if (name && strcmp(config->directories[i].name, name) != 0)
            continue;
        int status = test_directory(invocation, config, &config->directories[i]);
        if (status != EXIT_DONE)
            worst = status;
    }
    return worst;
}

const struct command command_test_directory = {
    "test-directory", "[NAME] [--config FILE]",
    "Connects and binds as the daemon would, says what the bind DN sees and whether changes are delivered.", run_test_directory
};
