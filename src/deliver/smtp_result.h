// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SMTP_RESULT_H
#define LDAPNOTIFY_DELIVER_SMTP_RESULT_H

#include <stdbool.h>
#include <talloc.h>

#include "deliver/smtp.h"

// What is known when a connection or a transaction has ended; and what follows from it. Pure.

enum smtp_refusal { // by ourselves, before anything reached the server
    SMTP_REFUSAL_NONE,
    SMTP_REFUSAL_NO_LOGIN, // a user is configured and the server offers no AUTH
    SMTP_REFUSAL_UTF8,     // the address needs SMTPUTF8 and the server lacks it
    SMTP_REFUSAL_SIZE,     // larger than the server's SIZE
    SMTP_REFUSAL_ADDRESS,  // the address must not go to the wire
};

struct smtp_evidence {
    enum smtp_step step;    // the last thing that was tried
    int code;               // the reply to just that, 0: none came
    const char *text;       // the reply in words
    int curl;               // CURLcode, when connecting failed
    int os_error;           // errno of that, 0: none
    long verify;            // X509_V_ERR_… of that, 0: none
    const char *curl_words; // what libcurl said
    bool timed_out;         // no reply in time; else the connection was lost
    bool reused;            // the connection had carried a message before
    int tls;                // enum config_tls
    enum smtp_refusal refusal;
};

struct smtp_verdict {
    enum transport_outcome outcome;
    bool host_failed; // leave this host alone for a while and try the next one
    bool again;       // the server had closed an idle connection: at once, on a fresh one
    bool usable;      // the connection may carry the next message (after RSET)
};

struct smtp_verdict smtp_judge(const struct smtp_evidence *evidence);
// One or two sentences for administrators. Owned by `ctx`, never NULL but out of memory.
char *smtp_explain(TALLOC_CTX *ctx, const struct smtp_evidence *evidence, const char *host);

#endif
