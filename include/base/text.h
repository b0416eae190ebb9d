// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_BASE_TEXT_H
#define LDAPNOTIFY_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"

// "90s", "5m", "2h", "3d", "1w", "250ms", "0"; a number without a unit is refused unless it is 0.
int text_parse_duration(const char *text, int64_t *milliseconds, struct error *err) MUST_CHECK;
// "4096", "64k", "10M", "2G" (powers of 1024).
int text_parse_size(const char *text, int64_t *bytes, struct error *err) MUST_CHECK;
// The shortest exact form that text_parse_duration reads back. Owned by `ctx`.
char *text_format_duration(TALLOC_CTX *ctx, int64_t milliseconds);
// For people: "5 minutes", "2 days". Owned by `ctx`.
char *text_describe_duration(TALLOC_CTX *ctx, int64_t milliseconds);

bool text_is_utf8(const char *text, size_t length); // well-formed, no surrogates (RFC 3629)
bool text_has_control(const char *text, size_t length); // C0, DEL, C1
// A copy in well-formed UTF-8: bad octets become U+FFFD, control characters and bidi controls
// (U+202A-202E, U+2066-2069, U+200E/F, U+061C) are dropped, at most `limit` octets (0: no limit) and
// then "…". Owned by `ctx`.
char *text_clean(TALLOC_CTX *ctx, const char *text, size_t length, size_t limit);

// Shell pattern with `*` only, over dotted names: "group.*" matches "group.member.added".
bool text_matches(const char *pattern, const char *name);
// The member of the NULL-ended list nearest to `word` by edit distance, or NULL if none is near.
const char *text_nearest(const char *word, const char *const *list);
// True for an address that may go to the wire (RFC 5321 §4.1.2 without source routes; UTF-8 allowed by
// RFC 6531): one '@' outside quotes, no control characters, no spaces, at most 254 octets.
bool text_is_address(const char *text);

#endif
