// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "diff_parts.h"
#include "directory/dn.h"
#include "directory/schema.h"

#define VALUE_LIMIT 1000 // octets of one value that people see

// --- comparing -----------------------------------------------------------------------------------

// Text compares by its octets, for people see upper and lower case of a name; what has only one meaning
// however it is written compares by that: the value is replaced by a form that is equal when the meaning is.
static struct value comparable_form(TALLOC_CTX *ctx, const struct value *value, enum schema_syntax syntax)
{
    char *form = NULL;
    int64_t time;
    switch (syntax) {
    case SCHEMA_DN:
        form = dn_normalize(ctx, value->data, value->length, NULL);
        break;
    case SCHEMA_BOOLEAN:
        form = talloc_strndup(ctx, value->data, value->length);
        for (char *at = form; at && *at; at++)
            if (*at >= 'a' && *at <= 'z')
                *at = (char)(*at - 'a' + 'A');
        break;
    case SCHEMA_TIME:
        if (clock_from_generalized(value->data, value->length, &time) == 0)
            form = talloc_asprintf(ctx, "%lld", (long long)time);
        break;
    default:
        break;
    }
    return form ? (struct value){ form, strlen(form) } : *value;
}

static int compare_values(const void *left, const void *right)
{
    const struct value *a = left, *b = right;
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->data, b->data, shorter);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static struct value *sorted_forms(TALLOC_CTX *ctx, const struct attribute *attribute,
                                  enum schema_syntax syntax)
{
    struct value *values = talloc_array(ctx, struct value, attribute->count);
    for (size_t i = 0; i < attribute->count; i++)
        values[i] = comparable_form(values, &attribute->values[i], syntax);
    qsort(values, attribute->count, sizeof *values, compare_values);
    return values;
}

bool diff_values_equal(TALLOC_CTX *scratch, const struct attribute *a, const struct attribute *b,
                       const char *name)
{
    size_t count_a = a ? a->count : 0, count_b = b ? b->count : 0;
    if (count_a != count_b)
        return false;
    if (!count_a)
        return true;
    enum schema_syntax syntax = schema_syntax(name);
    struct value *values_a = sorted_forms(scratch, a, syntax), *values_b = sorted_forms(scratch, b, syntax);
    bool equal = true;
    for (size_t i = 0; i < count_a && equal; i++)
        equal = compare_values(&values_a[i], &values_b[i]) == 0;
    talloc_free(values_a);
    talloc_free(values_b);
    return equal;
}

// --- telling -------------------------------------------------------------------------------------

static const char **values_for_people(TALLOC_CTX *ctx, const struct attribute *attribute,
                                      enum schema_syntax syntax)
{
    size_t count = attribute ? attribute->count : 0;
    const char **list = talloc_zero_array(ctx, const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct value *value = &attribute->values[i];
        if (syntax == SCHEMA_OCTETS || !text_is_utf8(value->data, value->length))
            list[i] = talloc_asprintf(list, "(%zu octets)", value->length);
        else
            list[i] = text_clean(list, value->data, value->length, VALUE_LIMIT);
    }
    return list;
}

// Attributes with events of their own, and those that move with every change or login.
static bool has_own_event(const struct flavour *flavour, const char *attribute, bool group)
{
    static const enum flavour_role of_user[] = { ROLE_MANAGER, ROLE_LOCKED_TIME, ROLE_PASSWORD_TIME,
                                                 ROLE_PASSWORD_RESET };
    static const enum flavour_role of_group[] = { ROLE_MEMBER, ROLE_OWNER };
    static const enum flavour_role of_both[] = { ROLE_MODIFIER, ROLE_CREATOR, ROLE_CSN };
    for (size_t i = 0; i < sizeof of_both / sizeof *of_both; i++)
        if (flavour_has(flavour, of_both[i], attribute))
            return true;
    const enum flavour_role *roles = group ? of_group : of_user;
    size_t count = group ? sizeof of_group / sizeof *of_group : sizeof of_user / sizeof *of_user;
    for (size_t i = 0; i < count; i++)
        if (flavour_has(flavour, roles[i], attribute))
            return true;
    return false;
}

struct pending_change {
    const char *attribute, **old_values, **new_values;
};

static bool find_change(struct diff_work *work, const char *attribute, struct pending_change *change)
{
    change->attribute = attribute;
    if (flavour_is_link(work->context->flavour, attribute))
        return diff_link_values(work, work->ctx, attribute, &change->old_values, &change->new_values);
    const struct attribute *old = entry_attribute(work->delta->old, attribute);
    const struct attribute *new = entry_attribute(work->delta->new, attribute);
    if (diff_values_equal(work->scratch, old, new, attribute))
        return false;
    enum schema_syntax syntax = schema_syntax(attribute);
    change->old_values = values_for_people(work->ctx, old, syntax);
    change->new_values = values_for_people(work->ctx, new, syntax);
    return true;
}

void diff_modified(struct diff_work *work, enum event_type type)
{
    const struct diff_context *context = work->context;
    bool group = type == EVENT_GROUP_MODIFIED;
    struct directory_event *event = NULL;
    for (const char *const *watched = context->watched; watched && *watched; watched++) {
        struct pending_change change;
        if (!diff_is_comparable(context, *watched) || schema_is_secret(*watched) ||
            has_own_event(context->flavour, *watched, group) || !find_change(work, *watched, &change))
            continue;
        if (!event)
            event = diff_add(work, type, NULL);
        if (!event)
            return;
        diff_add_change(event, change.attribute, talloc_steal(event, change.old_values),
                        talloc_steal(event, change.new_values));
    }
}
