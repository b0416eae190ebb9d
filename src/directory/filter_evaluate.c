// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include "directory/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ldap.h>

#include "base/clock.h"
#include "directory/dn.h"
#include "filter_tree.h"
#include "fold.h"

// RFC 4517 §3.3.16: Integer = ( HYPHEN LDIGIT *DIGIT ) / number. Of any size, so it stays text.
static bool prepare_integer(TALLOC_CTX *ctx, const char *data, size_t length, struct filter_value *value)
{
    size_t sign = length > 0 && data[0] == '-', i = sign;
    if (i == length)
        return false;
    for (size_t j = i; j < length; j++)
        if (data[j] < '0' || data[j] > '9')
            return false;
    while (i + 1 < length && data[i] == '0')
        i++;
    value->data = talloc_strndup(ctx, data + i, length - i);
    value->length = length - i;
    value->number = sign != 0 && strcmp(value->data, "0") != 0 ? -1 : 1;
    return true;
}

bool filter_prepare(TALLOC_CTX *ctx, const char *attribute, enum schema_syntax syntax, const char *data,
                    size_t length, struct filter_value *value)
{
    struct fold fold = { .data = NULL };
    *value = (struct filter_value){ .data = "" };
    switch (syntax) {
    case SCHEMA_TEXT:
    case SCHEMA_TEXT_EXACT:
    case SCHEMA_UID:
        fold_text(ctx, &fold, data, length, attribute != NULL && schema_is_case_exact(attribute), FOLD_TRIM);
        value->data = fold.data;
        value->length = fold.length;
        return true;
    case SCHEMA_DN: {
        char *normal = dn_normalize(ctx, data, length, NULL);
        if (normal == NULL)
            return false;
        value->data = normal;
        value->length = strlen(normal);
        return true;
    }
    case SCHEMA_TIME:
        return clock_from_generalized(data, length, &value->number) == 0;
    case SCHEMA_INTEGER:
        return prepare_integer(ctx, data, length, value);
    case SCHEMA_BOOLEAN:
        // Boolean = "TRUE" / "FALSE"; 389-DS writes them in lower case.
        if (!(length == 4 && strncasecmp(data, "TRUE", 4) == 0) &&
            !(length == 5 && strncasecmp(data, "FALSE", 5) == 0))
            return false;
        value->data = length == 4 ? "T" : "F";
        value->length = 1;
        return true;
    case SCHEMA_OCTETS:
        value->data = talloc_memdup(ctx, data, length);
        value->length = length;
        return true;
    }
    return false;
}

static int compare_octets(const struct filter_value *a, const struct filter_value *b)
{
    size_t n = a->length < b->length ? a->length : b->length;
    int order = n > 0 ? memcmp(a->data, b->data, n) : 0;
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare(enum schema_syntax syntax, const struct filter_value *a, const struct filter_value *b)
{
    if (syntax == SCHEMA_TIME)
        return (a->number > b->number) - (a->number < b->number);
    if (syntax != SCHEMA_INTEGER)
        return compare_octets(a, b);
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    int order = a->length != b->length ? (a->length > b->length ? 1 : -1)
                                       : memcmp(a->data, b->data, a->length);
    return a->number < 0 ? -order : order;
}

static bool has_order(enum schema_syntax syntax)
{
    return syntax == SCHEMA_TEXT || syntax == SCHEMA_TEXT_EXACT || syntax == SCHEMA_TIME ||
           syntax == SCHEMA_INTEGER || syntax == SCHEMA_OCTETS || syntax == SCHEMA_UID;
}

static bool match_substrings(const struct filter *filter, const struct filter_value *value)
{
    const char *p = value->data, *end = value->data + value->length;
    for (size_t i = 0; i < filter->piece_count; i++) {
        const struct filter_value *piece = &filter->pieces[i];
        if ((size_t)(end - p) < piece->length)
            return false;
        if (i == 0 && filter->initial) {
            if (memcmp(p, piece->data, piece->length) != 0)
                return false;
            p += piece->length;
        } else if (i + 1 == filter->piece_count && filter->final) {
            return memcmp(end - piece->length, piece->data, piece->length) == 0;
        } else if (piece->length > 0) {
            const char *found = memmem(p, (size_t)(end - p), piece->data, piece->length);
            if (found == NULL)
                return false;
            p = found + piece->length;
        }
    }
    return true;
}

static enum filter_result match_bits(const struct filter *filter, const struct value *value)
{
    char *stop;
    errno = 0;
    uint64_t bits = (uint64_t)strtoll(value->data, &stop, 10);
    if (errno != 0 || value->length == 0 || stop != value->data + value->length)
        return FILTER_UNDEFINED;
    bool match = filter->rule == RULE_BIT_AND ? (bits & filter->bits) == filter->bits
                                              : (bits & filter->bits) != 0;
    return match ? FILTER_TRUE : FILTER_FALSE;
}

static enum filter_result match_value(const struct filter *filter, const struct value *raw)
{
    if (filter->kind == FILTER_EXTENSIBLE && filter->rule != RULE_NONE)
        return match_bits(filter, raw);
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct filter_value value;
    enum filter_result result = FILTER_UNDEFINED;
    if (!filter_prepare(ctx, filter->attribute, filter->syntax, raw->data, raw->length, &value))
        goto out;
    bool match;
    if (filter->kind == FILTER_SUBSTRINGS) {
        match = match_substrings(filter, &value);
    } else {
        int order = compare(filter->syntax, &value, &filter->value);
        match = filter->kind == FILTER_GREATER ? order >= 0
                : filter->kind == FILTER_LESS  ? order <= 0
                                               : order == 0;
    }
    result = match ? FILTER_TRUE : FILTER_FALSE;
out:
    talloc_free(ctx);
    return result;
}

// RFC 4511 §4.5.1.7.7: with dnAttributes the match is also applied to all AVAs of the entry's DN.
static bool match_dn(const struct filter *filter, const char *dn)
{
    LDAPDN parsed = NULL;
    bool match = false;
    if (ldap_str2dn(dn, &parsed, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
        return false;
    for (size_t i = 0; parsed != NULL && parsed[i] != NULL && !match; i++)
        for (LDAPAVA **ava = parsed[i]; *ava != NULL && !match; ava++) {
            const char *name = schema_canonical((*ava)->la_attr.bv_val, (*ava)->la_attr.bv_len);
            struct value value = { (*ava)->la_value.bv_val, (*ava)->la_value.bv_len };
            match = strcmp(name, filter->attribute) == 0 && match_value(filter, &value) == FILTER_TRUE;
        }
    ldap_dnfree(parsed);
    return match;
}

static enum filter_result evaluate_item(const struct filter *filter, const struct entry *entry)
{
    if (filter->kind == FILTER_PRESENT)
        return entry_attribute(entry, filter->attribute) != NULL ? FILTER_TRUE : FILTER_FALSE;
    if (!filter->valid ||
        ((filter->kind == FILTER_GREATER || filter->kind == FILTER_LESS) && !has_order(filter->syntax)))
        return FILTER_UNDEFINED;
    enum filter_result result = FILTER_FALSE;
    const struct attribute *attribute = entry_attribute(entry, filter->attribute);
    bool classes = filter->kind == FILTER_EQUAL && strcmp(filter->attribute, "objectClass") == 0;
    for (size_t i = 0; attribute != NULL && i < attribute->count; i++) {
        // An inetOrgPerson is a person, whether its entry says so or not.
        if (classes && schema_class_is(attribute->values[i].data, filter->value.data))
            return FILTER_TRUE;
        enum filter_result one = match_value(filter, &attribute->values[i]);
        if (one == FILTER_TRUE)
            return FILTER_TRUE;
        if (one == FILTER_UNDEFINED)
            result = FILTER_UNDEFINED;
    }
    if (filter->kind == FILTER_EXTENSIBLE && filter->dn_too && filter->rule == RULE_NONE &&
        match_dn(filter, entry->dn))
        return FILTER_TRUE;
    return result;
}

// RFC 4511 §4.5.1.7: "A filter of the 'and' choice is TRUE if all the filters in the SET OF evaluate to TRUE,
// FALSE if at least one filter is FALSE, and otherwise Undefined." 'or' is its mirror; 'not' of Undefined is
// Undefined.
enum filter_result filter_evaluate(const struct filter *filter, const struct entry *entry)
{
    enum filter_result result, stop;
    switch (filter->kind) {
    case FILTER_NOT:
        result = filter_evaluate(filter->children[0], entry);
        return result == FILTER_TRUE ? FILTER_FALSE : result == FILTER_FALSE ? FILTER_TRUE : FILTER_UNDEFINED;
    case FILTER_AND:
    case FILTER_OR:
        stop = filter->kind == FILTER_AND ? FILTER_FALSE : FILTER_TRUE;
        result = filter->kind == FILTER_AND ? FILTER_TRUE : FILTER_FALSE;
        for (size_t i = 0; i < filter->count; i++) {
            enum filter_result one = filter_evaluate(filter->children[i], entry);
            if (one == stop)
                return stop;
            if (one == FILTER_UNDEFINED)
                result = FILTER_UNDEFINED;
        }
        return result;
    default:
        return evaluate_item(filter, entry);
    }
}

bool filter_matches(const struct filter *filter, const struct entry *entry)
{
    return entry != NULL && filter_evaluate(filter, entry) == FILTER_TRUE;
}
