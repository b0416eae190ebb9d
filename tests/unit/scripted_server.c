// SPDX-License-Identifier: Apache-2.0
#include "scripted_server.h"

#include <arpa/inet.h>
#include <lber.h>
#include <ldap.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// In the server's process a failure is its exit; the test then sees a broken connection.
#define MUST(condition) ((condition) ? (void)0 : _exit(70))

struct service {
    const struct step *steps;
    const char *vendor;
    size_t chunk;
    int socket, say;
    Sockbuf *buffer;
    ber_int_t search; // message id of the sync search
    char *out;
    size_t out_length, out_room;
};

static void out_add(struct service *service, const void *data, size_t length)
{
    if (service->out_length + length > service->out_room) {
        service->out_room = 2 * (service->out_length + length);
        service->out = realloc(service->out, service->out_room);
        MUST(service->out);
    }
    memcpy(service->out + service->out_length, data, length);
    service->out_length += length;
}

static void out_flush(struct service *service)
{
    size_t at = 0;

    while (at < service->out_length) {
        size_t part = service->out_length - at;
        if (service->chunk > 0 && part > service->chunk)
            part = service->chunk;
        ssize_t written = write(service->socket, service->out + at, part);
        MUST(written > 0);
        at += (size_t)written;
    }
    service->out_length = 0;
}

static void out_ber(struct service *service, BerElement *ber)
{
    struct berval value;
    MUST(ber_flatten2(ber, &value, 0) == 0);
    out_add(service, value.bv_val, value.bv_len);
    ber_free(ber, 1);
}

static BerElement *ber_begin(void)
{
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    MUST(ber);
    return ber;
}

static void out_result(struct service *service, ber_int_t id, ber_tag_t tag, int code, const char *words)
{
    BerElement *ber = ber_begin();
    MUST(ber_printf(ber, "{it{ess}}", id, tag, code, "", words) >= 0);
    out_ber(service, ber);
}

static void step_uuid(unsigned char id, char uuid[16])
{
    memset(uuid, 0, 16);
    uuid[15] = (char)id;
}

static void put_cookie(BerElement *ber, const char *cookie)
{
    if (cookie)
        MUST(ber_printf(ber, "s", cookie) >= 0);
}

// "name=value\0…": values of one name that follow each other are one attribute.
static void put_attributes(BerElement *ber, const char *attributes)
{
    const char *open = NULL;
    size_t open_length = 0;

    for (const char *at = attributes; at && *at; at += strlen(at) + 1) {
        size_t length = strcspn(at, "=");
        if (!open || length != open_length || memcmp(open, at, length) != 0) {
            char name[64];
            snprintf(name, sizeof(name), "%.*s", (int)length, at);
            MUST(ber_printf(ber, open ? "]}{s[" : "{s[", name) >= 0);
            open = at;
            open_length = length;
        }
        MUST(ber_printf(ber, "s", at + length + 1) >= 0);
    }
    if (open)
        MUST(ber_printf(ber, "]}") >= 0);
}

static void out_entry(struct service *service, ber_int_t id, const char *dn, const char *attributes,
                      const struct berval *state)
{
    static const char oid[] = "1.3.6.1.4.1.4203.1.9.1.2";
    BerElement *ber = ber_begin();

    MUST(ber_printf(ber, "{it{s{", id, LDAP_RES_SEARCH_ENTRY, dn) >= 0);
    put_attributes(ber, attributes);
    MUST(ber_printf(ber, "}}") >= 0);
    if (state)
        MUST(ber_printf(ber, "t{{sO}}", LDAP_TAG_CONTROLS, oid, state) >= 0);
    MUST(ber_printf(ber, "}") >= 0);
    out_ber(service, ber);
}

static void out_sync_entry(struct service *service, int state, const char uuid[16], const char *dn,
                           const char *attributes, const char *cookie)
{
    BerElement *ber = ber_begin();
    struct berval value;

    MUST(ber_printf(ber, "{eo", state, uuid, (ber_len_t)16) >= 0);
    put_cookie(ber, cookie);
    MUST(ber_printf(ber, "}") >= 0 && ber_flatten2(ber, &value, 0) == 0);
    out_entry(service, service->search, dn, attributes, &value);
    ber_free(ber, 1);
}

static void out_intermediate(struct service *service, const char *oid, const void *data, size_t length)
{
    BerElement *ber = ber_begin();

    MUST(ber_printf(ber, "{it{tsto}}", service->search, LDAP_RES_INTERMEDIATE, LDAP_TAG_IM_RES_OID, oid,
                    LDAP_TAG_IM_RES_VALUE, (const char *)data, (ber_len_t)length) >= 0);
    out_ber(service, ber);
}

static void out_info(struct service *service, BerElement *ber)
{
    struct berval value;
    MUST(ber_flatten2(ber, &value, 0) == 0);
    out_intermediate(service, "1.3.6.1.4.1.4203.1.9.1.4", value.bv_val, value.bv_len);
    ber_free(ber, 1);
}

static void out_set(struct service *service, const struct step *step)
{
    BerElement *ber = ber_begin();

    MUST(ber_printf(ber, "t{", (ber_tag_t)0xa3) >= 0);
    put_cookie(ber, step->cookie);
    if (step->kind == STEP_SET_DELETE)
        MUST(ber_printf(ber, "b", 1) >= 0);
    MUST(ber_printf(ber, "[") >= 0);
    for (const char *id = step->ids; id && *id; id++) {
        char uuid[16];
        step_uuid((unsigned char)*id, uuid);
        MUST(ber_printf(ber, "o", uuid, (ber_len_t)16) >= 0);
    }
    MUST(ber_printf(ber, "]}") >= 0);
    out_info(service, ber);
}

static void out_phase(struct service *service, const struct step *step)
{
    BerElement *ber = ber_begin();

    MUST(ber_printf(ber, "t{", (ber_tag_t)(step->kind == STEP_DELETE ? 0xa1 : 0xa2)) >= 0);
    put_cookie(ber, step->cookie);
    if (step->more)
        MUST(ber_printf(ber, "b", 0) >= 0);
    MUST(ber_printf(ber, "}") >= 0);
    out_info(service, ber);
}

static void out_new_cookie(struct service *service, const char *cookie)
{
    BerElement *ber = ber_begin();
    MUST(ber_printf(ber, "ts", (ber_tag_t)0x80, cookie) >= 0);
    out_info(service, ber);
}

static void out_many(struct service *service, const struct step *step)
{
    for (size_t i = 0; i < step->count; i++) {
        char uuid[16] = { 0 }, dn[64];
        uuid[14] = (char)(i >> 8);
        uuid[15] = (char)i;
        snprintf(dn, sizeof(dn), "cn=%zu,dc=x", i);
        out_sync_entry(service, 1, uuid, dn, "cn=many\0", i + 1 == step->count ? step->cookie : NULL);
    }
}

static void out_group(struct service *service, const struct step *step)
{
    char uuid[16];
    size_t room = step->count * 48 + 1, at = 0;
    char *attributes = calloc(1, room);

    MUST(attributes);
    for (size_t i = 0; i < step->count; i++)
        at += (size_t)snprintf(attributes + at, room - at, "member=uid=u%zu,ou=people,dc=x", i) + 1;
    step_uuid(step->id, uuid);
    out_sync_entry(service, 2, uuid, step->dn, attributes, step->cookie);
    free(attributes);
}

static void out_reference(struct service *service, const char *uri)
{
    BerElement *ber = ber_begin();
    MUST(ber_printf(ber, "{it{s}}", service->search, LDAP_RES_SEARCH_REFERENCE, uri) >= 0);
    out_ber(service, ber);
}

static void out_empty_entry(struct service *service)
{
    BerElement *ber = ber_begin();
    MUST(ber_printf(ber, "{it{}}", service->search, LDAP_RES_SEARCH_ENTRY) >= 0);
    out_ber(service, ber);
}

static void out_step(struct service *service, const struct step *step)
{
    struct berval octets = { .bv_val = (char *)step->text, .bv_len = step->count };
    char uuid[16];

    step_uuid(step->id, uuid);
    switch (step->kind) {
    case STEP_ENTRY:
        out_sync_entry(service, step->state, uuid, step->dn, step->attributes, step->cookie);
        break;
    case STEP_PLAIN_ENTRY:
        out_entry(service, service->search, step->dn, step->attributes, NULL);
        break;
    case STEP_EMPTY_ENTRY:
        out_empty_entry(service);
        break;
    case STEP_STATE_OCTETS:
        out_entry(service, service->search, step->dn, step->attributes, &octets);
        break;
    case STEP_NEW_COOKIE:
        out_new_cookie(service, step->cookie);
        break;
    case STEP_DELETE:
    case STEP_PRESENT:
        out_phase(service, step);
        break;
    case STEP_SET_PRESENT:
    case STEP_SET_DELETE:
        out_set(service, step);
        break;
    case STEP_INFO_OCTETS:
        out_intermediate(service, "1.3.6.1.4.1.4203.1.9.1.4", step->text, step->count);
        break;
    case STEP_INTERMEDIATE:
        out_intermediate(service, step->text, "what", 4);
        break;
    case STEP_REFERENCE:
        out_reference(service, step->text);
        break;
    case STEP_DONE:
        out_result(service, service->search, LDAP_RES_SEARCH_RESULT, (int)step->count, step->text);
        break;
    case STEP_OCTETS:
        out_add(service, step->text, step->count);
        break;
    case STEP_MANY:
        out_many(service, step);
        break;
    case STEP_GROUP:
        out_group(service, step);
        break;
    default:
        _exit(71);
    }
}

// Plays until the end, or until it has to wait for the client.
static void play(struct service *service)
{
    for (;; service->steps++) {
        switch (service->steps->kind) {
        case STEP_END:
            out_flush(service);
            return;
        case STEP_REQUEST:
            service->steps++;
            out_flush(service);
            return;
        case STEP_CLOSE:
            out_flush(service);
            _exit(0);
        default:
            out_step(service, service->steps);
        }
    }
}

static void answer_base_search(struct service *service, ber_int_t id)
{
    char attributes[256];
    int length = snprintf(attributes, sizeof(attributes),
                          "objectClass=top%cnamingContexts=dc=x%csupportedControl=1.3.6.1.4.1.4203.1.9.1.1%c"
                          "supportedLDAPVersion=3%c",
                          0, 0, 0, 0);
    if (service->vendor)
        snprintf(attributes + length, sizeof(attributes) - (size_t)length, "vendorName=%s%c", service->vendor,
                 0);
    else
        attributes[length] = '\0';
    out_entry(service, id, "", attributes, NULL);
    out_result(service, id, LDAP_RES_SEARCH_RESULT, 0, "");
    out_flush(service);
}

// The request's controls: "cookie=… manage=…".
static void say_controls(struct service *service, BerElement *ber)
{
    char *stop;
    ber_len_t length;
    bool manage = false;
    struct berval cookie = { .bv_val = NULL };
    BerElement *value = NULL;

    if (ber_peek_tag(ber, &length) == LDAP_TAG_CONTROLS) {
        for (ber_tag_t tag = ber_first_element(ber, &length, &stop); tag != LBER_DEFAULT;
             tag = ber_next_element(ber, &length, stop)) {
            struct berval oid = { 0 }, octets = { 0 };
            ber_int_t critical, mode;
            MUST(ber_scanf(ber, "{m", &oid) != LBER_ERROR);
            if (ber_peek_tag(ber, &length) == LBER_BOOLEAN)
                MUST(ber_scanf(ber, "b", &critical) != LBER_ERROR);
            if (ber_peek_tag(ber, &length) == LBER_OCTETSTRING)
                MUST(ber_scanf(ber, "m", &octets) != LBER_ERROR);
            MUST(ber_scanf(ber, "}") != LBER_ERROR);
            manage = manage || strcmp(oid.bv_val, LDAP_CONTROL_MANAGEDSAIT) == 0;
            if (strcmp(oid.bv_val, LDAP_CONTROL_SYNC) != 0)
                continue;
            value = ber_init(&octets);
            MUST(value && ber_scanf(value, "{e", &mode) != LBER_ERROR && mode == 3);
            if (ber_peek_tag(value, &length) == LBER_OCTETSTRING)
                MUST(ber_scanf(value, "m", &cookie) != LBER_ERROR);
        }
    }
    dprintf(service->say, "cookie=%.*s manage=%d\n", (int)cookie.bv_len, cookie.bv_val ? cookie.bv_val : "",
            manage);
    if (value)
        ber_free(value, 1);
}

static void serve_search(struct service *service, ber_int_t id, BerElement *ber)
{
    struct berval base;
    ber_int_t scope, deref, size, time, types;
    ber_len_t length;
    char *stop;

    MUST(ber_scanf(ber, "{meeiib", &base, &scope, &deref, &size, &time, &types) != LBER_ERROR);
    if (scope == LDAP_SCOPE_BASE) {
        if (service->search)
            play(service);
        answer_base_search(service, id);
        return;
    }
    service->search = id;
    dprintf(service->say, "search base=%.*s size=%d attributes=", (int)base.bv_len, base.bv_val, size);
    MUST(ber_skip_element(ber, &base) != LBER_ERROR); // the filter
    MUST(ber_peek_tag(ber, &length) == LBER_SEQUENCE);
    for (ber_tag_t tag = ber_first_element(ber, &length, &stop); tag != LBER_DEFAULT;
         tag = ber_next_element(ber, &length, stop)) {
        MUST(ber_scanf(ber, "m", &base) != LBER_ERROR);
        dprintf(service->say, "%.*s,", (int)base.bv_len, base.bv_val);
    }
    dprintf(service->say, " ");
    MUST(ber_scanf(ber, "}") != LBER_ERROR);
    say_controls(service, ber);
    play(service);
}

static void serve(struct service *service)
{
    service->buffer = ber_sockbuf_alloc();
    MUST(service->buffer && ber_sockbuf_add_io(service->buffer, &ber_sockbuf_io_tcp,
                                               LBER_SBIOD_LEVEL_PROVIDER, &service->socket) == 0);
    for (;;) {
        BerElement *ber = ber_begin();
        ber_len_t length;
        ber_int_t id;
        ber_tag_t tag = ber_get_next(service->buffer, &length, ber);
        if (tag == LBER_DEFAULT)
            _exit(0);
        MUST(tag == LDAP_TAG_MESSAGE && ber_scanf(ber, "i", &id) != LBER_ERROR);
        tag = ber_peek_tag(ber, &length);
        if (tag == LDAP_REQ_UNBIND)
            _exit(0);
        if (tag == LDAP_REQ_ABANDON)
            dprintf(service->say, "abandon\n");
        else if (tag == LDAP_REQ_SEARCH)
            serve_search(service, id, ber);
        else if (tag == LDAP_REQ_BIND)
            out_result(service, id, LDAP_RES_BIND, 0, "");
        else
            out_result(service, id, LDAP_RES_EXTENDED, LDAP_PROTOCOL_ERROR, "");
        out_flush(service);
        ber_free(ber, 1);
    }
}

void scripted_server_start(struct scripted_server *server, const struct step *steps, const char *vendor,
                           size_t chunk)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), words[2], on = 1;

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0 || pipe(words) < 0)
        abort();
    server->port = ntohs(address.sin_port);
    server->said = words[0];
    server->pid = fork();
    if (server->pid < 0)
        abort();
    if (server->pid == 0) {
        struct service service = { .steps = steps, .vendor = vendor, .chunk = chunk, .say = words[1] };
        close(words[0]);
        alarm(60);
        service.socket = accept(listener, NULL, NULL);
        MUST(service.socket >= 0);
        setsockopt(service.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        serve(&service);
    }
    close(words[1]);
    close(listener);
}

char *scripted_server_line(struct scripted_server *server)
{
    size_t length = 0;
    char *line = calloc(1, 4096);

    while (length < 4095 && read(server->said, line + length, 1) == 1 && line[length] != '\n')
        length++;
    line[length] = '\0';
    return line;
}

void scripted_server_stop(struct scripted_server *server)
{
    kill(server->pid, SIGTERM);
    waitpid(server->pid, NULL, 0);
    close(server->said);
}
