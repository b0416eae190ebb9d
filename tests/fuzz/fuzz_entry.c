// SPDX-License-Identifier: Apache-2.0
// Links $(DIRECTORY_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "directory/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct entry *entry = entry_new(ctx, NULL, "dc=x"), *again = entry_new(ctx, NULL, "dc=x");
    struct error err;
    if (entry_unpack(entry, data, size, &err) == 0) {
        // What was read can be written, and then reads as the same.
        uint8_t *first, *second;
        size_t first_length, second_length;
        if (entry_pack(ctx, entry, &first, &first_length) != 0 ||
            entry_unpack(again, first, first_length, &err) != 0 ||
            entry_pack(ctx, again, &second, &second_length) != 0 ||
            first_length != second_length)
            abort();
        for (size_t i = 0; i < entry->count; i++)
            if (entry_attribute(again, entry->attributes[i].name) == NULL)
                abort();
        entry_has_class(entry, "person");
        entry_text(entry, "cn");
    }
    talloc_free(ctx);
    return 0;
}
