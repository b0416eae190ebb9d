// SPDX-License-Identifier: Apache-2.0
#include "watch/view_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "directory/schema.h"

struct names {
    TALLOC_CTX *ctx;
    const char **items;
    size_t count;
};

static bool names_have(const char *const *items, const char *name)
{
    for (; items && *items; items++)
        if (strcmp(*items, name) == 0)
            return true;
    return false;
}

static void names_add(void *context, const char *name)
{
    struct names *names = context;
    const char *canonical = schema_canonical(name, strlen(name));
    if (schema_is_secret(canonical)) {
        log_warning("attribute is a secret and is not asked for", LOG_S("attribute", canonical));
        return;
    }
    if (strcmp(canonical, "*") == 0 || strcmp(canonical, "+") == 0 || names_have(names->items, canonical))
        return;
    names->items = talloc_realloc(names->ctx, names->items, const char *, names->count + 2);
    names->items[names->count++] = canonical;
    names->items[names->count] = NULL;
}

static void names_add_list(struct names *names, const struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        names_add(names, list->items[i]);
}

static void names_add_filter(struct names *names, const struct filter *filter)
{
    if (filter)
        filter_attributes(filter, names_add, names);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Name and every override, so that a changed map is a changed view.
static const char *flavour_text_of(TALLOC_CTX *ctx, const struct flavour *flavour)
{
    char *text = talloc_asprintf(ctx, "%s;user=%s;group=%s;disabled=%s", flavour->name, flavour->user_text,
                                 flavour->group_text, flavour->disabled_text ? flavour->disabled_text : "");
    for (int role = 0; role < ROLE_COUNT; role++) {
        text = talloc_asprintf_append(text, ";%s=", flavour_role_name(role));
        for (const char *const *name = flavour->attributes[role]; *name; name++)
            text = talloc_asprintf_append(text, "%s,", *name);
    }
    return text;
}

struct view *view_build(TALLOC_CTX *ctx, const struct config_directory *directory, const struct flavour *flavour,
                        const struct router *router)
{
    struct view *view = talloc_zero(ctx, struct view);
    struct names names = { .ctx = view };
    names_add(&names, "objectClass");
    for (int role = 0; role < ROLE_COUNT; role++)
        for (const char *const *name = flavour->attributes[role]; *name; name++)
            names_add(&names, *name);
    names_add_filter(&names, flavour->user_filter);
    names_add_filter(&names, flavour->group_filter);
    names_add_filter(&names, flavour->policy_filter);
    names_add_filter(&names, flavour->disabled_when);
    names_add_list(&names, &directory->mail_attributes);
    names_add_list(&names, &directory->watch_attributes);
    router_attributes(router, names_add, &names);
    qsort(names.items, names.count, sizeof *names.items, compare_names);

    view->bind_dn = directory->bind_dn ? directory->bind_dn : "";
    view->base = directory->base;
    view->filter = directory->filter;
    view->attributes = names.items;
    view->attribute_count = names.count;
    view->flavour = flavour_text_of(view, flavour);
    return view;
}

const char **view_split(TALLOC_CTX *ctx, const char *text)
{
    size_t count = 0;
    const char **items = talloc_zero_array(ctx, const char *, strlen(text) / 2 + 2);
    while (*(text += strspn(text, " "))) {
        size_t length = strcspn(text, " ");
        items[count++] = schema_canonical(text, length);
        text += length;
    }
    return items;
}

char *view_join(TALLOC_CTX *ctx, const struct view *view)
{
    char *text = talloc_strdup(ctx, "");
    for (size_t i = 0; i < view->attribute_count; i++)
        text = talloc_asprintf_append(text, "%s%s", i ? " " : "", view->attributes[i]);
    return text;
}

const char **view_added(TALLOC_CTX *ctx, const char *const *attributes, const char *const *before)
{
    size_t count = 0;
    while (attributes[count])
        count++;
    const char **added = talloc_zero_array(ctx, const char *, count + 1);
    count = 0;
    for (; *attributes; attributes++)
        if (!names_have(before, *attributes))
            added[count++] = *attributes;
    return added;
}
