// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_FILTER_TREE_H
#define LDAPNOTIFY_DIRECTORY_FILTER_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "directory/filter.h"
#include "directory/schema.h"

// A parsed filter, with assertion values made ready for matching.

enum filter_kind {
    FILTER_AND, FILTER_OR, FILTER_NOT,
    FILTER_EQUAL, FILTER_APPROX, FILTER_GREATER, FILTER_LESS, FILTER_PRESENT, FILTER_SUBSTRINGS,
    FILTER_EXTENSIBLE,
};

enum filter_rule {
    RULE_NONE,    // the attribute's own equality
    RULE_BIT_AND, // 1.2.840.113556.1.4.803
    RULE_BIT_OR,  // 1.2.840.113556.1.4.804
    RULE_UNKNOWN,
};

// A value prepared for comparing: text folded, DNs in normal form, integers as digits without leading zeros.
struct filter_value {
    const char *data;
    size_t length;
    int64_t number; // SCHEMA_TIME: the time; SCHEMA_INTEGER: the sign, -1 or 1
};

struct filter {
    enum filter_kind kind;
    // and, or, not
    struct filter **children;
    size_t count;
    // the others
    const char *attribute; // canonical; NULL only for an extensible match without one
    enum schema_syntax syntax;
    bool valid; // the assertion value fits the syntax; else the item is Undefined
    struct filter_value value;
    // substrings: pieces in order; `initial` and `final` say whether the outer ones are anchored
    struct filter_value *pieces;
    size_t piece_count;
    bool initial, final;
    // extensible
    enum filter_rule rule;
    bool dn_too;
    uint64_t bits;
};

// Makes `data` ready for comparing under `syntax`. False if it does not fit the syntax. `attribute` may be
// NULL. Owned by `ctx`.
bool filter_prepare(TALLOC_CTX *ctx, const char *attribute, enum schema_syntax syntax, const char *data,
                    size_t length, struct filter_value *value);

#endif
