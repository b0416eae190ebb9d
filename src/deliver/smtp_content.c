// SPDX-License-Identifier: Apache-2.0
#include "smtp_content.h"

#include <string.h>

// Writes to `out` unless it is NULL; returns the size.
static size_t content_write(char *out, const uint8_t *bytes, size_t length)
{
    size_t size = 0;
    bool line_start = true;
#define PUT(c) \
    do { \
        if (out) \
            out[size] = (char)(c); \
        size++; \
    } while (0)
    for (size_t i = 0; i < length; i++) {
        uint8_t c = bytes[i];
        if (c == '\r' || c == '\n') {
            if (c == '\r' && i + 1 < length && bytes[i + 1] == '\n')
                i++;
            PUT('\r');
            PUT('\n');
            line_start = true;
            continue;
        }
        if (line_start && c == '.')
            PUT('.');
        line_start = false;
        PUT(c);
    }
    if (!line_start) {
        PUT('\r');
        PUT('\n');
    }
    PUT('.');
    PUT('\r');
    PUT('\n');
#undef PUT
    return size;
}

char *smtp_content(TALLOC_CTX *ctx, const uint8_t *bytes, size_t length, size_t *size)
{
    char *out = talloc_size(ctx, content_write(NULL, bytes, length));
    if (out)
        *size = content_write(out, bytes, length);
    return out;
}

bool smtp_content_is_eight_bit(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] & 0x80)
            return true;
    return false;
}
