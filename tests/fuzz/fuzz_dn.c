// SPDX-License-Identifier: Apache-2.0
// Links $(DIRECTORY_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "directory/dn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) do { if (!(x)) abort(); } while (0)

// Writes every octet of every value of a plain name as an escape: the same name for the slow path.
static char *escape_values(TALLOC_CTX *ctx, const char *normal)
{
    char *out = talloc_array(ctx, char, strlen(normal) * 3 + 1), *p = out;
    bool value = false;
    for (; *normal != '\0'; normal++) {
        if (*normal == ',' || *normal == '+' || !value || *normal == '\\') {
            value = (value || *normal == '=') && *normal != ',' && *normal != '+';
            *p++ = *normal;
            if (*normal == '\\') {
                *p++ = *++normal;
                *p++ = *++normal;
            }
        } else {
            static const char digits[] = "0123456789ABCDEF";
            *p++ = '\\';
            *p++ = digits[(unsigned char)*normal >> 4];
            *p++ = digits[(unsigned char)*normal & 15];
        }
    }
    *p = '\0';
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct dn_scratch *scratch = dn_scratch_new(ctx);
    struct error err;
    char *normal = dn_normalize(ctx, (const char *)data, size, &err);
    uint64_t hash = 0, parent = 0, parent_hash = 0;
    MUST((dn_hash(scratch, (const char *)data, size, &hash, &parent) == 0) == (normal != NULL));
    char *text = talloc_strndup(ctx, (const char *)data, size);
    MUST(dn_rdn_length(text) <= strlen(text));
    MUST(dn_parent(text) <= text + strlen(text));
    MUST(dn_rdn_value(ctx, text) != NULL);
    if (normal != NULL) {
        MUST(hash == hash_bytes(normal, strlen(normal)));
        char *again = dn_normalize(ctx, normal, strlen(normal), &err);
        MUST(again != NULL && strcmp(again, normal) == 0);
        MUST(text_is_utf8(normal, strlen(normal)) && strpbrk(normal, "\001\t\n\r\177") == NULL);
        const char *above = dn_parent(normal);
        if (*above != '\0') {
            MUST(dn_hash(scratch, above, strlen(above), &parent_hash, NULL) == 0 && parent_hash == parent);
            MUST(dn_is_within(normal, above));
        } else {
            MUST(parent == 0);
        }
        if (strstr(normal, "=#") == NULL) {
            char *escaped = escape_values(ctx, normal);
            again = dn_normalize(ctx, escaped, strlen(escaped), &err);
            MUST(again != NULL && strcmp(again, normal) == 0);
        }
    }
    talloc_free(ctx);
    return 0;
}
