// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CTL_CLIENT_H
#define LDAPNOTIFY_CTL_CLIENT_H

#include "command.h"

// One request to the control worker. On success *answer is a new reference and EXIT_DONE is returned; otherwise the
// reason has been printed. `body` may be NULL.
int client_call(struct invocation *invocation, const char *method, const char *path, const json_t *body, json_t **answer);
// As client_call() without printing; `err` says why.
int client_try(struct invocation *invocation, const char *method, const char *path, const json_t *body, json_t **answer,
               struct error *err);

// "path?name=value&…", values escaped; pairs of name and value, NULL name ends; NULL or "" values are left out.
char *client_path(TALLOC_CTX *ctx, const char *path, ...);
char *client_escape(TALLOC_CTX *ctx, const char *text);

// Prints the answer as JSON; EXIT_DONE. Consumes it.
int print_json(json_t *answer);

#endif
