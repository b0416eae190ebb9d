// SPDX-License-Identifier: Apache-2.0
#include "smtp_connect.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"

int smtp_connect_open(struct smtp_connect *connect)
{
    connect->easy = curl_easy_init();
    return connect->easy ? 0 : -1;
}

void smtp_connect_close(struct smtp_connect *connect)
{
    curl_easy_cleanup(connect->easy);
    connect->easy = NULL;
}

static bool verb_is(const char *line, size_t length, const char *verb)
{
    size_t size = strlen(verb);
    return length > size && strncasecmp(line, verb, size) == 0 && (line[size] == ' ' || line[size] == '\r');
}

// CURLOPT_DEBUGFUNCTION. Only the verb of what goes out is looked at: the rest may be a password.
static int on_debug(CURL *easy, curl_infotype type, char *data, size_t length, void *context)
{
    (void)easy;
    struct smtp_connect *connect = context;
    if (type != CURLINFO_HEADER_OUT)
        return 0;
    connect->reply = (struct smtp_reply){ 0 };
    connect->answered = false;
    if (connect->step == SMTP_STEP_LOGIN)
        return 0; // the rest of the login's dialogue, which may look like any verb
    if (verb_is(data, length, "EHLO") || verb_is(data, length, "HELO")) {
        connect->step = SMTP_STEP_HELLO;
        connect->features = (struct smtp_features){ 0 };
    } else if (verb_is(data, length, "STARTTLS"))
        connect->step = SMTP_STEP_TLS;
    else if (verb_is(data, length, "AUTH"))
        connect->step = SMTP_STEP_LOGIN;
    return 0;
}

// CURLOPT_HEADERFUNCTION: every line of every reply.
static size_t on_reply_line(char *data, size_t size, size_t count, void *context)
{
    struct smtp_connect *connect = context;
    size_t length = size * count, used;
    if (connect->step == SMTP_STEP_HELLO)
        smtp_features_line(&connect->features, data, length);
    if (!connect->answered && smtp_reply_feed(&connect->reply, data, length, &used) > 0) {
        connect->answered = true;
        if (connect->step == SMTP_STEP_LOGIN && connect->reply.code / 100 == 2)
            connect->logged_in = true;
    }
    return length;
}

static char *connect_url(CURL *easy, const struct config_transport *config, const struct smtp_host *host)
{
    const char *scheme = config->tls == CONFIG_TLS_IMPLICIT ? "smtps" : "smtp";
    char *helo = config->helo ? curl_easy_escape(easy, config->helo, 0) : NULL;
    char *url = helo ? talloc_asprintf(NULL, "%s://%s/%s", scheme, host->label, helo)
                     : talloc_asprintf(NULL, "%s://%s", scheme, host->label);
    curl_free(helo);
    return url;
}

// Each option once, in a table's order, so that the first that libcurl refuses is named.
#define SET(option, value) \
    do { \
        CURLcode code_ = curl_easy_setopt(easy, (option), (value)); \
        if (code_ != CURLE_OK) \
            return error_set(err, "libcurl refuses %s: %s", #option, curl_easy_strerror(code_)); \
    } while (0)

static int prepare_tls(CURL *easy, const struct config_transport *config, struct error *err)
{
    // Without CURLUSESSL_ALL a server, or somebody between, that hides STARTTLS would get everything in
    // clear.
    SET(CURLOPT_USE_SSL, (long)(config->tls == CONFIG_TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    SET(CURLOPT_SSL_VERIFYPEER, config->tls_verify ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, config->tls_verify ? 2L : 0L);
    SET(CURLOPT_SSLVERSION, (long)(config->tls_min_version == CONFIG_TLS_1_3 ? CURL_SSLVERSION_TLSv1_3
                                                                             : CURL_SSLVERSION_TLSv1_2));
    if (config->tls_ca_file) {
        SET(CURLOPT_CAINFO, config->tls_ca_file);
        SET(CURLOPT_CAPATH, NULL); // this authority and no other
    }
    if (config->tls_cert_file)
        SET(CURLOPT_SSLCERT, config->tls_cert_file);
    if (config->tls_key_file)
        SET(CURLOPT_SSLKEY, config->tls_key_file);
    return 0;
}

static int prepare_easy(struct smtp_connect *connect, const char *url, const struct config_transport *config,
                        struct error *err)
{
    CURL *easy = connect->easy;
    SET(CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_SMTP | CURLPROTO_SMTPS));
#endif
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, ""); // a proxy in the environment is meant for the web
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout);
    // Some steps of the dialogue are bounded by the whole alone.
    SET(CURLOPT_TIMEOUT_MS, (long)(config->connect_timeout + CLOCK_SECOND));
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_ERRORBUFFER, connect->words);
    SET(CURLOPT_VERBOSE, 1L); // else there is no DEBUGFUNCTION
    SET(CURLOPT_DEBUGFUNCTION, on_debug);
    SET(CURLOPT_DEBUGDATA, connect);
    SET(CURLOPT_HEADERFUNCTION, on_reply_line);
    SET(CURLOPT_HEADERDATA, connect);
    if (config->user) {
        SET(CURLOPT_USERNAME, config->user);
        SET(CURLOPT_PASSWORD, config->password.value ? config->password.value : "");
    }
    return prepare_tls(easy, config, err);
}
#undef SET

int smtp_connect_prepare(struct smtp_connect *connect, const struct config_transport *config,
                         const struct smtp_host *host, struct error *err)
{
    curl_easy_reset(connect->easy);
    *connect = (struct smtp_connect){ .easy = connect->easy, .tls = config->tls, .step = SMTP_STEP_GREETING };
    char *url = connect_url(connect->easy, config, host);
    if (!url)
        return error_set(err, "out of memory");
    int result = prepare_easy(connect, url, config, err);
    talloc_free(url);
    return result;
}

curl_socket_t smtp_connect_socket(struct smtp_connect *connect)
{
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_easy_setopt(connect->easy, CURLOPT_VERBOSE, 0L);
    if (curl_easy_getinfo(connect->easy, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK)
        return CURL_SOCKET_BAD;
    return socket;
}

static bool code_is_tls(CURLcode code)
{
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return true;
    default:
        return false;
    }
}

static curl_off_t connect_time(CURL *easy, CURLINFO info)
{
    curl_off_t time = 0;
    return curl_easy_getinfo(easy, info, &time) == CURLE_OK ? time : 0;
}

static enum smtp_step connect_step(const struct smtp_connect *connect, CURLcode code)
{
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        return SMTP_STEP_RESOLVE;
    if (code == CURLE_COULDNT_CONNECT)
        return SMTP_STEP_CONNECT;
    if (code == CURLE_LOGIN_DENIED)
        return SMTP_STEP_LOGIN;
    if (code_is_tls(code))
        return SMTP_STEP_TLS;
    if (connect->step > SMTP_STEP_GREETING || connect->answered)
        return connect->step;
    if (connect_time(connect->easy, CURLINFO_NAMELOOKUP_TIME_T) == 0)
        return SMTP_STEP_RESOLVE;
    if (connect_time(connect->easy, CURLINFO_CONNECT_TIME_T) == 0)
        return SMTP_STEP_CONNECT;
    if (connect->tls == CONFIG_TLS_IMPLICIT && connect_time(connect->easy, CURLINFO_APPCONNECT_TIME_T) == 0)
        return SMTP_STEP_TLS;
    return SMTP_STEP_GREETING;
}

void smtp_connect_evidence(struct smtp_connect *connect, CURLcode code, struct smtp_evidence *evidence)
{
    long os_error = 0, verify = 0;
    curl_easy_getinfo(connect->easy, CURLINFO_OS_ERRNO, &os_error);
    curl_easy_getinfo(connect->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
    enum smtp_step step = connect_step(connect, code);
    *evidence = (struct smtp_evidence){
        .step = step,
        .curl = (int)code,
        .os_error = (int)os_error,
        .verify = verify,
        .curl_words = *connect->words ? connect->words : curl_easy_strerror(code),
        .timed_out = code == CURLE_OPERATION_TIMEDOUT,
        .tls = connect->tls,
    };
    // A reply only counts for the step that it answers; the 220 before a failed handshake says nothing about
    // it.
    if (connect->answered && connect->step == step && connect->reply.code >= 400) {
        memcpy(connect->text, connect->reply.text, sizeof connect->text);
        evidence->code = connect->reply.code;
        evidence->text = connect->text;
    }
}
