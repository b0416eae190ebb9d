// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_EVENT_EVENT_H
#define LDAPNOTIFY_EVENT_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "base/uuid.h"

// What a change means. The catalogue (src/event/catalogue.c) is the one table of all events; documentation,
// CLI, schema and tests are checked against it.

enum event_type {
    EVENT_USER_CREATED, EVENT_USER_DELETED, EVENT_USER_MODIFIED, EVENT_USER_RENAMED,
    EVENT_USER_LOCKED, EVENT_USER_UNLOCKED, EVENT_USER_DISABLED, EVENT_USER_ENABLED,
    EVENT_USER_PASSWORD_CHANGED, EVENT_USER_PASSWORD_RESET,
    EVENT_USER_MANAGER_ADDED, EVENT_USER_MANAGER_REMOVED,
    EVENT_GROUP_CREATED, EVENT_GROUP_DELETED, EVENT_GROUP_MODIFIED, EVENT_GROUP_RENAMED,
    EVENT_GROUP_MEMBER_ADDED, EVENT_GROUP_MEMBER_REMOVED,
    EVENT_GROUP_OWNER_ADDED, EVENT_GROUP_OWNER_REMOVED,
    EVENT_SYSTEM_STORM_HELD,        // `rule`, counts; to admins, never held back itself
    EVENT_SYSTEM_DIRECTORY_REFUSED, // the bind was refused twice; nothing is tried until a reload
    EVENT_TYPE_COUNT
};

struct event_kind {
    enum event_type type;
    const char *name;     // "group.member.added"
    const char *object;   // "user", "group", "system": what `entry` is
    const char *party;    // role of `party` in this event ("member", "owner", "manager"), or NULL
    int opposite;         // the type that cancels it, or -1
    bool security;        // never goes to managers or owners by default, no opt-out
    const char *roles;    // roles that may be told, space separated, the first is the natural one
    const char *summary;  // "A member was added to a group." for manual and CLI
    const char *fires;    // when exactly
};

const struct event_kind *event_kind(enum event_type type);
const struct event_kind *event_kind_find(const char *name); // NULL when unknown
// Does `pattern` ("group.*", "!user.locked") match at least one name?
bool event_pattern_is_known(const char *pattern);

// SELF: the actor is the user, or the member, owner or manager concerned. OPERATOR: the actor is known and another.
enum event_origin { ORIGIN_UNKNOWN, ORIGIN_OPERATOR, ORIGIN_SELF, ORIGIN_IMPORT };
enum event_cause { CAUSE_NONE, CAUSE_UNKNOWN, CAUSE_ADMIN, CAUSE_FAILED_LOGINS, CAUSE_EXPIRY };
const char *event_origin_name(enum event_origin origin);
const char *event_cause_name(enum event_cause cause); // "" for CAUSE_NONE

// Somebody or something an event speaks of, as it was then.
struct party {
    struct uuid uuid;  // null when outside the mirror
    const char *dn;    // or the uid for memberUid outside the mirror
    const char *name;  // for people; never NULL once the event is complete
    const char *mail;  // or NULL
    bool is_group;
};

struct event_change {
    const char *attribute;
    const char **old_values, **new_values; // text for people (cleaned), each list ends with NULL
};

// Plain data in one talloc tree.
struct directory_event {
    int64_t sequence; // number in its directory; 0 until it is stored
    enum event_type type;
    int64_t time;     // when it happened as far as known, else when we saw it
    const char *directory;
    struct party entry; // the user or group
    struct party party; // the member, owner or manager concerned; dn NULL when the kind has none
    const char *attribute; // the attribute that changed, or NULL
    struct event_change *changes; // *.modified, *.renamed (attribute "dn")
    size_t change_count;
    struct party actor; // dn NULL: unknown
    enum event_origin origin;
    enum event_cause cause;
    int64_t until;      // user.locked: when the lock ends by itself; 0: it does not, or unknown
    struct party *members, *owners; // group.deleted: the last ones
    size_t member_count, owner_count;
    struct party *managers;         // user.deleted: the last ones
    size_t manager_count;
    const char *rule;   // system.storm.held
    int64_t storm;      // its number
    int64_t count;      // notifications held
    const char *text;   // system.*: what happened, in words
};

struct event_list {
    struct directory_event **items;
    size_t count;
};
// A new event at the end of a list that is zero at first; `ctx` owns event and items. NULL: out of memory.
struct directory_event *event_list_add(struct event_list *list, TALLOC_CTX *ctx, enum event_type type);

// The actor turns out not to be known for sure.
void event_forget_actor(struct directory_event *event);

// "corp-1842". Owned by `ctx`.
char *event_id(TALLOC_CTX *ctx, const struct directory_event *event);
int event_id_parse(TALLOC_CTX *ctx, const char *text, char **directory, int64_t *sequence, struct error *err) MUST_CHECK;

// The JSON form (schemas/json/event.json); a new reference. Times are RFC 3339 in UTC with milliseconds. Reads back what
// it wrote (octets that are no UTF-8 were replaced); unknown keys, origins and causes are ignored.
json_t *event_to_json(const struct directory_event *event);
struct directory_event *event_from_json(TALLOC_CTX *ctx, const json_t *json, struct error *err) MUST_CHECK;

#endif
