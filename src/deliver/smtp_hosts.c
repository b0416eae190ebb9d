// SPDX-License-Identifier: Apache-2.0
#include "smtp_hosts.h"

#include <ctype.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"

// A relay that is down for a moment should be back soon; one that is down for a day should not cost every
// message a timeout.
#define HOST_DEAD_FIRST (10 * CLOCK_SECOND)
#define HOST_DEAD_MOST (5 * CLOCK_MINUTE)

int smtp_default_port(int tls)
{
    return tls == CONFIG_TLS_IMPLICIT ? 465 : tls == CONFIG_TLS_STARTTLS ? 587 : 25;
}

static bool port_parse(const char *text, size_t length, int *port)
{
    long number = 0;
    if (length == 0 || length > 5)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        number = number * 10 + (text[i] - '0');
    }
    *port = (int)number;
    return number >= 1 && number <= 65535;
}

static bool name_is_sound(const char *name, size_t length, bool bracketed)
{
    if (length == 0 || length > 255)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        bool fits = bracketed ? isxdigit(c) || c == ':' || c == '.'
                              : isalnum(c) || c == '.' || c == '-' || c == '_' || c >= 0x80;
        if (!fits)
            return false;
    }
    return bracketed || name[0] != '-';
}

// One "name", "name:port", "[address]" or "[address]:port".
static int host_parse(TALLOC_CTX *ctx, const char *text, size_t length, int default_port,
                      struct smtp_host *host, struct error *err)
{
    const char *name = text, *rest, *end = text + length;
    bool bracketed = length > 0 && text[0] == '[';
    if (bracketed) {
        name = text + 1;
        rest = memchr(name, ']', (size_t)(end - name));
        if (!rest)
            return error_set(err, "\"%.*s\": the bracket after the address is missing", (int)length, text);
    } else {
        rest = memchr(text, ':', length);
        if (!rest)
            rest = end;
        else if (memchr(rest + 1, ':', (size_t)(end - rest - 1)))
            return error_set(err, "\"%.*s\": an IPv6 address stands in brackets, as in \"[::1]:25\"",
                             (int)length, text);
    }
    size_t name_length = (size_t)(rest - name);
    if (!name_is_sound(name, name_length, bracketed))
        return error_set(err, "\"%.*s\" is not a host name or address", (int)length, text);
    if (bracketed)
        rest++;
    host->port = default_port;
    if (rest < end && (*rest != ':' || !port_parse(rest + 1, (size_t)(end - rest - 1), &host->port)))
        return error_set(err, "\"%.*s\": the port must be a number from 1 to 65535", (int)length, text);

    host->name = talloc_strndup(ctx, name, name_length);
    host->label = talloc_asprintf(ctx, bracketed ? "[%s]:%d" : "%s:%d", host->name, host->port);
    if (!host->name || !host->label)
        return error_set(err, "out of memory");
    return 0;
}

int smtp_hosts_parse(TALLOC_CTX *ctx, const char *text, int default_port, struct smtp_hosts *hosts,
                     struct error *err)
{
    *hosts = (struct smtp_hosts){ 0 };
    for (const char *at = text; at && *at;) {
        size_t length = strcspn(at, ";");
        const char *next = at[length] ? at + length + 1 : at + length;
        while (length > 0 && isspace((unsigned char)*at))
            at++, length--;
        while (length > 0 && isspace((unsigned char)at[length - 1]))
            length--;
        if (length > 0) {
            hosts->items = talloc_realloc(ctx, hosts->items, struct smtp_host, hosts->count + 1);
            if (!hosts->items)
                return error_set(err, "out of memory");
            hosts->items[hosts->count] = (struct smtp_host){ 0 };
            if (host_parse(ctx, at, length, default_port, &hosts->items[hosts->count], err) < 0)
                return error_prepend(err, "hosts: ");
            hosts->count++;
        }
        at = next;
    }
    return hosts->count > 0 ? 0 : error_set(err, "hosts: no host is given");
}

int smtp_hosts_next(const struct smtp_hosts *hosts, const bool *tried, int64_t now)
{
    int soonest = -1;
    for (size_t i = 0; i < hosts->count; i++) {
        if (tried[i])
            continue;
        if (hosts->items[i].dead_until <= now)
            return (int)i;
        if (soonest < 0 || hosts->items[i].dead_until < hosts->items[soonest].dead_until)
            soonest = (int)i;
    }
    for (size_t i = 0; i < hosts->count; i++)
        if (tried[i])
            return -1;
    return soonest;
}

void smtp_hosts_failed(struct smtp_hosts *hosts, size_t host, int64_t now, uint32_t random)
{
    struct smtp_host *it = &hosts->items[host];
    // Several connections to one host fail together: that is one failure.
    if (it->dead_until > now)
        return;
    it->failures++;
    it->dead_until = now + backoff_wait(it->failures, HOST_DEAD_FIRST, HOST_DEAD_MOST, random);
}

void smtp_hosts_worked(struct smtp_hosts *hosts, size_t host)
{
    hosts->items[host].failures = 0;
    hosts->items[host].dead_until = 0;
}
