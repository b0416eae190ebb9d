// SPDX-License-Identifier: Apache-2.0
#include "source/ldif.h"

#include <errno.h>
#include <string.h>

#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "directory/dn.h"
#include "directory/filter.h"
#include "ldif_model.h"
#include "ldif_reader.h"

#define FILE_MOST ((size_t)1 << 30)

enum state {
    STATE_OPENING,    // collecting what is there at the beginning
    STATE_REFRESHING, // collecting what happens while nobody listens
    STATE_PERSISTING,
    STATE_RESTARTED, // the sink's owner is new and expects a refresh
};

enum away { AWAY_CHANGES, AWAY_PRESENT, AWAY_WHOLE };

// An entry that a record touched since the last checkpoint.
struct touched {
    struct uuid uuid;
    bool known; // it was in the view then
    UT_hash_handle hh;
};

struct ldif_player {
    char *path, *text;
    struct ldif_reader *reader;
    struct ldif_model *model;
    const struct source_sink *sink;
    const struct ldif_hooks *hooks;
    const char **attributes; // of the view, ends with NULL
    char *base;              // normal form
    struct filter *filter;
    enum state state;
    enum away away;
    bool batch, silent;
    struct touched *touched;
};

static int player_destroy(struct ldif_player *player)
{
    HASH_CLEAR(hh, player->touched);
    return 0;
}

static int player_read_file(struct ldif_player *player, size_t *length, struct error *err)
{
    FILE *file = fopen(player->path, "re");
    size_t got;

    if (!file)
        return error_set(err, "%s: %s", player->path, strerror(errno));
    do {
        size_t room = *length < 65536 ? 65536 : *length * 2;
        player->text = talloc_realloc(player, player->text, char, room);
        got = fread(player->text + *length, 1, room - *length, file);
        *length += got;
    } while (got > 0 && *length <= FILE_MOST);
    int failure = ferror(file) ? errno : *length > FILE_MOST ? EFBIG : 0;
    fclose(file);
    return failure ? error_set(err, "%s: %s", player->path, strerror(failure)) : 0;
}

int ldif_player_view(struct ldif_player *player, const struct view *view, struct error *err)
{
    char *base = dn_normalize(player, view->base, strlen(view->base), err);
    struct filter *filter = base ? filter_parse(player, view->filter, err) : NULL;

    if (!filter) {
        talloc_free(base);
        return -1;
    }
    talloc_free(player->base);
    talloc_free(player->filter);
    talloc_free(player->attributes);
    player->base = base;
    player->filter = filter;
    player->attributes = talloc_zero_array(player, const char *, view->attribute_count + 1);
    for (size_t i = 0; i < view->attribute_count; i++)
        player->attributes[i] = talloc_strdup(player->attributes, view->attributes[i]);
    return 0;
}

struct ldif_player *ldif_player_new(TALLOC_CTX *ctx, const char *path, const struct view *view,
                                    struct error *err)
{
    struct ldif_player *player = talloc_zero(ctx, struct ldif_player);
    size_t length = 0;

    talloc_set_destructor(player, player_destroy);
    player->path = talloc_strdup(player, path);
    if (ldif_player_view(player, view, err) < 0 || player_read_file(player, &length, err) < 0)
        goto failed;
    player->reader = ldif_reader_new(player, path, player->text, length);
    player->model = ldif_model_new(player);
    return player;

failed:
    talloc_free(player);
    return NULL;
}

void ldif_player_sink(struct ldif_player *player, const struct source_sink *sink)
{
    player->sink = sink;
}

static void player_enter(struct ldif_player *player, enum state state)
{
    static const char *const names[] = { "opening", "refreshing", "persisting", "restarted" };
    log_debug("ldif state", LOG_S("from", names[player->state]), LOG_S("to", names[state]));
    player->state = state;
}

static bool player_sees(const struct ldif_player *player, const struct entry *entry)
{
    if (!entry)
        return false;
    char *normal = dn_normalize(NULL, entry->dn, strlen(entry->dn), NULL);
    bool sees = normal && dn_is_within(normal, player->base) && filter_matches(player->filter, entry);
    talloc_free(normal);
    return sees;
}

static int send_entry(struct ldif_player *player, const struct entry *entry, struct error *err)
{
    TALLOC_CTX *scratch = talloc_new(NULL); // the sink may steal the entry from it
    struct entry *sent = entry_new(scratch, &entry->uuid, entry->dn);

    for (size_t i = 0; player->attributes[i]; i++) {
        const struct attribute *attribute = entry_attribute(entry, player->attributes[i]);
        for (size_t j = 0; attribute && j < attribute->count; j++)
            entry_add(sent, attribute->name, attribute->values[j].data, attribute->values[j].length);
    }
    int result = player->sink->entry(player->sink->context, sent, err);
    talloc_free(scratch);
    return result;
}

// --- refreshes ---

static int refresh_entry(void *context, const struct entry *entry, struct error *err)
{
    struct ldif_player *player = context;
    return player_sees(player, entry) ? send_entry(player, entry, err) : 0;
}

static int refresh_present(void *context, const struct entry *entry, struct error *err)
{
    struct ldif_player *player = context;
    struct touched *touched;

    HASH_FIND(hh, player->touched, &entry->uuid, sizeof(entry->uuid), touched);
    if (touched || !player_sees(player, entry))
        return 0;
    return player->sink->present(player->sink->context, &entry->uuid, 1, err);
}

static int refresh_touched(struct ldif_player *player, struct error *err)
{
    for (const struct touched *touched = player->touched; touched; touched = touched->hh.next) {
        const struct entry *entry = ldif_model_find(player->model, &touched->uuid);
        if (player_sees(player, entry)) {
            if (send_entry(player, entry, err) < 0)
                return -1;
        } else if (touched->known && player->away == AWAY_CHANGES) {
            if (player->sink->gone(player->sink->context, &touched->uuid, 1, err) < 0)
                return -1;
        }
    }
    return 0;
}

static void player_forget(struct ldif_player *player)
{
    struct touched *touched, *next;
    HASH_ITER(hh, player->touched, touched, next) {
        HASH_DEL(player->touched, touched);
        talloc_free(touched);
    }
}

static int player_refresh(struct ldif_player *player, struct error *err)
{
    const struct source_sink *sink = player->sink;
    bool whole = player->away == AWAY_WHOLE;
    int result =
        sink->refresh_begin(sink->context, whole ? SOURCE_REFRESH_WHOLE : SOURCE_REFRESH_CHANGES, err);

    if (result == 0 && whole)
        result = ldif_model_each(player->model, refresh_entry, player, err);
    if (result == 0 && player->away == AWAY_PRESENT)
        result = ldif_model_each(player->model, refresh_present, player, err);
    if (result == 0 && !whole)
        result = refresh_touched(player, err);
    if (result == 0) {
        char *cookie = ldif_model_cookie(NULL, player->model);
        result = sink->refresh_end(sink->context,
                                   player->away == AWAY_CHANGES ? SOURCE_SWEEP_NO : SOURCE_SWEEP_UNMENTIONED,
                                   cookie, NULL, err);
        talloc_free(cookie);
    }
    player_forget(player);
    player_enter(player, STATE_PERSISTING);
    return result;
}

// Brings the sink to where changes can be sent one by one.
static int player_settle(struct ldif_player *player, struct error *err)
{
    switch (player->state) {
    case STATE_OPENING:
        player->away = AWAY_WHOLE;
        return player_refresh(player, err);
    case STATE_RESTARTED:
        player->away = AWAY_CHANGES;
        return player_refresh(player, err);
    case STATE_REFRESHING:
        return player_refresh(player, err);
    case STATE_PERSISTING:
        break;
    }
    return 0;
}

// --- records ---

static int player_checkpoint(struct ldif_player *player, struct error *err)
{
    char *cookie = ldif_model_cookie(NULL, player->model);
    int result = player->sink->checkpoint(player->sink->context, cookie, err);

    talloc_free(cookie);
    player_forget(player);
    return result;
}

static void player_touch(struct ldif_player *player, const struct uuid *uuid, bool known)
{
    struct touched *touched;

    HASH_FIND(hh, player->touched, uuid, sizeof(*uuid), touched);
    if (touched)
        return;
    touched = talloc_zero(player, struct touched);
    touched->uuid = *uuid;
    touched->known = known;
    HASH_ADD(hh, player->touched, uuid, sizeof(touched->uuid), touched);
}

// As slapd does: one message for the entry that the operation named, if it is or was in the view.
static int player_tell(struct ldif_player *player, const struct uuid *uuid, bool before, struct error *err)
{
    const struct entry *entry = ldif_model_find(player->model, uuid);

    if (player_sees(player, entry)) {
        if (send_entry(player, entry, err) < 0)
            return -1;
    } else if (before && player->sink->gone(player->sink->context, uuid, 1, err) < 0) {
        return -1;
    }
    return player->batch ? 0 : player_checkpoint(player, err);
}

static int player_record(struct ldif_player *player, const struct ldif_record *record, struct error *err)
{
    struct uuid uuid;
    bool silent = player->silent;

    if (record->kind != LDIF_CONTENT || player->state != STATE_OPENING) {
        if (player->state != STATE_REFRESHING && player_settle(player, err) < 0)
            return -1;
    }
    bool before = player_sees(player, ldif_model_find_dn(player->model, record->dn));
    player->silent = false;
    if (ldif_model_apply(player->model, record, silent, &uuid, err) < 0)
        return error_prepend(err, "%s:%u: ", player->path, record->line);
    if (silent || player->state == STATE_OPENING)
        return 0;
    player_touch(player, &uuid, before);
    return player->state == STATE_PERSISTING ? player_tell(player, &uuid, before, err) : 0;
}

// --- control lines ---

static int directive_refresh(struct ldif_player *player, const char *argument, struct error *err)
{
    enum away away = AWAY_CHANGES;

    if (strcmp(argument, "whole") == 0)
        away = AWAY_WHOLE;
    else if (strcmp(argument, "present") == 0)
        away = AWAY_PRESENT;
    else if (*argument != '\0')
        return error_set(err, "\"#! refresh\" is followed by \"whole\", \"present\" or nothing");
    char *cookie = ldif_model_cookie(NULL, player->model);
    bool first = player->state == STATE_OPENING && *cookie == '\0' && away == AWAY_WHOLE;
    talloc_free(cookie);
    if (!first && player->state != STATE_RESTARTED && player_settle(player, err) < 0)
        return -1;
    player->away = away;
    player_enter(player, STATE_REFRESHING);
    return 0;
}

static int directive_persist(struct ldif_player *player, const char *argument, struct error *err)
{
    (void)argument;
    return player_settle(player, err);
}

static int directive_advance(struct ldif_player *player, const char *argument, struct error *err)
{
    int64_t by;

    if (text_parse_duration(argument, &by, err) < 0)
        return -1;
    if (player->state != STATE_REFRESHING && player_settle(player, err) < 0)
        return -1;
    clock_advance_fake(by);
    // Nobody's timer fires while nobody listens.
    if (player->state == STATE_REFRESHING || !player->hooks || !player->hooks->tick)
        return 0;
    return player->hooks->tick(player->hooks->context, err);
}

static int directive_begin(struct ldif_player *player, const char *argument, struct error *err)
{
    (void)argument;
    if (player->state == STATE_REFRESHING)
        return error_set(err, "a refresh is one batch already");
    if (player->batch)
        return error_set(err, "the batch is open already");
    if (player_settle(player, err) < 0)
        return -1;
    player->batch = true;
    return 0;
}

static int directive_end(struct ldif_player *player, const char *argument, struct error *err)
{
    (void)argument;
    if (!player->batch)
        return error_set(err, "no batch is open");
    player->batch = false;
    return player_checkpoint(player, err);
}

static int directive_restart(struct ldif_player *player, const char *argument, struct error *err)
{
    (void)argument;
    if (player->state == STATE_OPENING && player_settle(player, err) < 0)
        return -1;
    if (player->hooks && player->hooks->restart && player->hooks->restart(player->hooks->context, err) < 0)
        return -1;
    // What came since the last checkpoint was lost with the sink's owner: the next refresh brings it.
    player->batch = false;
    if (player->state == STATE_PERSISTING)
        player_enter(player, STATE_RESTARTED);
    return 0;
}

static int directive_silent(struct ldif_player *player, const char *argument, struct error *err)
{
    (void)argument;
    (void)err;
    player->silent = true;
    return 0;
}

static int directive_actor(struct ldif_player *player, const char *argument, struct error *err)
{
    char *normal = dn_normalize(NULL, argument, strlen(argument), err);

    if (!normal)
        return -1;
    talloc_free(normal);
    ldif_model_actor(player->model, argument);
    return 0;
}

static int player_directive(struct ldif_player *player, const struct ldif_record *record, struct error *err)
{
    static const struct {
        const char *word;
        bool breaks_batch;
        int (*run)(struct ldif_player *player, const char *argument, struct error *err);
    } directives[] = {
        { "refresh", true, directive_refresh }, { "persist", true, directive_persist },
        { "advance", true, directive_advance }, { "begin", false, directive_begin },
        { "end", false, directive_end },        { "restart", false, directive_restart },
        { "silent", false, directive_silent },  { "actor", false, directive_actor },
    };
    size_t word = strcspn(record->directive, " \t");
    const char *argument = record->directive + word + strspn(record->directive + word, " \t");

    for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++) {
        if (strlen(directives[i].word) != word || strncmp(record->directive, directives[i].word, word) != 0)
            continue;
        if (directives[i].breaks_batch && player->batch)
            return error_set(err, "%s:%u: the batch is still open; \"#! end\" closes it", player->path,
                             record->line);
        if (directives[i].run(player, argument, err) < 0)
            return error_prepend(err, "%s:%u: ", player->path, record->line);
        return 0;
    }
    return error_set(err, "%s:%u: \"#! %.*s\" is no control line", player->path, record->line, (int)word,
                     record->directive);
}

int ldif_player_run(struct ldif_player *player, const struct ldif_hooks *hooks, struct error *err)
{
    struct ldif_record *record;
    int result;

    player->hooks = hooks;
    while ((result = ldif_reader_next(player->reader, player, &record, err)) > 0) {
        result = record->kind == LDIF_DIRECTIVE ? player_directive(player, record, err)
                                                : player_record(player, record, err);
        talloc_free(record);
        if (result < 0)
            return -1;
    }
    if (result == 0 && player->batch)
        return error_set(err, "%s: the batch is still open at the end; \"#! end\" closes it", player->path);
    return result == 0 ? player_settle(player, err) : -1;
}
