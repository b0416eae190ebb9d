// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_FILTER_H
#define LDAPNOTIFY_DIRECTORY_FILTER_H

#include <stdbool.h>
#include <talloc.h>

#include "base/error.h"
#include "directory/entry.h"

// Search filters: text as in RFC 4515, evaluation as in RFC 4511 §4.5.1.7 (three-valued), matching by
// schema_syntax(). Extensible matches: the AD bit rules (1.2.840.113556.1.4.803 and .804) and plain
// `attr:=value`, `attr:dn:=value`; any other rule is Undefined.

struct filter; // immutable

struct filter *filter_parse(TALLOC_CTX *ctx, const char *text, struct error *err) MUST_CHECK;
enum filter_result { FILTER_FALSE, FILTER_TRUE, FILTER_UNDEFINED };
enum filter_result filter_evaluate(const struct filter *filter, const struct entry *entry);
bool filter_matches(const struct filter *filter, const struct entry *entry); // TRUE only; a NULL entry matches nothing
// Calls `fn` with each canonical attribute name in the filter, so that the view can ask for it.
void filter_attributes(const struct filter *filter, void (*fn)(void *context, const char *name), void *context);

#endif
