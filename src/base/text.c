// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "base/clock.h"

static const struct unit {
    const char *suffix, *word;
    int64_t milliseconds;
} units[] = {
    { "w", "week", 7 * CLOCK_DAY }, { "d", "day", CLOCK_DAY },       { "h", "hour", CLOCK_HOUR },
    { "m", "minute", CLOCK_MINUTE }, { "s", "second", CLOCK_SECOND }, { "ms", "millisecond", 1 },
};

// The decimal number at the start of `text`; *rest is what follows. -1 if there is none or it is too large.
static int64_t text_number(const char *text, const char **rest)
{
    if (!isdigit((unsigned char)*text))
        return -1;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *rest = end;
    return errno ? -1 : number;
}

int text_parse_duration(const char *text, int64_t *milliseconds, struct error *err)
{
    const char *rest = "";
    int64_t number = text_number(text, &rest);
    if (number == 0 && *rest == '\0') {
        *milliseconds = 0;
        return 0;
    }
    for (size_t i = 0; number >= 0 && i < sizeof units / sizeof *units; i++)
        if (strcmp(rest, units[i].suffix) == 0) {
            if (number > INT64_MAX / units[i].milliseconds)
                break;
            *milliseconds = number * units[i].milliseconds;
            return 0;
        }
    return error_set(err, "\"%.80s\" is no duration; write a number and a unit (ms, s, m, h, d, w), such as \"5m\"", text);
}

int text_parse_size(const char *text, int64_t *bytes, struct error *err)
{
    const char *rest = "";
    int64_t number = text_number(text, &rest);
    int shift = -1;
    if (*rest == '\0')
        shift = 0;
    else if (rest[1] == '\0')
        switch (tolower((unsigned char)*rest)) {
        case 'k': shift = 10; break;
        case 'm': shift = 20; break;
        case 'g': shift = 30; break;
        case 't': shift = 40; break;
        default: break;
        }
    if (number < 0 || shift < 0 || number > INT64_MAX >> shift)
        return error_set(err, "\"%.80s\" is no size; write octets or a number with k, M or G, such as \"64M\"", text);
    *bytes = number << shift;
    return 0;
}

char *text_format_duration(TALLOC_CTX *ctx, int64_t milliseconds)
{
    if (milliseconds == 0)
        return talloc_strdup(ctx, "0");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (milliseconds % units[i].milliseconds == 0)
            return talloc_asprintf(ctx, "%lld%s", (long long)(milliseconds / units[i].milliseconds), units[i].suffix);
    return talloc_asprintf(ctx, "%lldms", (long long)milliseconds);
}

char *text_describe_duration(TALLOC_CTX *ctx, int64_t milliseconds)
{
    // The largest unit that does it justice: ten days are not "1 week", ninety seconds not "2 minutes".
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (milliseconds > 0 && (milliseconds % units[i].milliseconds == 0 ||
                                 (i > 0 && milliseconds >= 3 * units[i].milliseconds))) {
            int64_t count = (milliseconds + units[i].milliseconds / 2) / units[i].milliseconds;
            return talloc_asprintf(ctx, "%lld %s%s", (long long)count, units[i].word, count == 1 ? "" : "s");
        }
    return talloc_strdup(ctx, "0 seconds");
}

bool text_is_utf8(const char *text, size_t length)
{
    return u8_check((const uint8_t *)text, length) == NULL;
}

static bool is_control(ucs4_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

// Controls that reorder or hide text (Unicode Standard Annex #9), line separators and the byte order mark.
static bool is_deceptive(ucs4_t c)
{
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0x061c ||
           c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

// How much of it is printable ASCII, which needs no further look.
static size_t plain_length(const char *text, size_t length)
{
    size_t plain = 0;
    while (plain < length && text[plain] >= 0x20 && text[plain] < 0x7f)
        plain++;
    return plain;
}

bool text_has_control(const char *text, size_t length)
{
    size_t plain = plain_length(text, length);
    const uint8_t *at = (const uint8_t *)text + plain;
    length -= plain;
    while (length > 0) {
        ucs4_t c;
        int used = u8_mbtoucr(&c, at, length);
        if (used < 1) {
            c = *at;
            used = 1;
            if (c < 0x20)
                return true;
        } else if (is_control(c)) {
            return true;
        }
        at += used;
        length -= (size_t)used;
    }
    return false;
}

char *text_clean(TALLOC_CTX *ctx, const char *text, size_t length, size_t limit)
{
    static const char ellipsis[] = "\u2026", replacement[] = "\ufffd";
    // A bad octet grows to three; nothing else grows.
    char *clean = talloc_array(ctx, char, length * 3 + sizeof ellipsis);
    if (!clean)
        return NULL;
    size_t out = plain_length(text, limit && limit < length ? limit : length);
    memcpy(clean, text, out);
    const uint8_t *at = (const uint8_t *)text + out;
    length -= out;
    while (length > 0) {
        ucs4_t c;
        int used = u8_mbtoucr(&c, at, length);
        const char *piece = (const char *)at;
        size_t size = (size_t)(used > 0 ? used : 1);
        if (used < 1) {
            piece = replacement;
            used = 1;
            size = sizeof replacement - 1;
        } else if (is_control(c)) {
            // A line break or tab separated words; without it they would run together.
            bool blank = c == '\n' || c == '\r' || c == '\t';
            piece = " ";
            size = blank && out > 0 && clean[out - 1] != ' ' ? 1 : 0;
        } else if (is_deceptive(c)) {
            size = 0;
        }
        if (limit && out + size > limit) {
            memcpy(clean + out, ellipsis, sizeof ellipsis - 1);
            out += sizeof ellipsis - 1;
            break;
        }
        memcpy(clean + out, piece, size);
        out += size;
        at += used;
        length -= (size_t)used;
    }
    clean[out] = '\0';
    char *fitted = talloc_realloc(ctx, clean, char, out + 1);
    return fitted ? fitted : clean;
}

bool text_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

#define NEAREST_LENGTH 64

static size_t edit_distance(const char *a, const char *b)
{
    size_t previous[NEAREST_LENGTH + 1], current[NEAREST_LENGTH + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        previous[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        current[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t best = previous[j - 1] + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            if (previous[j] + 1 < best)
                best = previous[j] + 1;
            if (current[j - 1] + 1 < best)
                best = current[j - 1] + 1;
            current[j] = best;
        }
        memcpy(previous, current, sizeof previous);
    }
    return previous[width];
}

const char *text_nearest(const char *word, const char *const *list)
{
    const char *nearest = NULL;
    size_t length = strlen(word), best = length / 3 + 2;
    for (; *list && length <= NEAREST_LENGTH; list++) {
        if (strlen(*list) > NEAREST_LENGTH)
            continue;
        size_t distance = edit_distance(word, *list);
        if (distance < best) {
            best = distance;
            nearest = *list;
        }
    }
    return nearest;
}

static bool is_atext(unsigned char c)
{
    return isalnum(c) || c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

// RFC 5321 §4.1.2: Local-part = Dot-string / Quoted-string. Returns what follows it, or NULL.
static const char *skip_local_part(const char *at)
{
    if (*at == '"') {
        for (at++; *at && *at != '"'; at++)
            if (*at == '\\' && !*++at)
                return NULL;
        return *at == '"' ? at + 1 : NULL;
    }
    for (;;) {
        const char *start = at;
        while (is_atext((unsigned char)*at))
            at++;
        if (at == start)
            return NULL;
        if (*at != '.')
            return at;
        at++;
    }
}

static bool is_domain(const char *at)
{
    size_t length = strlen(at);
    if (*at == '[') // address-literal
        return length > 2 && at[length - 1] == ']' && strspn(at + 1, "0123456789abcdefABCDEFIPvl:.") == length - 2;
    for (;;) {
        const char *start = at;
        while (isalnum((unsigned char)*at) || (unsigned char)*at >= 0x80 || *at == '-' || *at == '_')
            at++;
        if (at == start || *start == '-' || at[-1] == '-' || at - start > 63)
            return false;
        if (*at == '\0')
            return true;
        if (*at++ != '.')
            return false;
    }
}

bool text_is_address(const char *text)
{
    if (!text)
        return false;
    size_t length = strlen(text);
    if (length > 254 || !text_is_utf8(text, length) || text_has_control(text, length) || strchr(text, ' '))
        return false;
    const char *at = skip_local_part(text);
    return at && *at == '@' && at - text <= 64 && is_domain(at + 1);
}
