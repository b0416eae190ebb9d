// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "forms.h"
#include "reader.h"
#include "tree.h"

// From text to structs, by the option table.

struct config *config_read(TALLOC_CTX *ctx, const char *path, const struct config_checks *checks,
                           config_problem_fn *problem, void *context, struct error *err)
    __attribute__((visibility("hidden")));

static const char *const secret_ways[] = { "file", "env", "credential" };

void reader_problem(struct reader *reader, struct place place, const char *format, ...)
{
    struct error problem;
    char words[sizeof problem.text];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    error_set(&problem, "%s:%u: %s", place.file, place.line, words);
    if (reader->problems++ == 0 && reader->err)
        *reader->err = problem;
    if (reader->problem)
        reader->problem(reader->context, problem.text);
}

void reader_set_origin(struct reader *reader, const void *field, struct place place)
{
    struct origin *larger =
        talloc_realloc(reader->config, reader->origins, struct origin, reader->origin_count + 1);
    if (!larger)
        return; // a problem will be reported for the file as a whole
    reader->origins = larger;
    reader->origins[reader->origin_count++] = (struct origin){ field, place };
}

struct place reader_origin(const struct reader *reader, const void *field, const void *element)
{
    const void *const wanted[] = { field, element };
    for (size_t w = 0; w < 2; w++)
        for (size_t i = 0; wanted[w] && i < reader->origin_count; i++)
            if (reader->origins[i].field == wanted[w])
                return reader->origins[i].place;
    return (struct place){ reader->text->path, 1 };
}

static struct place setting_place(const struct reader *reader, const config_setting_t *setting)
{
    return expanded_place(reader->text, setting->line);
}

// "mail.from", or "live" at the top.
struct label {
    char text[128];
};

static struct label option_label(const struct option_section *section, const char *name)
{
    struct label label;
    snprintf(label.text, sizeof label.text, "%.40s%s%.60s", section->name, *section->name ? "." : "", name);
    return label;
}

static const char *type_words(const config_setting_t *setting)
{
    switch (setting->type) {
    case CONFIG_TYPE_GROUP: return "a group { … }";
    case CONFIG_TYPE_ARRAY: return "a list [ … ]";
    case CONFIG_TYPE_LIST: return "a list ( … )";
    case CONFIG_TYPE_STRING: return "a string";
    case CONFIG_TYPE_BOOL: return "true or false";
    default: return "a number";
    }
}

// What to write for an option of this type.
static const char *wanted_words(enum option_type type)
{
    switch (type) {
    case OPTION_BOOL: return "true or false, without quotes";
    case OPTION_INT: return "a whole number, without quotes";
    case OPTION_DURATION: return "a duration in quotes, with its unit, such as \"5m\"";
    case OPTION_STRING:
    case OPTION_SECRET:
    case OPTION_CHOICE: return "a string in double quotes";
    case OPTION_LIST: return "a list of strings, such as [ \"one\", \"two\" ]";
    case OPTION_MAP: return "a group of lists, such as { owner = [ \"managedBy\" ]; }";
    }
    return "something else";
}

static void wrong_type(struct reader *reader, const config_setting_t *setting, const char *label,
                       const char *wanted)
{
    reader_problem(reader, setting_place(reader, setting), "%s must be %s, not %s", label, wanted,
                   type_words(setting));
}

// The string of a setting if it may be one at all, else NULL with the problem reported.
static const char *string_value(struct reader *reader, const config_setting_t *setting, const char *label,
                                enum option_type type)
{
    if (setting->type != CONFIG_TYPE_STRING) {
        wrong_type(reader, setting, label, wanted_words(type));
        return NULL;
    }
    const char *text = config_setting_get_string(setting);
    size_t length = text ? strlen(text) : 0;
    if (length == 0)
        reader_problem(reader, setting_place(reader, setting), "%s is empty; leave it out instead", label);
    else if (!text_is_utf8(text, length))
        reader_problem(reader, setting_place(reader, setting), "%s is not UTF-8", label);
    else if (text_has_control(text, length))
        reader_problem(reader, setting_place(reader, setting), "%s holds a control character", label);
    else
        return text;
    return NULL;
}

static const char *checked_string(struct reader *reader, const config_setting_t *setting, const char *label,
                                  const struct option *option)
{
    const char *text = string_value(reader, setting, label, option->type);
    struct error detail;
    if (text && form_check(option->form, text, reader->checks, &detail) < 0) {
        reader_problem(reader, setting_place(reader, setting), "%s: \"%.200s\" %s", label, text, detail.text);
        return NULL;
    }
    return text;
}

static void read_text(struct reader *reader, TALLOC_CTX *ctx, const struct option *option,
                      const config_setting_t *setting, const char *label, void *field)
{
    const char *text = checked_string(reader, setting, label, option);
    struct error detail;
    if (text && option_set_text(ctx, option, field, text, &detail) < 0)
        reader_problem(reader, setting_place(reader, setting), "%s: \"%.200s\" %s", label, text, detail.text);
}

static void read_number(struct reader *reader, const struct option *option, const config_setting_t *setting,
                        const char *label, int64_t *field)
{
    if (setting->type != CONFIG_TYPE_INT && setting->type != CONFIG_TYPE_INT64) {
        wrong_type(reader, setting, label, wanted_words(option->type));
        return;
    }
    long long number = setting->type == CONFIG_TYPE_INT ? config_setting_get_int(setting)
                                                        : config_setting_get_int64(setting);
    if (number < option->least || number > option->most)
        reader_problem(reader, setting_place(reader, setting),
                       "%s: %lld is out of range; it may be from %lld to %lld", label, number, option->least,
                       option->most);
    else
        *field = number;
}

static void read_list(struct reader *reader, TALLOC_CTX *ctx, const struct option *option,
                      const config_setting_t *setting, const char *label, struct config_list *list)
{
    talloc_free(list->items); // the default
    *list = (struct config_list){ 0 };
    bool single = setting->type == CONFIG_TYPE_STRING;
    if (!single && setting->type != CONFIG_TYPE_ARRAY && setting->type != CONFIG_TYPE_LIST) {
        wrong_type(reader, setting, label, wanted_words(OPTION_LIST));
        return;
    }
    int count = single ? 1 : config_setting_length(setting);
    for (int i = 0; i < count; i++) {
        const config_setting_t *item = single ? setting : config_setting_get_elem(setting, (unsigned)i);
        const char *text = checked_string(reader, item, label, option);
        if (text && list_add(ctx, list, text) < 0)
            reader_problem(reader, setting_place(reader, item), "%s: no memory", label);
    }
    if (count == 0 && option->required && !reader->slice)
        reader_problem(reader, setting_place(reader, setting), "%s is empty", label);
}

static const char *nearest_hint(TALLOC_CTX *ctx, const char *name, const char *const *known)
{
    const char *nearest = text_nearest(name, known);
    return nearest ? talloc_asprintf(ctx, "; did you mean \"%s\"?", nearest) : "";
}

static void read_map(struct reader *reader, TALLOC_CTX *ctx, const struct option *option,
                     const config_setting_t *setting, const char *label, void *base)
{
    if (setting->type != CONFIG_TYPE_GROUP) {
        wrong_type(reader, setting, label, wanted_words(OPTION_MAP));
        return;
    }
    size_t count = (size_t)config_setting_length(setting);
    struct config_map *map = talloc_zero_array(ctx, struct config_map, count);
    if (!map)
        return;
    *(struct config_map **)at_offset(base, option->offset) = map;
    *(size_t *)at_offset(base, option->count_offset) = count;
    for (unsigned i = 0; i < count; i++) {
        const config_setting_t *item = config_setting_get_elem(setting, i);
        map[i].role = talloc_strdup(map, item->name);
        struct label inner;
        snprintf(inner.text, sizeof inner.text, "%.80s.%.40s", label, item->name);
        bool known = false;
        for (const char *const *choice = option->choices; *choice; choice++)
            known = known || strcmp(*choice, item->name) == 0;
        if (!known)
            reader_problem(reader, setting_place(reader, item), "%s: \"%.60s\" is no role of a flavour%s",
                           label, item->name, nearest_hint(map, item->name, option->choices));
        read_list(reader, map, option, item, inner.text, &map[i].attributes);
    }
}

// The suffix of NAME_file and so on, if `name` is one of this secret's names; else NULL.
static const char *secret_suffix(const struct reader *reader, const struct option *option, const char *name)
{
    size_t length = strlen(option->name);
    if (option->type != OPTION_SECRET || strncmp(name, option->name, length) != 0 || name[length] != '_')
        return NULL;
    for (size_t i = 0; i < sizeof secret_ways / sizeof *secret_ways; i++)
        if (strcmp(name + length + 1, secret_ways[i]) == 0)
            return secret_ways[i];
    return reader->slice && strcmp(name + length + 1, "value") == 0 ? "value" : NULL;
}

static void read_secret(struct reader *reader, TALLOC_CTX *ctx, const char *suffix,
                        const config_setting_t *setting, const char *label, struct config_secret *secret)
{
    if (strcmp(suffix, "value") == 0) { // any octets
        const char *value = setting->type == CONFIG_TYPE_STRING ? config_setting_get_string(setting) : NULL;
        if (value)
            secret->value = secret_copy(ctx, value, strlen(value));
        return;
    }
    const char *text = string_value(reader, setting, label, OPTION_SECRET);
    if (!text)
        return;
    struct place place = setting_place(reader, setting);
    if (secret->file || secret->environment || secret->credential)
        reader_problem(reader, place,
                       "%s: the secret is given in two ways; keep one of _file, _env and _credential", label);
    else if (strcmp(suffix, "file") == 0 && *text != '/')
        reader_problem(reader, place, "%s: \"%.200s\" is no absolute path; it must begin with /", label,
                       text);
    else if (strcmp(suffix, "file") != 0 && strpbrk(text, "/="))
        reader_problem(reader, place, "%s: \"%.200s\" must be a name, without \"/\" and \"=\"", label, text);
    char **field = strcmp(suffix, "file") == 0 ? &secret->file
                   : strcmp(suffix, "env") == 0 ? &secret->environment
                                                : &secret->credential;
    *field = talloc_strdup(ctx, text);
}

static void read_option(struct reader *reader, TALLOC_CTX *ctx, const struct option *option,
                        const char *suffix, const config_setting_t *setting, const char *label, void *base)
{
    void *field = at_offset(base, option->offset);
    reader_set_origin(reader, field, setting_place(reader, setting));
    switch (option->type) {
    case OPTION_BOOL:
        if (setting->type != CONFIG_TYPE_BOOL)
            wrong_type(reader, setting, label, wanted_words(OPTION_BOOL));
        else
            *(bool *)field = config_setting_get_bool(setting);
        break;
    case OPTION_INT:
        read_number(reader, option, setting, label, field);
        break;
    case OPTION_DURATION:
    case OPTION_STRING:
    case OPTION_CHOICE:
        read_text(reader, ctx, option, setting, label, field);
        break;
    case OPTION_LIST:
        read_list(reader, ctx, option, setting, label, field);
        break;
    case OPTION_SECRET:
        read_secret(reader, ctx, suffix, setting, label, field);
        break;
    case OPTION_MAP:
        read_map(reader, ctx, option, setting, label, base);
        break;
    }
}

// The names that may stand in a section, for "did you mean"; ends with NULL.
static const char **known_names(TALLOC_CTX *ctx, const struct option_section *section)
{
    const char **names = talloc_zero_array(ctx, const char *, 256);
    size_t count = 0;
    for (const struct option *option = section->options; names && option->name; option++) {
        if (option->type != OPTION_SECRET)
            names[count++] = option->name;
        else
            for (size_t i = 0; i < sizeof secret_ways / sizeof *secret_ways; i++)
                names[count++] = talloc_asprintf(names, "%s_%s", option->name, secret_ways[i]);
    }
    for (const struct option_section *other = option_sections; names && !*section->name && other->name;
         other++)
        if (*other->name)
            names[count++] = other->name;
    return names;
}

static void unknown_option(struct reader *reader, const struct option_section *section,
                           const config_setting_t *setting)
{
    TALLOC_CTX *scratch = talloc_new(NULL);
    const char **known = known_names(scratch, section);
    const char *hint = known ? nearest_hint(scratch, setting->name, known) : "";
    const char *elsewhere = "";
    for (const struct option_section *other = option_sections; other->name; other++)
        for (const struct option *option = other->options; option->name; option++)
            if (strcmp(option->name, setting->name) == 0 && !*elsewhere)
                elsewhere = *other->name ? talloc_asprintf(scratch, "; %s has one of this name", other->name)
                                         : "; it belongs to the top, outside of all groups";
    reader_problem(reader, setting_place(reader, setting), "%s is no known option%s%s",
                   option_label(section, setting->name).text, hint, elsewhere);
    talloc_free(scratch);
}

static const struct option_section *section_find(const char *name)
{
    for (const struct option_section *section = option_sections; section->name; section++)
        if (*section->name && strcmp(section->name, name) == 0)
            return section;
    return NULL;
}

static void set_fallbacks(struct reader *reader, TALLOC_CTX *ctx, const struct option_section *section,
                          void *base)
{
    for (const struct option *option = section->options; option->name; option++) {
        struct error detail;
        if (option_set_fallback(ctx, option, at_offset(base, option->offset), &detail) < 0)
            reader_problem(reader, (struct place){ reader->text->path, 1 }, "default of %s: %s",
                           option_label(section, option->name).text, detail.text);
    }
}

// `first` is the first origin that can belong to this element.
static void check_required(struct reader *reader, const struct option_section *section, const void *base,
                           size_t first, struct place place)
{
    for (const struct option *option = section->options; option->name && !reader->slice; option++) {
        if (!option->required)
            continue;
        const void *field = at_offset(base, option->offset);
        bool given = false;
        for (size_t i = first; i < reader->origin_count; i++)
            given = given || reader->origins[i].field == field;
        if (!given)
            reader_problem(reader, place, "%s is missing", option_label(section, option->name).text);
    }
}

// The settings of one group. Values are owned by `ctx`.
static void read_group(struct reader *reader, TALLOC_CTX *ctx, const struct option_section *section,
                       const config_setting_t *group, void *base)
{
    for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, i);
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the index is within the length
        if (!*section->name && section_find(setting->name))
            continue;
        const struct option *option = section->options;
        const char *suffix = NULL;
        for (; option->name; option++)
            if (option->type == OPTION_SECRET
                    ? (suffix = secret_suffix(reader, option, setting->name)) != NULL
                    : strcmp(option->name, setting->name) == 0)
                break;
        if (option->name)
            read_option(reader, ctx, option, suffix, setting, option_label(section, setting->name).text,
                        base);
        else
            unknown_option(reader, section, setting);
    }
}

static void read_elements(struct reader *reader, const struct option_section *section,
                          const config_setting_t *setting)
{
    if (setting->type != CONFIG_TYPE_LIST) {
        wrong_type(reader, setting, section->name, "a list of groups, such as ( { … }, { … } )");
        return;
    }
    size_t count = (size_t)config_setting_length(setting);
    char *elements = count ? talloc_zero_size(reader->config, count * section->size) : NULL;
    if (!elements)
        return;
    *(void **)at_offset(reader->config, section->offset) = elements;
    *(size_t *)at_offset(reader->config, section->count_offset) = count;
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
        void *element = elements + i * section->size;
        set_fallbacks(reader, elements, section, element);
        if (item->type != CONFIG_TYPE_GROUP) {
            wrong_type(reader, item, section->name, "a list of groups, such as ( { … }, { … } )");
            continue;
        }
        size_t first = reader->origin_count;
        read_group(reader, elements, section, item, element);
        check_required(reader, section, element, first, setting_place(reader, item));
        reader_set_origin(reader, element, setting_place(reader, item));
    }
}

static void read_sections(struct reader *reader, const config_setting_t *root)
{
    for (const struct option_section *section = option_sections; section->name; section++)
        if (!section->list)
            set_fallbacks(reader, reader->config, section, at_offset(reader->config, section->offset));
    read_group(reader, reader->config, &option_sections[0], root, reader->config);
    for (unsigned i = 0; i < (unsigned)config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, i);
        const struct option_section *section = section_find(setting->name);
        if (!section)
            continue;
        if (section->list)
            read_elements(reader, section, setting);
        else if (setting->type != CONFIG_TYPE_GROUP)
            wrong_type(reader, setting, section->name, "a group { … }");
        else
            read_group(reader, reader->config, section, setting, at_offset(reader->config, section->offset));
    }
}

static void parse_problem(struct reader *reader, const config_t *tree)
{
    const char *words = config_error_text(tree) ? config_error_text(tree) : "it cannot be read";
    const char *advice = "";
    if (strstr(words, "duplicate"))
        advice = ": this is given for the second time in the same group";
    else if (strstr(words, "mismatched"))
        advice = ": the members of [ … ] must all be strings";
    else
        advice = ": look for a missing ;, a missing = or a missing quotation mark here or on the line before";
    reader_problem(reader, expanded_place(reader->text, (unsigned)config_error_line(tree)), "%s%s", words,
                   advice);
}

static struct config *reader_run(TALLOC_CTX *ctx, struct reader *reader)
{
    struct config *config = reader->config = talloc_zero(ctx, struct config);
    config_t tree;
    config_init(&tree);
    if (!config || !(config->path = talloc_strdup(config, reader->text->path))) {
        error_set(reader->err, "no memory");
        reader->problems++;
    } else if (config_read_string(&tree, reader->text->text) != CONFIG_TRUE) {
        parse_problem(reader, &tree);
    } else {
        read_sections(reader, config_root_setting(&tree));
        if (!reader->slice) {
            config_derive(reader);
            config_check(reader);
        }
    }
    config_destroy(&tree);
    if (reader->problems > 0) {
        talloc_free(config);
        return NULL;
    }
    talloc_free(reader->origins);
    return config;
}

struct config *config_read(TALLOC_CTX *ctx, const char *path, const struct config_checks *checks,
                           config_problem_fn *problem, void *context, struct error *err)
{
    struct error detail;
    struct expanded *text = expand_file(ctx, path, &detail);
    if (!text) {
        if (err)
            *err = detail;
        if (problem)
            problem(context, detail.text);
        return NULL;
    }
    struct reader reader = {
        .text = text, .checks = checks, .problem = problem, .context = context, .err = err
    };
    struct config *config = reader_run(ctx, &reader);
    talloc_free(text);
    return config;
}

struct config *config_read_slice(TALLOC_CTX *ctx, const char *text, struct error *err)
{
    struct expanded *expanded = expand_slice(ctx, "slice", text, err);
    if (!expanded)
        return NULL;
    secret_protect(expanded->text);
    struct reader reader = { .text = expanded, .slice = true, .err = err };
    struct config *config = reader_run(ctx, &reader);
    talloc_free(expanded);
    return config;
}
