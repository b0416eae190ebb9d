// SPDX-License-Identifier: Apache-2.0
#include "source/source.h"

#include <string.h>

const struct source_ops *source_find(const char *name)
{
    static const struct source_ops *const sources[] = { &source_syncrepl, NULL };

    for (size_t i = 0; sources[i]; i++) {
        if (strcmp(sources[i]->name, name) == 0)
            return sources[i];
    }
    return NULL;
}

void source_stop(struct source *source)
{
    talloc_free(source); // each source's destructor ends its operation
}
