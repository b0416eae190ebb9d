// SPDX-License-Identifier: Apache-2.0
#include "queue_impl.h"

#include "base/log.h"

#define IMPORT_TRANSACTION 500

// The opposite that is still to be told, newest first; one that is folded already has had its opposite.
static const struct waiting *opposite_find(const struct waiting *found, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!found[i].folded)
            return &found[i];
    return NULL;
}

// `waiting` has just been kept: does it undo something that was not told yet?
static int import_weigh(struct queue *queue, TALLOC_CTX *ctx, const struct waiting *waiting,
                        struct error *err)
{
    if (event_kind(waiting->event->type)->opposite < 0)
        return 0;
    struct waiting *found;
    size_t count;
    if (delivery_store_opposites(queue->store, ctx, waiting, &found, &count, err) < 0)
        return -1;
    const struct waiting *before = opposite_find(found, count);
    if (!before)
        return 0;
    // Somebody who answers for the group should know that it happened, even if it was undone.
    bool courtesy = before->notification.courtesy && waiting->notification.courtesy;
    if (courtesy)
        return delivery_store_set_state(queue->store, before->id, NOTIFICATION_CANCELLED,
                                        "undone before it was told", err)
                           < 0
                       || delivery_store_set_state(queue->store, waiting->id, NOTIFICATION_CANCELLED,
                                                   "undoes what was not told yet", err)
                              < 0
                   ? -1
                   : 0;
    return delivery_store_fold(queue->store, before->id, err) < 0
                   || delivery_store_set_state(queue->store, waiting->id, NOTIFICATION_CANCELLED,
                                               "told together with what it undoes", err)
                          < 0
               ? -1
               : 0;
}

static int import_row(struct queue *queue, TALLOC_CTX *ctx, const char *directory,
                      const struct outbox_row *row, int64_t now, struct error *err)
{
    struct waiting waiting = {
        .directory = directory,
        .notification = row->notification,
        .event = row->event,
        .due = now + row->notification.digest_wait,
    };
    if (delivery_store_import(queue->store, &waiting, err) < 0)
        return -1;
    return import_weigh(queue, ctx, &waiting, err);
}

static int import_batch(struct queue *queue, TALLOC_CTX *ctx, struct queue_directory *directory, int64_t now,
                        size_t limit, size_t *imported, struct error *err)
{
    const char *name = directory->config->name;
    int64_t cursor;
    struct outbox_row *rows;
    size_t count;
    if (delivery_store_cursor(queue->store, name, &cursor, err) < 0)
        return -1;
    if (directory_store_outbox(directory->store, ctx, cursor, limit, &rows, &count, err) < 0) {
        queue_directory_close(directory);
        return error_prepend(err, "reading the outbox of %s: ", name);
    }
    if (count == 0)
        return 0;
    if (delivery_store_begin(queue->store, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (import_row(queue, ctx, name, &rows[i], now, err) < 0) {
            delivery_store_rollback(queue->store);
            return -1;
        }
    if (delivery_store_commit(queue->store, err) < 0)
        return -1;
    *imported = count;
    log_debug("imported", LOG_S("directory", name), LOG_I("notifications", count));
    return 0;
}

int queue_import_some(struct queue *queue, const char *directory, int64_t now, size_t limit, size_t *imported,
                      struct error *err)
{
    *imported = 0;
    struct queue_directory *it = queue_directory_find(queue, directory);
    if (!it)
        return error_set(err, "there is no directory \"%s\" in the configuration", directory);
    struct error open_err;
    if (queue_directory_open(queue, it, &open_err) < 0) {
        if (open_err.code == STORE_ABSENT)
            return 0;
        *err = open_err;
        return -1;
    }
    TALLOC_CTX *ctx = talloc_new(NULL);
    int result = import_batch(queue, ctx, it, now, limit, imported, err);
    talloc_free(ctx);
    return result;
}

int queue_import(struct queue *queue, const char *directory, int64_t now, struct error *err)
{
    size_t imported = IMPORT_TRANSACTION;
    while (imported == IMPORT_TRANSACTION)
        if (queue_import_some(queue, directory, now, IMPORT_TRANSACTION, &imported, err) < 0)
            return -1;
    return 0;
}
