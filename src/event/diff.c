// SPDX-License-Identifier: Apache-2.0
#include "event/diff.h"

#include <string.h>

#include "base/text.h"
#include "diff_parts.h"
#include "directory/dn.h"

static bool list_has(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

bool diff_is_comparable(const struct diff_context *context, const char *attribute)
{
    return !list_has(context->silent, attribute) && (!context->known || list_has(context->known, attribute));
}

struct comparability {
    const struct diff_context *context;
    bool silent, unknown;
};

static void look_at_attribute(void *context, const char *name)
{
    struct comparability *found = context;
    if (list_has(found->context->silent, name))
        found->silent = true;
    else if (!diff_is_comparable(found->context, name))
        found->unknown = true;
}

bool diff_filter_is_comparable(const struct diff_context *context, const struct filter *filter, bool *silent)
{
    struct comparability found = { .context = context };
    filter_attributes(filter, look_at_attribute, &found);
    *silent = found.silent;
    return !found.silent && !found.unknown;
}

// --- what the entry is ---------------------------------------------------------------------------

// A class that changed only because its attributes came into the view, or left it, has not changed.
static void settle_class(const struct diff_context *context, const struct filter *filter, bool *was, bool *is)
{
    bool silent;
    if (*was == *is || diff_filter_is_comparable(context, filter, &silent))
        return;
    if (silent)
        *was = *is;
    else
        *is = *was;
}

struct classes {
    bool was_user, is_user, was_group, is_group;
};

static struct classes find_classes(const struct diff_context *context, const struct delta *delta)
{
    const struct flavour *flavour = context->flavour;
    struct classes found = {
        .was_user = delta->old && flavour_is_user(flavour, delta->old),
        .is_user = delta->new && flavour_is_user(flavour, delta->new),
        .was_group = delta->old && flavour_is_group(flavour, delta->old),
        .is_group = delta->new && flavour_is_group(flavour, delta->new),
    };
    if (delta->old && delta->new) {
        settle_class(context, flavour->user_filter, &found.was_user, &found.is_user);
        settle_class(context, flavour->group_filter, &found.was_group, &found.is_group);
    }
    return found;
}

bool diff_wants_links(const struct diff_context *context, const struct delta *delta)
{
    if (delta->kind != DELTA_CHANGED)
        return false;
    struct classes found = find_classes(context, delta);
    return found.was_user != found.is_user || found.was_group != found.is_group;
}

struct party diff_entry_party(TALLOC_CTX *ctx, const struct diff_context *context, const struct entry *entry)
{
    const char *mail = entry_text(entry, "mail");
    return (struct party){
        .uuid = entry->uuid,
        .dn = talloc_strdup(ctx, entry->dn),
        .name = flavour_display_name(ctx, context->flavour, entry),
        .mail = text_is_address(mail) ? talloc_strdup(ctx, mail) : NULL,
    };
}

// --- who did it ----------------------------------------------------------------------------------

// Overlays and plugins sign with names of their own: "cn=Referential Integrity Overlay" in OpenLDAP,
// "cn=referential integrity postoperation,cn=plugins,cn=config" in 389-DS.
static bool is_program(const char *normal)
{
    static const char overlay[] = "overlay", cn[] = "cn=";
    size_t length = strlen(normal);
    if (length >= sizeof overlay + sizeof cn - 2 && memcmp(normal, cn, sizeof cn - 1) == 0 &&
        !strchr(normal, ',') && strcmp(normal + length - (sizeof overlay - 1), overlay) == 0)
        return true;
    return dn_is_within(normal, "cn=plugins,cn=config");
}

static char *normal_form(TALLOC_CTX *ctx, const char *dn)
{
    return dn ? dn_normalize(ctx, dn, strlen(dn), NULL) : NULL;
}

static void find_modifier(struct diff_work *work)
{
    const struct delta *delta = work->delta;
    const struct flavour *flavour = work->context->flavour;
    if (!work->context->live || delta->kind == DELTA_DELETED || delta->moved_with_parent)
        return;
    const char *name = flavour_text(flavour, ROLE_MODIFIER, delta->new);
    if (delta->kind == DELTA_CREATED) {
        // An old entry that a change brought into the view looks like a new one, but for its last modifier.
        const char *creator = flavour_text(flavour, ROLE_CREATOR, delta->new);
        char *modifier_normal = normal_form(work->scratch, name),
             *creator_normal = normal_form(work->scratch, creator);
        if (modifier_normal && creator_normal && strcmp(modifier_normal, creator_normal) != 0)
            return;
        name = creator ? creator : name;
    }
    char *normal = normal_form(work->scratch, name);
    if (!normal || !*normal || is_program(normal))
        return;
    work->modifier_normal = normal;
    work->modifier_is_root = list_has(work->context->root_actors, normal);
    work->modifier.dn = talloc_strdup(work->ctx, name);
}

static bool same_name(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static void set_actor(struct diff_work *work, struct directory_event *event)
{
    bool lock = event->type == EVENT_USER_LOCKED || event->type == EVENT_USER_UNLOCKED;
    // The server writes a lockout in the name of its rootdn.
    if (!work->modifier.dn || (work->modifier_is_root && (lock || work->locked_out)))
        return;
    event->actor = work->modifier;
    event->origin = ORIGIN_OPERATOR;
    const char *actor = work->modifier_normal;
    if (same_name(actor, work->entry_normal) || same_name(actor, work->old_normal)) {
        event->origin = ORIGIN_SELF;
        event->actor.uuid = work->entry.uuid;
        event->actor.name = work->entry.name;
        event->actor.mail = work->entry.mail;
    } else if (event->party.dn && same_name(actor, normal_form(work->scratch, event->party.dn))) {
        event->origin = ORIGIN_SELF;
        event->actor.uuid = event->party.uuid;
    }
}

struct directory_event *diff_add(struct diff_work *work, enum event_type type, const struct party *party)
{
    struct directory_event *event = event_list_add(work->list, work->ctx, type);
    if (!event) {
        work->failed = true;
        return NULL;
    }
    bool group = strcmp(event_kind(type)->object, "group") == 0;
    event->time = work->context->now;
    event->directory = work->context->directory;
    event->entry = work->entry;
    event->entry.is_group = group;
    if (party)
        event->party = *party;
    set_actor(work, event);
    return event;
}

void diff_add_change(struct directory_event *event, const char *attribute, const char **old_values,
                     const char **new_values)
{
    event->changes = talloc_realloc(event, event->changes, struct event_change, event->change_count + 1);
    event->changes[event->change_count++] = (struct event_change){ attribute, old_values, new_values };
    event->attribute = event->change_count == 1 ? attribute : NULL;
}

// --- from a delta to its events ------------------------------------------------------------------

static const char **one_value(TALLOC_CTX *ctx, const char *text)
{
    const char **list = talloc_zero_array(ctx, const char *, 2);
    list[0] = text_clean(list, text, strlen(text), 0);
    return list;
}

static void add_renamed(struct diff_work *work, enum event_type type)
{
    struct directory_event *event = diff_add(work, type, NULL);
    if (event)
        diff_add_change(event, "dn", one_value(event, work->delta->old->dn),
                        one_value(event, work->delta->new->dn));
}

// The entry as it was then: it may have been renamed by the very change that ended its being a user.
static struct directory_event *add_deleted(struct diff_work *work, enum event_type type)
{
    struct directory_event *event = diff_add(work, type, NULL);
    if (!event)
        return NULL;
    bool group = event->entry.is_group;
    event->entry = work->old_entry;
    event->entry.is_group = group;
    return event;
}

static enum diff_passage find_passage(bool was, bool is)
{
    if (was)
        return is ? PASSAGE_STAYS : PASSAGE_LEAVES;
    return is ? PASSAGE_ENTERS : PASSAGE_NONE;
}

static void diff_user(struct diff_work *work)
{
    enum diff_passage passage = find_passage(work->was_user, work->is_user);
    struct directory_event *event;
    switch (passage) {
    case PASSAGE_NONE:
        return;
    case PASSAGE_LEAVES:
        event = add_deleted(work, EVENT_USER_DELETED);
        if (event)
            event->manager_count = diff_last_links(work, event, ROLE_MANAGER, &event->managers);
        return;
    case PASSAGE_ENTERS:
        diff_add(work, EVENT_USER_CREATED, NULL);
        break;
    case PASSAGE_STAYS:
        if (work->delta->renamed && !work->delta->moved_with_parent)
            add_renamed(work, EVENT_USER_RENAMED);
        diff_modified(work, EVENT_USER_MODIFIED);
        diff_lock(work);
        diff_disabled(work);
        diff_password(work);
        break;
    }
    diff_links(work, ROLE_MANAGER, passage, EVENT_USER_MANAGER_ADDED, EVENT_USER_MANAGER_REMOVED);
}

static void diff_group(struct diff_work *work)
{
    enum diff_passage passage = find_passage(work->was_group, work->is_group);
    struct directory_event *event;
    switch (passage) {
    case PASSAGE_NONE:
        return;
    case PASSAGE_LEAVES:
        event = add_deleted(work, EVENT_GROUP_DELETED);
        if (event) {
            event->member_count = diff_last_links(work, event, ROLE_MEMBER, &event->members);
            event->owner_count = diff_last_links(work, event, ROLE_OWNER, &event->owners);
        }
        return;
    case PASSAGE_ENTERS:
        diff_add(work, EVENT_GROUP_CREATED, NULL);
        break;
    case PASSAGE_STAYS:
        if (work->delta->renamed && !work->delta->moved_with_parent)
            add_renamed(work, EVENT_GROUP_RENAMED);
        diff_modified(work, EVENT_GROUP_MODIFIED);
        break;
    }
    diff_links(work, ROLE_MEMBER, passage, EVENT_GROUP_MEMBER_ADDED, EVENT_GROUP_MEMBER_REMOVED);
    diff_links(work, ROLE_OWNER, passage, EVENT_GROUP_OWNER_ADDED, EVENT_GROUP_OWNER_REMOVED);
}

int diff_events(TALLOC_CTX *ctx, const struct diff_context *context, const struct delta *delta,
                struct event_list *list)
{
    struct classes found = find_classes(context, delta);
    if (!found.was_user && !found.is_user && !found.was_group && !found.is_group)
        return 0;
    struct diff_work work = {
        .ctx = ctx,
        .scratch = talloc_new(NULL),
        .context = context,
        .delta = delta,
        .list = list,
        .was_user = found.was_user,
        .is_user = found.is_user,
        .was_group = found.was_group,
        .is_group = found.is_group,
    };
    const struct entry *current = delta->new ? delta->new : delta->old;
    work.entry = diff_entry_party(ctx, context, current);
    work.old_entry =
        delta->old && delta->old != current ? diff_entry_party(ctx, context, delta->old) : work.entry;
    work.entry_normal = normal_form(work.scratch, current->dn);
    work.old_normal = delta->old ? normal_form(work.scratch, delta->old->dn) : NULL;
    find_modifier(&work);
    diff_find_lockout(&work);
    diff_user(&work);
    diff_group(&work);
    talloc_free(work.scratch);
    return work.failed ? -1 : 0;
}
