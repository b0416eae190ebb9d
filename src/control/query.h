// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONTROL_QUERY_H
#define LDAPNOTIFY_CONTROL_QUERY_H

#include <event2/http.h>

#include "api.h"

// The parameters of a request: "limit=20&event=group.*". NULL when they cannot be parsed. Owned by `ctx`.
struct query *query_parse(TALLOC_CTX *ctx, const char *text);
// -1 with error.code 400 when a parameter that takes a number is none.
int query_check(const struct query *query, struct error *err) MUST_CHECK;

#endif
