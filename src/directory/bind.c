// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <errno.h>
#include <sasl/sasl.h>
#include <stdlib.h>
#include <string.h>
#include <talloc.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "connect.h"
#include "directory/session.h"
#include "keytab.h"

static int refused(struct connection *connection, int result, const char *more, struct error *err)
{
    int code = SESSION_FAILED;
    switch (result) {
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_INVALID_DN_SYNTAX:
        code = SESSION_CREDENTIALS;
        break;
    case LDAP_INSUFFICIENT_ACCESS:
        code = SESSION_ACCESS;
        break;
    case LDAP_SERVER_DOWN:
    case LDAP_TIMEOUT:
    case LDAP_CONNECT_ERROR:
        code = SESSION_UNREACHABLE;
        break;
    default:
        break;
    }
    char *words = session_explain(NULL, connection->ld, result);
    error_set_code(err, code, "bind%s%s: %s%s%s%s", connection->config->bind_dn != NULL ? " as " : "",
                   connection->config->bind_dn != NULL ? connection->config->bind_dn : "", words,
                   code == SESSION_UNREACHABLE ? connection_lost_hint(connection) : "",
                   more != NULL ? ". " : "", more != NULL ? more : "");
    talloc_free(words);
    return -1;
}

// draft-behera-ldap-password-policy §6.2: what the server has to say of the account's password.
struct policy_answer {
    bool present;
    ber_int_t expire, grace; // -1: not said
    LDAPPasswordPolicyError error;
};

static void read_policy(LDAP *ld, LDAPControl **controls, struct policy_answer *policy)
{
    *policy = (struct policy_answer){ .expire = -1, .grace = -1, .error = PP_noError };
    LDAPControl *control = ldap_control_find(LDAP_CONTROL_PASSWORDPOLICYRESPONSE, controls, NULL);
    policy->present = control != NULL &&
                      ldap_parse_passwordpolicy_control(ld, control, &policy->expire, &policy->grace,
                                                        &policy->error) == LDAP_SUCCESS;
}

static const char *policy_words(const struct policy_answer *policy)
{
    switch (policy->error) {
    case PP_passwordExpired:
        return "The password of this account has expired: set a new one, and best exempt the account from "
               "expiry";
    case PP_accountLocked:
        return "This account is locked: unlock it (pwdAccountLockedTime)";
    case PP_changeAfterReset:
        return "This account must change its password before it may do anything else: change it, or clear "
               "pwdReset";
    default:
        return NULL;
    }
}

static int finish_simple(struct connection *connection, LDAPMessage *answer, struct error *err)
{
    LDAPControl **controls = NULL;
    struct policy_answer policy;
    int result = LDAP_OTHER;
    if (ldap_parse_result(connection->ld, answer, &result, NULL, NULL, NULL, &controls, 1) != LDAP_SUCCESS)
        return error_set_code(err, SESSION_FAILED, "bind: the server's answer cannot be decoded");
    read_policy(connection->ld, controls, &policy);
    ldap_controls_free(controls);
    const char *words = policy.present ? policy_words(&policy) : NULL;
    if (result != LDAP_SUCCESS)
        return refused(connection, result, words, err);
    if (policy.present && policy.error == PP_changeAfterReset)
        return error_set_code(err, SESSION_CREDENTIALS, "bind as %s: %s", connection->config->bind_dn, words);
    if (policy.present && policy.grace >= 0)
        log_warning("the password of bind_dn has expired; the server still grants a few logins",
                    LOG_S("bind_dn", connection->config->bind_dn), LOG_I("logins", policy.grace));
    else if (policy.present && policy.expire >= 0)
        log_warning("the password of bind_dn expires soon", LOG_S("bind_dn", connection->config->bind_dn),
                    LOG_I("seconds", policy.expire));
    return 0;
}

static int bind_simple(struct connection *connection, const char *dn, const char *password, struct error *err)
{
    LDAPControl *control = NULL, *controls[2] = { NULL, NULL };
    LDAPMessage *answer = NULL;
    struct berval secret = { .bv_len = strlen(password), .bv_val = (char *)password };
    int msgid = 0;
    if (*dn != '\0' && ldap_create_passwordpolicy_control(connection->ld, &control) == LDAP_SUCCESS)
        controls[0] = control;
    int result = ldap_sasl_bind(connection->ld, dn, LDAP_SASL_SIMPLE, &secret, controls, NULL, &msgid);
    ldap_control_free(control);
    if (result != LDAP_SUCCESS)
        return refused(connection, result, NULL, err);
    if (connection_wait(connection, msgid, "bind", &answer, err) != 0)
        return -1;
    return finish_simple(connection, answer, err);
}

// RFC 4422 Appendix A: one message with the authorization identity, or an empty one.
static int bind_external(struct connection *connection, struct error *err)
{
    const char *authzid = connection->config->sasl_authzid != NULL ? connection->config->sasl_authzid : "";
    struct berval identity = { .bv_len = strlen(authzid), .bv_val = (char *)authzid };
    LDAPMessage *answer = NULL;
    int msgid = 0, code = LDAP_OTHER;
    int result = ldap_sasl_bind(connection->ld, NULL, "EXTERNAL", &identity, NULL, NULL, &msgid);
    if (result != LDAP_SUCCESS)
        return refused(connection, result, NULL, err);
    if (connection_wait(connection, msgid, "bind", &answer, err) != 0)
        return -1;
    if (ldap_parse_result(connection->ld, answer, &code, NULL, NULL, NULL, NULL, 1) != LDAP_SUCCESS)
        return error_set_code(err, SESSION_FAILED, "bind: the server's answer cannot be decoded");
    if (code == LDAP_SUCCESS)
        return 0;
    return refused(connection, code,
                   connection->local ? "auth = \"external\" on ldapi:// is by the daemon's Unix user: map it "
                                       "in the server (olcAuthzRegexp)"
                                     : "auth = \"external\" needs TLS and a client certificate "
                                       "(tls_cert_file, tls_key_file) that the server trusts and maps to an "
                                       "entry",
                   err);
}

static int answer_sasl(LDAP *ld, unsigned flags, void *defaults, void *in)
{
    (void)ld;
    (void)flags;
    const struct config_directory *config = defaults;
    for (sasl_interact_t *question = in; question->id != SASL_CB_LIST_END; question++) {
        const char *answer = question->id == SASL_CB_USER       ? config->sasl_authzid
                             : question->id == SASL_CB_GETREALM ? config->sasl_realm
                                                                : NULL;
        question->result = answer != NULL ? answer : "";
        question->len = (unsigned)strlen(question->result);
    }
    return LDAP_SUCCESS;
}

// A server that refuses may have a new key: the next tickets are not to be those that it has refused.
static unsigned refused_tickets;

// The tickets of this process come from the key table into its memory; libkrb5 renews them by itself. It takes
// the first principal of the key table, and SASL gives no way to choose another: `*copy` has only the wanted one.
static int prepare_kerberos(const struct config_directory *config, char **copy, struct error *err)
{
    *copy = NULL;
    if (config->keytab == NULL)
        return 0;
    if (access(config->keytab, R_OK) != 0)
        return error_set_code(err, SESSION_FAILED,
                              "keytab: cannot read %s: %s; check that it exists and that the daemon's user "
                              "may read it",
                              config->keytab, strerror(errno));
    if (config->principal != NULL) {
        *copy = keytab_copy(NULL, config->keytab, config->principal, err);
        if (*copy == NULL)
            return -1;
    }
    char *keytab = talloc_asprintf(NULL, "FILE:%s", *copy != NULL ? *copy : config->keytab);
    char *cache = talloc_asprintf(NULL, "MEMORY:ldapnotify-%s-%u", config->name, refused_tickets);
    int failed = setenv("KRB5_CLIENT_KTNAME", keytab, 1) | setenv("KRB5CCNAME", cache, 1);
    talloc_free(keytab);
    talloc_free(cache);
    return failed != 0 ? error_set_code(err, SESSION_FAILED, "no memory for Kerberos") : 0;
}

static const char *gssapi_remedy(const struct config_directory *config, int result)
{
    if (result < 0)
        return "auth = \"gssapi\" needs a ticket for ldap/HOST, HOST as written in uri: check that the KDC "
               "answers, keytab and principal (klist -k), the clocks, krb5.conf, and that "
               "libsasl2-modules-gssapi-mit is installed";
    if (config->sasl_authzid != NULL)
        return "auth = \"gssapi\": the server must allow the principal to act as sasl_authzid, and its key for "
               "ldap/HOST must be the KDC's";
    return "auth = \"gssapi\": the server takes a ticket only if its key for ldap/HOST is the KDC's";
}

static int converse_gssapi(struct connection *connection, struct error *err)
{
    LDAPMessage *answer = NULL;
    const char *mechanism = NULL;
    int result, msgid = 0;
    for (;;) {
        result = ldap_sasl_interactive_bind(connection->ld, NULL, "GSSAPI", NULL, NULL, LDAP_SASL_QUIET,
                                            answer_sasl, (void *)connection->config, answer, &mechanism,
                                            &msgid);
        ldap_msgfree(answer);
        answer = NULL;
        if (result != LDAP_SASL_BIND_IN_PROGRESS)
            break;
        if (connection_wait(connection, msgid, "bind with GSSAPI", &answer, err) != 0)
            return -1;
    }
    if (result == LDAP_SUCCESS)
        return 0;
    if (result > 0)
        refused_tickets++;
    return refused(connection, result, gssapi_remedy(connection->config, result), err);
}

static int bind_gssapi(struct connection *connection, struct error *err)
{
    // AD refuses a SASL layer within TLS; without TLS, integrity is the least.
    ber_len_t none = 0, least = 1;
    char *copy = NULL;
    if (prepare_kerberos(connection->config, &copy, err) != 0)
        return -1;
    ldap_set_option(connection->ld, LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON);
    ldap_set_option(connection->ld, connection->encrypted ? LDAP_OPT_X_SASL_SSF_MAX : LDAP_OPT_X_SASL_SSF_MIN,
                    connection->encrypted ? &none : &least);
    int status = converse_gssapi(connection, err);
    if (copy != NULL)
        unlink(copy);
    talloc_free(copy);
    return status;
}

int connection_bind(struct connection *connection, struct error *err)
{
    const struct config_directory *config = connection->config;
    const char *password = config->bind_password.value;
    switch (config->auth) {
    case CONFIG_AUTH_EXTERNAL:
        return bind_external(connection, err);
    case CONFIG_AUTH_GSSAPI:
        return bind_gssapi(connection, err);
    case CONFIG_AUTH_ANONYMOUS:
        return bind_simple(connection, "", "", err);
    default:
        // RFC 4513 §5.1.2: a name without a password would silently be anonymous.
        if (config->bind_dn == NULL || *config->bind_dn == '\0' || password == NULL || *password == '\0')
            return error_set_code(err, SESSION_CREDENTIALS,
                                  "bind: auth = \"simple\" needs bind_dn and a password that is not empty; "
                                  "say auth = \"anonymous\" to log in as nobody");
        return bind_simple(connection, config->bind_dn, password, err);
    }
}
