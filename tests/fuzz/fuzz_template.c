// SPDX-License-Identifier: Apache-2.0
// Links $(MAIL_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(MAIL_SYS).
// What the scanner passes, the engine must take and render without crashing, and no value may get into HTML
// as it is.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/mail/mustache.h"
#include "../../src/mail/scan.h"
#include "mail/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char hostile[] = "\"Q'<Q>{{name}}{{>p}}";

static json_t *new_data(void)
{
    json_t *object = json_object(), *list = json_array(), *values = json_array();
    for (const struct template_tag *tag = template_tags; tag->name; tag++)
        json_object_set_new(object, tag->name, tag->kind == TAG_FLAG ? json_true() : json_string(hostile));
    json_array_append_new(values, json_string(hostile));
    json_t *item = json_copy(object);
    json_object_set_new(item, "old_values", values);
    json_array_append_new(list, item);
    for (const struct template_tag *tag = template_tags; tag->name; tag++)
        if (tag->kind == TAG_LIST)
            json_object_set(object, tag->name, list);
    json_decref(list);
    return object;
}

static void check_form(TALLOC_CTX *ctx, enum scan_form form, const char *text,
                       const struct mustache_data *data)
{
    const struct scan_source source = { .form = form, .own_title = true };
    char *expanded = scan_expand(ctx, &source, "fuzz", text, NULL);
    if (!expanded)
        return;
    if (strstr(expanded, "{{!") || strstr(expanded, "{{>") || strstr(expanded, "{{=") ||
        strstr(expanded, "{{{"))
        abort();
    struct mustache *mustache = mustache_parse(ctx, expanded, form == SCAN_HTML, NULL);
    if (!mustache)
        abort(); // the scanner promised that it is sound
    char *result = mustache_render(mustache, ctx, data, NULL);
    if (result && form == SCAN_HTML && !strchr(text, '<') && strchr(result, '<'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mustache_data *values;
    if (!values) {
        json_t *json = new_data();
        values = mustache_data_new(NULL, json, NULL);
        json_decref(json);
    }
    TALLOC_CTX *ctx = talloc_new(NULL);
    char *text = talloc_strndup(ctx, (const char *)data, size);
    if (template_check(text, NULL) == 0)
        check_form(ctx, SCAN_TEXT, text, values);
    check_form(ctx, SCAN_HTML, text, values);
    talloc_free(ctx);
    return 0;
}
