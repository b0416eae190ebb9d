// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "directory/session.h"

// RFC 4511 §4.1.9 and Appendix A: the results that an administrator can do something about.
static const struct {
    int code;
    const char *name, *remedy;
} results[] = {
    { LDAP_OPERATIONS_ERROR, "operationsError",
      "the server has a problem of its own, or wants a bind first; see its log" },
    { LDAP_PROTOCOL_ERROR, "protocolError", "the server does not know this operation or control" },
    { LDAP_TIMELIMIT_EXCEEDED, "timeLimitExceeded",
      "raise the server's time limit for bind_dn (OpenLDAP: limits)" },
    { LDAP_SIZELIMIT_EXCEEDED, "sizeLimitExceeded",
      "lift the server's size limit for bind_dn (OpenLDAP: limits)" },
    { LDAP_AUTH_METHOD_NOT_SUPPORTED, "authMethodNotSupported", "choose another auth" },
    { LDAP_STRONG_AUTH_REQUIRED, "strongerAuthRequired",
      "the server wants TLS, or signing, before a password: use ldaps:// or tls = \"starttls\"" },
    { LDAP_REFERRAL, "referral", "this server sends us elsewhere; name the right one in uri" },
    { LDAP_ADMINLIMIT_EXCEEDED, "adminLimitExceeded", "raise the server's limits for bind_dn" },
    { LDAP_UNAVAILABLE_CRITICAL_EXTENSION, "unavailableCriticalExtension",
      "the server lacks a control that this needs" },
    { LDAP_CONFIDENTIALITY_REQUIRED, "confidentialityRequired",
      "the server wants encryption: use ldaps:// or tls = \"starttls\"" },
    { LDAP_NO_SUCH_ATTRIBUTE, "noSuchAttribute", NULL },
    { LDAP_INVALID_SYNTAX, "invalidAttributeSyntax", NULL },
    { LDAP_NO_SUCH_OBJECT, "noSuchObject",
      "check base and bind_dn; without the right to see an entry it does not exist" },
    { LDAP_INVALID_DN_SYNTAX, "invalidDNSyntax", "check base and bind_dn" },
    { LDAP_INAPPROPRIATE_AUTH, "inappropriateAuthentication",
      "this entry has no password, or anonymous binds are not allowed; check auth and bind_dn" },
    { LDAP_INVALID_CREDENTIALS, "invalidCredentials", "check bind_dn and its password" },
    { LDAP_INSUFFICIENT_ACCESS, "insufficientAccessRights", "give bind_dn the right to read there" },
    { LDAP_BUSY, "busy", "it is tried again" },
    { LDAP_UNAVAILABLE, "unavailable",
      "the server is starting, stopping or read-only for now; it is tried again" },
    { LDAP_UNWILLING_TO_PERFORM, "unwillingToPerform", "see the server's log for its reason" },
    { LDAP_LOOP_DETECT, "loopDetect", NULL },
    { LDAP_AFFECTS_MULTIPLE_DSAS, "affectsMultipleDSAs", NULL },
    { LDAP_OTHER, "other", "see the server's log" },
    { LDAP_SYNC_REFRESH_REQUIRED, "e-syncRefreshRequired", NULL },
    { LDAP_SERVER_DOWN, "connection lost", NULL },
    { LDAP_TIMEOUT, "no answer in time", NULL },
    { LDAP_DECODING_ERROR, "an answer that cannot be decoded", NULL },
};

// AD and Samba hide the reason of a refused bind in the text: "… AcceptSecurityContext error, data 52e, …".
static const char *ad_reason(const char *text)
{
    static const struct {
        const char *code, *words;
    } reasons[] = {
        { "525", "there is no such user; check bind_dn" },
        { "52e", "the password is wrong" },
        { "530", "this user may not log in at this time of day" },
        { "531", "this user may not log in from this machine" },
        { "532", "the user's password has expired; set a new one, and best let it never expire" },
        { "533", "this user is disabled" },
        { "701", "this user's account has expired" },
        { "773", "this user must change the password first (\"must change at next logon\" is set)" },
        { "775", "this user is locked out" },
    };
    const char *data = strstr(text, "data ");
    if (data == NULL || strcasestr(text, "AcceptSecurityContext") == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strncasecmp(data + 5, reasons[i].code, 3) == 0)
            return reasons[i].words;
    return NULL;
}

char *session_explain(TALLOC_CTX *ctx, LDAP *ld, int result)
{
    const char *name = NULL, *remedy = NULL;
    char *raw = NULL, *text;
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        if (results[i].code == result) {
            name = results[i].name;
            remedy = results[i].remedy;
        }
    if (ld != NULL)
        ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &raw);
    char *said = text_clean(ctx, raw != NULL ? raw : "", raw != NULL ? strlen(raw) : 0, 300);
    ldap_memfree(raw);
    if (ad_reason(said) != NULL)
        remedy = ad_reason(said);
    text = talloc_strdup(ctx, name != NULL ? name : ldap_err2string(result));
    if (result > 0)
        text = talloc_asprintf_append_buffer(text, " (%d)", result);
    if (*said != '\0')
        text = talloc_asprintf_append_buffer(text, ": %s", said);
    if (remedy != NULL)
        text = talloc_asprintf_append_buffer(text, "; %s", remedy);
    talloc_free(said);
    return text;
}
