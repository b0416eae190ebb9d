// SPDX-License-Identifier: Apache-2.0
// Links $(SOURCE_LIBS) $(DIRECTORY_LIBS) $(BASE_LIBS).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/source/ldif_model.h"
#include "../../src/source/ldif_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(void *context, const struct entry *entry, struct error *err)
{
    const struct ldif_model *model = context;
    (void)err;
    // Whatever was played, each entry is found under its name and its UUID.
    if (ldif_model_find_dn(model, entry->dn) != entry || ldif_model_find(model, &entry->uuid) != entry)
        abort();
    return 0;
}

// Reads the file and applies what it says to a model, past its errors.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct ldif_reader *reader = ldif_reader_new(ctx, "fuzz", (const char *)data, size);
    struct ldif_model *model = ldif_model_new(ctx);
    struct ldif_record *record;
    struct uuid uuid;
    struct error err;

    while (ldif_reader_next(reader, ctx, &record, &err) > 0) {
        if (record->kind != LDIF_DIRECTIVE && ldif_model_apply(model, record, false, &uuid, &err) < 0)
            continue;
        talloc_free(record);
    }
    if (ldif_model_each(model, look, model, &err) < 0)
        abort();
    talloc_free(ctx);
    return 0;
}
