// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_TESTS_FAKE_SMTP_H
#define LDAPNOTIFY_TESTS_FAKE_SMTP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

// A scripted SMTP server on the loopback interface, inside the test's own loop.

#define FAKE_CUT "cut"       // closes instead of answering
#define FAKE_SILENT "silent" // never answers

enum fake_stage {
    FAKE_GREETING,
    FAKE_EHLO,
    FAKE_AUTH,
    FAKE_MAIL,
    FAKE_RCPT,
    FAKE_DATA,
    FAKE_CONTENT,
    FAKE_STAGES
};

struct fake_smtp {
    // The script; may be changed at any time.
    const char *reply[FAKE_STAGES]; // instead of the usual one; lines without CRLF; "\n" between lines
    int times[FAKE_STAGES];         // how often it holds; 0: for ever
    const char *features;           // EHLO keywords, separated by "\n"; NULL: "PIPELINING\n8BITMIME"
    bool cut_after_content;         // answers the message and closes at once
    // What has happened.
    int port;
    unsigned connections, mails, rcpts, accepted, quits, resets, most_open, open;
    char last_mail[512], last_rcpt[512];
    char *last_content; // as it came, with dots doubled
    size_t last_content_size;
    // private
    struct event_base *base;
    void *listener;
    struct fake_connection *connectees;
};

void fake_smtp_open(struct fake_smtp *fake, struct event_base *base);
// Says `line` on every open connection, unasked, and closes it; NULL: closes only.
void fake_smtp_hang_up(struct fake_smtp *fake, const char *line);
// Nobody listens on the port any more.
void fake_smtp_stop_listening(struct fake_smtp *fake);
void fake_smtp_close(struct fake_smtp *fake);

#endif
