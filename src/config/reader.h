// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONFIG_READER_H
#define LDAPNOTIFY_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "config/config.h"
#include "config/options.h"
#include "expand.h"

// One run over one configuration. Problems are gathered, for an administrator wants to see them all; the first
// one is kept in `err`.

// Where the value of a field, or an element of a list of groups, was written.
struct origin {
    const void *field;
    struct place place;
};

struct reader {
    struct config *config;
    const struct expanded *text;
    const struct config_checks *checks;
    bool slice; // secrets' values are taken, nothing is required
    config_problem_fn *problem;
    void *context;
    struct error *err;
    size_t problems;
    struct origin *origins;
    size_t origin_count;
};

void reader_problem(struct reader *reader, struct place place, const char *format, ...) PRINTF_LIKE(3, 4);
// Remembers where a field was written; and finds it again: `field`, else `element` (may be NULL), else the
// file.
void reader_set_origin(struct reader *reader, const void *field, struct place place);
struct place reader_origin(const struct reader *reader, const void *field, const void *element);

// The value that the table gives a field, set from its text as a file would. Values are owned by `ctx`.
int option_set_fallback(TALLOC_CTX *ctx, const struct option *option, void *field,
                        struct error *err) MUST_CHECK;
int option_set_text(TALLOC_CTX *ctx, const struct option *option, void *field, const char *text,
                    struct error *err) MUST_CHECK;
int list_add(TALLOC_CTX *ctx, struct config_list *list, const char *text) MUST_CHECK;

// A copy of `length` octets and a NUL that is wiped when freed.
char *secret_copy(TALLOC_CTX *ctx, const char *text, size_t length);
void secret_protect(char *text);

// What hangs together across options, and defaults that follow from others (check.c).
void config_derive(struct reader *reader);
void config_check(struct reader *reader);

static inline void *at_offset(const void *base, size_t offset)
{
    return (char *)(uintptr_t)base + offset;
}

#endif
