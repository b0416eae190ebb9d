// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SMTP_SESSION_H
#define LDAPNOTIFY_DELIVER_SMTP_SESSION_H

#include "curl_loop.h"
#include "smtp_envelope.h"
#include "smtp_hosts.h"
#include "smtp_result.h"

// One connection to an SMTP server, one message at a time, re-used. libcurl connects (CURLOPT_CONNECT_ONLY:
// names, TCP, TLS, greeting, EHLO, STARTTLS, login) and then carries octets; MAIL, RCPT and DATA are ours,
// pipelined where the server offers it.

struct smtp_session;

// Once per smtp_session_send(), from the loop. The session may be used again at once; it must not be freed
// here. `evidence` and what it points to are gone afterwards.
typedef void smtp_session_done_fn(void *context, struct smtp_session *session,
                                  const struct smtp_evidence *evidence);

// `config` outlives it. talloc_free() ends it.
struct smtp_session *smtp_session_new(TALLOC_CTX *ctx, struct event_base *base, struct curl_loop *loop,
                                      const struct config_transport *config, smtp_session_done_fn *done,
                                      void *context, struct error *err) MUST_CHECK;
// Connects first where there is no connection to this host. `host` outlives the session; `envelope` must stay
// until done.
void smtp_session_send(struct smtp_session *session, const struct smtp_host *host,
                       const struct smtp_envelope *envelope);
// To this host (NULL: to any)?
bool smtp_session_connected(const struct smtp_session *session, const struct smtp_host *host);
// Says QUIT if there is a connection and nothing is under way, and closes it. done() is not called.
void smtp_session_close(struct smtp_session *session);

#endif
