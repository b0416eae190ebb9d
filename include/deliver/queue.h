// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_QUEUE_H
#define LDAPNOTIFY_DELIVER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "config/config.h"
#include "store/delivery_store.h"

// From outbox rows to frozen messages. Needs no network, no loop and no clock: the deliver worker and the
// replay tests call it alike. What becomes of frozen messages is the worker's affair.

struct queue;

// `config` and `store` outlive it. Reads the templates; directory stores (STATE_DIR/NAME.db) are opened when
// they are there. NULL with `err` on failure; talloc_free() closes it.
struct queue *queue_open(TALLOC_CTX *ctx, const struct config *config, struct delivery_store *store,
                         struct error *err) MUST_CHECK;

// Copies all new outbox rows of a directory, with the cursor, in transactions. A store that is not there yet
// has none. Each notification is due at now + its digest_wait. Opposite changes that are both still waiting
// cancel each other for people told out of courtesy; for the others the first is folded ("added and removed
// again") and the second cancelled. On failure the last transaction has changed nothing: try again later.
int queue_import(struct queue *queue, const char *directory, int64_t now, struct error *err) MUST_CHECK;
// Likewise at most `limit` rows in one transaction. *imported < limit: there are no more.
int queue_import_some(struct queue *queue, const char *directory, int64_t now, size_t limit, size_t *imported,
                      struct error *err) MUST_CHECK;

// Freezes all bundles that are due, in transactions. Recipients are looked up again; what is stale, or for
// somebody disabled since, is dropped with its reason. In a trial (queue_is_trial) the message is written to
// the Maildir STATE_DIR/trial and its state is MESSAGE_TRIAL, for ever.
int queue_freeze_due(struct queue *queue, int64_t now, struct error *err) MUST_CHECK;
// Likewise at most `limit` bundles in one transaction. *frozen < limit: there are no more.
int queue_freeze_some(struct queue *queue, int64_t now, size_t limit, size_t *frozen,
                      struct error *err) MUST_CHECK;

// When queue_freeze_due() has something to do next; 0: nothing waits.
int queue_next_due(struct queue *queue, int64_t *due, struct error *err) MUST_CHECK;

// Nothing is sent: live = false, or there is no sender yet (mail.from).
bool queue_is_trial(const struct queue *queue);

#endif
