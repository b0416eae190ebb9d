// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONFIG_EXPAND_H
#define LDAPNOTIFY_CONFIG_EXPAND_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "base/error.h"

// A configuration file with all that it includes as one text, without comments, for libconfig's parser; and
// from which file and line each line of it comes. libconfig knows one include directory only, joins strings
// between which a comma was forgotten, takes "CORP\new" for a line break and numbers past 32 bits for others:
// this stands before it.

struct place {
    const char *file;
    unsigned line;
};

struct expanded {
    char *text;
    size_t used;
    struct place *lines; // lines[0] is line 1 of `text`
    size_t line_count;
    const char *path;
};

// Where line `line` (from 1) of the text comes from.
struct place expanded_place(const struct expanded *expanded, unsigned line);

// Includes are relative to the including file. `err` is "FILE:LINE: words".
struct expanded *expand_file(TALLOC_CTX *ctx, const char *path, struct error *err) MUST_CHECK;
// A text without includes in which strings may hold any octet: a slice. `name` stands for the file.
struct expanded *expand_slice(TALLOC_CTX *ctx, const char *name, const char *text,
                              struct error *err) MUST_CHECK;

#endif
