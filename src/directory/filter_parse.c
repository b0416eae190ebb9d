// SPDX-License-Identifier: Apache-2.0
#include "directory/filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "filter_tree.h"
#include "fold.h"

// RFC 4515 §3:
//
//   filter         = LPAREN filtercomp RPAREN
//   filtercomp     = and / or / not / item
//   and            = AMPERSAND filterlist
//   or             = VERTBAR filterlist
//   not            = EXCLAMATION filter
//   filterlist     = *filter                       (RFC 4526: none is True or False)
//   item           = simple / present / substring / extensible
//   simple         = attr filtertype assertionvalue
//   filtertype     = equal / approx / greaterorequal / lessorequal
//   extensible     = ( attr [dnattrs] [matchingrule] COLON EQUALS assertionvalue )
//                    / ( [dnattrs] matchingrule COLON EQUALS assertionvalue )
//   substring      = attr EQUALS [initial] any [final]
//
// Spaces between filters are allowed, for long filters are written on several lines.

// Deeper ones are refused: the parser and the evaluation use the stack.
#define DEPTH_MOST 100

struct parser {
    const char *text, *p;
    struct error *err;
    int depth;
};

static int fail(struct parser *parser, const char *what)
{
    return error_set(parser->err, "the filter %.200s is not valid (RFC 4515): %s at position %zu",
                     parser->text, what, (size_t)(parser->p - parser->text) + 1);
}

static void skip_spaces(struct parser *parser)
{
    parser->p += strspn(parser->p, " \t\r\n");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)fold_ascii[(unsigned char)c];
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// assertionvalue = *( normal / escaped ), escaped = ESC HEX HEX. Reads up to ')' or an asterisk.
static int parse_octets(struct parser *parser, TALLOC_CTX *ctx, char **data, size_t *length)
{
    size_t end = strcspn(parser->p, ")(*");
    *data = talloc_array(ctx, char, end + 1);
    if (*data == NULL)
        abort();
    size_t n = 0;
    for (const char *stop = parser->p + end; parser->p < stop;) {
        char c = *parser->p;
        if (c == '\\') {
            int high = hex_digit(parser->p[1]), low = high < 0 ? -1 : hex_digit(parser->p[2]);
            if (low < 0)
                return fail(parser, "a backslash must be followed by two hexadecimal digits, as in \\2a for "
                                    "*,");
            c = (char)(high * 16 + low);
            parser->p += 2;
        }
        (*data)[n++] = c;
        parser->p++;
    }
    if (*parser->p == '(')
        return fail(parser, "a parenthesis in a value must be written \\28;");
    (*data)[n] = '\0';
    *length = n;
    return 0;
}

static bool is_attribute(const char *name, size_t length)
{
    if (length == 0 || !isalnum((unsigned char)name[0]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && strchr("-._;#", name[i]) == NULL)
            return false;
    return true;
}

static void prepare_piece(struct filter *filter, const char *data, size_t length, enum fold_ends ends)
{
    struct filter_value *piece = &filter->pieces[filter->piece_count++];
    bool text = filter->syntax == SCHEMA_TEXT || filter->syntax == SCHEMA_TEXT_EXACT ||
                filter->syntax == SCHEMA_UID;
    if (!text) {
        *piece = (struct filter_value){ .data = talloc_memdup(filter, data, length + 1), .length = length };
        return;
    }
    struct fold fold = { .data = NULL };
    fold_text(filter, &fold, data, length, filter->syntax == SCHEMA_TEXT_EXACT, ends);
    *piece = (struct filter_value){ .data = fold.data, .length = fold.length };
}

// After the first '*' was seen: `first` is what came before it.
static int parse_substrings(struct parser *parser, struct filter *filter, const char *first, size_t length)
{
    size_t most = 2;
    for (const char *p = parser->p; *p != ')' && *p != '\0'; p++)
        most += *p == '*';
    filter->kind = FILTER_SUBSTRINGS;
    filter->pieces = talloc_zero_array(filter, struct filter_value, most);
    // Substrings of DNs, numbers and times have no meaning to servers.
    filter->valid = filter->syntax == SCHEMA_TEXT || filter->syntax == SCHEMA_TEXT_EXACT ||
                    filter->syntax == SCHEMA_UID || filter->syntax == SCHEMA_OCTETS;
    filter->initial = length > 0;
    if (filter->initial)
        prepare_piece(filter, first, length, FOLD_TRIM_LEFT);
    while (*parser->p == '*') {
        parser->p++;
        char *data;
        if (parse_octets(parser, filter, &data, &length) != 0)
            return -1;
        filter->final = *parser->p != '*' && length > 0;
        if (length > 0)
            prepare_piece(filter, data, length, filter->final ? FOLD_TRIM_RIGHT : FOLD_TRIM_NONE);
        talloc_free(data);
    }
    return 0;
}

static void set_attribute(struct filter *filter, const char *name, size_t length)
{
    filter->attribute = schema_canonical(name, length);
    filter->syntax = schema_syntax(filter->attribute);
}

// attr [":dn"] [":" rule] ":=" value; parser->p is behind the "=".
static int parse_extensible(struct parser *parser, struct filter *filter, const char *left, size_t length)
{
    filter->kind = FILTER_EXTENSIBLE;
    size_t attribute = 0;
    while (attribute < length && left[attribute] != ':')
        attribute++;
    if (attribute > 0) {
        if (!is_attribute(left, attribute))
            return fail(parser, "no attribute name before");
        set_attribute(filter, left, attribute);
    }
    const char *p = left + attribute, *end = left + length;
    if (end - p >= 3 && strncasecmp(p, ":dn", 3) == 0 && (end - p == 3 || p[3] == ':')) {
        filter->dn_too = true;
        p += 3;
    }
    if (p < end) {
        p++;
        if (!is_attribute(p, (size_t)(end - p)))
            return fail(parser, "no matching rule before");
        static const char bit_and[] = "1.2.840.113556.1.4.803", bit_or[] = "1.2.840.113556.1.4.804";
        size_t n = (size_t)(end - p);
        filter->rule = n == sizeof bit_and - 1 && memcmp(p, bit_and, n) == 0  ? RULE_BIT_AND
                       : n == sizeof bit_or - 1 && memcmp(p, bit_or, n) == 0 ? RULE_BIT_OR
                                                                             : RULE_UNKNOWN;
    } else if (attribute == 0) {
        return fail(parser, "neither an attribute nor a matching rule before");
    }
    char *data;
    if (parse_octets(parser, filter, &data, &length) != 0)
        return -1;
    if (filter->rule == RULE_BIT_AND || filter->rule == RULE_BIT_OR) {
        char *stop;
        filter->bits = (uint64_t)strtoll(data, &stop, 10);
        filter->valid = filter->attribute != NULL && length > 0 && *stop == '\0' && stop == data + length;
    } else if (filter->rule == RULE_NONE) {
        filter->valid = filter_prepare(filter, filter->attribute, filter->syntax, data, length,
                                       &filter->value);
    }
    talloc_free(data);
    return 0;
}

static int parse_item(struct parser *parser, struct filter *filter)
{
    const char *left = parser->p;
    size_t length = strcspn(left, "=()");
    parser->p += length;
    if (*parser->p != '=')
        return fail(parser, "expected attribute=value");
    parser->p++;
    if (length > 0 && left[length - 1] == ':')
        return parse_extensible(parser, filter, left, length - 1);
    filter->kind = FILTER_EQUAL;
    static const struct {
        char sign;
        enum filter_kind kind;
    } signs[] = { { '~', FILTER_APPROX }, { '>', FILTER_GREATER }, { '<', FILTER_LESS } };
    for (size_t i = 0; length > 0 && i < sizeof signs / sizeof signs[0]; i++)
        if (left[length - 1] == signs[i].sign) {
            filter->kind = signs[i].kind;
            length--;
            break;
        }
    while (length > 0 && left[length - 1] == ' ')
        length--;
    if (!is_attribute(left, length)) {
        parser->p = left;
        return fail(parser, "expected an attribute name");
    }
    set_attribute(filter, left, length);
    char *data;
    if (parse_octets(parser, filter, &data, &length) != 0)
        return -1;
    if (*parser->p != '*') {
        filter->valid = filter_prepare(filter, filter->attribute, filter->syntax, data, length,
                                       &filter->value);
        talloc_free(data);
        return 0;
    }
    if (filter->kind != FILTER_EQUAL)
        return fail(parser, "an asterisk has no meaning here; write \\2a for the character");
    int result = 0;
    if (length == 0 && parser->p[1] == ')') {
        filter->kind = FILTER_PRESENT;
        parser->p++;
    } else {
        result = parse_substrings(parser, filter, data, length);
    }
    talloc_free(data);
    return result;
}

static struct filter *parse_one(struct parser *parser, TALLOC_CTX *ctx);

static int parse_list(struct parser *parser, struct filter *filter)
{
    filter->kind = *parser->p == '&' ? FILTER_AND : *parser->p == '|' ? FILTER_OR : FILTER_NOT;
    parser->p++;
    skip_spaces(parser);
    while (*parser->p == '(') {
        struct filter *child = parse_one(parser, filter);
        if (child == NULL)
            return -1;
        filter->children = talloc_realloc(filter, filter->children, struct filter *, filter->count + 1);
        filter->children[filter->count++] = child;
        skip_spaces(parser);
    }
    if (filter->kind == FILTER_NOT && filter->count != 1)
        return fail(parser, "! takes exactly one filter in parentheses");
    return 0;
}

static struct filter *parse_one(struct parser *parser, TALLOC_CTX *ctx)
{
    struct filter *filter = talloc_zero(ctx, struct filter);
    int result;
    if (filter == NULL)
        abort();
    if (++parser->depth > DEPTH_MOST) {
        fail(parser, "filters are nested too deeply");
        goto bad;
    }
    if (*parser->p != '(') {
        fail(parser, "expected '('");
        goto bad;
    }
    parser->p++;
    skip_spaces(parser);
    result = *parser->p != '\0' && strchr("&|!", *parser->p) != NULL ? parse_list(parser, filter)
                                                                    : parse_item(parser, filter);
    if (result != 0)
        goto bad;
    if (*parser->p != ')') {
        fail(parser, "expected ')'");
        goto bad;
    }
    parser->p++;
    parser->depth--;
    return filter;
bad:
    talloc_free(filter);
    return NULL;
}

struct filter *filter_parse(TALLOC_CTX *ctx, const char *text, struct error *err)
{
    struct parser parser = { .text = text, .p = text, .err = err };
    skip_spaces(&parser);
    struct filter *filter = parse_one(&parser, ctx);
    if (filter == NULL)
        return NULL;
    skip_spaces(&parser);
    if (*parser.p != '\0') {
        fail(&parser, "there is more after the end");
        talloc_free(filter);
        return NULL;
    }
    return filter;
}

void filter_attributes(const struct filter *filter, void (*fn)(void *context, const char *name),
                       void *context)
{
    if (filter->attribute != NULL)
        fn(context, filter->attribute);
    for (size_t i = 0; i < filter->count; i++)
        filter_attributes(filter->children[i], fn, context);
}
