// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CTL_TABLE_H
#define LDAPNOTIFY_CTL_TABLE_H

#include <jansson.h>
#include <stdint.h>
#include <talloc.h>

// A table for people: columns as wide as their widest cell, cleaned of control characters.
struct table;

// `headings` ends with NULL.
struct table *table_new(TALLOC_CTX *ctx, const char *const *headings);
// As many cells as headings; NULL is an empty cell. Copied.
void table_row(struct table *table, const char *const *cells);
// Prints it, or `when_empty` if there is no row.
void table_print(const struct table *table, const char *when_empty);

// Cells from JSON. Owned by `ctx`; never NULL.
const char *cell_text(TALLOC_CTX *ctx, const json_t *object, const char *key);
const char *cell_number(TALLOC_CTX *ctx, const json_t *object, const char *key);
const char *cell_time(TALLOC_CTX *ctx, const json_t *object, const char *key); // local time, "-" for 0
const char *cell_age(TALLOC_CTX *ctx, int64_t time);                           // "3 minutes ago"

#endif
