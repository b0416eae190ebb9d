// SPDX-License-Identifier: Apache-2.0
#include "scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "mail/template.h"

#define SECTION_DEPTH 16
#define PARTIAL_DEPTH 8
#define NAME_LENGTH 64

struct name {
    const char *text;
    size_t length;
};

// mustache(5): {{name}} {{{name}}} {{&name}} {{#name}} {{^name}} {{/name}} {{>name}} {{!comment}} {{=<% %>=}}
struct tag {
    char type; // 'v' variable, '&', '#', '^', '/', '>', '!'
    struct name name;
    const char *end;
};

struct expansion {
    const struct scan_source *source;
    char *out;
    size_t used;
    struct name sections[SECTION_DEPTH];
    size_t section_count;
    const char *partials[PARTIAL_DEPTH];
    size_t partial_count;
    bool gap;    // something was left out here: what stood apart must not become one tag
    bool tagged; // the line so far holds a tag
    struct error *err;
};

struct place {
    const char *file, *text, *at;
    bool plain;
};

static int fail(struct expansion *ex, const struct place *place, const char *format, ...) PRINTF_LIKE(3, 4);
static int fail(struct expansion *ex, const struct place *place, const char *format, ...)
{
    char words[512];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    size_t line = 1;
    for (const char *at = place->text; at < place->at; at++)
        line += *at == '\n';
    return error_set(ex->err, "%s:%zu: %s", place->file, line, words);
}

static int append(struct expansion *ex, const struct place *place, const char *text, size_t length)
{
    if (length == 0)
        return 0;
    if (ex->used + length > SCAN_MOST)
        return fail(ex, place, "with its partials the template is larger than %d octets; make it smaller",
                    SCAN_MOST);
    if (ex->gap && ex->used > 0 && ex->out[ex->used - 1] == '{' && *text == '{')
        return fail(ex, place,
                    "a \"{\" stands directly before another one once comments, partials and carriage "
                    "returns are gone; put a space between them");
    ex->gap = false;
    memcpy(ex->out + ex->used, text, length);
    ex->used += length;
    return 0;
}

static const char *entity_of(char c)
{
    return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&quot;";
}

// Text between tags. A line with a tag gets its mark, so that it can go if nothing else is left of it.
static int append_text(struct expansion *ex, const struct place *place, const char *text, size_t length)
{
    static const char mark[] = { SCAN_MARK };
    const char *end = text + length, *special = place->plain ? "\r\n&<>\"" : "\r\n";
    while (text < end) {
        size_t run = strcspn(text, special);
        if (run > (size_t)(end - text))
            run = (size_t)(end - text);
        if (append(ex, place, text, run) < 0)
            return -1;
        text += run;
        if (text == end)
            break;
        char c = *text++;
        int result = 0;
        if (c == '\n') {
            if (ex->tagged)
                result = append(ex, place, mark, 1);
            ex->tagged = false;
            if (result == 0)
                result = append(ex, place, "\n", 1);
        } else if (c == '\r') {
            ex->gap = true;
        } else {
            result = append(ex, place, entity_of(c), strlen(entity_of(c)));
        }
        if (result < 0)
            return -1;
    }
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// Reads the tag at place->at, which points to "{{".
static int read_tag(struct expansion *ex, const struct place *place, struct tag *tag)
{
    const char *at = place->at + 2;
    const char *closing = "}}";
    tag->type = 'v';
    if (*at == '{') {
        tag->type = '&';
        closing = "}}}";
        at++;
    } else if (*at == '!') {
        // A comment may hold anything but its end.
        tag->type = '!';
    }
    const char *end = strstr(at, closing);
    if (!end)
        return fail(ex, place, "a tag begins here with \"{{\" and is never closed with \"%s\"", closing);
    tag->end = end + strlen(closing);
    if (tag->type == '!')
        return 0;
    while (at < end && is_blank(*at))
        at++;
    if (tag->type == 'v' && at < end && strchr("=#^/>&!", *at)) {
        if (*at == '=')
            return fail(ex, place, "other delimiters than {{ and }} are not supported here");
        tag->type = *at++;
        if (tag->type == '!')
            return 0;
    }
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    tag->name = (struct name){ at, (size_t)(end - at) };
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    static const char more[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
    if (tag->name.length == 0)
        return fail(ex, place, "a tag without a name");
    size_t good = strspn(at, tag->type == '>' ? more : letters);
    bool element = tag->type != '>' && tag->name.length == 1 && *at == '.';
    if (!element &&
        (good < tag->name.length || tag->name.length > NAME_LENGTH || (tag->type == '>' && *at == '.')))
        return fail(ex, place, "\"%.*s\" is no name of a tag (lower-case letters, digits and \"_\")",
                    (int)(tag->name.length > 60 ? 60 : tag->name.length), at);
    return 0;
}

static bool within(const struct expansion *ex, const char *list)
{
    for (size_t i = 0; i < ex->section_count; i++)
        if (strlen(list) == ex->sections[i].length &&
            memcmp(list, ex->sections[i].text, ex->sections[i].length) == 0)
            return true;
    return false;
}

static const char *nearest_tag(const char *name, size_t length)
{
    char word[NAME_LENGTH + 1];
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a tag has a name
    memcpy(word, name, length);
    word[length] = '\0';
    const char *names[256];
    size_t count = 0;
    for (const struct template_tag *known = template_tags; known->name && count < 255; known++)
        names[count++] = known->name;
    names[count] = NULL;
    return text_nearest(word, names);
}

static int check_name(struct expansion *ex, const struct place *place, const struct tag *tag)
{
    int length = (int)tag->name.length;
    const char *name = tag->name.text;
    if (length == 1 && *name == '.') {
        if (tag->type != 'v' || ex->section_count == 0)
            return fail(ex, place, "{{.}} only means something as a value inside a section");
        return 0;
    }
    const struct template_tag *known = template_tag_find(name, tag->name.length);
    if (!known) {
        const char *near = nearest_tag(name, tag->name.length);
        return fail(ex, place, "there is no tag \"%.*s\"%s%s%s; ldapnotify-templates(5) lists them", length,
                    name, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    bool value = tag->type == 'v' || tag->type == '&';
    if (value && known->kind != TAG_TEXT)
        return fail(ex, place, "\"%s\" is a %s and shows nothing by itself; write {{#%s}}…{{/%s}}",
                    known->name, known->kind == TAG_LIST ? "list" : "flag", known->name, known->name);
    if (known->within && !ex->source->alone && !within(ex, known->within))
        return fail(ex, place, "\"%s\" has a value only inside {{#%s}}…{{/%s}}", known->name, known->within,
                    known->within);
    if (strcmp(known->name, "title") == 0 && !ex->source->own_title && !within(ex, "items"))
        return fail(ex, place, "\"title\" is what this file makes; it cannot contain itself");
    return 0;
}

static int expand(struct expansion *ex, const char *file, const char *text, bool plain);

static int expand_partial(struct expansion *ex, const struct place *place, const struct tag *tag)
{
    char name[NAME_LENGTH + 1];
    memcpy(name, tag->name.text, tag->name.length);
    name[tag->name.length] = '\0';
    const char *file = NULL;
    bool plain = false;
    const char *text =
        ex->source->partial ? ex->source->partial(ex->source->context, name, &file, &plain) : NULL;
    if (!text)
        return fail(ex, place, "there is no partial \"%s\"", name);
    for (size_t i = 0; i < ex->partial_count; i++)
        if (strcmp(ex->partials[i], name) == 0)
            return fail(ex, place, "the partial \"%s\" includes itself%s", name,
                        i + 1 < ex->partial_count ? " by way of others" : "");
    if (ex->partial_count == PARTIAL_DEPTH)
        return fail(ex, place, "partials within partials, more than %d deep", PARTIAL_DEPTH);
    ex->partials[ex->partial_count++] = name;
    ex->gap = true;
    int result = expand(ex, file, text, plain);
    ex->gap = true;
    ex->partial_count--;
    return result;
}

static int expand_tag(struct expansion *ex, const struct place *place, const struct tag *tag)
{
    if (tag->type == '!') {
        ex->gap = true;
        return 0;
    }
    if (tag->type == '>')
        return expand_partial(ex, place, tag);
    if (tag->type == '/') {
        const struct name *open = ex->section_count > 0 ? &ex->sections[ex->section_count - 1] : NULL;
        if (!open || open->length != tag->name.length ||
            memcmp(open->text, tag->name.text, open->length) != 0)
            return fail(ex, place, "{{/%.*s}} closes no section that is open here", (int)tag->name.length,
                        tag->name.text);
        ex->section_count--;
    } else if (check_name(ex, place, tag) < 0) {
        return -1;
    }
    if (tag->type == '&' && ex->source->form == SCAN_HTML)
        return fail(ex, place, "{{{%.*s}}} would put a directory's value into HTML as it is; write {{%.*s}}",
                    (int)tag->name.length, tag->name.text, (int)tag->name.length, tag->name.text);
    if (tag->type == '#' || tag->type == '^') {
        if (ex->section_count == SECTION_DEPTH)
            return fail(ex, place, "sections within sections, more than %d deep", SECTION_DEPTH);
        ex->sections[ex->section_count++] = tag->name;
    }
    // In text nothing is escaped anyway, so {{{name}}} is {{name}}.
    char prefix[4] = "{{";
    if (tag->type != 'v' && tag->type != '&')
        prefix[2] = tag->type;
    if (append(ex, place, prefix, strlen(prefix)) < 0 ||
        append(ex, place, tag->name.text, tag->name.length) < 0)
        return -1;
    return append(ex, place, "}}", 2);
}

static int check_characters(struct expansion *ex, struct place *place)
{
    for (; *place->at; place->at++)
        if ((unsigned char)*place->at < 0x20 && !strchr("\t\r\n", *place->at))
            return fail(ex, place, "a control character (%d) in a template", *place->at);
    place->at = place->text;
    return 0;
}

static int expand(struct expansion *ex, const char *file, const char *text, bool plain)
{
    struct place place = { .file = file, .text = text, .at = text, .plain = plain };
    size_t outside = ex->section_count;
    const char *end = text + strlen(text);
    // A file ends with a newline; the line that includes it has one of its own.
    if (ex->partial_count > 0 && end > text && end[-1] == '\n')
        end--;
    if (check_characters(ex, &place) < 0)
        return -1;
    while (place.at < end) {
        // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a file has a text
        const char *next = strstr(place.at, "{{");
        if (!next || next > end)
            next = end;
        if (append_text(ex, &place, place.at, (size_t)(next - place.at)) < 0)
            return -1;
        place.at = next;
        if (next == end)
            break;
        struct tag tag = { 0 };
        if (read_tag(ex, &place, &tag) < 0)
            return -1;
        ex->tagged = true;
        if (expand_tag(ex, &place, &tag) < 0)
            return -1;
        if (ex->section_count < outside)
            return fail(ex, &place, "a section is closed here that was opened in another file");
        place.at = tag.end;
    }
    if (ex->section_count > outside) {
        const struct name *open = &ex->sections[ex->section_count - 1];
        return fail(ex, &place, "the section {{#%.*s}} is never closed", (int)open->length, open->text);
    }
    return 0;
}

char *scan_expand(TALLOC_CTX *ctx, const struct scan_source *source, const char *file, const char *text,
                  struct error *err)
{
    struct expansion ex = { .source = source, .err = err };
    static const char mark[] = { SCAN_MARK };
    ex.out = talloc_array(ctx, char, SCAN_MOST + 1);
    if (!ex.out) {
        error_set(err, "%s: out of memory", file);
        return NULL;
    }
    struct place end = { .file = file, .text = text, .at = text + strlen(text) };
    if (expand(&ex, file, text, false) < 0 || (ex.tagged && append(&ex, &end, mark, 1) < 0)) {
        talloc_free(ex.out);
        return NULL;
    }
    ex.out[ex.used] = '\0';
    return talloc_realloc(ctx, ex.out, char, ex.used + 1);
}
