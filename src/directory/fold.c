// SPDX-License-Identifier: Apache-2.0
#include "fold.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

const uint8_t fold_ascii[256] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
    0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
    0x40, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
    0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f,
    0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
    0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
    0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
    0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf,
    0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf,
    0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
    0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef,
    0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
};

static void fold_room(TALLOC_CTX *ctx, struct fold *fold, size_t size)
{
    if (size <= fold->capacity)
        return;
    fold->capacity = size < 256 ? 256 : size * 2;
    fold->data = talloc_realloc(ctx, fold->data, char, fold->capacity);
    if (fold->data == NULL)
        abort();
}

// RFC 4518 §2.2: these are mapped to SPACE.
static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// RFC 4518 §2.6.1, save that a run of spaces becomes one. In place.
static size_t squeeze(char *text, size_t length, enum fold_ends ends)
{
    size_t out = 0;
    for (size_t i = 0; i < length; i++) {
        if (!is_space((unsigned char)text[i]))
            text[out++] = text[i];
        else if (out == 0 ? (ends & FOLD_TRIM_LEFT) == 0 : text[out - 1] != ' ')
            text[out++] = ' ';
    }
    if ((ends & FOLD_TRIM_RIGHT) != 0 && out > 0 && text[out - 1] == ' ')
        out--;
    return out;
}

static void copy_ascii(TALLOC_CTX *ctx, struct fold *fold, const char *text, size_t length, bool exact)
{
    fold_room(ctx, fold, length + 1);
    for (size_t i = 0; i < length; i++)
        fold->data[i] = exact ? text[i] : (char)fold_ascii[(unsigned char)text[i]];
    fold->length = length;
}

static void map_lower(TALLOC_CTX *ctx, struct fold *fold, const uint8_t *text, size_t length)
{
    // A character grows by at most one octet (U+023A), three are the worst imaginable.
    fold_room(ctx, fold, length * 3 + 8);
    fold->length = 0;
    for (size_t i = 0; i < length;) {
        ucs4_t c;
        int n = u8_mbtouc(&c, text + i, length - i);
        i += (size_t)n;
        n = u8_uctomb((uint8_t *)fold->data + fold->length, uc_tolower(c),
                      (ptrdiff_t)(fold->capacity - fold->length));
        fold->length += (size_t)n;
    }
}

// One round of mapping, normalisation and squeezing. Returns true if it changed anything.
static bool fold_round(TALLOC_CTX *ctx, struct fold *fold, const uint8_t *text, size_t length, bool exact,
                       enum fold_ends ends)
{
    if (exact) {
        fold_room(ctx, fold, length + 1);
        memcpy(fold->data, text, length);
        fold->length = length;
    } else {
        map_lower(ctx, fold, text, length);
    }
    size_t n = 0;
    uint8_t *normal = u8_normalize(UNINORM_NFKC, (uint8_t *)fold->data, fold->length, NULL, &n);
    if (normal == NULL)
        abort();
    fold_room(ctx, fold, n + 1);
    memcpy(fold->data, normal, n);
    free(normal);
    fold->length = squeeze(fold->data, n, ends);
    return fold->length != length || memcmp(fold->data, text, length) != 0;
}

void fold_text(TALLOC_CTX *ctx, struct fold *fold, const char *text, size_t length, bool exact,
               enum fold_ends ends)
{
    unsigned char high = 0;
    for (size_t i = 0; i < length; i++)
        high |= (unsigned char)text[i];
    if (high < 0x80 || u8_check((const uint8_t *)text, length) != NULL) {
        copy_ascii(ctx, fold, text, length, exact);
        fold->length = squeeze(fold->data, fold->length, ends);
        fold->data[fold->length] = '\0';
        return;
    }
    // NFKC may bring forth new capitals (U+2121) and new spaces, so it goes on until nothing moves any more.
    char *before = talloc_strndup(ctx, "", 0);
    bool changed = fold_round(ctx, fold, (const uint8_t *)text, length, exact, ends);
    for (int round = 0; changed && round < 8; round++) {
        before = talloc_realloc(ctx, before, char, fold->length + 1);
        if (before == NULL)
            abort();
        size_t n = fold->length;
        memcpy(before, fold->data, n);
        changed = fold_round(ctx, fold, (const uint8_t *)before, n, exact, ends);
    }
    talloc_free(before);
    fold->data[fold->length] = '\0';
}
