// SPDX-License-Identifier: Apache-2.0
#include "smtp_envelope.h"

#include <stdio.h>

#include "base/text.h"
#include "smtp_content.h"

static bool beyond_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text & 0x80)
            return true;
    return false;
}

static bool needs_utf8(const struct smtp_envelope *envelope)
{
    return beyond_ascii(envelope->from) || beyond_ascii(envelope->to);
}

enum smtp_refusal smtp_envelope_refusal(const struct smtp_envelope *envelope,
                                        const struct smtp_features *features)
{
    if ((*envelope->from && !text_is_address(envelope->from)) || !text_is_address(envelope->to))
        return SMTP_REFUSAL_ADDRESS;
    if (!features->utf8 && needs_utf8(envelope))
        return SMTP_REFUSAL_UTF8;
    if (features->size_most > 0 && envelope->length > (uint64_t)features->size_most)
        return SMTP_REFUSAL_SIZE;
    return SMTP_REFUSAL_NONE;
}

// RFC 5321 §4.1.1.2; parameters: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531).
static int mail_write(const struct smtp_envelope *envelope, const struct smtp_features *features, char *out,
                      size_t room)
{
    char size[40] = "";
    if (features->size)
        snprintf(size, sizeof size, " SIZE=%zu", envelope->length);
    bool eight_bit = features->eight_bit && smtp_content_is_eight_bit(envelope->bytes, envelope->length);
    bool utf8 = features->utf8 && needs_utf8(envelope);
    return snprintf(out, room, "MAIL FROM:<%s>%s%s%s\r\n", envelope->from, size,
                    eight_bit ? " BODY=8BITMIME" : "", utf8 ? " SMTPUTF8" : "");
}

size_t smtp_command_write(enum smtp_command command, const struct smtp_envelope *envelope,
                          const struct smtp_features *features, char *out, size_t room)
{
    int length = 0;
    switch (command) {
    case SMTP_RESET:
        length = snprintf(out, room, "RSET\r\n");
        break;
    case SMTP_MAIL:
        length = mail_write(envelope, features, out, room);
        break;
    case SMTP_RCPT:
        length = snprintf(out, room, "RCPT TO:<%s>\r\n", envelope->to);
        break;
    case SMTP_DATA:
        length = snprintf(out, room, "DATA\r\n");
        break;
    case SMTP_CONTENT:
    case SMTP_ABANDON:
        break;
    }
    return length > 0 && (size_t)length < room ? (size_t)length : 0;
}
