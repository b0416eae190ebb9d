// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SMTP_REPLY_H
#define LDAPNOTIFY_DELIVER_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMTP_REPLY_TEXT_SIZE 512

// A reply on its way in. All zero is the beginning of one.
struct smtp_reply {
    int code; // 200 to 599 once it is complete
    char
        text[SMTP_REPLY_TEXT_SIZE]; // its lines in one, with the code, without control characters, for people
    size_t text_length;
    // private
    char line[SMTP_REPLY_TEXT_SIZE];
    size_t line_length;
    unsigned lines;
};

// Takes octets up to the end of one reply; *used says how many. 1: complete, 0: more is needed, -1: this is
// not SMTP. Begin the next reply with a zeroed struct.
int smtp_reply_feed(struct smtp_reply *reply, const char *data, size_t length, size_t *used);

// What the server offers in its reply to EHLO.
struct smtp_features {
    bool pipelining;   // RFC 2920
    bool eight_bit;    // RFC 6152
    bool utf8;         // RFC 6531
    bool size;         // RFC 1870
    int64_t size_most; // 0: no limit is said
    bool auth;         // RFC 4954
};
// One line of that reply, with its code: "250-SIZE 10240000".
void smtp_features_line(struct smtp_features *features, const char *line, size_t length);

#endif
