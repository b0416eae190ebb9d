// SPDX-License-Identifier: Apache-2.0
#include "query.h"

#include <event2/keyvalq_struct.h>
#include <stdlib.h>

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

int64_t query_number(const struct query *query, const char *name, int64_t fallback)
{
    const char *text = query_text(query, name);
    char *end;
    if (!text)
        return fallback;
    long long number = strtoll(text, &end, 10);
    return *end ? fallback : number;
}
