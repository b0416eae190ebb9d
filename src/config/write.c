// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "reader.h"

// From structs to text: slices. Every value stands in them, defaults too, so that a slice means the same to a
// worker of another version; what a worker may not see does not.

struct writer {
    char *text;
    size_t used;
    bool failed;
};

static void put(struct writer *writer, const char *text, size_t length)
{
    size_t room = talloc_get_size(writer->text);
    if (writer->failed || writer->used + length + 1 > room) {
        // Not realloc: it would leave a copy of secrets behind.
        size_t size = (writer->used + length + 1) * 2;
        char *larger = writer->failed ? NULL : talloc_array(talloc_parent(writer->text), char, size);
        if (!larger) {
            writer->failed = true;
            return;
        }
        memcpy(larger, writer->text, writer->used);
        secret_protect(larger);
        talloc_free(writer->text);
        writer->text = larger;
    }
    memcpy(writer->text + writer->used, text, length);
    writer->used += length;
    writer->text[writer->used] = '\0';
}

static void puts_text(struct writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

// A string literal that stays on its line and is ASCII, whatever octets it stands for.
static void put_string(struct writer *writer, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    puts_text(writer, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        char escape[4] = { '\\', 'x', digits[*at >> 4], digits[*at & 15] };
        if (*at == '"' || *at == '\\')
            put(writer, (char[]){ '\\', (char)*at }, 2);
        else if (*at < 0x20 || *at >= 0x7f)
            put(writer, escape, sizeof escape);
        else
            put(writer, (const char *)at, 1);
    }
    puts_text(writer, "\"");
}

static void put_number(struct writer *writer, long long number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", number);
    puts_text(writer, text);
}

static void put_duration(struct writer *writer, int64_t milliseconds)
{
    char *text = text_format_duration(NULL, milliseconds);
    if (text)
        put_string(writer, text);
    else
        writer->failed = true;
    talloc_free(text);
}

static void put_list(struct writer *writer, const struct config_list *list)
{
    puts_text(writer, "[");
    for (size_t i = 0; i < list->count; i++) {
        puts_text(writer, i ? ", " : " ");
        put_string(writer, list->items[i]);
    }
    puts_text(writer, " ]");
}

static void put_map(struct writer *writer, const struct config_map *map, size_t count)
{
    puts_text(writer, "{");
    for (size_t i = 0; i < count; i++) {
        puts_text(writer, " ");
        puts_text(writer, map[i].role);
        puts_text(writer, " = ");
        put_list(writer, &map[i].attributes);
        puts_text(writer, ";");
    }
    puts_text(writer, " }");
}

// Nothing is written for what was not given: reading gives it the same value again.
static bool is_unset(const struct option *option, const void *base, const void *field)
{
    switch (option->type) {
    case OPTION_BOOL:
    case OPTION_CHOICE: return false;
    case OPTION_INT:
    case OPTION_DURATION: return *(const int64_t *)field < 0;
    case OPTION_STRING: return !*(char *const *)field;
    case OPTION_LIST: return ((const struct config_list *)field)->count == 0 && !option->fallback;
    case OPTION_SECRET: return !((const struct config_secret *)field)->value;
    case OPTION_MAP: return *(const size_t *)at_offset(base, option->count_offset) == 0;
    }
    return true;
}

static void put_option(struct writer *writer, const struct option *option, const void *base)
{
    const void *field = at_offset(base, option->offset);
    if (is_unset(option, base, field))
        return;
    puts_text(writer, option->name);
    puts_text(writer, option->type == OPTION_SECRET ? "_value = " : " = ");
    switch (option->type) {
    case OPTION_BOOL:
        puts_text(writer, *(const bool *)field ? "true" : "false");
        break;
    case OPTION_INT:
        put_number(writer, *(const int64_t *)field);
        break;
    case OPTION_DURATION:
        put_duration(writer, *(const int64_t *)field);
        break;
    case OPTION_STRING:
        put_string(writer, *(char *const *)field);
        break;
    case OPTION_LIST:
        put_list(writer, field);
        break;
    case OPTION_CHOICE:
        put_string(writer, option->choices[*(const int *)field]);
        break;
    case OPTION_SECRET:
        put_string(writer, ((const struct config_secret *)field)->value);
        break;
    case OPTION_MAP:
        put_map(writer, *(struct config_map *const *)field,
                *(const size_t *)at_offset(base, option->count_offset));
        break;
    }
    puts_text(writer, ";\n");
}

static bool has_directory(enum config_slice slice)
{
    return slice == CONFIG_SLICE_WATCH || slice == CONFIG_SLICE_LIFECYCLE;
}

static bool is_in_scope(enum option_scope scope, enum config_slice slice)
{
    switch (scope) {
    case SCOPE_ALL: return true;
    case SCOPE_DIRECTORY: return has_directory(slice);
    case SCOPE_TRANSPORT: return slice == CONFIG_SLICE_DELIVER;
    case SCOPE_CONTROL: return slice == CONFIG_SLICE_CONTROL;
    case SCOPE_SUPERVISOR: return false;
    }
    return false;
}

static bool rule_is_for(const struct config_rule *rule, const char *directory)
{
    for (size_t i = 0; i < rule->directories.count; i++)
        if (strcmp(rule->directories.items[i], directory) == 0)
            return true;
    return rule->directories.count == 0;
}

// What another directory's worker is made of does not concern this one: it would be replaced for nothing.
static bool is_foreign(const struct option_section *section, const void *element, enum config_slice slice,
                       const char *name)
{
    if (!has_directory(slice))
        return false;
    if (section->offset == offsetof(struct config, directories))
        return strcmp(((const struct config_directory *)element)->name, name) != 0;
    if (section->offset == offsetof(struct config, rules))
        return !rule_is_for(element, name);
    return false;
}

static void put_group(struct writer *writer, const struct option_section *section, const void *base,
                      enum config_slice slice)
{
    for (const struct option *option = section->options; option->name; option++)
        if (is_in_scope(option->scope, slice))
            put_option(writer, option, base);
}

static void put_elements(struct writer *writer, const struct option_section *section,
                         const struct config *config, enum config_slice slice, const char *name)
{
    const void *elements = *(void *const *)at_offset(config, section->offset);
    size_t count = *(const size_t *)at_offset(config, section->count_offset);
    const char *separator = "";
    for (size_t i = 0; i < count; i++) {
        const void *element = at_offset(elements, i * section->size);
        if (is_foreign(section, element, slice, name))
            continue;
        puts_text(writer, separator);
        puts_text(writer, "{\n");
        put_group(writer, section, element, slice);
        puts_text(writer, "}");
        separator = ",\n";
    }
}

char *config_slice(TALLOC_CTX *ctx, const struct config *config, enum config_slice slice, const char *name)
{
    struct writer writer = { .text = talloc_zero_array(ctx, char, 4096) };
    if (!writer.text)
        return NULL;
    secret_protect(writer.text);
    for (const struct option_section *section = option_sections; section->name; section++) {
        if (*section->name) {
            puts_text(&writer, section->name);
            puts_text(&writer, section->list ? " = (\n" : " = {\n");
        }
        if (section->list)
            put_elements(&writer, section, config, slice, name);
        else
            put_group(&writer, section, at_offset(config, section->offset), slice);
        if (*section->name)
            puts_text(&writer, section->list ? ");\n" : "};\n");
    }
    if (writer.failed) {
        talloc_free(writer.text);
        return NULL;
    }
    return writer.text;
}
