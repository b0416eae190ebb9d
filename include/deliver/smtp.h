// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SMTP_H
#define LDAPNOTIFY_DELIVER_SMTP_H

#include "deliver/transport.h"

// SMTP relays with failover. libcurl opens the connection (names, TLS, EHLO, STARTTLS, login) and carries the
// octets; the mail transaction over it is ours, for libcurl's own one waits for the server's last word
// without giving the loop its turn.

extern const struct transport_ops transport_smtp;

// How far a connection or message has come. TLS comes before the greeting with tls = "implicit".
enum smtp_step {
    SMTP_STEP_RESOLVE,   // the host's name
    SMTP_STEP_CONNECT,   // TCP
    SMTP_STEP_GREETING,  // the server's 220
    SMTP_STEP_HELLO,     // EHLO
    SMTP_STEP_TLS,       // STARTTLS and handshake
    SMTP_STEP_LOGIN,     // AUTH
    SMTP_STEP_SENDER,    // MAIL FROM
    SMTP_STEP_RECIPIENT, // RCPT TO
    SMTP_STEP_DATA,      // DATA
    SMTP_STEP_CONTENT,   // the message itself, up to the server's word on it
    SMTP_STEP_DONE,
    SMTP_STEP_COUNT
};
const char *smtp_step_name(enum smtp_step step); // "sender"

// A test of a transport for `test-mail`: tries its hosts in order, as sending does, and says what became of
// each. It sends one real message.
struct smtp_report {
    const char *host;    // "relay1.example.com:587"
    enum smtp_step step; // where it ended; SMTP_STEP_DONE: the server took the message
    int64_t code;        // the server's last reply, 0: none
    const char *words;   // what was tried, what was said, what to do
    bool last;           // no other host is tried
};
typedef void smtp_report_fn(void *context, const struct smtp_report *report);

struct smtp_test;

// On a loop: `report` is called for each host, from the loop; after the one with `last` set the test may be
// freed (talloc_free(), from inside the report too). `message` (recipient, envelope_from, bytes) and `config`
// must stay until then.
struct smtp_test *smtp_test_start(TALLOC_CTX *ctx, struct event_base *base,
                                  const struct config_transport *config, const struct message *message,
                                  smtp_report_fn *report, void *context, struct error *err) MUST_CHECK;
// The same and waits for it: 0 if a server took the message, -1 if none did; `err` has the last host's words.
int smtp_test(const struct config_transport *config, const struct message *message, smtp_report_fn *report,
              void *context, struct error *err) MUST_CHECK;

#endif
