// SPDX-License-Identifier: Apache-2.0
// Links $(SOURCE_LIBS) $(BASE_LIBS).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A line with our cookie, a line with theirs.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    const uint8_t *newline = memchr(data, '\n', size);
    size_t first = newline ? (size_t)(newline - data) : size;
    char *ours = talloc_strndup(ctx, (const char *)data, first);
    char *theirs = newline ? talloc_strndup(ctx, (const char *)newline + 1, size - first - 1) : NULL;
    const char *csns[] = { theirs ? theirs : ours };

    char *merged = cookie_merge(ctx, ours, theirs);
    if (merged) {
        // What we store is what we send, is sound, and contains what went into it.
        char *again = cookie_to_send(ctx, merged);
        if (!cookie_is_sound(merged) || !again || strcmp(merged, again) != 0)
            abort();
        if (cookie_regression(ctx, ours, merged) || (theirs && cookie_regression(ctx, theirs, merged)))
            abort();
    } else if (cookie_is_sound(ours) || cookie_is_sound(theirs)) {
        abort();
    }
    (void)cookie_is_behind(ours, csns, 1);
    (void)cookie_is_past(ours, csns[0], strlen(csns[0]));
    talloc_free(ctx);
    return 0;
}
