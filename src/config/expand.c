// SPDX-License-Identifier: Apache-2.0
#include "expand.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "config/options.h"

#define INCLUDE_DEPTH 10
#define BRACKET_DEPTH 16
#define FILE_SIZE_MOST (4 * 1024 * 1024)
#define TEXT_SIZE_MOST (16 * 1024 * 1024)

// A file that is being read; `parent` is the one that includes it.
struct frame {
    struct frame *parent;
    const char *path;
    dev_t device;
    ino_t inode;
    unsigned depth, line;
    const char *at, *end;
};

struct expander {
    struct expanded *out;
    bool slice;
    struct { char open; struct place place; } brackets[BRACKET_DEPTH];
    size_t bracket_count;
    bool after_string, after_comma;
    char name[64]; // the setting that the present value belongs to
    struct error *err;
};

#define FAIL(expander, frame, ...) expand_fail((expander), (frame)->path, (frame)->line, __VA_ARGS__)

static int expand_fail(struct expander *expander, const char *path, unsigned line, const char *format, ...)
    PRINTF_LIKE(4, 5);
static int expand_fail(struct expander *expander, const char *path, unsigned line, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(expander->err, "%s:%u: %s", path, line, text);
}

struct place expanded_place(const struct expanded *expanded, unsigned line)
{
    if (line < 1 || line > expanded->line_count)
        return (struct place){ expanded->path, 1 };
    return expanded->lines[line - 1];
}

static int put(struct expander *expander, const struct frame *frame, char c)
{
    struct expanded *out = expander->out;
    if (out->used + 2 > talloc_get_size(out->text)) {
        size_t size = talloc_get_size(out->text) * 2;
        char *larger = size <= TEXT_SIZE_MOST ? talloc_realloc(out, out->text, char, size) : NULL;
        if (!larger)
            return FAIL(expander, frame, "the configuration is too large");
        out->text = larger;
    }
    out->text[out->used++] = c;
    return 0;
}

// From here on the text comes from the frame's present line.
static int put_line(struct expander *expander, const struct frame *frame)
{
    struct expanded *out = expander->out;
    if (out->line_count > 0 && put(expander, frame, '\n') < 0)
        return -1;
    if (out->line_count == talloc_array_length(out->lines)) {
        struct place *larger = talloc_realloc(out, out->lines, struct place, out->line_count * 2);
        if (!larger)
            return FAIL(expander, frame, "no memory");
        out->lines = larger;
    }
    out->lines[out->line_count++] = (struct place){ frame->path, frame->line };
    return 0;
}

static int skip_comment(struct expander *expander, struct frame *frame)
{
    if (frame->at[0] == '/' && frame->at + 1 < frame->end && frame->at[1] == '*') {
        unsigned start = frame->line;
        for (frame->at += 2; frame->end - frame->at >= 2; frame->at++) {
            if (frame->at[0] == '*' && frame->at[1] == '/') {
                frame->at += 2;
                return put_line(expander, frame);
            }
            frame->line += *frame->at == '\n';
        }
        return expand_fail(expander, frame->path, start, "this /* comment is not closed by */");
    }
    while (frame->at < frame->end && *frame->at != '\n')
        frame->at++;
    return 0;
}

// What an administrator who writes a Windows name such as "CORP\new" has to know.
static int fail_escape(struct expander *expander, const struct frame *frame, const char *escape, int length,
                       const char *meaning)
{
    return FAIL(expander, frame,
                "\"%.*s\" in a string %s; for a backslash write two, such as \"CORP\\\\name\"", length,
                escape, meaning);
}

static int check_escape(struct expander *expander, const struct frame *frame, const char *at, size_t *length)
{
    *length = 2;
    if (frame->end - at < 2 || at[1] == '\n')
        return fail_escape(expander, frame, at, 1, "stands alone");
    if (at[1] == '\\' || at[1] == '"')
        return 0;
    if (at[1] == 'x') {
        *length = 4;
        if (frame->end - at < 4 || !isxdigit((unsigned char)at[2]) || !isxdigit((unsigned char)at[3]))
            return fail_escape(expander, frame, at, 2, "must be followed by two hexadecimal digits");
        char digits[] = { at[2], at[3], '\0' };
        unsigned long octet = strtoul(digits, NULL, 16);
        if (octet == 0 || (!expander->slice && (octet < 0x20 || octet == 0x7f)))
            return fail_escape(expander, frame, at, 4, "is a control character, which no option takes");
        return 0;
    }
    if (strchr("ntrfabv", at[1]))
        return fail_escape(expander, frame, at, 2, "is a control character, which no option takes");
    return fail_escape(expander, frame, at, 2, "means nothing");
}

// The end of the string literal at `frame->at` (its closing quote), or NULL with the error set.
static const char *find_string_end(struct expander *expander, const struct frame *frame)
{
    for (const char *at = frame->at + 1; at < frame->end; at++) {
        if (*at == '"')
            return at;
        if (*at == '\n' || *at == '\r')
            break;
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            FAIL(expander, frame, "there is a control character (0x%02x) in this string%s",
                 (unsigned char)*at, *at == '\t' ? ": a tab; write a space" : "");
            return NULL;
        }
        if (*at == '\\') {
            size_t length;
            if (check_escape(expander, frame, at, &length) < 0)
                return NULL;
            at += length - 1;
        }
    }
    FAIL(expander, frame, "this string is not closed on its line; a \" is missing");
    return NULL;
}

static bool is_list_option(const char *name)
{
    for (const struct option_section *section = option_sections; section->name; section++)
        for (const struct option *option = section->options; option->name; option++) {
            if (option->type == OPTION_LIST && strcmp(option->name, name) == 0)
                return true;
            for (size_t i = 0; option->type == OPTION_MAP && option->choices[i]; i++)
                if (strcmp(option->choices[i], name) == 0)
                    return true;
        }
    return false;
}

// libconfig joins neighbouring strings. That helps with a long filter and ruins a list.
static bool may_join(const struct expander *expander)
{
    char inside = expander->bracket_count ? expander->brackets[expander->bracket_count - 1].open : '{';
    return inside == '{' && !is_list_option(expander->name);
}

static int copy_string(struct expander *expander, struct frame *frame)
{
    const char *end = find_string_end(expander, frame);
    if (!end)
        return -1;
    if (expander->after_string && !may_join(expander))
        return FAIL(expander, frame,
                    "a comma is missing before %.*s: neighbouring strings would become one; write a comma "
                    "between the members of a list, such as [ \"member\", \"owner\" ]",
                    (int)(end + 1 - frame->at > 80 ? 80 : end + 1 - frame->at), frame->at);
    for (; frame->at <= end; frame->at++)
        if (put(expander, frame, *frame->at) < 0)
            return -1;
    expander->after_string = true;
    return 0;
}

static int check_number(struct expander *expander, const struct frame *frame, const char *token,
                        size_t length)
{
    char digits[32];
    if (length >= sizeof digits)
        return FAIL(expander, frame, "%.31s… is too large a number", token);
    snprintf(digits, sizeof digits, "%.*s", (int)length, token);
    bool hexadecimal = strncmp(digits, "0x", 2) == 0 || strncmp(digits, "0X", 2) == 0;
    char *end;
    errno = 0;
    long long number = strtoll(digits, &end, hexadecimal ? 16 : 10);
    if (errno || ((*end == '\0') && (number > INT32_MAX || number < INT32_MIN)))
        return FAIL(expander, frame, "%s is too large a number", digits);
    if (*end && strcmp(end, "L") != 0 && strcmp(end, "LL") != 0 && *end != '.' && *end != 'e' && *end != 'E')
        return FAIL(expander, frame, "%s is no number; durations are strings, such as \"5m\"", digits);
    return 0;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("_-*.+", c));
}

// A name, true, false or a number.
static int copy_word(struct expander *expander, struct frame *frame)
{
    const char *start = frame->at, *at = start;
    while (at < frame->end && is_word(*at))
        at++;
    size_t length = (size_t)(at - start);
    int shown = length > 60 ? 60 : (int)length;
    if (isdigit((unsigned char)*start) || *start == '-' || *start == '+' || *start == '.') {
        if (check_number(expander, frame, start, length) < 0)
            return -1;
    } else if (memchr(start, '.', length)) {
        return FAIL(expander, frame, "%.*s: names hold no dots; write GROUP = { NAME = …; };", shown, start);
    } else {
        snprintf(expander->name, sizeof expander->name, "%.*s", (int)length, start);
    }
    for (; frame->at < at; frame->at++)
        if (put(expander, frame, *frame->at) < 0)
            return -1;
    return 0;
}

static int open_bracket(struct expander *expander, const struct frame *frame)
{
    if (expander->bracket_count == BRACKET_DEPTH)
        return FAIL(expander, frame, "brackets are nested too deeply");
    expander->brackets[expander->bracket_count].open = *frame->at;
    expander->brackets[expander->bracket_count].place = (struct place){ frame->path, frame->line };
    expander->bracket_count++;
    return 0;
}

static int close_bracket(struct expander *expander, const struct frame *frame)
{
    char wanted = *frame->at == '}' ? '{' : *frame->at == ']' ? '[' : '(';
    if (expander->bracket_count == 0)
        return FAIL(expander, frame, "this %c closes nothing", *frame->at);
    expander->bracket_count--;
    char open = expander->brackets[expander->bracket_count].open;
    const struct place *place = &expander->brackets[expander->bracket_count].place;
    if (open != wanted)
        return FAIL(expander, frame, "this %c does not close the %c of %s:%u", *frame->at, open, place->file,
                    place->line);
    if (wanted != '{' && expander->after_comma)
        return FAIL(expander, frame, "nothing follows the comma before this %c; take the comma out",
                    *frame->at);
    return 0;
}

static int copy_sign(struct expander *expander, struct frame *frame)
{
    char c = *frame->at;
    int failed = 0;
    if (strchr("{[(", c))
        failed = open_bracket(expander, frame);
    else if (strchr("}])", c))
        failed = close_bracket(expander, frame);
    else if (c == '\'')
        return FAIL(expander, frame, "strings are written in double quotes: \"…\"");
    else if ((unsigned char)c >= 0x80)
        return FAIL(expander, frame,
                    "there is a character outside a string that does not belong there (a typographic "
                    "quotation mark or space?); strings are written in straight double quotes");
    else if (!strchr(",;=:", c))
        return FAIL(expander, frame, "%s%.1s%s does not belong here",
                    (unsigned char)c < 0x20 ? "a control character" : "\"", (unsigned char)c < 0x20 ? "" : &c,
                    (unsigned char)c < 0x20 ? "" : "\"");
    expander->after_comma = c == ',';
    frame->at++;
    return failed < 0 ? -1 : put(expander, frame, c);
}

static int expand_frame(struct expander *expander, struct frame *frame);

// The name in quotes after @include. Owned by `ctx`.
static char *read_include_name(struct expander *expander, struct frame *frame, TALLOC_CTX *ctx)
{
    frame->at += strlen("@include");
    while (frame->at < frame->end && (*frame->at == ' ' || *frame->at == '\t'))
        frame->at++;
    if (frame->at == frame->end || *frame->at != '"') {
        FAIL(expander, frame, "@include must be followed by a file name in double quotes");
        return NULL;
    }
    const char *end = find_string_end(expander, frame);
    if (!end)
        return NULL;
    char *name = talloc_strndup(ctx, frame->at + 1, (size_t)(end - frame->at - 1));
    frame->at = end + 1;
    if (!name)
        return NULL;
    char *out = name;
    for (const char *in = name; *in; in++) {
        if (*in == '\\' && (in[1] == '\\' || in[1] == '"'))
            in++;
        *out++ = *in;
    }
    *out = '\0';
    if (strpbrk(name, "*?")) {
        FAIL(expander, frame, "@include \"%s\": it takes one file, no pattern", name);
        return NULL;
    }
    return name;
}

// A bad octet makes the whole file unreadable; the line tells where to look.
static int check_encoding(struct expander *expander, struct frame *frame)
{
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a frame always has text
    if (memchr(frame->at, '\0', (size_t)(frame->end - frame->at)))
        return FAIL(expander, frame, "there is a NUL octet in it; is it a text file in UTF-8?");
    for (const char *at = frame->at; at < frame->end;) {
        const char *end = memchr(at, '\n', (size_t)(frame->end - at));
        end = end ? end + 1 : frame->end;
        if (!text_is_utf8(at, (size_t)(end - at)))
            return FAIL(expander, frame, "this line is not UTF-8; save the file in that encoding");
        frame->line++;
        at = end;
    }
    frame->line = 1;
    if (frame->end - frame->at >= 3 && memcmp(frame->at, "\xef\xbb\xbf", 3) == 0)
        frame->at += 3;
    return 0;
}

static int open_frame(struct expander *expander, struct frame *frame, TALLOC_CTX *ctx)
{
    const struct frame *parent = frame->parent;
    char where[600] = "";
    if (parent)
        snprintf(where, sizeof where, "%s:%u: @include: ", parent->path, parent->line);
    // Not blocking, so that a pipe in the wrong place does not hold up the daemon.
    int descriptor = open(frame->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0)
        return error_set(expander->err, "%sopening %s: %s", where, frame->path, strerror(errno));
    struct stat status;
    int result = -1;
    if (fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode)) {
        error_set(expander->err, "%s%s is no regular file", where, frame->path);
        goto done;
    }
    for (; parent; parent = parent->parent)
        if (parent->device == status.st_dev && parent->inode == status.st_ino) {
            error_set(expander->err, "%s%s includes itself", where, frame->path);
            goto done;
        }
    if (status.st_size > FILE_SIZE_MOST) {
        error_set(expander->err, "%s%s is too large for a configuration file", where, frame->path);
        goto done;
    }
    frame->device = status.st_dev;
    frame->inode = status.st_ino;
    char *text = talloc_array(ctx, char, (size_t)status.st_size + 1);
    size_t used = 0;
    ssize_t more = 0;
    while (text && used < (size_t)status.st_size &&
           (more = read(descriptor, text + used, (size_t)status.st_size - used)) > 0)
        used += (size_t)more;
    if (!text || more < 0) {
        error_set(expander->err, "%sreading %s: %s", where, frame->path, strerror(errno));
        goto done;
    }
    frame->at = text;
    frame->end = text + used;
    result = 0;
done:
    close(descriptor);
    return result;
}

static int expand_include(struct expander *expander, struct frame *frame)
{
    if (expander->slice)
        return FAIL(expander, frame, "nothing is included here");
    if (frame->depth == INCLUDE_DEPTH)
        return FAIL(expander, frame, "files are included more than %d deep", INCLUDE_DEPTH);
    TALLOC_CTX *scratch = talloc_new(expander->out);
    char *name = read_include_name(expander, frame, scratch);
    int result = -1;
    if (!name)
        goto done;
    const char *slash = strrchr(frame->path, '/');
    struct frame inner = { .parent = frame, .depth = frame->depth + 1, .line = 1 };
    // The path stays with the places of its lines.
    inner.path = *name == '/' || !slash ? talloc_strdup(expander->out, name)
                                        : talloc_asprintf(expander->out, "%.*s/%s",
                                                          (int)(slash - frame->path), frame->path, name);
    if (!inner.path)
        goto done;
    if (open_frame(expander, &inner, scratch) == 0 && check_encoding(expander, &inner) == 0 &&
        expand_frame(expander, &inner) == 0)
        result = put_line(expander, frame);
done:
    talloc_free(scratch);
    return result;
}

static int expand_frame(struct expander *expander, struct frame *frame)
{
    if (put_line(expander, frame) < 0)
        return -1;
    while (frame->at < frame->end) {
        char c = *frame->at;
        size_t left = (size_t)(frame->end - frame->at);
        int failed = 0;
        if (c == '\n') {
            frame->at++;
            frame->line++;
            failed = put_line(expander, frame);
        } else if (c && strchr(" \t\r\f\v", c)) {
            frame->at++;
            failed = put(expander, frame, ' ');
        } else if (c == '#' || (c == '/' && left > 1 && (frame->at[1] == '/' || frame->at[1] == '*'))) {
            failed = skip_comment(expander, frame);
        } else if (c == '"') {
            failed = copy_string(expander, frame);
            expander->after_comma = false;
        } else {
            expander->after_string = false;
            if (left >= strlen("@include") && strncmp(frame->at, "@include", strlen("@include")) == 0) {
                failed = expand_include(expander, frame);
            } else if (is_word(c)) {
                expander->after_comma = false;
                failed = copy_word(expander, frame);
            } else {
                failed = copy_sign(expander, frame);
            }
        }
        if (failed < 0)
            return -1;
    }
    return 0;
}

static struct expanded *expand(TALLOC_CTX *ctx, struct frame *frame, bool slice, struct error *err)
{
    struct expanded *out = talloc_zero(ctx, struct expanded);
    struct expander expander = { .out = out, .slice = slice, .err = err };
    if (!out || !(out->path = frame->path = talloc_strdup(out, frame->path)) ||
        !(out->text = talloc_array(out, char, 4096)) || !(out->lines = talloc_array(out, struct place, 64))) {
        error_set(err, "%s: no memory", frame->path);
        goto fail;
    }
    if (!slice && (open_frame(&expander, frame, out) < 0 || check_encoding(&expander, frame) < 0))
        goto fail;
    if (expand_frame(&expander, frame) < 0)
        goto fail;
    if (expander.bracket_count > 0) {
        const struct place *place = &expander.brackets[expander.bracket_count - 1].place;
        expand_fail(&expander, place->file, place->line, "this %c is not closed",
                    expander.brackets[expander.bracket_count - 1].open);
        goto fail;
    }
    out->text[out->used] = '\0';
    return out;
fail:
    talloc_free(out);
    return NULL;
}

struct expanded *expand_file(TALLOC_CTX *ctx, const char *path, struct error *err)
{
    struct frame frame = { .path = path, .line = 1 };
    return expand(ctx, &frame, false, err);
}

struct expanded *expand_slice(TALLOC_CTX *ctx, const char *name, const char *text, struct error *err)
{
    struct frame frame = { .path = name, .line = 1, .at = text, .end = text + strlen(text) };
    return expand(ctx, &frame, true, err);
}
