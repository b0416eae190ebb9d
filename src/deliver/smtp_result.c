// SPDX-License-Identifier: Apache-2.0
#include "smtp_result.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *const step_names[SMTP_STEP_COUNT] = {
    [SMTP_STEP_RESOLVE] = "resolve",   [SMTP_STEP_CONNECT] = "connect",
    [SMTP_STEP_GREETING] = "greeting", [SMTP_STEP_HELLO] = "hello",
    [SMTP_STEP_TLS] = "tls",           [SMTP_STEP_LOGIN] = "login",
    [SMTP_STEP_SENDER] = "sender",     [SMTP_STEP_RECIPIENT] = "recipient",
    [SMTP_STEP_DATA] = "data",         [SMTP_STEP_CONTENT] = "content",
    [SMTP_STEP_DONE] = "done",
};

const char *smtp_step_name(enum smtp_step step)
{
    return (unsigned)step < SMTP_STEP_COUNT ? step_names[step] : "unknown";
}

// RFC 4954 §6: these speak of the login, not of the message.
static bool code_wants_login(int code)
{
    return code == 530 || code == 534 || code == 535 || code == 538;
}

struct smtp_verdict smtp_judge(const struct smtp_evidence *evidence)
{
    int code = evidence->code;
    switch (evidence->refusal) {
    case SMTP_REFUSAL_NONE:
        break;
    case SMTP_REFUSAL_NO_LOGIN:
        return (struct smtp_verdict){ .outcome = TRANSPORT_DOWN, .host_failed = true };
    case SMTP_REFUSAL_UTF8:
    case SMTP_REFUSAL_SIZE:
    case SMTP_REFUSAL_ADDRESS:
        return (struct smtp_verdict){ .outcome = TRANSPORT_PERMANENT, .usable = true };
    }
    if (evidence->step <= SMTP_STEP_LOGIN)
        return (struct smtp_verdict){ .outcome = TRANSPORT_DOWN, .host_failed = true };
    if (evidence->step == SMTP_STEP_DONE)
        return (struct smtp_verdict){ .outcome = TRANSPORT_ACCEPTED, .usable = true };
    if (evidence->step == SMTP_STEP_CONTENT) {
        // Without a word from the server it may have the message or not: at least once means once more, but
        // not at once.
        if (code / 100 == 2)
            return (struct smtp_verdict){ .outcome = TRANSPORT_ACCEPTED, .usable = true };
        return (struct smtp_verdict){ .outcome = code / 100 == 5 ? TRANSPORT_PERMANENT : TRANSPORT_TEMPORARY,
                                      .usable = (code / 100 == 4 && code != 421) || code / 100 == 5 };
    }
    // Nothing of the message has left yet.
    if (code == 0 || code == 421)
        return (struct smtp_verdict){ .outcome = TRANSPORT_TEMPORARY,
                                      .again = evidence->reused,
                                      .host_failed = !evidence->reused };
    if (code_wants_login(code))
        return (struct smtp_verdict){ .outcome = TRANSPORT_DOWN, .host_failed = true };
    if (code / 100 == 4)
        return (struct smtp_verdict){ .outcome = TRANSPORT_TEMPORARY, .usable = true };
    if (code / 100 == 5 && code != 503) // 503: the two sides disagree on where they are
        return (struct smtp_verdict){ .outcome = TRANSPORT_PERMANENT, .usable = true };
    return (struct smtp_verdict){ .outcome = TRANSPORT_TEMPORARY }; // a reply that makes no sense here
}

static bool says(const char *words, const char *what)
{
    return words && strcasestr(words, what) != NULL;
}

// X509_V_ERR_… by number: the headers of the TLS library are libcurl's business.
static const char *advice_on_certificate(const struct smtp_evidence *evidence)
{
    switch (evidence->verify) {
    case 9:
        return "its certificate is not valid yet: check the clocks of both machines";
    case 10:
        return "its certificate has expired: renew it on the server";
    case 18:
        return "its certificate is self-signed: name it, or the authority that should sign it, in "
               "tls_ca_file";
    case 2:
    case 19:
    case 20:
    case 21:
        return "its certificate comes from an authority that is not known here: name that in tls_ca_file";
    case 23:
        return "its certificate has been revoked";
    case 62:
    case 63:
    case 64:
        return "its certificate is for another name: use a name that the certificate has in hosts";
    default:
        break;
    }
    if (says(evidence->curl_words, "expired"))
        return "its certificate has expired: renew it on the server";
    if (says(evidence->curl_words, "subject name") || says(evidence->curl_words, "does not match"))
        return "its certificate is for another name: use a name that the certificate has in hosts";
    return "its certificate cannot be verified: name the authority that signed it in tls_ca_file";
}

static const char *advice_on_tls(const struct smtp_evidence *evidence)
{
    switch (evidence->curl) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return advice_on_certificate(evidence);
    case CURLE_SSL_CACERT_BADFILE:
        return "tls_ca_file cannot be read or holds no certificate";
    case CURLE_SSL_CERTPROBLEM:
        return "tls_cert_file or tls_key_file cannot be read, or they do not belong together";
    case CURLE_USE_SSL_FAILED:
        return evidence->code >= 400 ? "the server refused STARTTLS"
                                     : "the server offers no STARTTLS here: check the port, or tls";
    default:
        break;
    }
    if (evidence->tls == CONFIG_TLS_IMPLICIT
        && (says(evidence->curl_words, "wrong version number")
            || says(evidence->curl_words, "unexpected TLS packet")
            || says(evidence->curl_words, "packet length too long")))
        return "the server does not begin with TLS on this port: use tls = \"starttls\" (ports 25, 587), or "
               "port 465";
    if (evidence->timed_out)
        return "no TLS handshake in time: does this port begin with TLS? else use tls = \"starttls\"";
    return "the TLS handshake failed: check tls, tls_min_version and the certificates on both sides";
}

static const char *advice_on_connection(const struct smtp_evidence *evidence)
{
    if (evidence->timed_out)
        return "no answer in time: check the host's name, the port and the firewalls between";
    switch (evidence->os_error) {
    case ECONNREFUSED:
        return "nobody listens there: check the port and that the server runs";
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "there is no route to it";
    case EACCES:
    case EPERM:
        return "a firewall on this machine forbids it";
    default:
        return "the connection cannot be made: check host and port";
    }
}

static const char *advice_on_refusal(enum smtp_refusal refusal)
{
    switch (refusal) {
    case SMTP_REFUSAL_NO_LOGIN:
        return "the server offers no login (AUTH) here, though user is set: check port and tls, or take user "
               "away";
    case SMTP_REFUSAL_UTF8:
        return "the address has characters beyond ASCII before the @, and the server does not offer SMTPUTF8 "
               "(RFC 6531)";
    case SMTP_REFUSAL_SIZE:
        return "the message is larger than the server takes";
    case SMTP_REFUSAL_ADDRESS:
        return "the address is not one that may be sent to";
    case SMTP_REFUSAL_NONE:
        break;
    }
    return "";
}

static const char *advice(const struct smtp_evidence *evidence)
{
    switch (evidence->step) {
    case SMTP_STEP_RESOLVE:
        return evidence->timed_out ? "no answer from the name servers in time"
                                   : "the name cannot be resolved: check hosts and the name servers";
    case SMTP_STEP_CONNECT:
        return advice_on_connection(evidence);
    case SMTP_STEP_GREETING:
        if (evidence->code)
            return "the server is not ready for us";
        return evidence->tls == CONFIG_TLS_IMPLICIT
                   ? "TLS works, but the server did not greet: is this an SMTP server?"
                   : "the server did not greet: if this port begins with TLS (465), use tls = \"implicit\"";
    case SMTP_STEP_HELLO:
        return evidence->code ? "the server refused our name: check helo"
                              : "the connection was lost during EHLO";
    case SMTP_STEP_TLS:
        return advice_on_tls(evidence);
    case SMTP_STEP_LOGIN:
        return evidence->code / 100 == 4 ? "the server cannot check the login at the moment"
               : evidence->code
                   ? "the login was refused: check user and password"
                   : "the login failed: the server may offer none of the methods that are known here";
    case SMTP_STEP_SENDER:
        return code_wants_login(evidence->code)
                   ? "the server wants a login, or TLS before it: set user and password_file, or tls"
                   : "the sender was refused: check from and envelope_from";
    case SMTP_STEP_RECIPIENT:
        return code_wants_login(evidence->code)
                   ? "the server wants a login, or TLS before it: set user and password_file, or tls"
                   : "the recipient was refused";
    case SMTP_STEP_DATA:
        return "the server did not want the message";
    case SMTP_STEP_CONTENT:
        return evidence->code / 100 == 2 ? "accepted" : "the message was refused";
    default:
        return "accepted";
    }
}

char *smtp_explain(TALLOC_CTX *ctx, const struct smtp_evidence *evidence, const char *host)
{
    if (evidence->refusal)
        return talloc_asprintf(ctx, "%s: %s", host, advice_on_refusal(evidence->refusal));
    if (evidence->code && evidence->text)
        return talloc_asprintf(ctx, "%s: %s: %s", host, advice(evidence), evidence->text);
    if (evidence->step > SMTP_STEP_LOGIN) {
        const char *how = evidence->timed_out ? "no reply in time" : "the connection was lost";
        return evidence->step == SMTP_STEP_CONTENT
                   ? talloc_asprintf(
                       ctx, "%s: %s after the message was sent: it is not known whether the server took it",
                       host, how)
                   : talloc_asprintf(ctx, "%s: %s at step %s", host, how, smtp_step_name(evidence->step));
    }
    // In the dialogue libcurl has nothing to add but the errno of a read.
    bool dialogue = evidence->step == SMTP_STEP_GREETING || evidence->step == SMTP_STEP_HELLO;
    if (evidence->curl_words && *evidence->curl_words && !dialogue)
        return talloc_asprintf(ctx, "%s: %s (%s)", host, advice(evidence), evidence->curl_words);
    return talloc_asprintf(ctx, "%s: %s", host, advice(evidence));
}
