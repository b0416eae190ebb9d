// SPDX-License-Identifier: Apache-2.0
// replay CONFIG SCENARIO.ldif STATE-DIRECTORY
//
// Plays an LDIF scenario through the whole program but the network: source, pipeline, stores, digest,
// rendering. The clock is a fake one. What happened is printed as JSON lines, in order: {"event": …},
// {"decision": …}, {"mail": …}, {"clock": …} when it moved, and at the end {"untold": …} for each
// notification that never became a mail. `tests/replay/run` turns them into text for people and compares it
// with what was agreed on.
//
// The first "#! restart" goes on with CONFIG.2 if there is such a file, the second with CONFIG.3, and so on.

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/checks.h"
#include "deliver/queue.h"
#include "source/ldif.h"
#include "store/delivery_store.h"
#include "store/directory_store.h"
#include "watch/pipeline.h"

#define REPLAY_START INT64_C(1767603600000) // 2026-01-05T09:00:00Z, a Monday

struct replay {
    TALLOC_CTX *run; // everything that a restart throws away
    struct config *config;
    const struct config_directory *directory;
    const char *config_path, *state_dir;
    unsigned runs;
    struct flavour *flavour;
    struct directory_store *store;
    struct delivery_store *delivery;
    struct pipeline *pipeline;
    struct pipeline_hooks hooks;
    struct queue *queue;
    struct ldif_player *player;
    struct source_sink sink;
    int64_t event_seen, message_seen;
};

static void print_line(json_t *line)
{
    if (!line) {
        fprintf(stderr, "replay: a line cannot be written as JSON\n");
        abort();
    }
    json_dumpf(line, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(line);
}

static int show_decisions(struct replay *replay, TALLOC_CTX *ctx, int64_t event, struct error *err)
{
    struct decision *decisions = NULL;
    size_t count = 0;
    if (directory_store_decisions(replay->store, ctx, event, &decisions, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct decision *decision = &decisions[i];
        print_line(json_pack("{s:{s:s,s:s,s:s?,s:s?,s:s,s:s}}", "decision", "rule", decision->rule, "role",
                             decision->role, "name", decision->recipient.name, "address",
                             decision->recipient.address, "outcome", decision_outcome_name(decision->outcome),
                             "reason", decision->reason));
    }
    return 0;
}

static int show_events(struct replay *replay, struct error *err)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct mirror_counts counts;
    int result = directory_store_counts(replay->store, &counts, err);
    for (int64_t sequence = replay->event_seen + 1; result == 0 && sequence <= counts.last_event;
         sequence++) {
        struct event_query query = { .sequence = sequence, .limit = 1 };
        struct event_list list = { 0 };
        result = directory_store_events(replay->store, ctx, &query, &list, err);
        if (result == 0 && list.count == 1) {
            print_line(json_pack("{s:o}", "event", event_to_json(list.items[0])));
            result = show_decisions(replay, ctx, sequence, err);
        }
        replay->event_seen = sequence;
    }
    talloc_free(ctx);
    return result;
}

static int show_mails(struct replay *replay, struct error *err)
{
    for (;;) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct message_query query = {
            .id = replay->message_seen + 1, .state = -1, .bytes = true, .limit = 1
        };
        struct message *messages = NULL;
        size_t count = 0;
        int result = delivery_store_messages(replay->delivery, ctx, &query, &messages, &count, err);
        if (result == 0 && count == 1) {
            print_line(json_pack("{s:{s:s,s:s%}}", "mail", "state", message_state_name(messages[0].state),
                                 "bytes", (const char *)messages[0].bytes, messages[0].length));
            replay->message_seen++;
        }
        talloc_free(ctx);
        if (result < 0 || count == 0)
            return result;
    }
}

// What the deliver worker would do now.
static int deliver_now(struct replay *replay, struct error *err)
{
    if (show_events(replay, err) < 0 ||
        queue_import(replay->queue, replay->directory->name, clock_now(), err) < 0 ||
        queue_freeze_due(replay->queue, clock_now(), err) < 0)
        return -1;
    return show_mails(replay, err);
}

// What was decided on and then not told: cancelled, dropped, or still waiting.
static int show_untold(struct replay *replay, struct error *err)
{
    int result = 0;
    for (int64_t event = 1; result == 0 && event <= replay->event_seen; event++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct delivery_row *rows = NULL;
        size_t count = 0;
        result = delivery_store_of_event(replay->delivery, ctx, replay->directory->name, event, &rows, &count,
                                         err);
        for (size_t i = 0; i < count; i++)
            if (rows[i].state != NOTIFICATION_FROZEN)
                print_line(json_pack("{s:{s:I,s:s?,s:s?,s:s,s:s?}}", "untold", "event", (json_int_t)event,
                                     "address", rows[i].address, "roles", rows[i].roles, "state",
                                     notification_state_name(rows[i].state), "reason", rows[i].reason));
        talloc_free(ctx);
    }
    return result;
}

static void show_clock(const char *what)
{
    char now[CLOCK_TEXT_SIZE];
    print_line(json_pack("{s:{s:s,s:s}}", "clock", "now", clock_to_iso(clock_now(), now), "what", what));
}

static int replay_refresh_begin(void *context, enum source_refresh kind, struct error *err)
{
    struct replay *replay = context;
    // No server sends mere changes to somebody who has no cookie.
    if (kind == SOURCE_REFRESH_CHANGES && !pipeline_cookie(replay->pipeline))
        return error_set(err, "there is no cookie any more: \"#! refresh whole\" must follow the restart");
    return pipeline_sink(replay->pipeline)->refresh_begin(replay->pipeline, kind, err);
}

static int replay_entry(void *context, struct entry *entry, struct error *err)
{
    struct replay *replay = context;
    return pipeline_sink(replay->pipeline)->entry(replay->pipeline, entry, err);
}

static int replay_present(void *context, const struct uuid *uuids, size_t count, struct error *err)
{
    struct replay *replay = context;
    return pipeline_sink(replay->pipeline)->present(replay->pipeline, uuids, count, err);
}

static int replay_gone(void *context, const struct uuid *uuids, size_t count, struct error *err)
{
    struct replay *replay = context;
    return pipeline_sink(replay->pipeline)->gone(replay->pipeline, uuids, count, err);
}

static int replay_refresh_end(void *context, enum source_sweep sweep, const char *cookie, const char *doubt,
                              struct error *err)
{
    struct replay *replay = context;
    // Timers that fell due meanwhile fire as soon as the refresh is committed.
    if (pipeline_sink(replay->pipeline)->refresh_end(replay->pipeline, sweep, cookie, doubt, err) < 0 ||
        pipeline_tick(replay->pipeline, clock_now(), err) < 0)
        return -1;
    return deliver_now(replay, err);
}

static int replay_checkpoint(void *context, const char *cookie, struct error *err)
{
    struct replay *replay = context;
    if (pipeline_sink(replay->pipeline)->checkpoint(replay->pipeline, cookie, err) < 0)
        return -1;
    return deliver_now(replay, err);
}

static void replay_failed(void *context, enum source_failure failure, const struct error *err)
{
    (void)context, (void)failure;
    fprintf(stderr, "replay: the source failed: %s\n", err->text);
}

// The configuration of this run, if it is another than before.
static int replay_configure(struct replay *replay, struct error *err)
{
    char *path = replay->runs == 1 ? talloc_strdup(NULL, replay->config_path)
                                   : talloc_asprintf(NULL, "%s.%u", replay->config_path, replay->runs);
    int result = 0;
    if (access(path, R_OK) == 0 || !replay->config) {
        struct config *config = config_read(NULL, path, &daemon_checks, NULL, NULL, err);
        result = config ? 0 : -1;
        if (config) {
            talloc_free(replay->config);
            replay->config = config;
            replay->directory = &config->directories[0];
        }
    }
    talloc_free(path);
    return result;
}

static int replay_open(struct replay *replay, struct error *err)
{
    replay->runs++;
    if (replay_configure(replay, err) < 0)
        return -1;
    replay->run = talloc_new(NULL);
    const char *name =
        strcmp(replay->directory->flavour, "auto") == 0 ? "openldap" : replay->directory->flavour;
    char *path = talloc_asprintf(replay->run, "%s/%s.db", replay->state_dir, replay->directory->name);
    char *delivery = talloc_asprintf(replay->run, "%s/delivery.db", replay->state_dir);
    replay->flavour = flavour_new(replay->run, name, replay->directory, err);
    if (!replay->flavour ||
        directory_store_open(replay->run, path, replay->directory->name, STORE_WRITE, &replay->store, err) <
            0 ||
        delivery_store_open(replay->run, delivery, STORE_WRITE, &replay->delivery, err) < 0)
        return -1;
    replay->pipeline = pipeline_new(replay->run, replay->config, replay->directory, replay->flavour,
                                    replay->store, &replay->hooks, err);
    if (!replay->pipeline || pipeline_pin(replay->pipeline, "syncrepl", err) < 0)
        return -1;
    replay->queue = queue_open(replay->run, replay->config, replay->delivery, err);
    return replay->queue ? 0 : -1;
}

static void replay_close(struct replay *replay)
{
    TALLOC_FREE(replay->queue);
    TALLOC_FREE(replay->pipeline);
    if (replay->delivery)
        delivery_store_close(replay->delivery);
    if (replay->store)
        directory_store_close(replay->store);
    replay->delivery = NULL;
    replay->store = NULL;
    TALLOC_FREE(replay->run);
}

static int replay_tick(void *context, struct error *err)
{
    struct replay *replay = context;
    show_clock("");
    if (pipeline_tick(replay->pipeline, clock_now(), err) < 0)
        return -1;
    return deliver_now(replay, err);
}

static int replay_restart(void *context, struct error *err)
{
    struct replay *replay = context;
    show_clock(", restarted");
    replay_close(replay);
    if (replay_open(replay, err) < 0)
        return -1;
    return ldif_player_view(replay->player, pipeline_view(replay->pipeline), err);
}

static int replay_play(struct replay *replay, const char *scenario, struct error *err)
{
    if (replay_open(replay, err) < 0)
        return -1;
    replay->player = ldif_player_new(NULL, scenario, pipeline_view(replay->pipeline), err);
    if (!replay->player)
        return -1;
    struct ldif_hooks hooks = { replay, replay_tick, replay_restart };
    ldif_player_sink(replay->player, &replay->sink);
    int result = ldif_player_run(replay->player, &hooks, err);
    talloc_free(replay->player);
    return result < 0 ? -1 : show_untold(replay, err);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: replay CONFIG SCENARIO.ldif STATE-DIRECTORY\n");
        return 2;
    }
    struct error err = { 0 };
    struct replay replay = { .config_path = argv[1], .state_dir = argv[3] };
    log_set_level(getenv("REPLAY_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING);
    clock_set_fake(REPLAY_START);
    replay.sink = (struct source_sink){ .context = &replay,
                                        .refresh_begin = replay_refresh_begin,
                                        .entry = replay_entry,
                                        .present = replay_present,
                                        .gone = replay_gone,
                                        .refresh_end = replay_refresh_end,
                                        .checkpoint = replay_checkpoint,
                                        .failed = replay_failed };
    int result = replay_play(&replay, argv[2], &err);
    if (result < 0)
        fprintf(stderr, "replay: %s\n", err.text);
    replay_close(&replay);
    talloc_free(replay.config);
    return result < 0 ? 1 : 0;
}
