// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>

#include "base/clock.h"
#include "base/text.h"
#include "certificate.h"
#include "connect.h"
#include "directory/session.h"
#include "socket.h"

// How long the second connection may take that is made only to see why the first one failed.
#define LOOK_MOST (5 * CLOCK_SECOND)

// RFC 4511 §4.14. The guard is on: a peer that sends half an answer would hold up libldap, for the descriptor
// blocks.
static int request_start_tls(struct connection *connection, struct error *err)
{
    LDAPMessage *answer = NULL;
    int msgid, result = ldap_start_tls(connection->ld, NULL, NULL, &msgid);
    if (result != LDAP_SUCCESS)
        return error_set_code(err, SESSION_UNREACHABLE, "StartTLS: %s", ldap_err2string(result));
    if (connection_wait(connection, msgid, "StartTLS", &answer, err) != 0)
        return -1;
    int code = LDAP_OTHER;
    if (ldap_parse_result(connection->ld, answer, &code, NULL, NULL, NULL, NULL, 1) != LDAP_SUCCESS)
        code = LDAP_DECODING_ERROR;
    if (code == LDAP_SUCCESS)
        return 0;
    char *words = session_explain(NULL, connection->ld, code);
    error_set_code(err, SESSION_TLS, "the server refuses StartTLS: %s. It must have a certificate (OpenLDAP: "
                   "TLSCertificateFile); only tls = \"none\" goes on without encryption", words);
    talloc_free(words);
    return -1;
}

static bool says(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

// The server's certificate, fetched over a connection of its own that verifies nothing and says nothing.
static struct certificate *look_at_certificate(TALLOC_CTX *ctx, const struct connection *failed)
{
    struct connection look = { .config = failed->config, .uri = failed->uri, .fd = -1,
                               .deadline = clock_monotonic() + LOOK_MOST };
    struct certificate *certificate = NULL;
    struct berval der = { 0, NULL };
    struct error ignored;
    if (connection_begin(&look, false, &ignored) == 0) {
        socket_guard_begin(look.fd, look.deadline);
        if ((look.implicit || request_start_tls(&look, &ignored) == 0) &&
            ldap_install_tls(look.ld) == LDAP_SUCCESS &&
            ldap_get_option(look.ld, LDAP_OPT_X_TLS_PEERCERT, &der) == LDAP_OPT_SUCCESS && der.bv_val != NULL)
            certificate = certificate_parse(ctx, der.bv_val, der.bv_len);
        socket_guard_end();
    }
    ldap_memfree(der.bv_val);
    connection_close(&look);
    return certificate;
}

static void explain_certificate(const struct connection *connection, const char *said, struct error *err)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    const struct certificate *certificate = look_at_certificate(ctx, connection);
    const char *host = connection->url->lud_host != NULL && *connection->url->lud_host != '\0'
                           ? connection->url->lud_host
                           : "localhost";
    if (certificate == NULL)
        error_set_code(err, SESSION_TLS,
                       "the server's certificate was not accepted (%s); check tls_ca_file, the "
                       "certificate's dates and its names",
                       said);
    else
        error_set_code(
            err, SESSION_TLS, "%s",
            certificate_explain(ctx, certificate, host, connection->config->tls_ca_file, clock_now()));
    talloc_free(ctx);
}

// libldap's text is GnuTLS's or OpenSSL's. With GnuTLS every doubt about a certificate, its name too, is
// "(unknown error code)".
static int explain_handshake(struct connection *connection, bool timed_out, struct error *err)
{
    char *raw = NULL;
    ldap_get_option(connection->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &raw);
    char *said = text_clean(NULL, raw != NULL ? raw : "", raw != NULL ? strlen(raw) : 0, 300);
    bool implicit = connection->implicit;
    ldap_memfree(raw);
    if (timed_out)
        error_set_code(err, SESSION_UNREACHABLE,
                       "TLS handshake: no answer in time; check that the server speaks TLS on this port%s",
                       implicit ? " (ldaps:// is usually port 636, ldap:// with StartTLS port 389)" : "");
    else if (says(said, "unknown error code") || says(said, "verif") || says(said, "does not match") ||
             says(said, "unable to get CN"))
        explain_certificate(connection, said, err);
    else if (says(said, "unexpected TLS packet") || says(said, "wrong version number") ||
             says(said, "packet length") || says(said, "unsupported version packet"))
        error_set_code(err, SESSION_TLS, "TLS handshake: what the server sent is not TLS (%s)%s", said,
                       implicit ? "; if this is its plain port, write ldap:// in uri and set tls = "
                                  "\"starttls\""
                                : "");
    else if (says(said, "non-properly terminated") || says(said, "pull function") ||
             says(said, "unexpected eof") || says(said, "push function") || *said == '\0')
        error_set_code(err, SESSION_TLS,
                       "TLS handshake: the server closed the connection (%s); check that this is its TLS "
                       "port%s, that it has a certificate, whether it asks for one of ours (tls_cert_file), "
                       "and tls_min_version",
                       *said != '\0' ? said : "no reason given",
                       implicit ? " (else ldap:// with tls = \"starttls\")" : "");
    else if (says(said, "alert") || says(said, "handshake failure") || says(said, "protocol version"))
        error_set_code(err, SESSION_TLS,
                       "TLS handshake: the server refused (%s); check tls_min_version and whether it asks "
                       "for a client certificate (tls_cert_file)",
                       said);
    else
        error_set_code(err, SESSION_TLS, "TLS handshake: %s", said);
    talloc_free(said);
    return -1;
}

// libldap's GnuTLS flavour takes LDAP_OPT_X_TLS_PROTOCOL_MIN and ignores it (and leaks with a priority
// string), so the version that was agreed on, "TLS1.2" or "TLSv1.3", is looked at before anything is sent.
static int check_version(struct connection *connection, struct error *err)
{
    char *version = NULL;
    ldap_get_option(connection->ld, LDAP_OPT_X_TLS_VERSION, &version);
    bool good = version != NULL && (strstr(version, "1.3") != NULL || (strstr(version, "1.2") != NULL &&
                                    connection->config->tls_min_version == CONFIG_TLS_1_2));
    if (!good)
        error_set_code(err, SESSION_TLS,
                       "the server offers no better than %s, which is older than tls_min_version",
                       version != NULL ? version : "an unknown version of TLS");
    ldap_memfree(version);
    return good ? 0 : -1;
}

int connection_secure(struct connection *connection, struct error *err)
{
    if (!connection->implicit && !connection->starttls)
        return 0;
    socket_guard_begin(connection->fd, connection->deadline);
    if (connection->starttls && request_start_tls(connection, err) != 0) {
        socket_guard_end();
        return -1;
    }
    int result = ldap_install_tls(connection->ld);
    bool timed_out = socket_guard_end();
    if (result != LDAP_SUCCESS || timed_out)
        return explain_handshake(connection, timed_out, err);
    connection->encrypted = true;
    connection->answered = false;
    return check_version(connection, err);
}
