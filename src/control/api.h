// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONTROL_API_H
#define LDAPNOTIFY_CONTROL_API_H

#include <jansson.h>
#include <talloc.h>

#include "config/config.h"
#include "store/delivery_store.h"
#include "store/directory_store.h"

// What the stores say, as JSON. Every function returns a new reference, or NULL with `err`.
// error.code is an HTTP status when it is not 0 and at least 400.

struct query; // the request's parameters
const char *query_text(const struct query *query, const char *name); // NULL when absent
int64_t query_number(const struct query *query, const char *name, int64_t fallback);

json_t *api_events(const struct config *config, TALLOC_CTX *ctx, const struct query *query, struct error *err);
// One event with its decisions and what became of its notifications; `to` narrows to one address or name.
json_t *api_explain(const struct config *config, TALLOC_CTX *ctx, const char *id, const struct query *query, struct error *err);
json_t *api_queue(const struct config *config, TALLOC_CTX *ctx, const struct query *query, struct error *err);
json_t *api_message(const struct config *config, TALLOC_CTX *ctx, int64_t id, struct error *err);
json_t *api_storms(const struct config *config, TALLOC_CTX *ctx, struct error *err);
// Counts of the delivery store and of every directory's store, for `status`.
json_t *api_counts(const struct config *config, TALLOC_CTX *ctx, struct error *err);

#endif
