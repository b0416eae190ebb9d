// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "internal.h"

// What was undone while it was held back is nobody's business any more; and an "added" must not leave after
// its "removed".

static bool is_gain(const struct directory_event *event)
{
    return event->type == EVENT_GROUP_MEMBER_ADDED || event->type == EVENT_GROUP_OWNER_ADDED ||
           event->type == EVENT_USER_MANAGER_ADDED;
}

static bool same_party(const struct party *a, const struct party *b)
{
    if (!uuid_is_null(&a->uuid) || !uuid_is_null(&b->uuid))
        return uuid_equal(&a->uuid, &b->uuid);
    return a->dn && b->dn ? strcmp(a->dn, b->dn) == 0 : a->dn == b->dn;
}

static bool undoes(const struct directory_event *later, const struct directory_event *earlier)
{
    return event_kind(later->type)->opposite == (int)earlier->type &&
           uuid_equal(&later->entry.uuid, &earlier->entry.uuid) && same_party(&later->party, &earlier->party);
}

void undone_pairs(struct directory_event **events, size_t count, bool *undone)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = i; !undone[i] && j-- > 0;)
            if (!undone[j] && undoes(events[i], events[j]))
                undone[i] = undone[j] = true;
}

// The links of the entry that was asked for last: a storm is mostly about one group.
struct current_links {
    TALLOC_CTX *ctx;
    struct uuid entry;
    const char *attribute;
    struct link *links;
    size_t count;
};

static int read_links(struct pipeline *pipeline, struct current_links *current,
                      const struct directory_event *event, struct error *err)
{
    if (current->attribute && uuid_equal(&current->entry, &event->entry.uuid) &&
        strcmp(current->attribute, event->attribute) == 0)
        return 0;
    TALLOC_FREE(current->links);
    current->entry = event->entry.uuid;
    current->attribute = event->attribute;
    return directory_store_links(pipeline->store, current->ctx, &event->entry.uuid, event->attribute,
                                 &current->links, &current->count, err);
}

static bool is_linked(const struct current_links *current, const struct party *party)
{
    for (size_t i = 0; i < current->count; i++) {
        const struct party target = { .uuid = current->links[i].entry, .dn = current->links[i].value };
        if (same_party(&target, party))
            return true;
    }
    return false;
}

static int judge(struct pipeline *pipeline, struct current_links *current,
                 const struct directory_event *event, bool *undone, struct error *err)
{
    if (event_kind(event->type)->party) {
        if (!event->attribute)
            return 0;
        if (read_links(pipeline, current, event, err) < 0)
            return -1;
        *undone = is_linked(current, &event->party) != is_gain(event);
    } else if (event_kind(event->type)->opposite >= 0 && pipeline->flavour->disabled_when) {
        const struct uuid *uuid = &event->entry.uuid;
        struct entry *entry = NULL;
        bool former;
        if (directory_store_by_uuid(pipeline->store, current->ctx, uuid, &entry, &former, err) < 0)
            return -1;
        bool disabled = entry && filter_matches(pipeline->flavour->disabled_when, entry);
        *undone = disabled != (event->type == EVENT_USER_DISABLED);
    }
    return 0;
}

int undone_since(struct pipeline *pipeline, struct directory_event **events, size_t count, bool *undone,
                 struct error *err)
{
    struct current_links current = { .ctx = talloc_new(NULL) };
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        if (!undone[i])
            result = judge(pipeline, &current, events[i], &undone[i], err);
    talloc_free(current.ctx);
    return result;
}
