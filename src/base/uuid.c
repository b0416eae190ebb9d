// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uuid_parse(const char *text, size_t length, struct uuid *uuid)
{
    if (length != UUID_TEXT_SIZE - 1)
        return -1;
    size_t at = 0;
    for (size_t i = 0; i < sizeof uuid->octets; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            if (text[at++] != '-')
                return -1;
        int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
        if (high < 0 || low < 0)
            return -1;
        uuid->octets[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return 0;
}

char *uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE])
{
    char *at = text;
    for (size_t i = 0; i < sizeof uuid->octets; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = "0123456789abcdef"[uuid->octets[i] >> 4];
        *at++ = "0123456789abcdef"[uuid->octets[i] & 15];
    }
    *at = '\0';
    return text;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

bool uuid_is_null(const struct uuid *uuid)
{
    static const struct uuid null;
    return uuid_equal(uuid, &null);
}

void uuid_random(struct uuid *uuid)
{
    size_t got = 0;
    while (got < sizeof uuid->octets) {
        ssize_t more = getrandom(uuid->octets + got, sizeof uuid->octets - got, 0);
        if (more > 0)
            got += (size_t)more;
    }
    uuid->octets[6] = (uint8_t)((uuid->octets[6] & 0x0f) | 0x40); // RFC 4122 §4.4
    uuid->octets[8] = (uint8_t)((uuid->octets[8] & 0x3f) | 0x80);
}
