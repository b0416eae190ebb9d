// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "directory/session.h"

#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "connect.h"
#include "directory/schema.h"

// Name servers that do not answer hold up getaddrinfo() for about this long, whatever connect_timeout says.
#define RESOLVE_MOST (30 * CLOCK_SECOND)

struct session {
    const struct config_directory *config;
    struct session_hooks hooks;
    struct connection connection; // ld is NULL when closed
    int uri;                      // current or last tried
    int next;                     // where the next session_open() begins
    struct entry *root_dse;
};

static int session_destroy(struct session *session)
{
    connection_close(&session->connection);
    return 0;
}

struct session *session_new(TALLOC_CTX *ctx, const struct config_directory *config,
                            const struct session_hooks *hooks)
{
    struct session *session = talloc_zero(ctx, struct session);
    session->config = config;
    session->connection.fd = -1;
    if (hooks != NULL)
        session->hooks = *hooks;
    talloc_set_destructor(session, session_destroy);
    // libldap writes to sockets that the peer has closed.
    signal(SIGPIPE, SIG_IGN);
    return session;
}

static void announce(struct session *session, int64_t until, const char *what)
{
    if (session->hooks.blocking != NULL)
        session->hooks.blocking(session->hooks.context, until, what, session->uri);
}

static void announce_end(struct session *session)
{
    if (session->hooks.unblocked != NULL)
        session->hooks.unblocked(session->hooks.context);
}

static const char *const root_dse_attributes[] = {
    "objectClass", "namingContexts", "supportedControl", "supportedExtension", "supportedFeatures",
    "supportedCapabilities", "supportedLDAPVersion", "vendorName", "vendorVersion", "configContext",
    "defaultNamingContext", "rootDomainNamingContext", NULL,
};

static int keep_root_dse(void *context, const struct entry *entry)
{
    struct session *session = context;
    talloc_free(session->root_dse);
    session->root_dse = talloc_steal(session, (struct entry *)entry);
    return 0;
}

// RFC 4512 §5.1
static int read_root_dse(struct session *session, struct error *err)
{
    struct error why = { 0 };
    TALLOC_FREE(session->root_dse);
    int result = session_search(session, "", LDAP_SCOPE_BASE, "(objectClass=*)", root_dse_attributes, 0,
                                keep_root_dse, session, &why);
    if (result != 0 && why.code != SESSION_NO_SUCH_OBJECT && why.code != SESSION_ACCESS) {
        if (err != NULL)
            *err = why;
        return error_prepend(err, "reading the root DSE: ");
    }
    if (session->root_dse == NULL) {
        log_warning("the server shows no root DSE, so its abilities are unknown; let bind_dn read the entry "
                    "with the empty name",
                    LOG_S("uri", session_uri(session)));
        session->root_dse = entry_new(session, NULL, "");
    }
    return 0;
}

static int attempt(struct session *session, int uri, struct error *err)
{
    struct connection *connection = &session->connection;
    session->uri = uri;
    *connection = (struct connection){ .config = session->config,
                                       .uri = session->config->uri.items[uri],
                                       .fd = -1,
                                       .deadline = clock_monotonic() + session->config->connect_timeout };
    announce(session, connection->deadline + RESOLVE_MOST, "connect");
    int result = connection_open(connection, err);
    announce_end(session);
    if (result == 0 && read_root_dse(session, err) != 0) {
        connection_close(connection);
        result = -1;
    }
    if (result != 0)
        error_prepend(err, "%s: ", session->config->uri.items[uri]);
    return result;
}

int session_open(struct session *session, struct error *err)
{
    struct error own;
    int count = (int)session->config->uri.count;
    if (err == NULL)
        err = &own;
    session_close(session);
    for (int i = 0; i < count; i++) {
        int uri = (session->next + i) % count;
        if (attempt(session, uri, err) == 0) {
            session->next = uri;
            return 0;
        }
        // Another server would refuse the same password, and count it against the account.
        if (err->code == SESSION_CREDENTIALS) {
            session->next = uri;
            return -1;
        }
        if (i + 1 < count)
            log_warning("a server cannot be used, trying the next one", LOG_E(err));
    }
    return count > 0 ? -1 : error_set_code(err, SESSION_FAILED, "no uri is configured");
}

void session_close(struct session *session)
{
    connection_close(&session->connection);
    TALLOC_FREE(session->root_dse);
}

bool session_is_open(const struct session *session)
{
    return session->connection.ld != NULL;
}

void session_skip(struct session *session, int uri)
{
    int count = (int)session->config->uri.count;
    if (uri < 0 || uri >= count)
        uri = session->uri;
    if (count > 0)
        session->next = (uri + 1) % count;
}

LDAP *session_handle(struct session *session)
{
    return session->connection.ld;
}

int session_descriptor(struct session *session)
{
    return session->connection.fd;
}

const char *session_uri(const struct session *session)
{
    return session->config->uri.count > 0 ? session->config->uri.items[session->uri] : "";
}

int session_uri_index(const struct session *session)
{
    return session->uri;
}

const struct entry *session_root_dse(const struct session *session)
{
    return session->root_dse;
}

bool session_supports(const struct session *session, const char *oid)
{
    static const char *const lists[] = { "supportedControl", "supportedExtension", "supportedFeatures" };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct attribute *list = entry_attribute(session->root_dse, lists[i]);
        for (size_t j = 0; list != NULL && j < list->count; j++)
            if (strcmp(list->values[j].data, oid) == 0)
                return true;
    }
    return false;
}

// --- a small search

static int failure_of(int result)
{
    switch (result) {
    case LDAP_SIZELIMIT_EXCEEDED:
    case LDAP_TIMELIMIT_EXCEEDED:
    case LDAP_ADMINLIMIT_EXCEEDED:
        return SESSION_LIMIT;
    case LDAP_NO_SUCH_OBJECT:
        return SESSION_NO_SUCH_OBJECT;
    case LDAP_INSUFFICIENT_ACCESS:
        return SESSION_ACCESS;
    case LDAP_SERVER_DOWN:
    case LDAP_TIMEOUT:
        return SESSION_UNREACHABLE;
    default:
        return SESSION_FAILED;
    }
}

static int search_failed(struct session *session, const char *base, int result, struct error *err)
{
    char *words = session_explain(NULL, session->connection.ld, result);
    error_set_code(err, failure_of(result), "search below \"%s\": %s", base, words);
    talloc_free(words);
    return -1;
}

static int check_attributes(const char *const *attributes, struct error *err)
{
    for (; *attributes != NULL; attributes++)
        if (strcmp(*attributes, "*") == 0 || strcmp(*attributes, "+") == 0 || schema_is_secret(*attributes))
            return error_set_code(err, SESSION_FAILED, "the attribute %s is never requested", *attributes);
    return 0;
}

// Takes one message; 1: more to come, 0: the end, -1 failed.
static int take_message(struct session *session, const char *base, LDAPMessage *message,
                        const char *const *attributes, session_entry_fn *fn, void *context, struct error *err)
{
    LDAP *ld = session->connection.ld;
    int type = ldap_msgtype(message), result = LDAP_OTHER;
    if (type == LDAP_RES_SEARCH_ENTRY) {
        struct entry *entry = session_decode_entry(session, ld, message, attributes, err);
        if (entry == NULL)
            return -1;
        TALLOC_CTX *holder = talloc_new(session);
        talloc_steal(holder, entry);
        int stop = fn(context, entry);
        talloc_free(holder);
        return stop == 0 ? 1 : 2;
    }
    if (type != LDAP_RES_SEARCH_RESULT)
        return 1;
    if (ldap_parse_result(ld, message, &result, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
        result = LDAP_DECODING_ERROR;
    return result == LDAP_SUCCESS ? 0 : search_failed(session, base, result, err);
}

static int drain_search(struct session *session, int msgid, const char *base, const char *const *attributes,
                        int64_t deadline, session_entry_fn *fn, void *context, struct error *err)
{
    LDAP *ld = session->connection.ld;
    for (;;) {
        LDAPMessage *message = NULL;
        int64_t left = deadline - clock_monotonic();
        struct timeval time = { .tv_sec = left > 0 ? left / 1000 : 0,
                                .tv_usec = left > 0 ? left % 1000 * 1000 : 0 };
        int type = ldap_result(ld, msgid, LDAP_MSG_ONE, &time, &message), code = LDAP_SERVER_DOWN;
        if (type > 0) {
            int more = take_message(session, base, message, attributes, fn, context, err);
            ldap_msgfree(message);
            if (more == 1)
                continue;
            if (more == 2 || more == -1)
                ldap_abandon_ext(ld, msgid, NULL, NULL);
            return more == -1 ? -1 : 0;
        }
        if (type == 0)
            code = LDAP_TIMEOUT;
        else
            ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
        if (type == 0)
            ldap_abandon_ext(ld, msgid, NULL, NULL);
        return search_failed(session, base, code, err);
    }
}

int session_search(struct session *session, const char *base, int scope, const char *filter,
                   const char *const *attributes, int size_limit, session_entry_fn *fn, void *context,
                   struct error *err)
{
    static const char *const nothing[] = { LDAP_NO_ATTRS, NULL };
    LDAP *ld = session->connection.ld;
    // RFC 3296: without ManageDsaIT a referral object comes as a referral, not as an entry.
    LDAPControl manage = { .ldctl_oid = (char *)LDAP_CONTROL_MANAGEDSAIT }, *controls[] = { &manage, NULL };
    if (ld == NULL)
        return error_set_code(err, SESSION_UNREACHABLE, "there is no connection");
    if (attributes == NULL || attributes[0] == NULL)
        attributes = nothing;
    if (check_attributes(attributes, err) != 0)
        return -1;
    int64_t deadline = clock_monotonic() + session->config->operation_timeout;
    struct timeval limit = { .tv_sec = session->config->operation_timeout / 1000 + 1 };
    int msgid = 0;
    announce(session, deadline, "search");
    int result = ldap_search_ext(ld, base, scope, filter, (char **)(uintptr_t)attributes, 0, controls, NULL,
                                 &limit, size_limit, &msgid);
    int outcome = result != LDAP_SUCCESS
                      ? search_failed(session, base, result, err)
                      : drain_search(session, msgid, base, attributes, deadline, fn, context, err);
    announce_end(session);
    return outcome;
}

char *session_whoami(TALLOC_CTX *ctx, struct session *session)
{
    struct berval *identity = NULL;
    LDAPMessage *answer = NULL;
    struct error ignored;
    int msgid = 0;
    char *text = NULL;
    struct connection *connection = &session->connection;
    if (connection->ld == NULL || !session_supports(session, LDAP_EXOP_WHO_AM_I) ||
        ldap_whoami(connection->ld, NULL, NULL, &msgid) != LDAP_SUCCESS)
        return NULL;
    connection->deadline = clock_monotonic() + session->config->operation_timeout;
    announce(session, connection->deadline, "whoami");
    if (connection_wait(connection, msgid, "whoami", &answer, &ignored) == 0 &&
        ldap_parse_whoami(connection->ld, answer, &identity) == LDAP_SUCCESS && identity != NULL)
        text = text_clean(ctx, identity->bv_val != NULL ? identity->bv_val : "", identity->bv_len, 0);
    announce_end(session);
    ldap_msgfree(answer);
    ber_bvfree(identity);
    return text;
}
