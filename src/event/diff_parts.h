// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_EVENT_DIFF_PARTS_H
#define LDAPNOTIFY_EVENT_DIFF_PARTS_H

#include "event/diff.h"

// What the parts of the diff share while they work on one delta.
struct diff_work {
    TALLOC_CTX *ctx;
    TALLOC_CTX *scratch; // gone when the delta is done
    const struct diff_context *context;
    const struct delta *delta;
    struct event_list *list;
    bool was_user, is_user, was_group, is_group;
    struct party entry, old_entry; // as now, or as before when it is gone; as before
    struct party modifier;         // dn NULL: unknown
    const char *modifier_normal, *entry_normal, *old_normal;
    bool modifier_is_root;         // one of context->root_actors
    bool locked_out;               // failed logins locked the entry in this delta
    bool failed;                   // out of memory
};

// Compares old and new only where both were asked for.
bool diff_is_comparable(const struct diff_context *context, const char *attribute);
// Are all attributes of the filter comparable? *silent tells why not: new in the view, else no longer in it.
bool diff_filter_is_comparable(const struct diff_context *context, const struct filter *filter, bool *silent);

// A new event about the delta's entry with its actor and origin; `party` may be NULL. NULL: out of memory
// (work->failed).
struct directory_event *diff_add(struct diff_work *work, enum event_type type, const struct party *party);
// Adds the change of an attribute; the lists end with NULL.
void diff_add_change(struct directory_event *event, const char *attribute, const char **old_values,
                     const char **new_values);
// The user or group as the events of a delta name it.
struct party diff_entry_party(TALLOC_CTX *ctx, const struct diff_context *context, const struct entry *entry);

// diff_links.c
// How the entry stands to a kind of object (user, group) before and after.
enum diff_passage { PASSAGE_NONE, PASSAGE_ENTERS, PASSAGE_STAYS, PASSAGE_LEAVES };
void diff_links(struct diff_work *work, enum flavour_role role, enum diff_passage passage,
                enum event_type added, enum event_type removed);
// The entry's last links in a role, each target once. *parties is owned by `ctx`.
size_t diff_last_links(struct diff_work *work, TALLOC_CTX *ctx, enum flavour_role role,
                       struct party **parties);
// The values that a link attribute lost and gained, for people; lists end with NULL. False: none.
bool diff_link_values(struct diff_work *work, TALLOC_CTX *ctx, const char *attribute, const char ***lost,
                      const char ***gained);

// diff_values.c: user.modified or group.modified
void diff_modified(struct diff_work *work, enum event_type type);
bool diff_values_equal(TALLOC_CTX *scratch, const struct attribute *a, const struct attribute *b,
                       const char *name);

// diff_account.c: locks, disabled, passwords
void diff_find_lockout(struct diff_work *work);
void diff_lock(struct diff_work *work);
void diff_disabled(struct diff_work *work);
void diff_password(struct diff_work *work);

#endif
