// SPDX-License-Identifier: Apache-2.0
#include "directory/dn.h"

#include <ldap.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "directory/delta.h"
#include "directory/schema.h"
#include "fold.h"
#include "schema_table.h"

struct dn_scratch {
    struct fold out;  // the normal form
    struct fold text; // the DN as a C string, for libldap
    struct fold fold; // one value
    size_t parent;    // where the parent's normal form begins; 0: there is none
    // The last plain parent, as it was written and in normal form: neighbours and members of a group share
    // it.
    struct fold written, normal;
};

struct dn_scratch *dn_scratch_new(TALLOC_CTX *ctx)
{
    return talloc_zero(ctx, struct dn_scratch);
}

static void room(struct dn_scratch *scratch, struct fold *buffer, size_t size)
{
    if (size <= buffer->capacity)
        return;
    buffer->capacity = size < 512 ? 512 : size * 2;
    buffer->data = talloc_realloc(scratch, buffer->data, char, buffer->capacity);
    if (buffer->data == NULL)
        abort();
}

// --- plain names: ASCII, no escapes, no quotes, one AVA an RDN, no spaces that matter

// The octet in lower case, or 0 if it is not plain: controls, non-ASCII and RFC 4514's special characters.
static const uint8_t plain[256] = {
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x20, 0x21, 0x00, 0x00, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x00, 0x00, 0x2d, 0x2e, 0x2f,
    0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x00, 0x00, 0x00, 0x00, 0x3f,
    0x40, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
    0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x5b, 0x00, 0x5d, 0x5e, 0x5f,
    0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
    0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static bool is_key_octet(unsigned char c)
{
    return (fold_ascii[c] >= 'a' && fold_ascii[c] <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// One "type=value" at `p`; returns where it ends, or NULL if it is not plain.
static const char *plain_ava(struct dn_scratch *scratch, const char *p, const char *end)
{
    const char *key = p;
    while (p < end && is_key_octet((unsigned char)*p))
        p++;
    if (p == key || p == end || *p != '=' || fold_ascii[(unsigned char)*key] < 'a')
        return NULL;
    const struct schema_type *type = schema_find(key, (size_t)(p - key));
    if (type == NULL)
        return NULL;
    p++;
    struct fold *buffer = &scratch->out;
    room(scratch, buffer, buffer->length + type->length + 2 + (size_t)(end - p));
    char *out = buffer->data + buffer->length;
    memcpy(out, type->lower, type->length);
    out += type->length;
    *out++ = '=';
    const char *value = p;
    bool exact = (type->flags & SCHEMA_FLAG_EXACT) != 0;
    for (uint8_t c, last = ' '; p < end && (c = plain[(unsigned char)*p]) != 0; p++) {
        if (c == ' ' && last == ' ')
            return NULL;
        last = c;
        *out++ = exact ? *p : (char)c;
    }
    if (p == value || p[-1] == ' ')
        return NULL;
    buffer->length = (size_t)(out - buffer->data);
    return p;
}

static void parent_keep(struct dn_scratch *scratch, const char *written, size_t length)
{
    size_t normal = scratch->out.length - scratch->parent;
    room(scratch, &scratch->written, length);
    room(scratch, &scratch->normal, normal);
    memcpy(scratch->written.data, written, length);
    memcpy(scratch->normal.data, scratch->out.data + scratch->parent, normal);
    scratch->written.length = length;
    scratch->normal.length = normal;
}

static bool parent_take(struct dn_scratch *scratch, const char *written, size_t length)
{
    if (length == 0 || length != scratch->written.length
        || memcmp(written, scratch->written.data, length) != 0)
        return false;
    struct fold *out = &scratch->out;
    room(scratch, out, out->length + scratch->normal.length + 1);
    memcpy(out->data + out->length, scratch->normal.data, scratch->normal.length);
    out->length += scratch->normal.length;
    return true;
}

static bool normalize_plain(struct dn_scratch *scratch, const char *dn, size_t length)
{
    const char *end = dn + length, *parent = NULL;
    for (const char *p = dn;; p++) {
        p = plain_ava(scratch, p, end);
        if (p == NULL)
            return false;
        if (p == end)
            break;
        if (*p != ',')
            return false;
        scratch->out.data[scratch->out.length++] = ',';
        if (parent == NULL) {
            parent = p + 1;
            scratch->parent = scratch->out.length;
            if (parent_take(scratch, parent, (size_t)(end - parent)))
                return true;
        }
    }
    if (parent != NULL)
        parent_keep(scratch, parent, (size_t)(end - parent));
    return true;
}

// --- every other name

static void put(struct dn_scratch *scratch, const char *data, size_t length)
{
    room(scratch, &scratch->out, scratch->out.length + length + 1);
    memcpy(scratch->out.data + scratch->out.length, data, length);
    scratch->out.length += length;
}

static void put_hex(struct dn_scratch *scratch, const char *prefix, unsigned char octet)
{
    static const char digits[] = "0123456789abcdef";
    char text[4];
    size_t n = strlen(prefix);
    memcpy(text, prefix, n);
    text[n] = digits[octet >> 4];
    text[n + 1] = digits[octet & 15];
    put(scratch, text, n + 2);
}

// RFC 4514 §2.4 asks for escapes before '"', '+', ',', ';', '<', '>', '\', NUL, a leading '#' and spaces at
// the ends (of which none are left). Control characters are escaped too, and octets that are not UTF-8.
static void put_value(struct dn_scratch *scratch, const char *data, size_t length, bool utf8)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c < 0x20 || c == 0x7f || strchr("\"+,;<>\\", c) != NULL || (c == '#' && i == 0) ||
            (c >= 0x80 && !utf8))
            put_hex(scratch, "\\", c);
        else
            put(scratch, data + i, 1);
    }
}

static void put_ava(struct dn_scratch *scratch, const LDAPAVA *ava)
{
    const struct berval *name = &ava->la_attr, *value = &ava->la_value;
    const struct schema_type *type = schema_find(name->bv_val, name->bv_len);
    if (type != NULL)
        put(scratch, type->lower, type->length);
    else
        for (size_t i = 0; i < name->bv_len; i++)
            put(scratch, (const char *)&fold_ascii[(unsigned char)name->bv_val[i]], 1);
    put(scratch, "=", 1);
    if ((ava->la_flags & LDAP_AVA_BINARY) != 0 && value->bv_len > 0) {
        put(scratch, "#", 1);
        for (size_t i = 0; i < value->bv_len; i++)
            put_hex(scratch, "", (unsigned char)value->bv_val[i]);
        return;
    }
    bool exact = type != NULL && (type->flags & SCHEMA_FLAG_EXACT) != 0;
    fold_text(scratch, &scratch->fold, value->bv_val, value->bv_len, exact, FOLD_TRIM);
    put_value(scratch, scratch->fold.data, scratch->fold.length, text_is_utf8(value->bv_val, value->bv_len));
}

struct piece {
    size_t start, length;
    const char *base;
};

static int piece_compare(const void *a, const void *b)
{
    const struct piece *left = a, *right = b;
    size_t n = left->length < right->length ? left->length : right->length;
    int order = memcmp(left->base + left->start, right->base + right->start, n);
    return order != 0 ? order : (left->length > right->length) - (left->length < right->length);
}

// The AVAs of one RDN are a set: they are written one after the other, sorted, and put together again with
// "+".
static void put_rdn(struct dn_scratch *scratch, LDAPRDN rdn)
{
    size_t count = 0;
    while (rdn[count] != NULL)
        count++;
    if (count == 1) {
        put_ava(scratch, rdn[0]);
        return;
    }
    size_t start = scratch->out.length;
    struct piece *pieces = talloc_array(scratch, struct piece, count);
    if (pieces == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        pieces[i].start = scratch->out.length - start;
        put_ava(scratch, rdn[i]);
        pieces[i].length = scratch->out.length - start - pieces[i].start;
    }
    char *written = talloc_memdup(pieces, scratch->out.data + start, scratch->out.length - start);
    for (size_t i = 0; i < count; i++)
        pieces[i].base = written;
    qsort(pieces, count, sizeof *pieces, piece_compare);
    scratch->out.length = start;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put(scratch, "+", 1);
        put(scratch, written + pieces[i].start, pieces[i].length);
    }
    talloc_free(pieces);
}

// RFC 4514 §3 as libldap reads it; failing that, with the quotes and semicolons of RFC 1779 that old clients
// still write.
static int parse(const char *dn, LDAPDN *parsed)
{
    if (ldap_str2dn(dn, parsed, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS)
        return 0;
    return strpbrk(dn, "\";") != NULL && ldap_str2dn(dn, parsed, LDAP_DN_FORMAT_LDAPV2) == LDAP_SUCCESS ? 0
                                                                                                        : -1;
}

static int normalize_any(struct dn_scratch *scratch, const char *dn, size_t length)
{
    if (memchr(dn, '\0', length) != NULL)
        return -1;
    room(scratch, &scratch->text, length + 1);
    memcpy(scratch->text.data, dn, length);
    scratch->text.data[length] = '\0';
    // libldap checks the syntax and takes escapes away; it knows nothing of case, spaces and the order of
    // AVAs.
    LDAPDN parsed = NULL;
    if (parse(scratch->text.data, &parsed) != 0)
        return -1;
    for (size_t i = 0; parsed != NULL && parsed[i] != NULL; i++) {
        if (i > 0) {
            put(scratch, ",", 1);
            if (scratch->parent == 0)
                scratch->parent = scratch->out.length;
        }
        put_rdn(scratch, parsed[i]);
    }
    ldap_dnfree(parsed);
    return 0;
}

static int normalize(struct dn_scratch *scratch, const char *dn, size_t length)
{
    scratch->out.length = 0;
    scratch->parent = 0;
    room(scratch, &scratch->out, length + 1);
    if (length == 0 || normalize_plain(scratch, dn, length))
        return 0;
    scratch->out.length = 0;
    scratch->parent = 0;
    return normalize_any(scratch, dn, length);
}

char *dn_normalize(TALLOC_CTX *ctx, const char *dn, size_t length, struct error *err)
{
    struct dn_scratch *scratch = dn_scratch_new(ctx);
    char *result = NULL;
    if (normalize(scratch, dn, length) == 0)
        result = talloc_strndup(ctx, scratch->out.data, scratch->out.length);
    else
        error_set(err,
                  "\"%.*s\" is not a distinguished name: expected attribute=value pairs separated by "
                  "commas, such as uid=jane,ou=people,dc=example,dc=com",
                  (int)(length < 200 ? length : 200), dn);
    talloc_free(scratch);
    return result;
}

int dn_hash(struct dn_scratch *scratch, const char *dn, size_t length, uint64_t *hash, uint64_t *parent)
{
    if (normalize(scratch, dn, length) != 0)
        return -1;
    *hash = hash_bytes(scratch->out.data, scratch->out.length);
    if (parent != NULL)
        *parent = scratch->parent == 0 ? 0 : hash_bytes(scratch->out.data + scratch->parent,
                                                        scratch->out.length - scratch->parent);
    return 0;
}

uint64_t link_uid_hash(const char *uid, size_t length)
{
    // The leading NUL keeps uids apart from DNs.
    struct fold fold = { .data = NULL };
    fold_text(NULL, &fold, uid, length, false, FOLD_TRIM);
    char *key = talloc_array(NULL, char, fold.length + 5);
    if (key == NULL)
        abort();
    memcpy(key, "\0uid:", 5);
    if (fold.length > 0)
        memcpy(key + 5, fold.data, fold.length);
    uint64_t hash = hash_bytes(key, fold.length + 5);
    talloc_free(key);
    talloc_free(fold.data);
    return hash;
}

// --- names as written

size_t dn_rdn_length(const char *dn)
{
    bool quoted = false;
    size_t i = 0;
    for (; dn[i] != '\0'; i++) {
        if (dn[i] == '\\' && dn[i + 1] != '\0')
            i++;
        else if (dn[i] == '"')
            quoted = !quoted;
        else if ((dn[i] == ',' || dn[i] == ';') && !quoted)
            break;
    }
    return i;
}

const char *dn_parent(const char *dn)
{
    dn += dn_rdn_length(dn);
    if (*dn != '\0')
        dn++;
    return dn + strspn(dn, " ");
}

char *dn_rdn_value(TALLOC_CTX *ctx, const char *dn)
{
    char *rdn = talloc_strndup(ctx, dn, dn_rdn_length(dn)), *value = rdn;
    LDAPDN parsed = NULL;
    if (parse(rdn, &parsed) == 0 && parsed != NULL && parsed[0] != NULL && parsed[0][0] != NULL &&
        (parsed[0][0]->la_flags & LDAP_AVA_BINARY) == 0) {
        const struct berval *first = &parsed[0][0]->la_value;
        value = talloc_strndup(ctx, first->bv_len > 0 ? first->bv_val : "", first->bv_len);
        talloc_free(rdn);
    }
    ldap_dnfree(parsed);
    return value;
}

bool dn_is_within(const char *normal_dn, const char *normal_base)
{
    size_t length = strlen(normal_dn), base = strlen(normal_base);
    if (base == 0)
        return true;
    if (length < base || strcmp(normal_dn + length - base, normal_base) != 0)
        return false;
    // In a normal form a comma within a value is always "\2c".
    return length == base || normal_dn[length - base - 1] == ',';
}
