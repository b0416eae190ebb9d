// SPDX-License-Identifier: Apache-2.0
#include "language.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define RANGES_MOST 16

struct range {
    char tag[LANGUAGE_TAG_SIZE];
    int quality; // thousandths
};

static void list_append(struct language_list *list, const char *tag)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->tags[i], tag) == 0)
            return;
    if (list->count == LANGUAGE_TAGS_MOST)
        return;
    char *text = list->texts[list->count];
    strcpy(text, tag);
    list->tags[list->count++] = text;
    list->tags[list->count] = NULL;
}

// RFC 4647 §3.4: "zh-Hant-CN-x-private" falls back to "zh-Hant-CN", "zh-Hant", "zh"; a single letter goes
// with what follows.
static void list_append_fallbacks(struct language_list *list, const char *tag)
{
    char shorter[LANGUAGE_TAG_SIZE];
    strcpy(shorter, tag);
    for (;;) {
        list_append(list, shorter);
        char *dash = strrchr(shorter, '-');
        if (!dash)
            return;
        *dash = '\0';
        if (dash - shorter >= 2 && dash[-2] == '-')
            dash[-2] = '\0';
    }
}

// language-tag = primary-tag *( "-" subtag ), each of 1 to 8 letters or digits; "_" counts as "-".
static bool read_tag(const char *at, size_t length, char tag[LANGUAGE_TAG_SIZE])
{
    if (length < 2 || length >= LANGUAGE_TAG_SIZE)
        return false;
    size_t run = 0;
    for (size_t i = 0; i < length; i++) {
        tag[i] = at[i] == '_' ? '-' : at[i];
        if (tag[i] != '-' && !isalnum((unsigned char)tag[i]))
            return false;
        run = tag[i] == '-' ? 0 : run + 1;
        if (run > 8 || (run == 0 && (i == 0 || i == length - 1 || tag[i - 1] == '-')))
            return false;
    }
    tag[length] = '\0';
    return isalpha((unsigned char)tag[0]) && isalpha((unsigned char)tag[1]);
}

// qvalue = ( "0" [ "." 0*3DIGIT ] ) | ( "1" [ "." 0*3("0") ] ); anything else counts as 1.
static int read_quality(const char *at, size_t length)
{
    while (length > 0 && (*at == ' ' || *at == '\t')) {
        at++;
        length--;
    }
    if (length < 3 || strncasecmp(at, "q=", 2) != 0 || at[2] != '0')
        return 1000;
    int quality = 0, digit = 100;
    for (size_t i = 4; i < length && at[3] == '.' && isdigit((unsigned char)at[i]) && digit > 0;
         i++, digit /= 10)
        quality += (at[i] - '0') * digit;
    return quality;
}

static bool read_range(const char *at, size_t length, struct range *range)
{
    while (length > 0 && isspace((unsigned char)*at)) {
        at++;
        length--;
    }
    const char *semicolon = memchr(at, ';', length);
    size_t tag = semicolon ? (size_t)(semicolon - at) : length;
    range->quality = semicolon ? read_quality(semicolon + 1, length - tag - 1) : 1000;
    while (tag > 0 && isspace((unsigned char)at[tag - 1]))
        tag--;
    return range->quality > 0 && read_tag(at, tag, range->tag);
}

void language_list_add(struct language_list *list, const char *wanted)
{
    struct range ranges[RANGES_MOST];
    size_t count = 0;
    for (const char *at = wanted; at && *at && count < RANGES_MOST;) {
        size_t length = strcspn(at, ",");
        if (read_range(at, length, &ranges[count]))
            count++;
        at += length + (at[length] == ',');
    }
    // Stable: of two equally wanted the first comes first.
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && ranges[j - 1].quality < ranges[j].quality; j--) {
            struct range swap = ranges[j];
            ranges[j] = ranges[j - 1];
            ranges[j - 1] = swap;
        }
    for (size_t i = 0; i < count; i++)
        list_append_fallbacks(list, ranges[i].tag);
}
