// SPDX-License-Identifier: Apache-2.0
#include "mail/template.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/text.h"
#include "scan.h"
#include "set.h"

#define LANGUAGES_MOST 100
#define SUBJECT_MOST 240 // octets; longer ones are cut by every mail program anyway
#define TITLE_MOST 1000
#define CONFIGURED_SUBJECTS_MOST 1000

// --- opening -------------------------------------------------------------------------------------------

static bool is_language(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t length = strspn(name, letters);
    return length >= 2 && name[length] == '\0' && *name != '-';
}

static int compare_languages(const void *a, const void *b)
{
    return strcmp(((const struct language *)a)->tag, ((const struct language *)b)->tag);
}

static int load_languages(struct template_set *set, const char *dir, DIR *folder, struct error *err)
{
    struct dirent *file;
    while ((file = readdir(folder))) {
        struct stat status;
        if (!is_language(file->d_name) || fstatat(dirfd(folder), file->d_name, &status, 0) < 0 ||
            !S_ISDIR(status.st_mode))
            continue;
        if (set->language_count == LANGUAGES_MOST)
            return error_set(err, "%s: more than %d languages", dir, LANGUAGES_MOST);
        set->languages = talloc_realloc(set, set->languages, struct language, set->language_count + 1);
        if (language_load(set, dir, file->d_name, &set->languages[set->language_count], err) < 0)
            return -1;
        set->language_count++;
    }
    if (set->language_count > 1)
        qsort(set->languages, set->language_count, sizeof *set->languages, compare_languages);
    return 0;
}

bool template_set_has(const struct template_set *set, const char *name)
{
    for (size_t i = 0; i < set->language_count; i++)
        if (language_page(&set->languages[i], name))
            return true;
    return false;
}

struct template_set *template_set_open(TALLOC_CTX *ctx, const char *dir, struct error *err)
{
    DIR *folder = opendir(dir);
    if (!folder) {
        error_set(err, "%s: %s; template_dir must name the folder of the templates", dir, strerror(errno));
        return NULL;
    }
    struct template_set *set = talloc_zero(ctx, struct template_set);
    int result = load_languages(set, dir, folder, err);
    closedir(folder);
    if (result == 0 && (!template_set_has(set, "default") || !template_set_has(set, "digest")))
        result =
            error_set(err, "%s: no language has both default.txt and digest.txt, which every set needs", dir);
    if (result < 0) {
        talloc_free(set);
        return NULL;
    }
    return set;
}

// --- choosing ------------------------------------------------------------------------------------------

struct choice {
    const struct language *language;
    const struct page *page;
};

static const struct language *find_language(const struct template_set *set, const char *tag)
{
    for (size_t i = 0; i < set->language_count; i++)
        if (strcasecmp(set->languages[i].tag, tag) == 0)
            return &set->languages[i];
    return NULL;
}

static const struct page *find_page(const struct language *language, const char *name, const char *role)
{
    const struct page *page = NULL;
    char *specific = role ? talloc_asprintf(NULL, "%s.%s", name, role) : NULL;
    if (specific)
        page = language_page(language, specific);
    talloc_free(specific);
    return page ? page : language_page(language, name);
}

// In the first of the languages that has `name`; in none of them, any language.
static struct choice choose_in(const struct template_set *set, const char *name, const char *role,
                               const char *const *languages, bool any)
{
    for (; languages && *languages; languages++) {
        const struct language *language = find_language(set, *languages);
        const struct page *page = language ? find_page(language, name, role) : NULL;
        if (page)
            return (struct choice){ language, page };
    }
    for (size_t i = 0; any && i < set->language_count; i++) {
        const struct page *page = find_page(&set->languages[i], name, role);
        if (page)
            return (struct choice){ &set->languages[i], page };
    }
    return (struct choice){ NULL, NULL };
}

static struct choice choose(const struct template_set *set, const char *name, const char *event,
                            const char *role, const char *const *languages)
{
    struct choice choice = { NULL, NULL };
    if (name)
        choice = choose_in(set, name, role, languages, true);
    if (!choice.page && event)
        choice = choose_in(set, event, role, languages, false);
    if (!choice.page)
        choice = choose_in(set, "default", role, languages, true);
    return choice;
}

const char *template_language(const struct template_set *set, const char *name, const char *event,
                              const char *role, const char *const *languages)
{
    struct choice choice = choose(set, name, event, role, languages);
    return choice.language ? choice.language->tag : "en";
}

const char *template_attribute_label(const struct template_set *set, const char *const *languages,
                                     const char *attribute)
{
    for (; *languages; languages++) {
        const struct language *language = find_language(set, *languages);
        for (size_t i = 0; language && i < language->label_count; i++)
            if (strcasecmp(language->labels[i].attribute, attribute) == 0)
                return language->labels[i].words;
    }
    return NULL;
}

// --- rendering -----------------------------------------------------------------------------------------

// One line: no controls, single spaces, none at the ends, at most `limit` octets.
static char *one_line(TALLOC_CTX *ctx, const char *text, size_t limit)
{
    char *line = text_clean(ctx, text, strlen(text), 0);
    if (!line)
        return NULL;
    char *out = line;
    for (const char *at = line; *at; at++)
        if (*at != ' ' || (out > line && out[-1] != ' '))
            *out++ = *at;
    if (out > line && out[-1] == ' ')
        out--;
    *out = '\0';
    char *fitted = text_clean(ctx, line, strlen(line), limit);
    talloc_free(line);
    return fitted;
}

// Leaves out the lines of which no tag left anything, and the marks (SCAN_MARK). Of empty lines at most one
// stays, none at the beginning. `text` ends with a newline, if it is not empty.
static void tidy_text(char *text)
{
    char *out = text;
    for (char *line = text, *next; *line; line = next) {
        size_t length = strcspn(line, "\n");
        next = line + length + (line[length] == '\n');
        bool marked = length > 0 && line[length - 1] == SCAN_MARK;
        bool blank = strspn(line, " \t\x01") >= length;
        bool after_empty = out == text || (out - text >= 2 && out[-1] == '\n' && out[-2] == '\n');
        if (blank && (marked || after_empty))
            continue;
        for (size_t i = 0; i < length && !blank; i++)
            if (line[i] != SCAN_MARK)
                *out++ = line[i];
        *out++ = '\n';
    }
    while (out - text >= 2 && out[-1] == '\n' && out[-2] == '\n')
        out--;
    *out = '\0';
}

static char *render_body(struct mustache *mustache, TALLOC_CTX *ctx, const struct mustache_data *data,
                         struct error *err)
{
    char *text = mustache_render(mustache, ctx, data, err);
    if (!text)
        return NULL;
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] != '\n' && !(text = talloc_strdup_append_buffer(text, "\n"))) {
        error_set(err, "out of memory");
        return NULL;
    }
    tidy_text(text);
    return text;
}

static char *render_line(struct mustache *mustache, TALLOC_CTX *ctx, const struct mustache_data *data,
                         size_t limit, struct error *err)
{
    char *text = mustache_render(mustache, ctx, data, err);
    if (!text)
        return NULL;
    char *line = one_line(ctx, text, limit);
    talloc_free(text);
    if (!line)
        error_set(err, "out of memory");
    return line;
}

static struct mustache *parse_subject(TALLOC_CTX *ctx, const char *text, struct error *err)
{
    const struct scan_source source = { .form = SCAN_SUBJECT, .own_title = true };
    char *expanded = scan_expand(ctx, &source, "subject", text, err);
    struct mustache *mustache = expanded ? mustache_parse(ctx, expanded, false, err) : NULL;
    talloc_free(expanded);
    return mustache;
}

static struct mustache *configured_subject(struct template_set *set, const char *text, struct error *err)
{
    for (size_t i = 0; i < set->subject_count; i++)
        if (strcmp(set->subjects[i].text, text) == 0)
            return set->subjects[i].mustache;
    if (set->subject_count == CONFIGURED_SUBJECTS_MOST) {
        error_set(err, "more than %d different subjects", CONFIGURED_SUBJECTS_MOST);
        return NULL;
    }
    struct mustache *mustache = parse_subject(set, text, err);
    if (!mustache)
        return NULL;
    set->subjects = talloc_realloc(set, set->subjects, struct configured_subject, set->subject_count + 1);
    set->subjects[set->subject_count++] = (struct configured_subject){ talloc_strdup(set, text), mustache };
    return mustache;
}

int template_check(const char *text, struct error *err)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    int result = parse_subject(ctx, text, err) ? 0 : -1;
    talloc_free(ctx);
    return result;
}

// Bodies put a full stop after the title; one that ends in "inc." has it already.
static const char *without_stop(TALLOC_CTX *ctx, const char *title)
{
    size_t length = strlen(title);
    return talloc_strndup(ctx, title, length > 0 && title[length - 1] == '.' ? length - 1 : length);
}

// The data as the engine wants it, with what the choice adds: {{language}} and {{title}}.
static struct mustache_data *prepare(TALLOC_CTX *ctx, const struct choice *choice, const json_t *json,
                                     char **title, struct error *err)
{
    if (!choice->page) {
        error_set(err, "no template was found, not even \"default\"");
        return NULL;
    }
    struct mustache_data *data = mustache_data_new(ctx, json, err);
    if (!data || mustache_data_set(data, "language", choice->language->tag, err) < 0)
        return NULL;
    *title = render_line(choice->page->subject, ctx, data, TITLE_MOST, err);
    if (!*title || mustache_data_set(data, "title", without_stop(ctx, *title), err) < 0)
        return NULL;
    return data;
}

char *template_title(struct template_set *set, TALLOC_CTX *ctx, const char *name, const char *event,
                     const char *role, const char *const *languages, const json_t *data, struct error *err)
{
    struct choice choice = choose(set, name, event, role, languages);
    char *title = NULL;
    struct mustache_data *prepared = prepare(ctx, &choice, data, &title, err);
    if (!prepared)
        return NULL;
    talloc_free(prepared);
    return title;
}

int template_render(struct template_set *set, TALLOC_CTX *ctx, const char *name, const char *event,
                    const char *role, const char *const *languages, const char *subject, const json_t *data,
                    struct rendered *rendered, struct error *err)
{
    struct choice choice = choose(set, name, event, role, languages);
    TALLOC_CTX *scratch = talloc_new(ctx);
    struct mustache *subject_page = NULL;
    char *title = NULL;
    int result = -1;
    *rendered = (struct rendered){ NULL, NULL, NULL };
    struct mustache_data *prepared = prepare(scratch, &choice, data, &title, err);
    if (!prepared)
        goto done;
    if (subject && !(subject_page = configured_subject(set, subject, err)))
        goto done;
    rendered->subject = subject_page ? render_line(subject_page, ctx, prepared, SUBJECT_MOST, err)
                                     : one_line(ctx, title, SUBJECT_MOST);
    rendered->text = render_body(choice.page->text, ctx, prepared, err);
    if (!rendered->subject || !rendered->text)
        goto done;
    if (choice.page->html && !(rendered->html = render_body(choice.page->html, ctx, prepared, err)))
        goto done;
    result = 0;
done:
    if (result < 0)
        error_prepend(err, "template %s for %s: ", choice.page ? choice.page->name : "(none)",
                      event ? event : "?");
    talloc_free(scratch);
    return result;
}
