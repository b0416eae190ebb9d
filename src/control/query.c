// SPDX-License-Identifier: Apache-2.0
#include "query.h"

#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_DIGITS 18 // fit into 63 bits

struct query {
    struct evkeyvalq pairs;
};

static int query_clear(struct query *query)
{
    evhttp_clear_headers(&query->pairs);
    return 0;
}

struct query *query_parse(TALLOC_CTX *ctx, const char *text)
{
    struct query *query = talloc_zero(ctx, struct query);
    if (!query || evhttp_parse_query_str(text ? text : "", &query->pairs) < 0) {
        talloc_free(query);
        return NULL;
    }
    talloc_set_destructor(query, query_clear);
    return query;
}

const char *query_text(const struct query *query, const char *name)
{
    const char *value = evhttp_find_header(&query->pairs, name);
    return value && *value ? value : NULL;
}

// Numbers that any request may have; a wrong one is an error, never a silent default.
int query_check(const struct query *query, struct error *err)
{
    static const char *const numbers[] = { "limit", "before", "since", NULL };
    for (const char *const *name = numbers; *name; name++) {
        const char *text = query_text(query, *name);
        if (text && (strspn(text, "0123456789") != strlen(text) || strlen(text) > NUMBER_DIGITS))
            return error_set_code(err, 400, "%s must be a number, not \"%s\"", *name, text);
    }
    return 0;
}

int64_t query_number(const struct query *query, const char *name, int64_t fallback)
{
    const char *text = query_text(query, name);
    return text ? strtoll(text, NULL, 10) : fallback;
}
