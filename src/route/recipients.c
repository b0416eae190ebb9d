// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "directory/schema.h"
#include "router.h"

// From a role to the people in it.

#define NESTING_LIMIT 32     // groups within groups
#define HOLDER_LIMIT 1000000 // people in one role of one event

struct expansion {
    struct router *router;
    TALLOC_CTX *ctx;
    const struct directory_event *event;
    const struct route_target *target;
    struct holders *holders;
    struct uuid *visited; // groups whose members were taken
    size_t visited_count;
    bool overflowed;
    struct error *err;
};

static bool is_kind(const struct directory_event *event, const char *object)
{
    return strcmp(event_kind(event->type)->object, object) == 0;
}

// Is the event about one holder of this role ("member", "owner", "manager")?
static bool concerns(const struct directory_event *event, const char *party)
{
    const char *role = event_kind(event->type)->party;
    return role && strcmp(role, party) == 0 && event->party.dn;
}

static bool is_gained(const struct directory_event *event)
{
    return event->type == EVENT_USER_MANAGER_ADDED || event->type == EVENT_GROUP_MEMBER_ADDED ||
           event->type == EVENT_GROUP_OWNER_ADDED;
}

// --- one holder ----------------------------------------------------------------------------------

static struct holder *add_holder(struct expansion *x)
{
    struct holders *holders = x->holders;
    size_t room = holders->items ? talloc_get_size(holders->items) / sizeof *holders->items : 0;
    if (holders->count == room)
        holders->items = talloc_realloc(x->ctx, holders->items, struct holder, room ? room * 2 : 4);
    struct holder *holder = &holders->items[holders->count++];
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a full list has just grown
    *holder = (struct holder){ .outcome = DECISION_TOLD };
    return holder;
}

static void add_nobody(struct expansion *x, const struct party *party, const char *reason)
{
    struct holder *holder = add_holder(x);
    if (party)
        holder->recipient = (struct recipient){ .uuid = party->uuid, .dn = party->dn, .name = party->name };
    holder->outcome = DECISION_NOBODY;
    holder->reason = reason;
}

static void add_address(struct expansion *x, const char *address, const char *reason)
{
    struct holder *holder = add_holder(x);
    holder->recipient.address = talloc_strdup(x->ctx, address);
    holder->reason = reason;
}

// The user whom an event concerns hears of it whatever the account's state: that is what the event may be
// about.
static bool may_be_disabled(const struct expansion *x)
{
    return x->target->role == ROUTE_USER && is_kind(x->event, "user");
}

static void add_person(struct expansion *x, const struct party *party, const struct entry *entry,
                       const char *phrase)
{
    struct router *router = x->router;
    struct holder *holder = add_holder(x);
    struct recipient *recipient = &holder->recipient;
    holder->reason = phrase;
    if (entry) {
        recipient->uuid = entry->uuid;
        recipient->dn = talloc_strdup(x->ctx, entry->dn);
        recipient->name = flavour_display_name(x->ctx, router->flavour, entry);
        recipient->address = flavour_address(x->ctx, router->directory, entry);
        recipient->language = talloc_strdup(x->ctx, flavour_text(router->flavour, ROLE_LANGUAGE, entry));
    } else {
        recipient->uuid = party->uuid;
        recipient->dn = talloc_strdup(x->ctx, party->dn);
        recipient->name = talloc_strdup(x->ctx, party->name);
        recipient->address = text_is_address(party->mail) ? talloc_strdup(x->ctx, party->mail) : NULL;
    }
    if (entry && router->flavour->disabled_when && !may_be_disabled(x) &&
        filter_matches(router->flavour->disabled_when, entry)) {
        holder->outcome = DECISION_DISABLED;
        holder->reason = talloc_asprintf(x->ctx, "%s, but the account is disabled", phrase);
    } else if (!recipient->address) {
        holder->outcome = DECISION_NO_ADDRESS;
        holder->reason =
            talloc_asprintf(x->ctx,
                            entry ? "%s, but has no usable mail address"
                                  : "%s, but is outside what is watched and has no known address",
                            phrase);
    }
}

// --- entries and links ---------------------------------------------------------------------------

static int find_entry(struct expansion *x, const struct party *party, struct entry **entry)
{
    const struct route_lookup *lookup = x->router->lookup;
    bool former;
    *entry = NULL;
    if (!uuid_is_null(&party->uuid))
        return lookup->by_uuid(lookup->context, x->ctx, &party->uuid, entry, &former, x->err);
    if (party->dn && strchr(party->dn, '='))
        return lookup->by_dn(lookup->context, x->ctx, party->dn, entry, &former, x->err);
    return 0;
}

static int add_party(struct expansion *x, const struct party *party, const char *phrase, unsigned depth);

// Everybody whom the entry names in the attribute.
static int add_links(struct expansion *x, const struct uuid *entry, const char *attribute, const char *phrase,
                     unsigned depth)
{
    const struct route_lookup *lookup = x->router->lookup;
    TALLOC_CTX *ctx = talloc_new(x->ctx);
    struct link *links = NULL;
    size_t count = 0;
    int result = lookup->links(lookup->context, ctx, entry, attribute, &links, &count, x->err);
    for (size_t i = 0; result == 0 && i < count; i++) {
        struct party party = { .uuid = links[i].entry, .dn = links[i].value };
        result = add_party(x, &party, phrase, depth);
    }
    talloc_free(ctx);
    return result;
}

static int add_role_links(struct expansion *x, const struct party *of, enum flavour_role role,
                          const char *phrase, unsigned depth)
{
    const char **attribute = x->router->flavour->attributes[role];
    for (; *attribute && !uuid_is_null(&of->uuid); attribute++) {
        const char *reason = phrase;
        if (!reason)
            reason = talloc_asprintf(x->ctx, "%s of %s (attribute %s)", flavour_role_name(role), of->dn,
                                     *attribute);
        if (add_links(x, &of->uuid, *attribute, reason, depth) < 0)
            return -1;
    }
    return 0;
}

static bool visit(struct expansion *x, const struct uuid *group)
{
    for (size_t i = 0; i < x->visited_count; i++)
        if (uuid_equal(&x->visited[i], group))
            return false;
    x->visited = talloc_realloc(x->ctx, x->visited, struct uuid, x->visited_count + 1);
    x->visited[x->visited_count++] = *group;
    return true;
}

// A group in a role stands for its members.
static int add_group(struct expansion *x, const struct entry *group, const char *phrase, unsigned depth)
{
    struct party party = { .uuid = group->uuid, .dn = talloc_strdup(x->ctx, group->dn) };
    if (!visit(x, &group->uuid))
        return 0;
    if (depth == NESTING_LIMIT) {
        add_nobody(x, &party,
                   talloc_asprintf(x->ctx, "%s, but groups are nested deeper than %d levels; not followed",
                                   phrase, NESTING_LIMIT));
        return 0;
    }
    size_t before = x->holders->count, visited = x->visited_count;
    const char *reason = talloc_asprintf(x->ctx, "member of %s, %s", group->dn, phrase);
    if (add_role_links(x, &party, ROLE_MEMBER, reason, depth + 1) < 0)
        return -1;
    if (x->holders->count == before && x->visited_count == visited)
        add_nobody(x, &party, talloc_asprintf(x->ctx, "%s, but is a group without members", phrase));
    return 0;
}

static int add_party(struct expansion *x, const struct party *party, const char *phrase, unsigned depth)
{
    const struct flavour *flavour = x->router->flavour;
    struct entry *entry;
    if (x->holders->count >= HOLDER_LIMIT) {
        if (!x->overflowed)
            add_nobody(x, NULL,
                       talloc_asprintf(x->ctx, "more than %d people; the rest is not told", HOLDER_LIMIT));
        x->overflowed = true;
        return 0;
    }
    if (find_entry(x, party, &entry) < 0)
        return -1;
    int result = 0;
    if (entry && flavour_is_group(flavour, entry) && !flavour_is_user(flavour, entry))
        result = add_group(x, entry, phrase, depth);
    else
        add_person(x, party, entry, phrase);
    talloc_free(entry);
    return result;
}

static int add_parties(struct expansion *x, const struct party *parties, size_t count, const char *phrase)
{
    for (size_t i = 0; i < count; i++)
        if (add_party(x, &parties[i], phrase, 0) < 0)
            return -1;
    return 0;
}

// --- roles ---------------------------------------------------------------------------------------

// "new owner of cn=staff,ou=groups (attribute owner)"
static char *concerned_phrase(struct expansion *x)
{
    const struct directory_event *event = x->event;
    return talloc_asprintf(x->ctx, "%s %s of %s (attribute %s)", is_gained(event) ? "new" : "former",
                           event_kind(event->type)->party, event->entry.dn,
                           event->attribute ? event->attribute : "unknown");
}

static char *last_phrase(struct expansion *x, const char *role)
{
    return talloc_asprintf(x->ctx, "%s of %s, which was deleted", role, x->event->entry.dn);
}

static int add_concerned(struct expansion *x)
{
    return add_party(x, &x->event->party, concerned_phrase(x), 0);
}

static int add_members(struct expansion *x)
{
    const struct directory_event *event = x->event;
    if (concerns(event, "member"))
        return add_concerned(x);
    if (event->type == EVENT_GROUP_DELETED)
        return add_parties(x, event->members, event->member_count, last_phrase(x, "member"));
    return is_kind(event, "group") ? add_role_links(x, &event->entry, ROLE_MEMBER, NULL, 0) : 0;
}

static int add_owners(struct expansion *x)
{
    const struct directory_event *event = x->event;
    if (event->type == EVENT_GROUP_DELETED)
        return add_parties(x, event->owners, event->owner_count, last_phrase(x, "owner"));
    if (concerns(event, "owner") && add_concerned(x) < 0)
        return -1;
    return is_kind(event, "group") ? add_role_links(x, &event->entry, ROLE_OWNER, NULL, 0) : 0;
}

static int add_managers(struct expansion *x)
{
    const struct directory_event *event = x->event;
    if (concerns(event, "manager"))
        return add_concerned(x);
    if (event->type == EVENT_USER_DELETED)
        return add_parties(x, event->managers, event->manager_count, last_phrase(x, "manager"));
    if (concerns(event, "member"))
        return add_role_links(x, &event->party, ROLE_MANAGER, NULL, 0);
    return is_kind(event, "user") ? add_role_links(x, &event->entry, ROLE_MANAGER, NULL, 0) : 0;
}

static int add_user(struct expansion *x)
{
    const struct directory_event *event = x->event;
    if (concerns(event, "member"))
        return add_concerned(x);
    if (!is_kind(event, "user"))
        return 0;
    // A user that is a group too is told as the user it is.
    struct entry *entry;
    if (find_entry(x, &event->entry, &entry) < 0)
        return -1;
    add_person(x, &event->entry, entry, talloc_asprintf(x->ctx, "the user concerned, %s", event->entry.dn));
    talloc_free(entry);
    return 0;
}

static int add_actor(struct expansion *x)
{
    const struct party *actor = &x->event->actor;
    return actor->dn ? add_party(x, actor, "the actor, who made the change", 0) : 0;
}

static const struct config_list *admins_of(const struct router *router)
{
    return router->directory->admins.count ? &router->directory->admins : &router->config->mail.admins;
}

static int add_admins(struct expansion *x)
{
    const struct config_list *admins = admins_of(x->router);
    const char *reason = admins == &x->router->directory->admins
        ? talloc_asprintf(x->ctx, "administrator of directory %s", x->router->directory->name)
        : "administrator in mail.admins";
    for (size_t i = 0; i < admins->count; i++)
        add_address(x, admins->items[i], reason);
    return 0;
}

// Addresses, or names of entries, in an attribute of the event's entry.
static int add_attribute(struct expansion *x)
{
    const char *name = x->target->attribute;
    const struct party *of = &x->event->entry;
    const char *reason = talloc_asprintf(x->ctx, "named in attribute %s of %s", name, of->dn);
    if (flavour_is_link(x->router->flavour, name))
        return uuid_is_null(&of->uuid) ? 0 : add_links(x, &of->uuid, name, reason, 0);
    struct entry *entry;
    if (find_entry(x, of, &entry) < 0)
        return -1;
    const struct attribute *attribute = entry_attribute(entry, name);
    int result = 0;
    for (size_t i = 0; attribute && i < attribute->count && result == 0; i++) {
        struct party party = { .dn = attribute->values[i].data };
        if (strlen(party.dn) == attribute->values[i].length && text_is_address(party.dn))
            add_address(x, party.dn, reason);
        else
            result = add_party(x, &party, reason, 0);
    }
    talloc_free(entry);
    return result;
}

static char *nobody_reason(struct expansion *x)
{
    const struct directory_event *event = x->event;
    const char *name = event_kind(event->type)->name;
    switch (x->target->role) {
    case ROUTE_ACTOR:
        return talloc_strdup(x->ctx, "it is not known who made the change");
    case ROUTE_ADMINS:
        return talloc_asprintf(x->ctx, "neither directory %s nor mail has admins",
                               x->router->directory->name);
    case ROUTE_ATTRIBUTE:
        return talloc_asprintf(x->ctx, "%s has no attribute %s", event->entry.dn, x->target->attribute);
    case ROUTE_MEMBER:
    case ROUTE_OWNER:
        if (is_kind(event, "user"))
            return talloc_asprintf(x->ctx, "event %s has no %s", name, x->target->name);
        break;
    case ROUTE_USER:
        return talloc_asprintf(x->ctx, "event %s has no user", name);
    case ROUTE_MANAGER:
        if (concerns(event, "member"))
            return talloc_asprintf(x->ctx, "%s has no manager", event->party.dn);
        if (is_kind(event, "group"))
            return talloc_asprintf(x->ctx, "event %s has no manager", name);
        break;
    default:
        break;
    }
    return talloc_asprintf(x->ctx, "%s has no %s", event->entry.dn, x->target->name);
}

int holders_find(struct router *router, TALLOC_CTX *ctx, const struct directory_event *event,
                 const struct route_target *target, struct holders *holders, struct error *err)
{
    static int (*const by_role[])(struct expansion * x) = {
        [ROUTE_USER] = add_user,        [ROUTE_MEMBER] = add_members, [ROUTE_OWNER] = add_owners,
        [ROUTE_MANAGER] = add_managers, [ROUTE_ACTOR] = add_actor,    [ROUTE_ATTRIBUTE] = add_attribute,
        [ROUTE_ADMINS] = add_admins,
    };
    struct expansion x = {
        .router = router, .ctx = ctx, .event = event, .target = target, .holders = holders, .err = err
    };
    *holders = (struct holders){ 0 };
    if (target->role == ROUTE_ADDRESS)
        add_address(&x, target->word, "address named in the rule");
    else if (by_role[target->role](&x) < 0)
        return -1;
    if (holders->count == 0)
        add_nobody(&x, NULL, nobody_reason(&x));
    talloc_free(x.visited);
    return 0;
}

// --- estimates -----------------------------------------------------------------------------------

static int count_role_links(struct router *router, const struct uuid *of, enum flavour_role role,
                            size_t *count, struct error *err)
{
    const struct route_lookup *lookup = router->lookup;
    const char **attribute = router->flavour->attributes[role];
    for (; *attribute && !uuid_is_null(of); attribute++) {
        size_t links = 0;
        if (lookup->count_links(lookup->context, of, *attribute, &links, err) < 0)
            return -1;
        *count += links;
    }
    return 0;
}

// One person, or the direct members of a group.
static int count_party(struct router *router, const struct party *party, size_t *count, struct error *err)
{
    size_t members = 0;
    if (count_role_links(router, &party->uuid, ROLE_MEMBER, &members, err) < 0)
        return -1;
    *count += members ? members : 1;
    return 0;
}

static int count_attribute(struct router *router, const struct party *of, const char *name, size_t *count,
                           struct error *err)
{
    const struct route_lookup *lookup = router->lookup;
    if (flavour_is_link(router->flavour, name) && !uuid_is_null(&of->uuid))
        return lookup->count_links(lookup->context, &of->uuid, name, count, err);
    *count = 1;
    return 0;
}

int holders_estimate(struct router *router, const struct directory_event *event, const struct route_target *target,
                     size_t *count, struct error *err)
{
    bool group = is_kind(event, "group");
    *count = 0;
    switch (target->role) {
    case ROUTE_USER:
        if (!concerns(event, "member")) {
            *count = !group;
            return 0;
        }
        return count_party(router, &event->party, count, err);
    case ROUTE_MEMBER:
        if (concerns(event, "member"))
            return count_party(router, &event->party, count, err);
        *count = event->member_count;
        return group && event->type != EVENT_GROUP_DELETED
                   ? count_role_links(router, &event->entry.uuid, ROLE_MEMBER, count, err)
                   : 0;
    case ROUTE_OWNER:
        *count = event->owner_count + concerns(event, "owner");
        return group && event->type != EVENT_GROUP_DELETED
                   ? count_role_links(router, &event->entry.uuid, ROLE_OWNER, count, err)
                   : 0;
    case ROUTE_MANAGER:
        *count = event->manager_count + concerns(event, "manager");
        if (*count || (group && !concerns(event, "member")))
            return 0;
        return count_role_links(router, group ? &event->party.uuid : &event->entry.uuid, ROLE_MANAGER, count,
                                err);
    case ROUTE_ACTOR:
        *count = event->actor.dn != NULL;
        return 0;
    case ROUTE_ATTRIBUTE:
        return count_attribute(router, &event->entry, target->attribute, count, err);
    case ROUTE_ADMINS:
        *count = admins_of(router)->count;
        return 0;
    case ROUTE_ADDRESS:
        *count = 1;
        return 0;
    }
    return 0;
}
