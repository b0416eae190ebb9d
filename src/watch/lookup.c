// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "directory/dn.h"
#include "directory/schema.h"
#include "internal.h"

#define NAME_MOST 200

static int lookup_by_uuid(void *context, TALLOC_CTX *ctx, const struct uuid *uuid, struct entry **entry, bool *former,
                          struct error *err)
{
    return directory_store_by_uuid(context, ctx, uuid, entry, former, err);
}

static int lookup_by_dn(void *context, TALLOC_CTX *ctx, const char *dn, struct entry **entry, bool *former,
                        struct error *err)
{
    return directory_store_by_dn(context, ctx, dn, entry, former, err);
}

static int lookup_links(void *context, TALLOC_CTX *ctx, const struct uuid *entry, const char *attribute,
                        struct link **links, size_t *count, struct error *err)
{
    return directory_store_links(context, ctx, entry, attribute, links, count, err);
}

static int lookup_count_links(void *context, const struct uuid *entry, const char *attribute, size_t *count,
                              struct error *err)
{
    return directory_store_count_links(context, entry, attribute, count, err);
}

void lookup_open(struct route_lookup *lookup, struct directory_store *store)
{
    *lookup = (struct route_lookup){ .context = store,
                                     .by_uuid = lookup_by_uuid,
                                     .by_dn = lookup_by_dn,
                                     .links = lookup_links,
                                     .count_links = lookup_count_links };
}

static void complete_from_entry(struct pipeline *pipeline, TALLOC_CTX *ctx, struct party *party, const struct entry *entry)
{
    party->uuid = entry->uuid;
    if (!party->name)
        party->name = flavour_display_name(ctx, pipeline->flavour, entry);
    if (!party->mail)
        party->mail = flavour_address(ctx, pipeline->directory, entry);
    party->is_group = flavour_is_group(pipeline->flavour, entry);
}

// A value that is no entry of ours: show the RDN's value, or the uid itself.
static void complete_from_value(TALLOC_CTX *ctx, struct party *party)
{
    char *name = strchr(party->dn, '=') ? dn_rdn_value(ctx, party->dn) : NULL;
    if (!name)
        name = talloc_strdup(ctx, party->dn);
    party->name = text_clean(ctx, name, strlen(name), NAME_MOST);
}

// *former: it was found among the deleted entries only.
static int complete_party(struct pipeline *pipeline, TALLOC_CTX *ctx, struct party *party, bool *former, struct error *err)
{
    *former = false;
    if (!party->dn && uuid_is_null(&party->uuid))
        return 0;
    struct entry *entry = NULL;
    TALLOC_CTX *scratch = talloc_new(ctx);
    int result = 0;
    if (!uuid_is_null(&party->uuid))
        result = directory_store_by_uuid(pipeline->store, scratch, &party->uuid, &entry, former, err);
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): without a UUID there is a DN
    else if (strchr(party->dn, '='))
        result = directory_store_by_dn(pipeline->store, scratch, party->dn, &entry, former, err);
    else
        result = directory_store_by_uid(pipeline->store, scratch, party->dn, &entry, former, err);
    if (result == 0 && entry) {
        complete_from_entry(pipeline, ctx, party, entry);
        if (!party->dn || !strchr(party->dn, '='))
            party->dn = talloc_strdup(ctx, entry->dn); // a memberUid says less
    }
    if (result == 0 && !party->name && party->dn)
        complete_from_value(ctx, party);
    talloc_free(scratch);
    return result;
}

static int complete_list(struct pipeline *pipeline, TALLOC_CTX *ctx, struct party *parties, size_t count, struct error *err)
{
    bool former;
    for (size_t i = 0; i < count; i++)
        if (complete_party(pipeline, ctx, &parties[i], &former, err) < 0)
            return -1;
    return 0;
}

int lookup_complete(struct pipeline *pipeline, struct directory_event *event, struct error *err)
{
    bool former, gone = false;
    if (complete_party(pipeline, event, &event->entry, &former, err) < 0 ||
        complete_party(pipeline, event, &event->party, &gone, err) < 0)
        return -1;
    // An overlay may have dropped the link to a deleted entry unseen; whoever edits next did not do it.
    if (gone)
        event_forget_actor(event);
    if (complete_party(pipeline, event, &event->actor, &former, err) < 0)
        return -1;
    if (complete_list(pipeline, event, event->members, event->member_count, err) < 0 ||
        complete_list(pipeline, event, event->owners, event->owner_count, err) < 0)
        return -1;
    return complete_list(pipeline, event, event->managers, event->manager_count, err);
}
