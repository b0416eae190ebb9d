// SPDX-License-Identifier: Apache-2.0
#include "directory/view.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"

// Each part with its length before it, so that no two views give one text.
static char *append(char *text, const char *part)
{
    return part == NULL ? talloc_strdup_append_buffer(text, "-;")
                        : talloc_asprintf_append_buffer(text, "%zu:%s;", strlen(part), part);
}

char *view_hash(TALLOC_CTX *ctx, const struct view *view)
{
    char *text = talloc_strdup(ctx, "1;");
    text = append(text, view->bind_dn);
    text = append(text, view->base);
    text = append(text, view->filter);
    text = append(text, view->flavour);
    for (size_t i = 0; i < view->attribute_count; i++)
        text = append(text, view->attributes[i]);
    char *result = text == NULL ? NULL : talloc_asprintf(ctx, "%016" PRIx64, hash_bytes(text, strlen(text)));
    talloc_free(text);
    return result;
}
