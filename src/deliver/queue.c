// SPDX-License-Identifier: Apache-2.0
#include "queue_impl.h"

#include <string.h>

#include "base/log.h"

struct queue_directory *queue_directory_find(struct queue *queue, const char *name)
{
    for (size_t i = 0; i < queue->directory_count; i++)
        if (strcmp(queue->directories[i].config->name, name) == 0)
            return &queue->directories[i];
    return NULL;
}

// Sequences of the outbox only grow; a store whose last one is below our cursor was made anew by an
// administrator.
static int directory_compare_cursor(struct queue *queue, struct queue_directory *directory, struct error *err)
{
    struct mirror_counts counts;
    int64_t cursor;
    if (directory_store_counts(directory->store, &counts, err) < 0
        || delivery_store_cursor(queue->store, directory->config->name, &cursor, err) < 0)
        return -1;
    if (counts.last_outbox >= cursor)
        return 0;
    log_warning("the directory's store has been made anew; its outbox is read from the beginning",
                LOG_S("directory", directory->config->name), LOG_I("cursor", cursor),
                LOG_I("last", counts.last_outbox));
    return delivery_store_set_cursor(queue->store, directory->config->name, 0, err);
}

int queue_directory_open(struct queue *queue, struct queue_directory *directory, struct error *err)
{
    if (directory->store)
        return 0;
    char *path = talloc_asprintf(NULL, "%s/%s.db", queue->config->state_dir, directory->config->name);
    if (!path)
        return error_set(err, "out of memory");
    int result =
        directory_store_open(queue, path, directory->config->name, STORE_READ, &directory->store, err);
    talloc_free(path);
    if (result < 0) {
        directory->store = NULL;
        return -1;
    }
    if (directory_compare_cursor(queue, directory, err) == 0)
        return 0;
    queue_directory_close(directory);
    return -1;
}

void queue_directory_close(struct queue_directory *directory)
{
    if (directory->store)
        directory_store_close(directory->store);
    directory->store = NULL;
    TALLOC_FREE(directory->flavour);
}

static int queue_free(struct queue *queue)
{
    for (size_t i = 0; i < queue->directory_count; i++)
        queue_directory_close(&queue->directories[i]);
    return 0;
}

struct queue *queue_open(TALLOC_CTX *ctx, const struct config *config, struct delivery_store *store,
                         struct error *err)
{
    struct queue *queue = talloc_zero(ctx, struct queue);
    if (queue) {
        queue->directories = talloc_zero_array(queue, struct queue_directory, config->directory_count);
        queue->trial_path = talloc_asprintf(queue, "%s/trial", config->state_dir);
    }
    if (!queue || !queue->directories || !queue->trial_path) {
        talloc_free(queue);
        error_set(err, "out of memory");
        return NULL;
    }
    queue->config = config;
    queue->store = store;
    for (size_t i = 0; i < config->directory_count; i++)
        queue->directories[i].config = &config->directories[i];
    queue->directory_count = config->directory_count;
    talloc_set_destructor(queue, queue_free);
    queue->templates = template_set_open(queue, config->template_dir, err);
    if (!queue->templates)
        TALLOC_FREE(queue);
    return queue;
}

int queue_next_due(struct queue *queue, int64_t *due, struct error *err)
{
    return delivery_store_next_due(queue->store, due, err);
}

bool queue_is_trial(const struct queue *queue)
{
    return !queue->config->live || !queue->config->mail.from;
}
