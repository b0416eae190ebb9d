// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "connect.h"

#include <openldap.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/session.h"
#include "socket.h"

static int set_basic_options(struct connection *connection, struct error *err)
{
    static const int version = LDAP_VERSION3, none = 0, deref = LDAP_DEREF_NEVER;
    static const struct timeval never = { .tv_sec = -1 };
    LDAP *ld = connection->ld;
    // ldap.conf(5) may have set any of these; a NETWORK_TIMEOUT makes libldap spin on a silent TLS peer.
    if (ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_DEREF, &deref) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_SIZELIMIT, &none) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_TIMELIMIT, &none) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &never) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_TIMEOUT, &never) != LDAP_OPT_SUCCESS)
        return error_set_code(err, SESSION_FAILED, "libldap refuses an option that every version has");
    return 0;
}

static const char *system_authorities(LDAP *ld)
{
    static const char *const usual[] = {
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem", NULL,
    };
    char *file = NULL, *directory = NULL;
    bool configured = (ldap_get_option(ld, LDAP_OPT_X_TLS_CACERTFILE, &file) == LDAP_OPT_SUCCESS &&
                       file != NULL) ||
                      (ldap_get_option(ld, LDAP_OPT_X_TLS_CACERTDIR, &directory) == LDAP_OPT_SUCCESS &&
                       directory != NULL);
    ldap_memfree(file);
    ldap_memfree(directory);
    for (const char *const *path = usual; !configured && *path != NULL; path++)
        if (access(*path, R_OK) == 0)
            return *path;
    return NULL;
}

static int set_file(LDAP *ld, int option, const char *name, const char *path, struct error *err)
{
    if (access(path, R_OK) != 0)
        return error_set_code(err, SESSION_TLS,
                              "%s: cannot read %s; check that it exists and that the daemon's user may read "
                              "it",
                              name, path);
    if (ldap_set_option(ld, option, path) != LDAP_OPT_SUCCESS)
        return error_set_code(err, SESSION_TLS, "%s: libldap does not take %s", name, path);
    return 0;
}

static int set_tls_options(struct connection *connection, bool verify, struct error *err)
{
    const struct config_directory *config = connection->config;
    LDAP *ld = connection->ld;
    int require = verify && config->tls_verify ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER, client = 0;
    int least = config->tls_min_version == CONFIG_TLS_1_3 ? LDAP_OPT_X_TLS_PROTOCOL_TLS1_3
                                                          : LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    const char *authorities = config->tls_ca_file != NULL ? config->tls_ca_file : system_authorities(ld);
    if (authorities != NULL && set_file(ld, LDAP_OPT_X_TLS_CACERTFILE, "tls_ca_file", authorities, err) != 0)
        return -1;
    // Else the authorities of ldap.conf's TLS_CACERTDIR would be trusted beside those that were chosen.
    if (config->tls_ca_file != NULL)
        ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTDIR, NULL);
    if (config->tls_cert_file != NULL &&
        set_file(ld, LDAP_OPT_X_TLS_CERTFILE, "tls_cert_file", config->tls_cert_file, err) != 0)
        return -1;
    if (config->tls_key_file != NULL &&
        set_file(ld, LDAP_OPT_X_TLS_KEYFILE, "tls_key_file", config->tls_key_file, err) != 0)
        return -1;
    if (ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &require) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least) != LDAP_OPT_SUCCESS)
        return error_set_code(err, SESSION_TLS, "libldap was built without TLS");
    if (ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) != LDAP_OPT_SUCCESS)
        return error_set_code(err, SESSION_TLS,
                              "the TLS files do not work: check that tls_ca_file%s hold PEM, that "
                              "tls_cert_file and tls_key_file belong together, and that the key has no "
                              "password",
                              config->tls_cert_file != NULL ? ", tls_cert_file and tls_key_file" : "");
    return 0;
}

int connection_begin(struct connection *connection, bool verify, struct error *err)
{
    connection->fd = -1;
    if (ldap_url_parse(connection->uri, &connection->url) != LDAP_URL_SUCCESS)
        return error_set_code(err, SESSION_FAILED,
                              "this is no LDAP URI; expected ldaps://HOST[:PORT], ldap://HOST[:PORT] or "
                              "ldapi://PATH with %%2F for each slash");
    connection->local = strcmp(connection->url->lud_scheme, "ldapi") == 0;
    connection->implicit = strcmp(connection->url->lud_scheme, "ldaps") == 0;
    connection->starttls = !connection->local && !connection->implicit &&
                           connection->config->tls != CONFIG_TLS_NONE;
    connection->encrypted = connection->answered = false;
    connection->fd = socket_open(connection->config, connection->url, connection->deadline, err);
    if (connection->fd < 0)
        return -1;
    int result = ldap_init_fd(connection->fd, connection->local ? LDAP_PROTO_IPC : LDAP_PROTO_TCP,
                              connection->uri, &connection->ld);
    if (result != LDAP_SUCCESS) {
        close(connection->fd);
        connection->fd = -1;
        return error_set_code(err, SESSION_FAILED, "libldap: %s", ldap_err2string(result));
    }
    if (set_basic_options(connection, err) != 0)
        return -1;
    return connection->implicit || connection->starttls ? set_tls_options(connection, verify, err) : 0;
}

void connection_close(struct connection *connection)
{
    // libldap owns the descriptor and closes it too.
    if (connection->ld != NULL)
        ldap_unbind_ext(connection->ld, NULL, NULL);
    ldap_free_urldesc(connection->url);
    connection->ld = NULL;
    connection->url = NULL;
    connection->fd = -1;
}

// RFC 4511 §5.1: what is not an LDAPMessage (a SEQUENCE, 0x30) at the very first is no LDAP server.
static int check_first_octet(struct connection *connection, const char *what, struct error *err)
{
    int octet = socket_peek(connection->fd, connection->deadline);
    switch (octet) {
    case 0x30:
        connection->answered = true;
        return 0;
    case SOCKET_SILENT:
        return error_set_code(err, SESSION_UNREACHABLE,
                              "%s: connected, but there was no answer in time; check that an LDAP server "
                              "listens on this port, and raise connect_timeout if it is slow",
                              what);
    case SOCKET_CLOSED:
        return error_set_code(err, SESSION_UNREACHABLE,
                              "%s: the server closed the connection without a word; if this is its TLS "
                              "port, write ldaps:// in uri",
                              what);
    case 0x15: // RFC 8446 §5.1: alert
    case 0x16: // handshake
        return error_set_code(err, SESSION_TLS,
                              "%s: the server speaks TLS at once on this port; write ldaps:// in uri", what);
    default:
        return error_set_code(err, SESSION_UNREACHABLE,
                              "%s: what listens on this port is no LDAP server; check the port in uri",
                              what);
    }
}

// In TLS 1.3 a server that wants a client certificate says so only after the handshake.
const char *connection_lost_hint(const struct connection *connection)
{
    return connection->encrypted && !connection->answered
               ? "; the server may ask for a client certificate: set tls_cert_file and tls_key_file" : "";
}

int connection_wait(struct connection *connection, int msgid, const char *what, LDAPMessage **answer,
                    struct error *err)
{
    if (!connection->encrypted && !connection->answered && check_first_octet(connection, what, err) != 0)
        return -1;
    int64_t left = connection->deadline - clock_monotonic();
    if (left < 1)
        left = 1;
    struct timeval time = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
    *answer = NULL;
    int type = ldap_result(connection->ld, msgid, LDAP_MSG_ALL, &time, answer);
    if (type > 0) {
        connection->answered = true;
        return 0;
    }
    if (type == 0 || clock_monotonic() >= connection->deadline)
        return error_set_code(err, SESSION_UNREACHABLE, "%s: no answer in time; the server may be overloaded",
                              what);
    int code = LDAP_SERVER_DOWN;
    ldap_get_option(connection->ld, LDAP_OPT_RESULT_CODE, &code);
    return error_set_code(err, SESSION_UNREACHABLE, "%s: the connection was lost: %s%s", what,
                          ldap_err2string(code), connection_lost_hint(connection));
}

// Without it libldap polls once and reads twice for every single message. Not below TLS or a security layer of
// SASL: what is left in the buffer while only part of a message has been deciphered wakes nobody.
static void read_ahead(struct connection *connection)
{
    Sockbuf *socket = NULL;
    int size = 32768;
    if (connection->encrypted || connection->config->auth == CONFIG_AUTH_GSSAPI)
        return;
    if (ldap_get_option(connection->ld, LDAP_OPT_SOCKBUF, &socket) != LDAP_OPT_SUCCESS || socket == NULL ||
        ber_sockbuf_add_io(socket, &ber_sockbuf_io_readahead, LBER_SBIOD_LEVEL_PROVIDER, &size) != 0)
        log_debug("messages are read one by one");
}

int connection_open(struct connection *connection, struct error *err)
{
    if (connection_begin(connection, true, err) == 0 && connection_secure(connection, err) == 0) {
        read_ahead(connection);
        if (socket_set_blocking(connection->fd, false) != 0)
            error_set_code(err, SESSION_FAILED, "the descriptor cannot be made non-blocking");
        else if (connection_bind(connection, err) == 0)
            return 0;
    }
    connection_close(connection);
    return -1;
}
