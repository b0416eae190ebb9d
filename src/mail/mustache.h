// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_MAIL_MUSTACHE_H
#define LDAPNOTIFY_MAIL_MUSTACHE_H

#include <jansson.h>
#include <stdbool.h>
#include <talloc.h>

// The Mustache engine (kainjow, C++) for C. Gets only texts that scan_expand() has passed: a partial that
// includes itself would crash it.

#ifdef __cplusplus
extern "C" {
#endif

#include "base/error.h"

struct mustache;      // a parsed template
struct mustache_data; // what it shows

// Both end with their parent `ctx`.
struct mustache *mustache_parse(TALLOC_CTX *ctx, const char *text, bool html, struct error *err) MUST_CHECK;
// Empty strings, null and false are all "not there" for sections; control characters are dropped.
struct mustache_data *mustache_data_new(TALLOC_CTX *ctx, const json_t *json, struct error *err) MUST_CHECK;
int mustache_data_set(struct mustache_data *data, const char *name, const char *value,
                      struct error *err) MUST_CHECK;

// Owned by `ctx`. Fails rather than making more than a few megabytes.
char *mustache_render(struct mustache *mustache, TALLOC_CTX *ctx, const struct mustache_data *data,
                      struct error *err) MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
