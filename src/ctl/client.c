// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WITHIN_MS 120000L

struct received {
    TALLOC_CTX *ctx;
    char *text;
    size_t length;
};

static size_t on_data(char *data, size_t size, size_t count, void *context)
{
    struct received *received = context;
    size_t more = size * count;
    char *text = talloc_realloc(received->ctx, received->text, char, received->length + more + 1);
    if (!text)
        return 0;
    memcpy(text + received->length, data, more);
    received->text = text;
    received->length += more;
    text[received->length] = '\0';
    return more;
}

char *client_escape(TALLOC_CTX *ctx, const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0);
    char *copy = talloc_strdup(ctx, escaped ? escaped : "");
    curl_free(escaped);
    return copy;
}

char *client_path(TALLOC_CTX *ctx, const char *path, ...)
{
    char *full = talloc_strdup(ctx, path);
    va_list args;
    va_start(args, path);
    const char *name;
    char separator = '?';
    while ((name = va_arg(args, const char *))) {
        const char *value = va_arg(args, const char *);
        if (!value || !*value)
            continue;
        full = talloc_asprintf_append(full, "%c%s=%s", separator, name, client_escape(ctx, value));
        separator = '&';
    }
    va_end(args);
    return full;
}

static int status_of(long code)
{
    switch (code) {
    case 200: return EXIT_DONE;
    case 403: return EXIT_FORBIDDEN;
    case 404: return EXIT_ABSENT;
    default: return EXIT_FAILED;
    }
}

static int explain_curl(struct invocation *invocation, CURLcode code, struct error *err)
{
    if (code == CURLE_COULDNT_CONNECT && access(invocation->socket, W_OK) < 0 && errno == EACCES) {
        error_set(err, "you may not use %s; the folder that it is in is closed to you", invocation->socket);
        return EXIT_FORBIDDEN;
    }
    if (code == CURLE_COULDNT_CONNECT)
        error_set(err, "the daemon cannot be reached at %s; does ldapnotifyd run? (--socket names another place)", invocation->socket);
    else
        error_set(err, "talking to the daemon failed: %s", curl_easy_strerror(code));
    return EXIT_UNREACHABLE;
}

static int judge(struct received *received, long code, json_t **answer, struct error *err)
{
    json_error_t problem;
    json_t *json = received->text ? json_loadb(received->text, received->length, 0, &problem) : NULL;
    if (!json) {
        error_set(err, "the daemon's answer is no JSON (HTTP status %ld)", code);
        return EXIT_FAILED;
    }
    if (code != 200) {
        const char *text = json_string_value(json_object_get(json, "error"));
        error_set(err, "%s", text ? text : "the daemon refused");
        json_decref(json);
        return status_of(code);
    }
    *answer = json;
    return EXIT_DONE;
}

int client_try(struct invocation *invocation, const char *method, const char *path, const json_t *body, json_t **answer,
               struct error *err)
{
    struct received received = { .ctx = invocation->ctx };
    CURL *curl = curl_easy_init();
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    char *url = talloc_asprintf(invocation->ctx, "http://localhost%s", path);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, invocation->socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_WITHIN_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
    if (strcmp(method, "POST") == 0)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text ? text : "");
    else
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    free(text);
    return code == CURLE_OK ? judge(&received, status, answer, err) : explain_curl(invocation, code, err);
}

int client_call(struct invocation *invocation, const char *method, const char *path, const json_t *body, json_t **answer)
{
    struct error err = { 0 };
    int status = client_try(invocation, method, path, body, answer, &err);
    return status == EXIT_DONE ? EXIT_DONE : complain(status, "%s", err.text);
}

int print_json(json_t *answer)
{
    json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(answer);
    return EXIT_DONE;
}
