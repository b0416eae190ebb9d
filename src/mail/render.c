// SPDX-License-Identifier: Apache-2.0
#include "mail/render.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "data.h"
#include "language.h"

#define DIGEST "digest"
#define ITEMS_SHOWN 200

// The rule's language is an order; then the recipient's wish, the directory's and mail's defaults, English.
static void choose_languages(const struct render_context *context, const struct render_item *items,
                             size_t count, struct language_list *list)
{
    *list = (struct language_list){ .count = 0 };
    for (size_t i = 0; i < count; i++)
        if (items[i].notification)
            language_list_add(list, items[i].notification->language);
    language_list_add(list, context->recipient.language);
    if (context->directory)
        language_list_add(list, context->directory->language);
    language_list_add(list, context->config->mail.language);
    language_list_add(list, "en");
}

// The first role picks the template. NULL when it is none that templates are made for ("attr:…", an address).
static char *first_role(TALLOC_CTX *ctx, const struct notification *notification)
{
    const char *roles = notification && notification->roles ? notification->roles : "";
    size_t length = strspn(roles, "abcdefghijklmnopqrstuvwxyz");
    if (length == 0 || (roles[length] != ' ' && roles[length] != '\0'))
        return NULL;
    return talloc_strndup(ctx, roles, length);
}

// A digest tells of several events, so patterns do not mean it: it is named.
static bool subject_is_for(const struct config_subject *subject, const char *event)
{
    return strcmp(subject->event, event) == 0 ||
           (strcmp(event, DIGEST) != 0 && text_matches(subject->event, event));
}

// config.subjects: the most specific that fits; an event by its name counts more than role, role more than
// language; of equals the first.
static const char *find_subject(const struct config *config, const char *event, const char *role,
                                const char *language)
{
    const char *best = NULL;
    int best_points = -1;
    for (size_t i = 0; i < config->subject_count; i++) {
        const struct config_subject *subject = &config->subjects[i];
        if (!subject_is_for(subject, event) ||
            (subject->role && (!role || strcmp(subject->role, role) != 0)) ||
            (subject->language && strcasecmp(subject->language, language) != 0))
            continue;
        bool exact = strcmp(subject->event, event) == 0;
        int points = (exact ? 4 : 0) + (subject->role ? 2 : 0) + (subject->language ? 1 : 0);
        if (points > best_points) {
            best = subject->subject;
            best_points = points;
        }
    }
    return best;
}

static int render_one(TALLOC_CTX *ctx, const struct render_context *context, const struct render_item *item,
                      const struct language_list *languages, struct rendered *rendered, struct error *err)
{
    TALLOC_CTX *scratch = talloc_new(ctx);
    const char *event = event_kind(item->event->type)->name;
    const char *name = item->notification ? item->notification->template_name : NULL;
    const char *role = first_role(scratch, item->notification);
    const char *language = template_language(context->templates, name, event, role, languages->tags);
    const char *subject = find_subject(context->config, event, role, language);
    json_t *data = data_of_item(context, item, languages->tags);
    int result = template_render(context->templates, ctx, name, event, role, languages->tags, subject, data,
                                 rendered, err);
    json_decref(data);
    talloc_free(scratch);
    return result;
}

// --- digest --------------------------------------------------------------------------------------------

static bool same_entry(const struct directory_event *a, const struct directory_event *b)
{
    if (!uuid_is_null(&a->entry.uuid) || !uuid_is_null(&b->entry.uuid))
        return uuid_equal(&a->entry.uuid, &b->entry.uuid);
    return a->entry.dn && b->entry.dn && strcmp(a->entry.dn, b->entry.dn) == 0;
}

// What concerns one user or group stands together, where its first change stood; otherwise the order stays.
static const struct render_item **group_items(TALLOC_CTX *ctx, const struct render_item *items, size_t count)
{
    const struct render_item **grouped = talloc_array(ctx, const struct render_item *, count);
    bool *taken = talloc_zero_array(ctx, bool, count);
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i; j < count && !taken[i]; j++)
            if (!taken[j] && (j == i || same_entry(items[i].event, items[j].event))) {
                grouped[used++] = &items[j];
                taken[j] = j != i;
            }
    talloc_free(taken);
    return grouped;
}

static int add_item(TALLOC_CTX *scratch, const struct render_context *context, const struct render_item *item,
                    const struct language_list *languages, json_t *list, struct error *err)
{
    const char *name = item->notification ? item->notification->template_name : NULL;
    json_t *data = data_of_item(context, item, languages->tags);
    char *title = template_title(context->templates, scratch, name, event_kind(item->event->type)->name,
                                 first_role(scratch, item->notification), languages->tags, data, err);
    if (!title) {
        json_decref(data);
        return -1;
    }
    data_put_text(data, "title", title, 0);
    json_array_append_new(list, data);
    return 0;
}

static json_t *digest_data(TALLOC_CTX *scratch, const struct render_context *context,
                           const struct render_item *items, size_t count,
                           const struct language_list *languages, struct error *err)
{
    const struct render_item **grouped = group_items(scratch, items, count);
    json_t *data = data_of_context(context), *list = json_array();
    bool one_entry = true, security = false;
    json_object_set_new(data, "items", list);
    for (size_t i = 0; i < count; i++) {
        one_entry = one_entry && same_entry(items[0].event, grouped[i]->event);
        security = security || event_kind(grouped[i]->event->type)->security;
        if (i < ITEMS_SHOWN && add_item(scratch, context, grouped[i], languages, list, err) < 0) {
            json_decref(data);
            return NULL;
        }
    }
    json_object_set_new(data, "event", json_string(DIGEST));
    json_object_set_new(data, "count", json_integer((json_int_t)count));
    json_object_set_new(data, "items_more",
                        count > ITEMS_SHOWN ? json_integer((json_int_t)(count - ITEMS_SHOWN)) : json_null());
    data_put_flag(data, "security", security);
    json_t *name = one_entry ? json_object_get(json_array_get(list, 0), "name") : NULL;
    json_object_set(data, "name", name ? name : json_null());
    return data;
}

static int render_digest(TALLOC_CTX *ctx, const struct render_context *context,
                         const struct render_item *items, size_t count, const struct language_list *languages,
                         struct rendered *rendered, struct error *err)
{
    TALLOC_CTX *scratch = talloc_new(ctx);
    const char *role = first_role(scratch, items[0].notification);
    const char *language = template_language(context->templates, DIGEST, DIGEST, role, languages->tags);
    const char *subject = find_subject(context->config, DIGEST, role, language);
    json_t *data = digest_data(scratch, context, items, count, languages, err);
    int result = data ? template_render(context->templates, ctx, DIGEST, DIGEST, role, languages->tags,
                                        subject, data, rendered, err)
                      : -1;
    json_decref(data);
    talloc_free(scratch);
    return result;
}

int render_items(TALLOC_CTX *ctx, const struct render_context *context, const struct render_item *items,
                 size_t count, struct rendered *rendered, struct error *err)
{
    struct language_list languages;
    if (count == 0)
        return error_set(err, "there is nothing to tell");
    choose_languages(context, items, count, &languages);
    if (count == 1)
        return render_one(ctx, context, items, &languages, rendered, err);
    return render_digest(ctx, context, items, count, &languages, rendered, err);
}

json_t *render_data(const struct render_context *context, const struct render_item *item)
{
    struct language_list languages;
    choose_languages(context, item, 1, &languages);
    return data_of_item(context, item, languages.tags);
}
