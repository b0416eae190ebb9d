// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SMTP_ENVELOPE_H
#define LDAPNOTIFY_DELIVER_SMTP_ENVELOPE_H

#include "smtp_reply.h"
#include "smtp_result.h"

// What a transaction says, given what the server offers. Pure.

struct smtp_envelope {
    const char *from, *to; // for the wire: domains in A-labels; from "" is the null reverse-path
    const uint8_t *bytes;
    size_t length;
};

enum smtp_command {
    SMTP_RESET,
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_CONTENT, // no command: the message
    SMTP_ABANDON, // no command: an empty message after a refusal
};

// Why it must not go to this server at all.
enum smtp_refusal smtp_envelope_refusal(const struct smtp_envelope *envelope,
                                        const struct smtp_features *features);
// Writes the command's line with CRLF; returns its length, 0 if it does not fit.
size_t smtp_command_write(enum smtp_command command, const struct smtp_envelope *envelope,
                          const struct smtp_features *features, char *out, size_t room);

#endif
