// SPDX-License-Identifier: Apache-2.0
#include "pipeline_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

struct world *world;

void assert_ok(int result, const char *call)
{
    if (result < 0)
        fail_msg("%s: %s", call, world->err.text);
}

// --- hooks ---------------------------------------------------------------------------------------

static void on_notified(void *context)
{
    ((struct world *)context)->notified++;
}

static void on_progress(void *context, const char *what)
{
    struct world *w = context;
    assert_non_null(what);
    if (++w->progressed == w->exit_at)
        _exit(7);
}

static int on_read(void *context, TALLOC_CTX *ctx, const char *dn, struct entry **entry, struct error *err)
{
    struct world *w = context;
    w->reads++;
    if (!w->policy_seconds)
        return error_set(err, "insufficient access");
    *entry = entry_new(ctx, &(struct uuid){ { 99 } }, dn);
    entry_add_text(*entry, "pwdLockoutDuration", w->policy_seconds);
    return 0;
}

// --- the world -----------------------------------------------------------------------------------

void world_configure(const char *directory, const char *more)
{
    char *path = talloc_asprintf(world->ctx, "%s/conf", world->dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(
        file,
        "live = true; state_dir = \"%s\"; run_dir = \"%s\";\n"
        "mail = { from = \"a@x.example\"; admins = \"root@x.example\"; };\n"
        "transports = ( { name = \"default\"; type = \"smtp\"; hosts = \"127.0.0.1\"; tls = \"none\"; } );\n"
        "directories = ( { name = \"corp\"; uri = \"ldap://127.0.0.1\"; base = \"dc=x\"; auth = "
        "\"anonymous\"; tls = "
        "\"none\"; %s } );\n"
        "storm = { per_transaction = 3; per_minute = 1000; };\n"
        "rules = ( { name = \"members\"; on = \"group.member.*\"; to = \"member\"; },\n"
        "  { name = \"users\"; on = \"user.*\"; to = \"user\"; } );\n%s\n",
        world->dir, world->dir, directory, more);
    assert_int_equal(fclose(file), 0);
    world->config = config_read(world->ctx, path, NULL, NULL, NULL, &world->err);
    if (!world->config)
        fail_msg("%s", world->err.text);
}

struct pipeline *pipeline_on_store(void)
{
    struct pipeline *pipeline = pipeline_new(world->ctx, world->config, &world->config->directories[0],
                                             world->flavour, world->store, &world->hooks, &world->err);
    if (!pipeline)
        fail_msg("%s", world->err.text);
    return pipeline;
}

void world_open(void)
{
    char *path = talloc_asprintf(world->ctx, "%s/corp.db", world->dir);
    world->flavour = flavour_new(world->ctx, "openldap", &world->config->directories[0], &world->err);
    assert_non_null(world->flavour);
    OK(directory_store_open(world->ctx, path, "corp", STORE_WRITE, &world->store, &world->err));
    world->pipeline = pipeline_on_store();
}

// As a crash leaves it: nobody says good-bye.
void world_crash(void)
{
    talloc_free(world->pipeline);
    directory_store_close(world->store);
    world_open();
}

int set_up(void **state)
{
    (void)state;
    static char name[64];
    snprintf(name, sizeof name, "/tmp/test_pipeline.XXXXXX");
    world = talloc_zero(NULL, struct world);
    world->ctx = world;
    world->dir = mkdtemp(name);
    world->hooks = (struct pipeline_hooks){ .context = world,
                                            .notified = on_notified,
                                            .progress = on_progress,
                                            .read_entry = on_read };
    clock_set_fake(START);
    log_set_level(LOG_LEVEL_ERROR);
    world_configure("", "");
    world_open();
    return world->dir ? 0 : -1;
}

int tear_down(void **state)
{
    (void)state;
    talloc_free(world->pipeline);
    directory_store_close(world->store);
    char *command = talloc_asprintf(world, "rm -r '%s'", world->dir);
    int result = system(command);
    talloc_free(world);
    clock_set_fake(0);
    return result;
}

// --- what a source says --------------------------------------------------------------------------

struct uuid uuid_of(int number)
{
    struct uuid uuid = { { 0 } };
    uuid.octets[0] = (uint8_t)number;
    return uuid;
}

// "cn=ann;mail=ann@x.example": attributes of entry `number`, whose DN is the first of them below the base.
int say(int number, const char *attributes)
{
    char *text = talloc_strdup(world, attributes);
    struct uuid uuid = uuid_of(number);
    char *save = NULL, *part = strtok_r(text, ";", &save);
    char *dn = talloc_asprintf(world, "%s,dc=x", part);
    struct entry *entry = entry_new(world, &uuid, dn);
    for (; part; part = strtok_r(NULL, ";", &save)) {
        char *value = strchr(part, '=');
        assert_non_null(value);
        *value++ = '\0';
        entry_add_text(entry, part, value);
    }
    int result = pipeline_sink(world->pipeline)->entry(world->pipeline, entry, &world->err);
    talloc_free(text);
    return result;
}

int gone(int number)
{
    struct uuid uuid = uuid_of(number);
    return pipeline_sink(world->pipeline)->gone(world->pipeline, &uuid, 1, &world->err);
}

int begin(enum source_refresh kind)
{
    return pipeline_sink(world->pipeline)->refresh_begin(world->pipeline, kind, &world->err);
}

int end(enum source_sweep sweep, const char *cookie, const char *doubt)
{
    return pipeline_sink(world->pipeline)->refresh_end(world->pipeline, sweep, cookie, doubt, &world->err);
}

int checkpoint(const char *cookie)
{
    return pipeline_sink(world->pipeline)->checkpoint(world->pipeline, cookie, &world->err);
}

// Ann, Ben, Cas and a group of Ann; caught up with cookie "c1".
void load(void)
{
    OK(begin(SOURCE_REFRESH_WHOLE));
    OK(say(1, PERSON("ann")));
    OK(say(2, PERSON("ben")));
    OK(say(3, PERSON("cas")));
    OK(say(9, GROUP("staff") ";member=cn=ann,dc=x"));
    OK(end(SOURCE_SWEEP_UNMENTIONED, "c1", NULL));
}

// The events since the last look, as "group.member.added staff ben; …".
void expect_events(const char *expected)
{
    struct mirror_counts counts;
    char *got = talloc_strdup(world, "");
    OK(directory_store_counts(world->store, &counts, &world->err));
    while (world->seen < counts.last_event) {
        struct event_query query = { .sequence = ++world->seen, .limit = 1 };
        struct event_list list = { 0 };
        OK(directory_store_events(world->store, world, &query, &list, &world->err));
        assert_int_equal(list.count, 1);
        const struct directory_event *event = list.items[0];
        got = talloc_asprintf_append(got, "%s%s", *got ? "; " : "", event_kind(event->type)->name);
        if (event->entry.name)
            got = talloc_asprintf_append(got, " %s", event->entry.name);
        if (event->party.name)
            got = talloc_asprintf_append(got, " %s", event->party.name);
    }
    assert_string_equal(got, expected);
}

void expect_cookie(const char *cookie)
{
    const char *got = pipeline_cookie(world->pipeline);
    if (cookie)
        assert_string_equal(got ? got : "(none)", cookie);
    else
        assert_null(got);
}

// Addresses in the outbox after `sequence`, space separated.
void expect_outbox(int64_t after, const char *expected)
{
    struct outbox_row *rows = NULL;
    size_t count = 0;
    char *got = talloc_strdup(world, "");
    OK(directory_store_outbox(world->store, world, after, 1000, &rows, &count, &world->err));
    for (size_t i = 0; i < count; i++)
        got = talloc_asprintf_append(got, "%s%s", i ? " " : "", rows[i].notification.recipient.address);
    assert_string_equal(got, expected);
}
