// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SMTP_CONNECT_H
#define LDAPNOTIFY_DELIVER_SMTP_CONNECT_H

#include <curl/curl.h>

#include "smtp_hosts.h"
#include "smtp_reply.h"
#include "smtp_result.h"

// The connecting half of a session: tells libcurl what to do, and watches the dialogue to know how far it
// came and what the server offers. Plain data inside struct smtp_session.

struct smtp_connect {
    CURL *easy;
    int tls;
    enum smtp_step step;     // of the last command that went out
    struct smtp_reply reply; // to it
    bool answered;
    bool logged_in;
    struct smtp_features features;
    char words[CURL_ERROR_SIZE];
    char text[SMTP_REPLY_TEXT_SIZE];
};

int smtp_connect_open(struct smtp_connect *connect) MUST_CHECK;
void smtp_connect_close(struct smtp_connect *connect);
int smtp_connect_prepare(struct smtp_connect *connect, const struct config_transport *config,
                         const struct smtp_host *host, struct error *err) MUST_CHECK;
// After it is done: the descriptor, or -1.
curl_socket_t smtp_connect_socket(struct smtp_connect *connect);
// Why it failed. Points into `connect`.
void smtp_connect_evidence(struct smtp_connect *connect, CURLcode code, struct smtp_evidence *evidence);

#endif
