// SPDX-License-Identifier: Apache-2.0
#include "certificate.h"

#include <arpa/inet.h>
#include <lber.h>
#include <ldap.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "directory/dn.h"

// A cursor over DER (X.690 §8.1, §10.1): definite lengths, tag numbers below 31.
struct der {
    const uint8_t *p, *end;
};

// Reads one element; `content` gets its octets. Returns the tag, or -1.
static int der_next(struct der *der, struct der *content)
{
    if (der->end - der->p < 2 || (der->p[0] & 0x1f) == 0x1f)
        return -1;
    int tag = *der->p++;
    size_t length = *der->p++;
    if (length >= 0x80) {
        size_t octets = length & 0x7f;
        if (octets == 0 || octets > 4 || (size_t)(der->end - der->p) < octets)
            return -1;
        for (length = 0; octets > 0; octets--)
            length = length << 8 | *der->p++;
    }
    if ((size_t)(der->end - der->p) < length)
        return -1;
    *content = (struct der){ der->p, der->p + length };
    der->p += length;
    return tag;
}

static bool der_expect(struct der *der, int tag, struct der *content)
{
    return der_next(der, content) == tag;
}

enum {
    DER_INTEGER = 0x02,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_BOOLEAN = 0x01,
    DER_UTC = 0x17,
    DER_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_VERSION = 0xa0,
    DER_EXTENSIONS = 0xa3,
    DER_DNS = 0x82,
    DER_IP = 0x87
};

// Time = UTCTime (YYMMDDHHMMSSZ, years 1950 to 2049) / GeneralizedTime
static bool read_time(struct der *der, int64_t *time)
{
    struct der content;
    char text[32];
    int tag = der_next(der, &content);
    size_t length = tag < 0 ? 0 : (size_t)(content.end - content.p);
    if ((tag != DER_UTC && tag != DER_TIME) || length < 2 || length > 20)
        return false;
    const char *century = tag == DER_TIME ? "" : content.p[0] >= '5' ? "19" : "20";
    int n = snprintf(text, sizeof text, "%s%.*s", century, (int)length, (const char *)content.p);
    return clock_from_generalized(text, (size_t)n, time) == 0;
}

// `start` to der->p is the whole Name; libldap knows how to write it as a DN.
static char *read_name(TALLOC_CTX *ctx, struct der *der)
{
    const uint8_t *start = der->p;
    struct der content;
    struct berval name, dn = { 0, NULL };
    if (!der_expect(der, DER_SEQUENCE, &content))
        return NULL;
    name.bv_val = (char *)start;
    name.bv_len = (ber_len_t)(der->p - start);
    char *text = NULL;
    if (ldap_X509dn2bv(&name, &dn, NULL, 0) == LDAP_SUCCESS && dn.bv_val != NULL)
        text = text_clean(ctx, dn.bv_val, dn.bv_len, 200);
    ldap_memfree(dn.bv_val);
    return text != NULL ? text : talloc_strdup(ctx, "?");
}

// GeneralNames ::= SEQUENCE OF GeneralName; dNSName [2] IA5String, iPAddress [7] OCTET STRING
static void read_alternative_names(struct certificate *certificate, struct der octets)
{
    struct der list, name;
    if (!der_expect(&octets, DER_SEQUENCE, &list))
        return;
    int tag;
    while (list.p < list.end && (tag = der_next(&list, &name)) >= 0) {
        char address[INET6_ADDRSTRLEN] = "";
        size_t length = (size_t)(name.end - name.p);
        char *text = NULL;
        if (tag == DER_DNS)
            text = text_clean(certificate, (const char *)name.p, length, 100);
        else if (tag == DER_IP && (length == 4 || length == 16) &&
                 inet_ntop(length == 4 ? AF_INET : AF_INET6, name.p, address, sizeof address) != NULL)
            text = talloc_strdup(certificate, address);
        if (text != NULL && strlen(certificate->names) < 300)
            certificate->names = talloc_asprintf_append_buffer(certificate->names, "%s%s",
                                                               *certificate->names != '\0' ? ", " : "", text);
        talloc_free(text);
    }
}

// Extension ::= SEQUENCE { extnID OID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
static void read_extensions(struct certificate *certificate, struct der wrapped)
{
    static const uint8_t alternative_name[] = { 0x55, 0x1d, 0x11 }; // 2.5.29.17
    struct der list, extension, oid, value;
    if (!der_expect(&wrapped, DER_SEQUENCE, &list))
        return;
    while (der_expect(&list, DER_SEQUENCE, &extension)) {
        if (!der_expect(&extension, DER_OID, &oid))
            return;
        int tag = der_next(&extension, &value);
        if (tag == DER_BOOLEAN)
            tag = der_next(&extension, &value);
        if (tag == DER_OCTETS && oid.end - oid.p == sizeof alternative_name &&
            memcmp(oid.p, alternative_name, sizeof alternative_name) == 0)
            read_alternative_names(certificate, value);
    }
}

// TBSCertificate ::= SEQUENCE { version [0] DEFAULT v1, serialNumber INTEGER, signature SEQUENCE,
//   issuer Name, validity SEQUENCE, subject Name, subjectPublicKeyInfo SEQUENCE, …, extensions [3] OPTIONAL }
struct certificate *certificate_parse(TALLOC_CTX *ctx, const void *octets, size_t length)
{
    struct der der = { octets, (const uint8_t *)octets + length }, outer, body, skipped, validity;
    struct certificate *certificate = talloc_zero(ctx, struct certificate);
    certificate->names = talloc_strdup(certificate, "");
    if (!der_expect(&der, DER_SEQUENCE, &outer) || !der_expect(&outer, DER_SEQUENCE, &body))
        goto bad;
    int tag = der_next(&body, &skipped);
    if (tag == DER_VERSION)
        tag = der_next(&body, &skipped);
    if (tag != DER_INTEGER || !der_expect(&body, DER_SEQUENCE, &skipped))
        goto bad;
    const uint8_t *issuer = body.p;
    certificate->issuer = read_name(certificate, &body);
    size_t issuer_length = (size_t)(body.p - issuer);
    if (certificate->issuer == NULL || !der_expect(&body, DER_SEQUENCE, &validity) ||
        !read_time(&validity, &certificate->not_before) || !read_time(&validity, &certificate->not_after))
        goto bad;
    const uint8_t *subject = body.p;
    certificate->subject = read_name(certificate, &body);
    size_t subject_length = (size_t)(body.p - subject);
    if (certificate->subject == NULL || !der_expect(&body, DER_SEQUENCE, &skipped))
        goto bad;
    certificate->self_issued = subject_length == issuer_length && memcmp(issuer, subject, issuer_length) == 0;
    while ((tag = der_next(&body, &skipped)) >= 0)
        if (tag == DER_EXTENSIONS)
            read_extensions(certificate, skipped);
    if (*certificate->names == '\0')
        certificate->names = dn_rdn_value(certificate, certificate->subject);
    return certificate;
bad:
    talloc_free(certificate);
    return NULL;
}

static bool name_matches(const char *name, size_t length, const char *host)
{
    uint8_t wanted[16], given[16];
    char text[INET6_ADDRSTRLEN];
    // A wildcard stands for the whole first label.
    if (length > 2 && name[0] == '*' && name[1] == '.') {
        const char *dot = strchr(host, '.');
        return dot != NULL && strlen(dot) == length - 1 && strncasecmp(dot, name + 1, length - 1) == 0;
    }
    if (inet_pton(AF_INET6, host, wanted) == 1 && length < sizeof text) {
        memcpy(text, name, length);
        text[length] = '\0';
        return inet_pton(AF_INET6, text, given) == 1 && memcmp(wanted, given, sizeof wanted) == 0;
    }
    return strlen(host) == length && strncasecmp(name, host, length) == 0;
}

bool certificate_is_for(const struct certificate *certificate, const char *host)
{
    for (const char *name = certificate->names; *name != '\0';) {
        size_t length = strcspn(name, ",");
        if (name_matches(name, length, host))
            return true;
        name += length;
        name += strspn(name, ", ");
    }
    return false;
}

char *certificate_explain(TALLOC_CTX *ctx, const struct certificate *certificate, const char *host,
                          const char *ca_file, int64_t now)
{
    char when[CLOCK_TEXT_SIZE];
    const char *trusted = ca_file != NULL ? ca_file : "the authorities that this system trusts";
    if (certificate->not_after < now)
        return talloc_asprintf(ctx, "the server's certificate (%s) expired on %s; renew it on the server",
                               certificate->subject, clock_to_iso(certificate->not_after, when));
    if (certificate->not_before > now)
        return talloc_asprintf(ctx,
                               "the server's certificate (%s) is not valid before %s; check the clocks of "
                               "both machines",
                               certificate->subject, clock_to_iso(certificate->not_before, when));
    if (strcasecmp(host, "localhost") == 0)
        return talloc_asprintf(ctx,
                               "for the host localhost libldap expects a certificate with this machine's "
                               "own name, and this one is for %s; write a name or address in uri that the "
                               "certificate bears",
                               certificate->names);
    if (!certificate_is_for(certificate, host))
        return talloc_asprintf(ctx,
                               "the server's certificate is not for %s but for %s; write a name in uri that "
                               "the certificate bears, or renew it with the right one",
                               host, certificate->names);
    if (certificate->self_issued)
        return talloc_asprintf(ctx,
                               "the server's certificate (%s) is self-signed and not among %s; put it into "
                               "the file that tls_ca_file names if it is the right one",
                               certificate->subject, trusted);
    return talloc_asprintf(ctx,
                           "the server's certificate (%s) was issued by %s, which is not among %s (or an "
                           "intermediate certificate is missing on the server); name that authority's "
                           "certificate in tls_ca_file",
                           certificate->subject, certificate->issuer, trusted);
}
