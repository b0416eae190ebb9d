// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "event/event.h"
#include "scan.h"
#include "set.h"

#define FILE_MOST (128 * 1024)
#define FILES_MOST 2000

struct source {
    const char *name; // without the ending
    enum scan_form form;
    const char *path, *text;
};

struct sources {
    struct source *items;
    size_t count;
};

static const char *const endings[] = {
    [SCAN_SUBJECT] = ".subject", [SCAN_TEXT] = ".txt", [SCAN_HTML] = ".html"
};

static const struct source *sources_find(const struct sources *sources, const char *name, enum scan_form form)
{
    for (size_t i = 0; i < sources->count; i++)
        if (sources->items[i].form == form && strcmp(sources->items[i].name, name) == 0)
            return &sources->items[i];
    return NULL;
}

static char *read_text(TALLOC_CTX *ctx, const char *path, struct error *err)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        error_set(err, "%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = talloc_array(ctx, char, FILE_MOST + 1);
    size_t length = text ? fread(text, 1, FILE_MOST + 1, file) : 0;
    if (!text)
        error_set(err, "%s: out of memory", path);
    else if (ferror(file))
        error_set(err, "%s: %s", path, strerror(errno));
    else if (length > FILE_MOST)
        error_set(err, "%s: larger than %d octets", path, FILE_MOST);
    else if (memchr(text, '\0', length) || !text_is_utf8(text, length))
        error_set(err, "%s: not text in UTF-8; save it with that encoding", path);
    else {
        fclose(file);
        text[length] = '\0';
        return talloc_realloc(ctx, text, char, length + 1);
    }
    fclose(file);
    talloc_free(text);
    return NULL;
}

// A folder's templates; other files (READMEs, editors' and packagers' leftovers) are none of ours.
static int sources_read(TALLOC_CTX *ctx, const char *dir, struct sources *sources, struct error *err)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return error_set(err, "%s: %s", dir, strerror(errno));
    int result = 0;
    struct dirent *file;
    while (result == 0 && (file = readdir(folder))) {
        const char *ending = strrchr(file->d_name, '.');
        int form = -1;
        for (int i = 0; ending && ending > file->d_name && *file->d_name != '.' && i < 3; i++)
            if (strcmp(ending, endings[i]) == 0)
                form = i;
        if (form < 0)
            continue;
        if (sources->count == FILES_MOST) {
            result = error_set(err, "%s: more than %d templates", dir, FILES_MOST);
            break;
        }
        sources->items = talloc_realloc(ctx, sources->items, struct source, sources->count + 1);
        struct source *source = &sources->items[sources->count++];
        source->name = talloc_strndup(ctx, file->d_name, (size_t)(ending - file->d_name));
        source->form = (enum scan_form)form;
        source->path = talloc_asprintf(ctx, "%s/%s", dir, file->d_name);
        source->text = read_text(ctx, source->path, err);
        if (!source->text)
            result = -1;
    }
    closedir(folder);
    return result;
}

// --- partials ------------------------------------------------------------------------------------------

struct lookup {
    const struct sources *partials;
    enum scan_form form;
    const struct source *body; // what {{>body}} stands for; NULL: nothing
    bool body_taken;
};

static const char *lookup_partial(void *context, const char *name, const char **file, bool *plain)
{
    struct lookup *lookup = context;
    if (strcmp(name, "body") == 0) {
        lookup->body_taken = true;
        *file = lookup->body ? lookup->body->path : NULL;
        return lookup->body ? lookup->body->text : NULL;
    }
    const struct source *found = NULL;
    if (lookup->form == SCAN_HTML)
        found = sources_find(lookup->partials, name, SCAN_HTML);
    if (!found) {
        found = sources_find(lookup->partials, name, SCAN_TEXT);
        *plain = lookup->form == SCAN_HTML;
    }
    *file = found ? found->path : NULL;
    return found ? found->text : NULL;
}

static struct mustache *compile(TALLOC_CTX *ctx, const struct sources *partials, const struct source *page,
                                struct error *err)
{
    struct lookup lookup = { .partials = partials, .form = page->form };
    struct scan_source scan = { .form = page->form,
                                .own_title = page->form != SCAN_SUBJECT,
                                .context = &lookup,
                                .partial = lookup_partial };
    const struct source *outer = page;
    const struct source *layout =
        page->form == SCAN_SUBJECT ? NULL : sources_find(partials, "layout", page->form);
    if (layout) {
        lookup.body = page;
        outer = layout;
    }
    char *text = scan_expand(ctx, &scan, outer->path, outer->text, err);
    struct mustache *mustache = NULL;
    if (!text)
        return NULL;
    if (layout && !lookup.body_taken)
        error_set(err, "%s: the layout does not contain {{>body}}, so messages would be empty", layout->path);
    else if (!(mustache = mustache_parse(ctx, text, page->form == SCAN_HTML, err)))
        error_prepend(err, "%s: ", page->path);
    talloc_free(text);
    return mustache;
}

// Partials that no template takes in are checked too: they may be wanted tomorrow.
static int check_partials(TALLOC_CTX *ctx, const struct sources *partials, struct error *err)
{
    static const struct source nothing = { .path = "body", .text = "" };
    for (size_t i = 0; i < partials->count; i++) {
        const struct source *partial = &partials->items[i];
        if (partial->form == SCAN_SUBJECT)
            return error_set(err, "%s: partials end in .txt or .html; for subjects in .txt", partial->path);
        struct lookup lookup = { .partials = partials, .form = partial->form,
                                 .body = strcmp(partial->name, "layout") == 0 ? &nothing : NULL };
        struct scan_source scan = { .form = partial->form,
                                    .own_title = true,
                                    .alone = true,
                                    .context = &lookup,
                                    .partial = lookup_partial };
        char *text = scan_expand(ctx, &scan, partial->path, partial->text, err);
        if (!text)
            return -1;
        talloc_free(text);
    }
    return 0;
}

// --- names ---------------------------------------------------------------------------------------------

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

// A misspelt name would never be found again, so it is refused: "group.member.add.txt".
static int check_event_name(TALLOC_CTX *ctx, const struct source *source, struct error *err)
{
    static const char *const families[] = { "user.", "group.", "system.", NULL };
    const char *const *family = families;
    while (*family && strncmp(source->name, *family, strlen(*family)) != 0)
        family++;
    if (!*family || event_kind_find(source->name))
        return 0;
    char *event = talloc_strdup(ctx, source->name);
    char *role = strrchr(event, '.');
    *role++ = '\0';
    const struct event_kind *kind = event_kind_find(event);
    if (kind && has_word(kind->roles, role))
        return 0;
    if (kind)
        return error_set(err, "%s: the event %s is told to the roles \"%s\", not to \"%s\"", source->path,
                         event, kind->roles, role);
    const char *names[EVENT_TYPE_COUNT + 1] = { NULL };
    for (int type = 0; type < EVENT_TYPE_COUNT; type++)
        names[type] = event_kind((enum event_type)type)->name;
    const char *near = text_nearest(source->name, names);
    return error_set(err, "%s: no event has this name%s%s%s", source->path, near ? "; did you mean \"" : "",
                     near ? near : "", near ? "\"?" : "");
}

// The subject for a template that brings none: that of the next less specific name.
static const struct source *find_subject(TALLOC_CTX *ctx, const struct sources *sources, const char *name)
{
    const struct source *found = sources_find(sources, name, SCAN_SUBJECT);
    char *shorter = talloc_strdup(ctx, name);
    for (char *dot; !found && (dot = strrchr(shorter, '.'));) {
        *dot = '\0';
        found = sources_find(sources, shorter, SCAN_SUBJECT);
    }
    return found ? found : sources_find(sources, "default", SCAN_SUBJECT);
}

// --- attribute names for people ------------------------------------------------------------------------

// Lines "telephoneNumber = phone number"; "#" begins a comment.
static int load_labels(TALLOC_CTX *ctx, const char *path, struct language *language, struct error *err)
{
    struct stat status;
    if (stat(path, &status) < 0 && errno == ENOENT)
        return 0;
    char *text = read_text(ctx, path, err);
    if (!text)
        return -1;
    char *rest = text, *line;
    for (int number = 1; (line = strsep(&rest, "\n")); number++) {
        char *attribute = line + strspn(line, " \t\r");
        if (*attribute == '\0' || *attribute == '#')
            continue;
        size_t length = strcspn(attribute, " \t=");
        char *equals = attribute + length + strspn(attribute + length, " \t");
        char *words = *equals == '=' ? text_clean(ctx, equals + 1, strlen(equals + 1), 100) : NULL;
        while (words && *words == ' ')
            words++;
        if (!words || *words == '\0' || length == 0)
            return error_set(err, "%s:%d: write \"attribute = words\"", path, number);
        attribute[length] = '\0';
        language->labels = talloc_realloc(ctx, language->labels, struct label, language->label_count + 1);
        language->labels[language->label_count++] = (struct label){ attribute, words };
    }
    return 0;
}

// --- a language ----------------------------------------------------------------------------------------

static int compare_pages(const void *a, const void *b)
{
    return strcmp(((const struct page *)a)->name, ((const struct page *)b)->name);
}

const struct page *language_page(const struct language *language, const char *name)
{
    struct page wanted = { .name = name };
    return language->page_count == 0
               ? NULL
               : bsearch(&wanted, language->pages, language->page_count, sizeof wanted, compare_pages);
}

static int add_page(TALLOC_CTX *ctx, TALLOC_CTX *scratch, const struct sources *pages,
                    const struct sources *partials, const struct source *text, struct language *language,
                    struct error *err)
{
    const struct source *subject = find_subject(scratch, pages, text->name);
    const struct source *html = sources_find(pages, text->name, SCAN_HTML);
    if (!subject)
        return error_set(err, "%s: there is neither %s.subject nor default.subject beside it", text->path,
                         text->name);
    struct page page = { .name = talloc_strdup(ctx, text->name) };
    page.subject = compile(ctx, partials, subject, err);
    page.text = page.subject ? compile(ctx, partials, text, err) : NULL;
    page.html = page.text && html ? compile(ctx, partials, html, err) : NULL;
    if (!page.text || (html && !page.html))
        return -1;
    language->pages[language->page_count++] = page;
    return 0;
}

int language_load(TALLOC_CTX *ctx, const char *dir, const char *tag, struct language *language,
                  struct error *err)
{
    TALLOC_CTX *scratch = talloc_new(ctx);
    struct sources pages = { 0 }, partials = { 0 };
    struct stat status;
    int result = -1;
    *language = (struct language){ .tag = talloc_strdup(ctx, tag) };
    const char *path = talloc_asprintf(scratch, "%s/%s", dir, tag);
    const char *partials_path = talloc_asprintf(scratch, "%s/partials", path);
    if (sources_read(scratch, path, &pages, err) < 0)
        goto done;
    if (stat(partials_path, &status) == 0 && sources_read(scratch, partials_path, &partials, err) < 0)
        goto done;
    if (check_partials(scratch, &partials, err) < 0 ||
        load_labels(ctx, talloc_asprintf(scratch, "%s/attributes", path), language, err) < 0)
        goto done;
    language->pages = talloc_zero_array(ctx, struct page, pages.count);
    for (size_t i = 0; i < pages.count; i++) {
        const struct source *source = &pages.items[i];
        if (check_event_name(scratch, source, err) < 0)
            goto done;
        if (source->form == SCAN_TEXT) {
            if (add_page(ctx, scratch, &pages, &partials, source, language, err) < 0)
                goto done;
        } else if (!sources_find(&pages, source->name, SCAN_TEXT)) {
            error_set(err, "%s: there is no %s.txt beside it, which every template needs", source->path,
                      source->name);
            goto done;
        }
    }
    if (language->page_count > 1)
        qsort(language->pages, language->page_count, sizeof *language->pages, compare_pages);
    result = 0;
done:
    talloc_free(scratch);
    return result;
}
