// SPDX-License-Identifier: Apache-2.0
// bare URI BIND-DN PASSWORD BASE SMTP-URL FILE ATTRIBUTE…: the least that a syncrepl client which mails can do:
// decodes each entry, keeps a line about it with one fdatasync, sends one mail on a kept connection. It prints
// "ready" when the refresh is complete. The mail goes to the last member of a group, or to the entry's own
// address.

#include <curl/curl.h>
#include <fcntl.h>
#include <lber.h>
#include <ldap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SYNC_OID "1.3.6.1.4.1.4203.1.9.1.1"
#define SYNC_INFO_OID "1.3.6.1.4.1.4203.1.9.1.4"
#define MESSAGE_SIZE 4000

struct bare {
    LDAP *ld;
    CURL *curl;
    struct curl_slist *to;
    const char *smtp;
    int file;
    size_t sent; // octets of the message under way
    char message[MESSAGE_SIZE];
    char recipient[512], dn[1024];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bare: %s: %s\n", what, why);
    exit(1);
}

static void must(const char *what, int result)
{
    if (result != LDAP_SUCCESS)
        die(what, ldap_err2string(result));
}

static int search(struct bare *bare, const char *base, char **attributes)
{
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    struct berval *value = NULL;
    int id = 0;
    // syncRequestValue ::= SEQUENCE { mode ENUMERATED { refreshAndPersist (3) }, … }
    if (!ber || ber_printf(ber, "{e}", 3) < 0 || ber_flatten(ber, &value) < 0)
        die("control", "out of memory");
    LDAPControl sync = { .ldctl_oid = (char *)SYNC_OID, .ldctl_value = *value, .ldctl_iscritical = 1 };
    LDAPControl *controls[] = { &sync, NULL };
    must("search", ldap_search_ext(bare->ld, base, LDAP_SCOPE_SUBTREE, "(objectClass=*)", attributes, 0,
                                   controls, NULL, NULL, LDAP_NO_LIMIT, &id));
    ber_bvfree(value);
    ber_free(ber, 1);
    return id;
}

static void take(char *to, size_t size, const struct berval *value)
{
    snprintf(to, size, "%.*s", (int)value->bv_len, value->bv_val);
}

// uid=ann,ou=… → ann@example.com
static void recipient_from_member(struct bare *bare, const struct berval *member)
{
    const char *name = memchr(member->bv_val, '=', member->bv_len);
    if (name)
        snprintf(bare->recipient, sizeof bare->recipient, "%.*s@example.com", (int)strcspn(name + 1, ","),
                 name + 1);
}

static void decode(struct bare *bare, LDAPMessage *message)
{
    BerElement *ber = NULL;
    struct berval dn, name, *values;
    LDAPControl **controls = NULL;
    if (ldap_get_dn_ber(bare->ld, message, &ber, &dn) != LDAP_SUCCESS)
        die("entry", "unreadable");
    take(bare->dn, sizeof bare->dn, &dn);
    while (ldap_get_attribute_ber(bare->ld, message, ber, &name, &values) == LDAP_SUCCESS && name.bv_val) {
        size_t count = 0;
        while (values && values[count].bv_val)
            count++;
        if (count > 0 && name.bv_len == 6 && strncasecmp(name.bv_val, "member", 6) == 0)
            recipient_from_member(bare, &values[count - 1]);
        else if (count > 0 && name.bv_len == 4 && strncasecmp(name.bv_val, "mail", 4) == 0)
            take(bare->recipient, sizeof bare->recipient, &values[0]);
        ber_memfree(values);
    }
    ber_free(ber, 0);
    if (ldap_get_entry_controls(bare->ld, message, &controls) == LDAP_SUCCESS)
        ldap_controls_free(controls);
}

static size_t message_read(char *to, size_t size, size_t count, void *context)
{
    struct bare *bare = context;
    size_t length = MESSAGE_SIZE - bare->sent < size * count ? MESSAGE_SIZE - bare->sent : size * count;
    memcpy(to, bare->message + bare->sent, length);
    bare->sent += length;
    return length;
}

static void keep_and_send(struct bare *bare)
{
    char line[2048];
    int length = snprintf(line, sizeof line, "%s %s\n", bare->dn, bare->recipient);
    if (write(bare->file, line, (size_t)length) != length || fdatasync(bare->file) < 0)
        die("file", "cannot be written");
    curl_slist_free_all(bare->to);
    bare->to = curl_slist_append(NULL, bare->recipient);
    bare->sent = 0;
    curl_easy_setopt(bare->curl, CURLOPT_MAIL_RCPT, bare->to);
    CURLcode result = curl_easy_perform(bare->curl);
    if (result != CURLE_OK)
        die("mail", curl_easy_strerror(result));
}

static void curl_begin(struct bare *bare)
{
    bare->curl = curl_easy_init();
    memset(bare->message, 'x', sizeof bare->message);
    for (size_t i = 76; i + 2 <= sizeof bare->message; i += 78)
        memcpy(bare->message + i, "\r\n", 2);
    memcpy(bare->message, "Subject: news\r\n\r\n", 17);
    memcpy(bare->message + MESSAGE_SIZE - 2, "\r\n", 2);
    curl_easy_setopt(bare->curl, CURLOPT_URL, bare->smtp);
    curl_easy_setopt(bare->curl, CURLOPT_MAIL_FROM, "directory@example.com");
    curl_easy_setopt(bare->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(bare->curl, CURLOPT_READFUNCTION, message_read);
    curl_easy_setopt(bare->curl, CURLOPT_READDATA, bare);
}

int main(int argc, char **argv)
{
    static struct bare bare;
    int version = LDAP_VERSION3;
    bool ready = false;
    if (argc < 8)
        die("arguments", "URI BIND-DN PASSWORD BASE SMTP-URL FILE ATTRIBUTE…");
    struct berval password = { .bv_val = argv[3], .bv_len = strlen(argv[3]) };
    bare.smtp = argv[5];
    bare.file = open(argv[6], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    curl_begin(&bare);
    must("server", ldap_initialize(&bare.ld, argv[1]));
    ldap_set_option(bare.ld, LDAP_OPT_PROTOCOL_VERSION, &version);
    must("bind", ldap_sasl_bind_s(bare.ld, argv[2], LDAP_SASL_SIMPLE, &password, NULL, NULL, NULL));
    int id = search(&bare, argv[4], argv + 7);
    for (;;) {
        LDAPMessage *message = NULL;
        int type = ldap_result(bare.ld, id, LDAP_MSG_ONE, NULL, &message);
        if (type <= 0 || type == LDAP_RES_SEARCH_RESULT)
            die("search", "ended");
        if (type == LDAP_RES_SEARCH_ENTRY) {
            decode(&bare, message);
            if (ready)
                keep_and_send(&bare);
        } else if (type == LDAP_RES_INTERMEDIATE && !ready) {
            ready = true;
            puts("ready");
            fflush(stdout);
        }
        ldap_msgfree(message);
    }
}
