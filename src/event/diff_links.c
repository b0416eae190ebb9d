// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "diff_parts.h"

// Links of one role, so that a target counts once whatever attributes name it.

struct candidate {
    const struct link *link;
    bool gained;
    size_t order;
};

struct candidates {
    struct candidate *items;
    size_t count;
};

typedef bool wanted_fn(const struct diff_work *work, const void *what, const char *attribute);

static bool is_in_role(const struct diff_work *work, const void *what, const char *attribute)
{
    return flavour_has(work->context->flavour, *(const enum flavour_role *)what, attribute);
}

static bool is_role_change(const struct diff_work *work, const void *what, const char *attribute)
{
    return is_in_role(work, what, attribute) && diff_is_comparable(work->context, attribute);
}

static bool is_attribute(const struct diff_work *work, const void *what, const char *attribute)
{
    (void)work;
    return strcmp(what, attribute) == 0;
}

enum take { TAKE_GAINED = 1, TAKE_LOST = 2, TAKE_KEPT_GAINED = 4, TAKE_KEPT_LOST = 8 };

// 50,000 links of one attribute are common: what is asked of a name is asked once.
static void take_links(const struct diff_work *work, const struct link *links, size_t count, bool kept,
                       int take, wanted_fn *wanted, const void *what, struct candidates *out)
{
    const char *last = NULL;
    bool last_wanted = false;
    for (size_t i = 0; i < count; i++) {
        const struct link *link = &links[i];
        bool gained = kept ? (take & TAKE_KEPT_GAINED) != 0 : link->gained;
        if (!kept && !(take & (gained ? TAKE_GAINED : TAKE_LOST)))
            continue;
        if (!last || (link->attribute != last && strcmp(link->attribute, last) != 0)) {
            last = link->attribute;
            last_wanted = wanted(work, what, last);
        }
        if (last_wanted) {
            out->items[out->count] = (struct candidate){ link, gained, out->count };
            out->count++;
        }
    }
}

// The target is the entry when it is known; outside the mirror the hash of its name.
static int compare_targets(const struct link *a, const struct link *b)
{
    bool null_a = uuid_is_null(&a->entry), null_b = uuid_is_null(&b->entry);
    if (null_a != null_b)
        return null_a ? 1 : -1;
    if (!null_a)
        return memcmp(&a->entry, &b->entry, sizeof a->entry);
    return (a->target > b->target) - (a->target < b->target);
}

static int compare_candidates(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    int by_target = compare_targets(a->link, b->link);
    return by_target ? by_target : (a->order > b->order) - (a->order < b->order);
}

static int compare_orders(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    return (a->order > b->order) - (a->order < b->order);
}

// Leaves each target once, and none that was both lost and gained, in the order in which they came.
static void settle(struct candidates *list)
{
    if (list->count < 2)
        return;
    qsort(list->items, list->count, sizeof *list->items, compare_candidates);
    size_t kept = 0;
    for (size_t i = 0, end; i < list->count; i = end) {
        bool gained = false, lost = false;
        for (end = i; end < list->count && compare_targets(list->items[i].link, list->items[end].link) == 0;
             end++)
            *(list->items[end].gained ? &gained : &lost) = true;
        if (gained != lost)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
    qsort(list->items, list->count, sizeof *list->items, compare_orders);
}

static struct candidates collect(struct diff_work *work, int take, wanted_fn *wanted, const void *what)
{
    const struct delta *delta = work->delta;
    bool with_kept =
        (take & (TAKE_KEPT_GAINED | TAKE_KEPT_LOST)) && delta->kind == DELTA_CHANGED && work->context->kept;
    size_t kept_count = with_kept ? work->context->kept_count : 0;
    struct candidates list = { 0 };
    if (delta->link_count + kept_count == 0)
        return list;
    list.items = talloc_array(work->scratch, struct candidate, delta->link_count + kept_count);
    if (!list.items) {
        work->failed = true;
        return list;
    }
    take_links(work, work->context->kept, kept_count, true, take, wanted, what, &list);
    take_links(work, delta->links, delta->link_count, false, take, wanted, what, &list);
    settle(&list);
    return list;
}

static struct party link_party(TALLOC_CTX *ctx, const struct link *link)
{
    return (struct party){ .uuid = link->entry, .dn = talloc_strdup(ctx, link->value) };
}

void diff_links(struct diff_work *work, enum flavour_role role, enum diff_passage passage,
                enum event_type added, enum event_type removed)
{
    int take = passage == PASSAGE_ENTERS ? TAKE_GAINED | TAKE_KEPT_GAINED : TAKE_GAINED | TAKE_LOST;
    struct candidates list = collect(work, take, is_role_change, &role);
    for (size_t i = 0; i < list.count; i++) {
        const struct link *link = list.items[i].link;
        struct party party = link_party(work->ctx, link);
        struct directory_event *event = diff_add(work, list.items[i].gained ? added : removed, &party);
        if (!event)
            return;
        event->attribute = link->attribute;
    }
}

size_t diff_last_links(struct diff_work *work, TALLOC_CTX *ctx, enum flavour_role role,
                       struct party **parties)
{
    struct candidates list = collect(work, TAKE_LOST | TAKE_KEPT_LOST, is_in_role, &role);
    if (!list.count)
        return 0;
    *parties = talloc_zero_array(ctx, struct party, list.count);
    for (size_t i = 0; i < list.count; i++)
        (*parties)[i] = link_party(*parties, list.items[i].link);
    return list.count;
}

bool diff_link_values(struct diff_work *work, TALLOC_CTX *ctx, const char *attribute, const char ***lost,
                      const char ***gained)
{
    struct candidates list = collect(work, TAKE_GAINED | TAKE_LOST, is_attribute, attribute);
    if (!list.count)
        return false;
    *lost = talloc_zero_array(ctx, const char *, list.count + 1);
    *gained = talloc_zero_array(ctx, const char *, list.count + 1);
    size_t lost_count = 0, gained_count = 0;
    for (size_t i = 0; i < list.count; i++) {
        const char *value = list.items[i].link->value;
        if (list.items[i].gained)
            (*gained)[gained_count++] = text_clean(*gained, value, strlen(value), 0);
        else
            (*lost)[lost_count++] = text_clean(*lost, value, strlen(value), 0);
    }
    return true;
}
