// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_TESTS_DELIVERY_WORLD_H
#define LDAPNOTIFY_TESTS_DELIVERY_WORLD_H

#include "deliver/queue.h"
#include "event/event.h"
#include "event/notification.h"
#include "store/delivery_store.h"
#include "store/directory_store.h"

// A state directory of its own with the stores of one directory, "corp", and of delivery, for tests of what
// lies between them.

#define WORLD_NOW INT64_C(1793961600000)

struct world {
    char state_dir[64];
    struct config config;
    struct config_directory directory;
    struct config_transport transports[2]; // "relay" and "other"
    struct flavour *flavour;
    struct directory_store *directory_store; // its writer
    struct delivery_store *store;
    struct queue *queue;
};

struct world *world_open(void);
void world_close(struct world *world);
// Opens the queue anew, after the configuration was changed.
void world_reopen_queue(struct world *world);
// The entry as the directory has it now; `mail` NULL: none; `disabled`: by disabled_when. `number` tells it
// apart.
void world_user(struct world *world, int number, const char *mail, bool disabled);
void world_delete_user(struct world *world, int number);
struct uuid world_uuid(int number);

// One notification of one event into the outbox. Everything may be changed before world_tell().
struct telling {
    enum event_type type;
    int group, member; // numbers: entry and party of the event
    int recipient;     // number, 0: a fixed address
    const char *address;
    const char *roles;
    bool courtesy;
    int64_t digest_wait, expires;
    const char *transport;
};
extern const struct telling telling_member_added; // user 1 is told that he was added to group 10
// Its event's sequence.
int64_t world_tell(struct world *world, struct telling telling);

// What became of the notifications of an event; the first one.
struct delivery_row world_outcome(struct world *world, TALLOC_CTX *ctx, int64_t event);
// All messages, newest first, with bytes.
size_t world_messages(struct world *world, TALLOC_CTX *ctx, struct message **messages);
// Files in STATE_DIR/trial/new.
size_t world_trial_files(const struct world *world);

#endif
