// SPDX-License-Identifier: Apache-2.0
#include "source/cookie.h"

#include <stdlib.h>
#include <string.h>

// "YYYYmmddHHMMSS.uuuuuuZ#CCCCCC#SSS#MMMMMM"
#define CSN_LENGTH 40
#define CSN_SID_OFFSET 30
#define CSN_SID_LENGTH 3

#define RID_NONE (-1)
#define RID_MOST 999

struct csn {
    char text[CSN_LENGTH + 1]; // hex digits in lower case, so that equal CSNs are equal texts
};

struct cookie {
    int rid;
    struct csn *csns; // one per SID, ordered by SID
    size_t count;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int csn_parse(const char *text, size_t length, struct csn *csn)
{
    static const char shape[] = "dddddddddddddd.ddddddZ#xxxxxx#xxx#xxxxxx";

    if (length != CSN_LENGTH)
        return -1;
    for (size_t i = 0; i < CSN_LENGTH; i++) {
        char c = text[i];
        if (shape[i] == 'x' && c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        bool fits = shape[i] == 'd'   ? is_digit(c)
                    : shape[i] == 'x' ? is_digit(c) || (c >= 'a' && c <= 'f')
                                      : c == shape[i];
        if (!fits)
            return -1;
        csn->text[i] = c;
    }
    csn->text[CSN_LENGTH] = '\0';
    return 0;
}

static int csn_compare_sid(const struct csn *a, const struct csn *b)
{
    return memcmp(a->text + CSN_SID_OFFSET, b->text + CSN_SID_OFFSET, CSN_SID_LENGTH);
}

// By SID, the newest of a SID first.
static int csn_compare(const void *left, const void *right)
{
    const struct csn *a = left, *b = right;
    int order = csn_compare_sid(a, b);
    return order != 0 ? order : -strcmp(a->text, b->text);
}

static void cookie_tidy(struct cookie *cookie)
{
    size_t kept = 0;

    if (cookie->count < 2)
        return;
    qsort(cookie->csns, cookie->count, sizeof(*cookie->csns), csn_compare);
    for (size_t i = 1; i < cookie->count; i++) {
        if (csn_compare_sid(&cookie->csns[kept], &cookie->csns[i]) != 0)
            cookie->csns[++kept] = cookie->csns[i];
    }
    cookie->count = kept + 1;
}

static int cookie_parse_rid(struct cookie *cookie, const char *text, size_t length)
{
    int rid = 0;

    if (length < 1 || length > 3)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i]))
            return -1;
        rid = rid * 10 + (text[i] - '0');
    }
    cookie->rid = rid;
    return 0;
}

static int cookie_parse_csns(struct cookie *cookie, const char *text, size_t length)
{
    // "csn=" with nothing behind it comes from a provider that has never seen a write.
    while (length > 0) {
        const char *semicolon = memchr(text, ';', length);
        size_t part = semicolon ? (size_t)(semicolon - text) : length;
        if (csn_parse(text, part, &cookie->csns[cookie->count]) < 0)
            return -1;
        cookie->count++;
        text += part;
        length -= part;
        if (semicolon) {
            text++;
            length--;
        }
    }
    return 0;
}

// A comma-separated list of KEY=VALUE; unknown keys ("sid", "delcsn") are left out. NULL when malformed.
static struct cookie *cookie_parse(TALLOC_CTX *ctx, const char *text)
{
    struct cookie *cookie = talloc_zero(ctx, struct cookie);

    cookie->rid = RID_NONE;
    cookie->csns = talloc_array(cookie, struct csn, strlen(text) / CSN_LENGTH + 1);
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        const char *equals = memchr(text, '=', length);
        if (!equals || equals == text)
            goto malformed;
        size_t key = (size_t)(equals - text);
        const char *value = equals + 1;
        size_t value_length = length - key - 1;
        if (key == 3 && memcmp(text, "rid", 3) == 0 && cookie_parse_rid(cookie, value, value_length) < 0)
            goto malformed;
        if (key == 3 && memcmp(text, "csn", 3) == 0 && cookie_parse_csns(cookie, value, value_length) < 0)
            goto malformed;
        text += length;
        if (*text == ',' && *++text == '\0')
            goto malformed;
    }
    cookie_tidy(cookie);
    return cookie;

malformed:
    talloc_free(cookie);
    return NULL;
}

static char *cookie_format(TALLOC_CTX *ctx, const struct cookie *cookie)
{
    if (cookie->count == 0)
        return NULL;
    // A cookie without rid makes slapd reload everything without a word.
    char *text = talloc_asprintf(ctx, "rid=%03d,csn=", cookie->rid == RID_NONE ? 0 : cookie->rid);
    for (size_t i = 0; i < cookie->count; i++)
        text = talloc_asprintf_append_buffer(text, "%s%s", i > 0 ? ";" : "", cookie->csns[i].text);
    return text;
}

char *cookie_merge(TALLOC_CTX *ctx, const char *ours, const char *theirs)
{
    TALLOC_CTX *scratch = talloc_new(NULL);
    struct cookie *a = ours ? cookie_parse(scratch, ours) : NULL;
    struct cookie *b = theirs ? cookie_parse(scratch, theirs) : NULL;
    struct cookie merged = { .rid = RID_NONE };
    char *text;

    merged.csns = talloc_array(scratch, struct csn, (a ? a->count : 0) + (b ? b->count : 0) + 1);
    for (int i = 0; i < 2; i++) {
        const struct cookie *from = i == 0 ? a : b;
        if (!from)
            continue;
        if (from->count > 0)
            memcpy(merged.csns + merged.count, from->csns, from->count * sizeof(*from->csns));
        merged.count += from->count;
        if (merged.rid == RID_NONE)
            merged.rid = from->rid;
    }
    cookie_tidy(&merged);
    text = cookie_format(ctx, &merged);
    talloc_free(scratch);
    return text;
}

char *cookie_to_send(TALLOC_CTX *ctx, const char *stored)
{
    return cookie_merge(ctx, stored, NULL);
}

bool cookie_is_sound(const char *text)
{
    struct cookie *cookie = text ? cookie_parse(NULL, text) : NULL;
    bool sound = cookie && cookie->rid != RID_NONE && cookie->count > 0;

    talloc_free(cookie);
    return sound;
}

static const struct csn *cookie_find(const struct cookie *cookie, const struct csn *like)
{
    for (size_t i = 0; cookie && i < cookie->count; i++) {
        if (csn_compare_sid(&cookie->csns[i], like) == 0)
            return &cookie->csns[i];
    }
    return NULL;
}

char *cookie_regression(TALLOC_CTX *ctx, const char *ours, const char *theirs)
{
    TALLOC_CTX *scratch = talloc_new(NULL);
    const struct cookie *a = ours ? cookie_parse(scratch, ours) : NULL;
    const struct cookie *b = theirs ? cookie_parse(scratch, theirs) : NULL;
    char *sid = NULL;

    for (size_t i = 0; a && i < a->count && !sid; i++) {
        const struct csn *other = cookie_find(b, &a->csns[i]);
        if (!other || strcmp(other->text, a->csns[i].text) < 0)
            sid = talloc_strndup(ctx, a->csns[i].text + CSN_SID_OFFSET, CSN_SID_LENGTH);
    }
    talloc_free(scratch);
    return sid;
}

bool cookie_is_past(const char *text, const char *csn_text, size_t csn_length)
{
    struct csn csn;

    if (!text || csn_parse(csn_text, csn_length, &csn) < 0)
        return false;
    struct cookie *cookie = cookie_parse(NULL, text);
    const struct csn *known = cookie_find(cookie, &csn);
    bool past = known && strcmp(csn.text, known->text) < 0;
    talloc_free(cookie);
    return past;
}

bool cookie_is_behind(const char *text, const char *const *csns, size_t count)
{
    struct cookie *cookie = text ? cookie_parse(NULL, text) : NULL;
    bool behind = false;

    for (size_t i = 0; i < count && !behind; i++) {
        struct csn csn;
        if (csn_parse(csns[i], strlen(csns[i]), &csn) < 0)
            continue;
        const struct csn *known = cookie_find(cookie, &csn);
        behind = !known || strcmp(csn.text, known->text) > 0;
    }
    talloc_free(cookie);
    return behind;
}
