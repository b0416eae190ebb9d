// SPDX-License-Identifier: Apache-2.0
#include "ldif_reader.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

struct ldif_reader {
    const char *name;
    const char *at, *end;
    unsigned line;   // of what `at` points to
    bool past_first; // "version:" may come first only
};

// A line with its folded continuations.
struct line {
    char *text;
    size_t length;
    unsigned number;
};

struct pair {
    const char *attribute;
    const char *data;
    size_t length;
};

struct ldif_reader *ldif_reader_new(TALLOC_CTX *ctx, const char *name, const char *text, size_t length)
{
    struct ldif_reader *reader = talloc_zero(ctx, struct ldif_reader);

    reader->name = talloc_strdup(reader, name);
    reader->at = text;
    reader->end = text + length;
    reader->line = 1;
    return reader;
}

static int reader_error(const struct ldif_reader *reader, unsigned line, struct error *err, const char *words)
{
    return error_set(err, "%s:%u: %s", reader->name, line, words);
}

// One physical line, without its end.
static size_t physical_length(const char *at, const char *end, const char **next)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    const char *stop = newline ? newline : end;

    *next = newline ? newline + 1 : end;
    if (stop > at && stop[-1] == '\r')
        stop--;
    return (size_t)(stop - at);
}

static bool reader_is_folded(const struct ldif_reader *reader)
{
    return reader->at < reader->end && *reader->at == ' ';
}

// ldif-comment and every other line may be folded: SEP SPACE continues it (RFC 2849 note 2).
static struct line reader_line(struct ldif_reader *reader, TALLOC_CTX *ctx)
{
    struct line line = { .number = reader->line };
    const char *next;
    size_t length = physical_length(reader->at, reader->end, &next);
    size_t room = length;

    line.text = talloc_array(ctx, char, room + 1);
    memcpy(line.text, reader->at, length);
    line.length = length;
    reader->at = next;
    reader->line++;
    while (reader_is_folded(reader)) {
        length = physical_length(reader->at + 1, reader->end, &next);
        if (line.length + length > room) {
            room = 2 * (line.length + length);
            line.text = talloc_realloc(ctx, line.text, char, room + 1);
        }
        memcpy(line.text + line.length, reader->at + 1, length);
        line.length += length;
        reader->at = next;
        reader->line++;
    }
    line.text[line.length] = '\0';
    return line;
}

static bool reader_at_blank(const struct ldif_reader *reader)
{
    return reader->at >= reader->end || *reader->at == '\n' ||
           (*reader->at == '\r' && reader->at + 1 < reader->end && reader->at[1] == '\n');
}

static bool reader_at_directive(const struct ldif_reader *reader)
{
    return reader->end - reader->at >= 2 && reader->at[0] == '#' && reader->at[1] == '!';
}

// The next line of the record: 1, or 0 at its end.
static int record_line(struct ldif_reader *reader, TALLOC_CTX *ctx, struct line *line)
{
    while (!reader_at_blank(reader) && !reader_at_directive(reader)) {
        *line = reader_line(reader, ctx);
        if (line->text[0] != '#')
            return 1;
        talloc_free(line->text);
    }
    return 0;
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *digit = c != '\0' ? strchr(digits, c) : NULL;
    return digit ? (int)(digit - digits) : -1;
}

// RFC 4648 §4, padding required; in place. -1 when it is not base64.
static int base64_decode(char *text, size_t *length)
{
    size_t in = *length, out = 0, padding = 0;
    uint32_t bits = 0;

    if (in % 4 != 0)
        return -1;
    while (padding < 2 && padding < in && text[in - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < in; i++) {
        int digit = i < in - padding ? base64_digit(text[i]) : 0;
        if (digit < 0)
            return -1;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 3)
            continue;
        for (int shift = 16; shift >= 0; shift -= 8)
            text[out++] = (char)(bits >> shift);
        bits = 0;
    }
    *length = out - padding;
    text[*length] = '\0';
    return 0;
}

static bool is_description(const char *text, size_t length)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.;_";
    return length > 0 && strspn(text, allowed) >= length;
}

// attrval-spec = AttributeDescription value-spec SEP
// value-spec = ":" ( FILL 0*1(SAFE-STRING) / ":" FILL (BASE64-STRING) / "<" FILL url)
//
// Cuts the line in place.
static int line_pair(const struct ldif_reader *reader, struct line *line, struct pair *pair,
                     struct error *err)
{
    char *colon = memchr(line->text, ':', line->length);
    bool base64 = colon && colon[1] == ':';

    *pair = (struct pair){ .attribute = line->text, .data = "" };
    if (!colon)
        return reader_error(reader, line->number, err, "expected \"attribute: value\"");
    if (!is_description(line->text, (size_t)(colon - line->text)))
        return reader_error(reader, line->number, err, "this is no attribute name");
    if (colon[1] == '<')
        return reader_error(reader, line->number, err,
                            "values from a URL are not read; write the value itself");
    *colon = '\0';
    char *value = colon + 1 + base64;
    while (*value == ' ')
        value++;
    size_t length = line->length - (size_t)(value - line->text);
    if (base64 && base64_decode(value, &length) < 0)
        return reader_error(reader, line->number, err, "this is no base64");
    if (!base64 && memchr(value, '\0', length))
        return reader_error(reader, line->number, err, "a NUL in a value; write it in base64");
    pair->data = value;
    pair->length = length;
    return 0;
}

// A text for which only text will do: names, keywords.
static int pair_text(const struct ldif_reader *reader, const struct line *line, const struct pair *pair,
                     const char **text, struct error *err)
{
    if (!text_is_utf8(pair->data, pair->length) || text_has_control(pair->data, pair->length))
        return reader_error(reader, line->number, err, "this must be UTF-8 text without control characters");
    *text = pair->data;
    return 0;
}

static void record_add(struct ldif_record *record, const struct pair *pair, unsigned line)
{
    if (record->count % 16 == 0 && (record->count & (record->count - 1)) == 0)
        record->values =
            talloc_realloc(record, record->values, struct ldif_value, record->count ? record->count * 2 : 16);
    record->values[record->count++] = (struct ldif_value){
        .attribute = pair->attribute, .data = pair->data, .length = pair->length, .line = line
    };
}

static int read_values(struct ldif_reader *reader, struct ldif_record *record, struct error *err)
{
    struct line line;
    struct pair pair;

    while (record_line(reader, record, &line)) {
        if (line_pair(reader, &line, &pair, err) < 0)
            return -1;
        record_add(record, &pair, line.number);
    }
    if (record->count == 0)
        return reader_error(reader, record->line, err, "an entry without attributes");
    return 0;
}

static int change_op(const char *word, enum ldif_op *op)
{
    static const char *const words[] = { "add", "delete", "replace" };

    for (int i = 0; i < 3; i++) {
        if (strcasecmp(word, words[i]) == 0) {
            *op = (enum ldif_op)i;
            return 0;
        }
    }
    return -1;
}

// mod-spec = ("add:" / "delete:" / "replace:") FILL AttributeDescription SEP
//            *attrval-spec "-" SEP
static int read_change(struct ldif_reader *reader, struct ldif_record *record, struct line *line,
                       struct error *err)
{
    struct ldif_change change = { .first = record->count, .line = line->number };
    struct pair pair;

    if (line_pair(reader, line, &pair, err) < 0)
        return -1;
    if (change_op(pair.attribute, &change.op) < 0)
        return reader_error(reader, line->number, err, "expected \"add:\", \"delete:\" or \"replace:\"");
    if (!is_description(pair.data, pair.length))
        return reader_error(reader, line->number, err, "expected the name of an attribute");
    change.attribute = pair.data;
    while (record_line(reader, record, line) && strcmp(line->text, "-") != 0) {
        if (line_pair(reader, line, &pair, err) < 0)
            return -1;
        if (strcasecmp(pair.attribute, change.attribute) != 0)
            return reader_error(reader, line->number, err,
                                "another attribute than the one announced; is a \"-\" missing?");
        record_add(record, &pair, line->number);
    }
    change.count = record->count - change.first;
    if (change.op == LDIF_OP_ADD && change.count == 0)
        return reader_error(reader, change.line, err, "nothing to add");
    record->changes = talloc_realloc(record, record->changes, struct ldif_change, record->change_count + 1);
    record->changes[record->change_count++] = change;
    return 0;
}

static int read_changes(struct ldif_reader *reader, struct ldif_record *record, struct error *err)
{
    struct line line;

    while (record_line(reader, record, &line)) {
        if (read_change(reader, record, &line, err) < 0)
            return -1;
    }
    return 0;
}

// newrdn: FILL rdn, deleteoldrdn: FILL ("0" / "1"), [newsuperior: FILL dn]
static int read_rename(struct ldif_reader *reader, struct ldif_record *record, struct error *err)
{
    static const char *const keys[] = { "newrdn", "deleteoldrdn", "newsuperior" };
    const char *texts[3] = { NULL };
    struct line line;
    struct pair pair;

    while (record_line(reader, record, &line)) {
        int key = 0;
        if (line_pair(reader, &line, &pair, err) < 0)
            return -1;
        while (key < 3 && strcasecmp(pair.attribute, keys[key]) != 0)
            key++;
        if (key == 3 || texts[key])
            return reader_error(reader, line.number, err,
                                "expected newrdn, deleteoldrdn and newsuperior, each once");
        if (pair_text(reader, &line, &pair, &texts[key], err) < 0)
            return -1;
    }
    if (!texts[0] || !texts[1])
        return reader_error(reader, record->line, err, "a rename needs newrdn and deleteoldrdn");
    if (strcmp(texts[1], "0") != 0 && strcmp(texts[1], "1") != 0)
        return reader_error(reader, record->line, err, "deleteoldrdn is 0 or 1");
    record->new_rdn = texts[0];
    record->delete_old_rdn = texts[1][0] == '1';
    record->new_superior = texts[2];
    return 0;
}

static int read_nothing(struct ldif_reader *reader, struct ldif_record *record, struct error *err)
{
    struct line line;

    if (record_line(reader, record, &line))
        return reader_error(reader, line.number, err, "nothing can follow \"changetype: delete\"");
    return 0;
}

static int read_change_record(struct ldif_reader *reader, struct ldif_record *record, const struct line *line,
                              const struct pair *pair, struct error *err)
{
    static const struct {
        const char *word;
        enum ldif_kind kind;
        int (*read)(struct ldif_reader *reader, struct ldif_record *record, struct error *err);
    } types[] = {
        { "add", LDIF_ADD, read_values },        { "delete", LDIF_DELETE, read_nothing },
        { "modify", LDIF_MODIFY, read_changes }, { "modrdn", LDIF_RENAME, read_rename },
        { "moddn", LDIF_RENAME, read_rename },
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        if (strcasecmp(pair->data, types[i].word) == 0) {
            record->kind = types[i].kind;
            return types[i].read(reader, record, err);
        }
    }
    return reader_error(reader, line->number, err, "changetype is add, delete, modify, modrdn or moddn");
}

// ldif-content = dn-spec SEP 1*attrval-spec;  ldif-change-record = dn-spec SEP *control changerecord
static int read_body(struct ldif_reader *reader, struct ldif_record *record, struct error *err)
{
    struct line line;
    struct pair pair;

    while (record_line(reader, record, &line)) {
        if (line_pair(reader, &line, &pair, err) < 0)
            return -1;
        if (strcasecmp(pair.attribute, "control") == 0)
            continue;
        if (strcasecmp(pair.attribute, "changetype") == 0)
            return read_change_record(reader, record, &line, &pair, err);
        record->kind = LDIF_CONTENT;
        record_add(record, &pair, line.number);
        return read_values(reader, record, err);
    }
    return reader_error(reader, record->line, err, "a record with a dn only");
}

static int read_record(struct ldif_reader *reader, struct ldif_record *record, struct line *line,
                       struct error *err)
{
    struct pair pair;

    record->line = line->number;
    if (line_pair(reader, line, &pair, err) < 0)
        return -1;
    if (strcasecmp(pair.attribute, "dn") != 0)
        return reader_error(reader, line->number, err, "a record begins with \"dn:\"");
    if (pair_text(reader, line, &pair, &record->dn, err) < 0)
        return -1;
    return read_body(reader, record, err);
}

static void read_directive(struct ldif_reader *reader, struct ldif_record *record)
{
    struct line line = reader_line(reader, record);
    char *text = line.text + 2 + strspn(line.text + 2, " \t");
    size_t length = strlen(text);

    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    record->kind = LDIF_DIRECTIVE;
    record->line = line.number;
    record->directive = text;
}

// version-spec = "version:" FILL version-number
static bool line_is_version(const struct line *line)
{
    return strncasecmp(line->text, "version:", 8) == 0;
}

static int read_next(struct ldif_reader *reader, struct ldif_record *record, struct error *err)
{
    struct line line;

    while (reader->at < reader->end) {
        if (reader_at_directive(reader)) {
            read_directive(reader, record);
            return 1;
        }
        if (reader_at_blank(reader)) {
            (void)physical_length(reader->at, reader->end, &reader->at);
            reader->line++;
            continue;
        }
        if (!record_line(reader, record, &line))
            continue;
        if (!reader->past_first && line_is_version(&line)) {
            reader->past_first = true;
            if (strcmp(line.text + 8 + strspn(line.text + 8, " "), "1") != 0)
                return reader_error(reader, line.number, err, "only LDIF version 1 is known");
            continue;
        }
        reader->past_first = true;
        return read_record(reader, record, &line, err) < 0 ? -1 : 1;
    }
    return 0;
}

int ldif_reader_next(struct ldif_reader *reader, TALLOC_CTX *ctx, struct ldif_record **record,
                     struct error *err)
{
    *record = talloc_zero(ctx, struct ldif_record);
    int result = read_next(reader, *record, err);
    if (result <= 0) {
        talloc_free(*record);
        *record = NULL;
    }
    return result;
}
