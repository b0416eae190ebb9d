// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_QUEUE_IMPL_H
#define LDAPNOTIFY_DELIVER_QUEUE_IMPL_H

#include "deliver/queue.h"
#include "directory/flavour.h"
#include "mail/template.h"
#include "store/directory_store.h"

struct queue_directory {
    const struct config_directory *config;
    struct directory_store *store; // NULL: not open
    struct flavour *flavour;       // NULL: not known yet
};

struct queue {
    const struct config *config;
    struct delivery_store *store;
    struct template_set *templates;
    struct queue_directory *directories;
    size_t directory_count;
    char *trial_path;
};

// NULL: not in the configuration.
struct queue_directory *queue_directory_find(struct queue *queue, const char *name);
// Opens the store where that was not done yet; code STORE_ABSENT while there is none.
int queue_directory_open(struct queue *queue, struct queue_directory *directory,
                         struct error *err) MUST_CHECK;
// After a failure: the next use opens it anew.
void queue_directory_close(struct queue_directory *directory);

#endif
