// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t fake_now;

static int64_t clock_read(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000000;
}

int64_t clock_now(void)
{
    return fake_now ? fake_now : clock_read(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
    return fake_now ? fake_now : clock_read(CLOCK_MONOTONIC);
}

void clock_set_fake(int64_t now)
{
    fake_now = now;
}

void clock_advance_fake(int64_t by)
{
    fake_now += by;
}

// Exactly `digits` decimal digits from *at; moves *at. -1 if there are fewer.
static int clock_digits(const char **at, const char *end, int digits)
{
    int number = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (*at == end || !isdigit((unsigned char)**at))
            return -1;
        number = number * 10 + (**at - '0');
    }
    return number;
}

// Fraction of a unit of `unit` milliseconds: "." or "," and digits.
static int clock_fraction(const char **at, const char *end, int64_t unit, int64_t *milliseconds)
{
    *milliseconds = 0;
    if (*at == end || (**at != '.' && **at != ','))
        return 0;
    (*at)++;
    if (*at == end || !isdigit((unsigned char)**at))
        return -1;
    double scale = 0.1, fraction = 0;
    for (; *at < end && isdigit((unsigned char)**at); (*at)++, scale /= 10)
        fraction += scale * (**at - '0');
    *milliseconds = (int64_t)(fraction * (double)unit + 0.5);
    return 0;
}

// RFC 4517 §3.3.13:
//   GeneralizedTime = century year month day hour [ minute [ second / leap-second ] ] [ fraction ] g-time-zone
//   g-time-zone = %x5A / ( ( %x2B / %x2D ) hour [ minute ] )
int clock_from_generalized(const char *text, size_t length, int64_t *time)
{
    const char *at = text, *end = text + length;
    int year = clock_digits(&at, end, 4), month = clock_digits(&at, end, 2), day = clock_digits(&at, end, 2);
    int hour = clock_digits(&at, end, 2), minute = 0, second = 0;
    if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23)
        return -1;
    int64_t unit = CLOCK_HOUR;
    if (at < end && isdigit((unsigned char)*at)) {
        minute = clock_digits(&at, end, 2);
        unit = CLOCK_MINUTE;
        if (at < end && isdigit((unsigned char)*at)) {
            second = clock_digits(&at, end, 2);
            unit = CLOCK_SECOND;
        }
    }
    if (minute < 0 || minute > 59 || second < 0 || second > 60)
        return -1;
    int64_t fraction;
    if (clock_fraction(&at, end, unit, &fraction) < 0 || at == end)
        return -1;

    int64_t offset = 0;
    if (*at == 'Z') {
        at++;
    } else if (*at == '+' || *at == '-') {
        int sign = *at++ == '-' ? -1 : 1;
        int hours = clock_digits(&at, end, 2), minutes = at < end ? clock_digits(&at, end, 2) : 0;
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
            return -1;
        offset = sign * (hours * CLOCK_HOUR + minutes * CLOCK_MINUTE);
    } else {
        return -1;
    }
    if (at != end)
        return -1;

    struct tm broken = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute };
    time_t seconds = timegm(&broken) + second; // a leap second would carry into the next day
    if (broken.tm_mday != day)
        return -1; // the 30th of February
    *time = (int64_t)seconds * CLOCK_SECOND + fraction - offset;
    return 0;
}

char *clock_to_iso(int64_t time, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(time >= 0 ? time / CLOCK_SECOND : (time - 999) / CLOCK_SECOND);
    struct tm broken;
    if (!gmtime_r(&seconds, &broken) || strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &broken) == 0)
        snprintf(text, CLOCK_TEXT_SIZE, "?");
    return text;
}
