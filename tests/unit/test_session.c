// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lber.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "directory/session.h"

// --- the peer: a child process that plays one part for every connection

enum part {
    PART_SILENT,       // takes the connection and says nothing
    PART_CLOSES,       // closes at the first octet
    PART_CLOSES_AT_ONCE,
    PART_GARBAGE,      // greets like a mail server
    PART_ALERT,        // answers like a TLS server that was sent plain text
    PART_HALF_RECORD,  // begins a TLS record and stops
    PART_SERVER,       // a small LDAP server
    PART_REFUSES,      // … that refuses every password
    PART_REFUSES_AD,   // … in AD's words
    PART_LIMIT,        // … with a size limit
    PART_STALLS,       // … that never answers a search below dc=x
    PART_HALF_ANSWER,  // … or only half
    PART_NO_TLS,       // … that does not know StartTLS
    PART_BUSY,         // … that is busy at bind
};

struct peer {
    pid_t pid;
    int port;
    char uri[64];
};

static void send_all(int fd, const void *data, size_t length)
{
    if (send(fd, data, length, MSG_NOSIGNAL) < 0)
        _exit(0);
}

static size_t encode(BerElement *ber, void *out)
{
    struct berval flat;
    if (ber_flatten2(ber, &flat, 0) != 0)
        _exit(1);
    memcpy(out, flat.bv_val, flat.bv_len);
    size_t length = flat.bv_len;
    ber_free(ber, 1);
    return length;
}

// LDAPResult ::= SEQUENCE { resultCode, matchedDN, diagnosticMessage }
static void send_result(int fd, int id, ber_tag_t tag, int code, const char *text)
{
    char out[1024];
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    if (ber_printf(ber, "{it{ess}}", id, tag, code, "", text) < 0)
        _exit(1);
    send_all(fd, out, encode(ber, out));
}

static void send_root_dse(int fd, int id)
{
    char out[1024];
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    if (ber_printf(ber, "{it{s{{s[s]}{s[ss]}}}}", id, (ber_tag_t)0x64, "", "namingContexts", "dc=x",
                   "supportedControl", "1.2.3.4", "1.2.3.4") < 0)
        _exit(1);
    send_all(fd, out, encode(ber, out));
}

static void send_entry(int fd, int id, bool half)
{
    static const struct berval guid = { 16, (char *)"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"
                                                    "\x0f\x00" };
    char out[1024];
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    if (ber_printf(ber, "{it{s{{s[O]}{s[s]}{s[s]}{s[s]}{s[ss]}{s[s]}{s[s]}{s[]}}}}", id, (ber_tag_t)0x64,
                   "uid=jane,dc=x", "objectGUID", &guid, "nsUniqueId", "8b1ab80d-1dd211b2-8001e3a1-d0ff0000",
                   "entryUUID", "6a3b1c5e-0000-4000-8000-000000000001", "UserPassword", "{SSHA}x",
                   "CommonName", "Jane", "", "cn;lang-de", "Johanna", "sn", "Doe", "mail") < 0)
        _exit(1);
    size_t length = encode(ber, out);
    send_all(fd, out, half ? length / 2 : length);
}

static void answer_search(int fd, int id, bool root, enum part part)
{
    if (root) {
        send_root_dse(fd, id);
        send_result(fd, id, 0x65, 0, "");
    } else if (part == PART_HALF_ANSWER) {
        send_entry(fd, id, true);
    } else if (part != PART_STALLS) {
        send_entry(fd, id, false);
        send_entry(fd, id, false);
        send_result(fd, id, 0x65, part == PART_LIMIT ? 4 : 0, "");
    }
}

static void serve_one(int fd, unsigned char *p, enum part part)
{
    // { 30 len, 02 01 id, tag len ... }; len may be of the long form.
    p += *p < 0x80 ? 1 : 1 + (*p & 0x7f);
    int id = p[2];
    unsigned char *op = p + 3;
    int tag = *op++;
    op += *op < 0x80 ? 1 : 1 + (*op & 0x7f);
    if (tag == 0x60)
        send_result(fd, id, 0x61,
                    part == PART_REFUSES || part == PART_REFUSES_AD ? 49
                    : part == PART_BUSY                             ? 51
                                                                    : 0,
                    part == PART_REFUSES_AD ? "80090308: LdapErr: DSID-0C0903A9, comment: "
                                              "AcceptSecurityContext error, "
                                              "data 775, v1db1"
                                            : "");
    else if (tag == 0x63)
        answer_search(fd, id, op[1] == 0, part);
    else if (tag == 0x77)
        send_result(fd, id, 0x78, 2, "unsupported extended operation");
}

static void serve_ldap(int fd, enum part part)
{
    unsigned char in[4096];
    ssize_t n;
    while ((n = recv(fd, in, sizeof in, 0)) > 0)
        for (unsigned char *p = in; p < in + n;) {
            size_t length = p[1] < 0x80    ? 2 + (size_t)p[1]
                            : p[1] == 0x81 ? 3 + (size_t)p[2]
                                           : 4 + (size_t)p[2] * 256 + p[3];
            serve_one(fd, p + 1, part);
            p += length;
        }
}

static void play(int fd, enum part part)
{
    static const char greeting[] = "220 mail.example.org ESMTP\r\n", alert[] = "\x15\x03\x03\x00\x02\x02\x0a",
                      half[] = "\x16\x03\x03\x20\x00\x02";
    char octet;
    if (part >= PART_SERVER) {
        serve_ldap(fd, part);
        return;
    }
    if (part == PART_GARBAGE)
        send_all(fd, greeting, sizeof greeting - 1);
    if (part == PART_CLOSES_AT_ONCE || recv(fd, &octet, 1, 0) <= 0)
        return;
    if (part == PART_ALERT)
        send_all(fd, alert, sizeof alert - 1);
    if (part == PART_HALF_RECORD)
        send_all(fd, half, sizeof half - 1);
    while (part != PART_CLOSES && recv(fd, &octet, 1, 0) > 0)
        ;
}

static int listen_anywhere(int *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static struct peer peer_start(enum part part, const char *scheme)
{
    struct peer peer;
    int fd = listen_anywhere(&peer.port);
    snprintf(peer.uri, sizeof peer.uri, "%s://127.0.0.1:%d", scheme, peer.port);
    peer.pid = fork();
    assert_true(peer.pid >= 0);
    if (peer.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a failed test must not leave it behind
        for (;;) {
            int client = accept(fd, NULL, NULL);
            if (client < 0)
                _exit(0);
            play(client, part);
            close(client);
        }
    }
    close(fd);
    return peer;
}

static void peer_stop(const struct peer *peer)
{
    kill(peer->pid, SIGKILL);
    assert_int_equal(waitpid(peer->pid, NULL, 0), peer->pid);
}

// --- helpers

static struct config_directory *config_for(TALLOC_CTX *ctx, const char *first, const char *second)
{
    struct config_directory *config = talloc_zero(ctx, struct config_directory);
    config->name = talloc_strdup(config, "corp");
    config->uri.items = talloc_zero_array(config, char *, 3);
    config->uri.items[0] = talloc_strdup(config, first);
    config->uri.items[1] = second != NULL ? talloc_strdup(config, second) : NULL;
    config->uri.count = second != NULL ? 2 : 1;
    config->bind_dn = talloc_strdup(config, "cn=reader,dc=x");
    config->bind_password.value = talloc_strdup(config, "secret");
    config->tls = CONFIG_TLS_NONE;
    config->tls_verify = true;
    config->connect_timeout = 700;
    config->operation_timeout = 400;
    config->keepalive_idle = 60000;
    config->keepalive_interval = 15000;
    config->keepalive_probes = 4;
    return config;
}

static double seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory != NULL && readdir(directory) != NULL)
        count++;
    if (directory != NULL)
        closedir(directory);
    return count;
}

// --- failures

static void failures(void **state)
{
    (void)state;
    static const struct {
        enum part part;
        const char *scheme;
        int tls;
        int code;
        const char *words;
    } table[] = {
        { PART_SILENT, "ldaps", CONFIG_TLS_NONE, SESSION_UNREACHABLE, "TLS handshake: no answer in time" },
        { PART_SILENT, "ldap", CONFIG_TLS_STARTTLS, SESSION_UNREACHABLE,
          "StartTLS: connected, but there was no answer" },
        { PART_SILENT, "ldap", CONFIG_TLS_NONE, SESSION_UNREACHABLE,
          "bind: connected, but there was no answer" },
        { PART_HALF_RECORD, "ldaps", CONFIG_TLS_NONE, SESSION_UNREACHABLE,
          "TLS handshake: no answer in time" },
        { PART_CLOSES, "ldaps", CONFIG_TLS_NONE, SESSION_TLS, "closed the connection" },
        { PART_CLOSES, "ldap", CONFIG_TLS_STARTTLS, SESSION_UNREACHABLE,
          "closed the connection without a word" },
        { PART_CLOSES_AT_ONCE, "ldap", CONFIG_TLS_NONE, SESSION_UNREACHABLE, "write ldaps:// in uri" },
        { PART_GARBAGE, "ldaps", CONFIG_TLS_NONE, SESSION_TLS, "is not TLS" },
        { PART_GARBAGE, "ldap", CONFIG_TLS_STARTTLS, SESSION_UNREACHABLE, "no LDAP server" },
        { PART_GARBAGE, "ldap", CONFIG_TLS_NONE, SESSION_UNREACHABLE, "no LDAP server" },
        { PART_ALERT, "ldap", CONFIG_TLS_STARTTLS, SESSION_TLS, "write ldaps:// in uri" },
        { PART_ALERT, "ldaps", CONFIG_TLS_NONE, SESSION_TLS, "TLS handshake: " },
        { PART_NO_TLS, "ldap", CONFIG_TLS_STARTTLS, SESSION_TLS, "refuses StartTLS: protocolError (2)" },
        { PART_REFUSES, "ldap", CONFIG_TLS_NONE, SESSION_CREDENTIALS,
          "invalidCredentials (49); check bind_dn" },
        { PART_REFUSES_AD, "ldap", CONFIG_TLS_NONE, SESSION_CREDENTIALS, "this user is locked out" },
        { PART_BUSY, "ldap", CONFIG_TLS_NONE, SESSION_FAILED, "busy (51)" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct peer peer = peer_start(table[i].part, table[i].scheme);
        int before = open_descriptors();
        struct config_directory *config = config_for(NULL, peer.uri, NULL);
        config->tls = table[i].tls;
        struct session *session = session_new(config, config, NULL);
        struct error err = { 0 };
        double started = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        assert_int_equal(session_open(session, &err), -1);
        if (err.code != table[i].code || strstr(err.text, table[i].words) == NULL ||
            strstr(err.text, peer.uri) != err.text)
            fail_msg("%zu: %d %s", i, err.code, err.text);
        // Generous, for the machine may be busy; a spinning handshake would burn all of the 0.7 s.
        assert_true(seconds(CLOCK_MONOTONIC) - started < 7);
        assert_true(seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu < 0.5);
        assert_false(session_is_open(session));
        assert_null(session_handle(session));
        talloc_free(config);
        assert_int_equal(open_descriptors(), before);
        peer_stop(&peer);
    }
}

static void silent_peer_with_alarm_blocked(void **state)
{
    (void)state;
    sigset_t set, before, after;
    struct sigaction action;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, &before);
    struct peer peer = peer_start(PART_SILENT, "ldaps");
    struct config_directory *config = config_for(NULL, peer.uri, NULL);
    struct error err = { 0 };
    assert_int_equal(session_open(session_new(config, config, NULL), &err), -1);
    assert_int_equal(err.code, SESSION_UNREACHABLE);
    talloc_free(config);
    peer_stop(&peer);
    sigprocmask(SIG_SETMASK, &before, &after);
    assert_true(sigismember(&after, SIGALRM));
    sigaction(SIGALRM, NULL, &action);
    assert_true(action.sa_handler == SIG_DFL);
}

static void nobody_there(void **state)
{
    (void)state;
    int port;
    char uri[64];
    close(listen_anywhere(&port));
    snprintf(uri, sizeof uri, "ldap://127.0.0.1:%d", port);
    static const struct {
        const char *uri;
        int code;
        const char *words;
    } table[] = {
        { NULL, SESSION_UNREACHABLE, "connection refused; check that the server runs" },
        { "ldap://no-such-host.invalid", SESSION_UNREACHABLE, "resolving no-such-host.invalid: " },
        { "ldapi://%2Fnonexistent%2Fldapi", SESSION_UNREACHABLE, "no such socket" },
        { "http://127.0.0.1", SESSION_FAILED, "no LDAP URI" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct config_directory *config = config_for(NULL, table[i].uri != NULL ? table[i].uri : uri, NULL);
        struct error err = { 0 };
        assert_int_equal(session_open(session_new(config, config, NULL), &err), -1);
        if (err.code != table[i].code || strstr(err.text, table[i].words) == NULL)
            fail_msg("%zu: %d %s", i, err.code, err.text);
        talloc_free(config);
    }
}

static void refused_before_anything_is_sent(void **state)
{
    (void)state;
    struct peer peer = peer_start(PART_SERVER, "ldap");
    struct config_directory *config = config_for(NULL, peer.uri, NULL);
    struct session *session = session_new(config, config, NULL);
    struct error err = { 0 };
    // RFC 4513 §5.1.2: a name without a password is an anonymous bind that looks like a success.
    config->bind_password.value = talloc_strdup(config, "");
    assert_int_equal(session_open(session, &err), -1);
    assert_int_equal(err.code, SESSION_CREDENTIALS);
    config->bind_password.value = NULL;
    assert_int_equal(session_open(session, &err), -1);
    config->bind_password.value = talloc_strdup(config, "x");
    config->bind_dn = NULL;
    assert_int_equal(session_open(session, &err), -1);
    assert_non_null(strstr(err.text, "auth = \"anonymous\""));
    config->auth = CONFIG_AUTH_ANONYMOUS;
    assert_int_equal(session_open(session, &err), 0);
    config->tls_ca_file = talloc_strdup(config, "/nonexistent");
    config->tls = CONFIG_TLS_STARTTLS;
    assert_int_equal(session_open(session, &err), -1);
    assert_int_equal(err.code, SESSION_TLS);
    assert_non_null(strstr(err.text, "tls_ca_file: cannot read /nonexistent"));
    talloc_free(config);
    peer_stop(&peer);
}

// --- success

struct seen {
    int blocking, unblocked, uri, entries, stop_after;
    int64_t until;
    char last[200];
};

static void on_blocking(void *context, int64_t until, const char *what, int uri)
{
    struct seen *seen = context;
    seen->blocking++;
    seen->until = until;
    seen->uri = uri;
    assert_non_null(what);
}

static void on_unblocked(void *context)
{
    struct seen *seen = context;
    seen->unblocked++;
    assert_int_equal(seen->blocking, seen->unblocked);
}

static int on_entry(void *context, const struct entry *entry)
{
    struct seen *seen = context;
    char uuid[UUID_TEXT_SIZE];
    const struct attribute *cn = entry_attribute(entry, "cn");
    snprintf(seen->last, sizeof seen->last, "%s %s", entry->dn, uuid_format(&entry->uuid, uuid));
    for (size_t i = 0; cn != NULL && i < cn->count; i++)
        snprintf(seen->last + strlen(seen->last), 20, " %s", cn->values[i].data);
    assert_null(entry_attribute(entry, "userPassword"));
    assert_null(entry_attribute(entry, "sn"));   // not asked for
    assert_null(entry_attribute(entry, "mail")); // without values
    return ++seen->entries == seen->stop_after;
}

static const char *const cn_only[] = { "cn", "entryUUID", "mail", NULL };

static void open_and_search(void **state)
{
    (void)state;
    struct peer peer = peer_start(PART_SERVER, "ldap");
    struct config_directory *config = config_for(NULL, peer.uri, NULL);
    struct seen seen = { 0 };
    const struct session_hooks hooks = { &seen, on_blocking, on_unblocked };
    struct session *session = session_new(config, config, &hooks);
    struct error err = { 0 };
    if (session_open(session, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(session_is_open(session));
    assert_true(seen.blocking >= 2 && seen.until > 0 && seen.uri == 0);
    assert_string_equal(session_uri(session), peer.uri);
    assert_true((fcntl(session_descriptor(session), F_GETFL) & O_NONBLOCK) != 0);
    int keepalive = 0;
    socklen_t size = sizeof keepalive;
    assert_int_equal(getsockopt(session_descriptor(session), SOL_SOCKET, SO_KEEPALIVE, &keepalive, &size), 0);
    assert_int_equal(keepalive, 1);
    assert_string_equal(entry_text(session_root_dse(session), "namingContexts"), "dc=x");
    assert_true(session_supports(session, "1.2.3.4"));
    assert_false(session_supports(session, "1.2.3"));
    assert_null(session_whoami(session, session));
    assert_int_equal(
        session_search(session, "dc=x", LDAP_SCOPE_SUBTREE, "(cn=*)", cn_only, 0, on_entry, &seen, &err), 0);
    assert_int_equal(seen.entries, 2);
    assert_string_equal(seen.last, "uid=jane,dc=x 6a3b1c5e-0000-4000-8000-000000000001 Jane  Johanna");
    seen.entries = 0;
    seen.stop_after = 1;
    assert_int_equal(
        session_search(session, "dc=x", LDAP_SCOPE_SUBTREE, "(cn=*)", cn_only, 0, on_entry, &seen, &err), 0);
    assert_int_equal(seen.entries, 1);
    static const char *const never[] = { "cn", "userPassword", NULL }, *const all[] = { "*", NULL };
    assert_int_equal(session_search(session, "dc=x", 2, "(cn=*)", never, 0, on_entry, &seen, &err), -1);
    assert_int_equal(session_search(session, "dc=x", 2, "(cn=*)", all, 0, on_entry, &seen, &err), -1);
    assert_int_equal(session_search(session, "dc=x", 2, "(cn=*", cn_only, 0, on_entry, &seen, &err), -1);
    session_close(session);
    assert_false(session_is_open(session));
    assert_int_equal(session_search(session, "dc=x", 2, "(cn=*)", cn_only, 0, on_entry, &seen, &err), -1);
    talloc_free(config);
    peer_stop(&peer);
}

static void searches_that_fail(void **state)
{
    (void)state;
    static const struct {
        enum part part;
        int code, entries;
        const char *words;
    } table[] = {
        { PART_LIMIT, SESSION_LIMIT, 2, "sizeLimitExceeded (4)" },
        { PART_STALLS, SESSION_UNREACHABLE, 0, "no answer in time" },
        { PART_HALF_ANSWER, SESSION_UNREACHABLE, 0, "no answer in time" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct peer peer = peer_start(table[i].part, "ldap");
        struct config_directory *config = config_for(NULL, peer.uri, NULL);
        struct session *session = session_new(config, config, NULL);
        struct seen seen = { 0 };
        struct error err = { 0 };
        assert_int_equal(session_open(session, &err), 0);
        assert_int_equal(session_search(session, "dc=x", 2, "(cn=*)", cn_only, 0, on_entry, &seen, &err), -1);
        if (err.code != table[i].code || strstr(err.text, table[i].words) == NULL)
            fail_msg("%zu: %d %s", i, err.code, err.text);
        assert_int_equal(seen.entries, table[i].entries);
        talloc_free(config);
        peer_stop(&peer);
    }
}

static void next_server(void **state)
{
    (void)state;
    int port;
    char dead[64];
    close(listen_anywhere(&port));
    snprintf(dead, sizeof dead, "ldap://127.0.0.1:%d", port);
    struct peer peer = peer_start(PART_SERVER, "ldap");
    struct config_directory *config = config_for(NULL, dead, peer.uri);
    struct session *session = session_new(config, config, NULL);
    struct error err = { 0 };
    assert_int_equal(session_open(session, &err), 0);
    assert_int_equal(session_uri_index(session), 1);
    assert_int_equal(session_open(session, &err), 0); // the good one first now
    assert_int_equal(session_uri_index(session), 1);
    session_skip(session, -1);
    config->uri.items[1] = config->uri.items[0];
    assert_int_equal(session_open(session, &err), -1);
    assert_int_equal(session_uri_index(session), 1); // 0 was tried first, 1 last
    talloc_free(config);
    peer_stop(&peer);
}

static void refused_password_stops(void **state)
{
    (void)state;
    struct peer refuses = peer_start(PART_REFUSES, "ldap"), good = peer_start(PART_SERVER, "ldap");
    struct config_directory *config = config_for(NULL, refuses.uri, good.uri);
    struct session *session = session_new(config, config, NULL);
    struct error err = { 0 };
    assert_int_equal(session_open(session, &err), -1);
    assert_int_equal(err.code, SESSION_CREDENTIALS);
    assert_int_equal(session_uri_index(session), 0);
    session_skip(session, 0); // a watchdog's word from an earlier run
    assert_int_equal(session_open(session, &err), 0);
    assert_int_equal(session_uri_index(session), 1);
    talloc_free(config);
    peer_stop(&refuses);
    peer_stop(&good);
}

static void results(void **state)
{
    (void)state;
    static const struct {
        int result;
        const char *words;
    } table[] = {
        { LDAP_STRONG_AUTH_REQUIRED, "strongerAuthRequired (8); the server wants TLS" },
        { LDAP_CONFIDENTIALITY_REQUIRED, "confidentialityRequired (13); " },
        { LDAP_UNWILLING_TO_PERFORM, "unwillingToPerform (53); " },
        { LDAP_UNAVAILABLE, "unavailable (52); " },
        { LDAP_INVALID_CREDENTIALS, "invalidCredentials (49); check bind_dn" },
        { LDAP_SERVER_DOWN, "connection lost" },
        { 4711, "(4711)" },
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *text = session_explain(NULL, NULL, table[i].result);
        assert_non_null(strstr(text, table[i].words));
        talloc_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures),        cmocka_unit_test(silent_peer_with_alarm_blocked),
        cmocka_unit_test(nobody_there),    cmocka_unit_test(refused_before_anything_is_sent),
        cmocka_unit_test(open_and_search), cmocka_unit_test(searches_that_fail),
        cmocka_unit_test(next_server),     cmocka_unit_test(refused_password_stops),
        cmocka_unit_test(results),
    };
    // What this machine's ldap.conf says must not matter here.
    setenv("LDAPNOINIT", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
