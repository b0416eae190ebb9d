// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "directory/flavour.h"
#include "directory/schema.h"

static char *first_address(TALLOC_CTX *ctx, const struct entry *entry, const char *name)
{
    const struct attribute *attribute = entry_attribute(entry, schema_canonical(name, strlen(name)));
    for (size_t i = 0; attribute && i < attribute->count; i++) {
        const struct value *value = &attribute->values[i];
        if (strlen(value->data) == value->length && text_is_address(value->data))
            return talloc_strdup(ctx, value->data);
    }
    return NULL;
}

char *flavour_address(TALLOC_CTX *ctx, const struct config_directory *directory, const struct entry *entry)
{
    const struct config_list *names = &directory->mail_attributes;
    char *address = names->count ? NULL : first_address(ctx, entry, "mail");
    for (size_t i = 0; i < names->count && !address; i++)
        address = first_address(ctx, entry, names->items[i]);
    return address;
}
