// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONTROL_API_STORE_H
#define LDAPNOTIFY_CONTROL_API_STORE_H

#include "api.h"

// Opening the stores for one request: read-only, closed with `ctx`. A store that does not exist yet gives *store NULL
// and no error.
int api_open_directory(const struct config *config, TALLOC_CTX *ctx, const char *name, struct directory_store **store,
                       struct error *err) MUST_CHECK;
int api_open_delivery(const struct config *config, TALLOC_CTX *ctx, struct delivery_store **store, struct error *err) MUST_CHECK;

// A string, or null where there is none; bad UTF-8 is cleaned.
json_t *api_text(const char *text);
json_t *api_message_json(const struct message *message);

#endif
