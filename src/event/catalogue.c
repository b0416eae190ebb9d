// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "event/event.h"

#define NOTHING (-1)

// The one table of events. doc/events.md and schemas/json/event.json are checked against it.
//
// Locks, passwords and creations have no opposite: that a lock came and went, or that a password was
// set, is news even when it is over by the time the message leaves.
static const struct event_kind kinds[EVENT_TYPE_COUNT] = {
    [EVENT_USER_CREATED] = { EVENT_USER_CREATED, "user.created", "user", NULL, NOTHING, false,
                             "user manager actor admins", "A user was created.",
                             "An entry that the flavour takes for a user appears in the directory, or an "
                             "entry becomes a user "
                             "because its object classes change. Mail contacts without an account count "
                             "too." },
    [EVENT_USER_DELETED] = { EVENT_USER_DELETED, "user.deleted", "user", NULL, NOTHING, false,
                             "user manager actor admins", "A user was deleted.",
                             "A user's entry is deleted, leaves the watched base or filter, or ceases to be "
                             "a user because its "
                             "object classes change. The event carries the user's last managers." },
    [EVENT_USER_MODIFIED] = { EVENT_USER_MODIFIED, "user.modified", "user", NULL, NOTHING, false,
                              "user manager actor admins", "Attributes of a user changed.",
                              "One of the attributes listed in watch_attributes has other values than "
                              "before; their order does "
                              "not matter, upper and lower case does. One event tells all attributes that "
                              "changed together." },
    [EVENT_USER_RENAMED] = { EVENT_USER_RENAMED, "user.renamed", "user", NULL, NOTHING, false,
                             "user manager actor admins", "A user's DN changed.",
                             "The user's entry was renamed or moved. A DN that differs only in case or "
                             "spaces is the same DN, "
                             "and an entry that moved because an entry above it was renamed gives no "
                             "event." },
    [EVENT_USER_LOCKED] = { EVENT_USER_LOCKED, "user.locked", "user", NULL, NOTHING, true,
                            "user manager actor admins", "A user's account was locked.",
                            "A lock appears on an account that was not locked or whose previous lock had "
                            "ended, or a lock "
                            "that would have ended by itself is made permanent by an administrator. A lock "
                            "whose time the "
                            "server only moves gives no event." },
    [EVENT_USER_UNLOCKED] = { EVENT_USER_UNLOCKED, "user.unlocked", "user", NULL, NOTHING, true,
                              "user manager actor admins", "A user's account was unlocked.",
                              "A lock is taken away before its end, or ends by itself (cause expiry; told by "
                              "a timer, for no "
                              "server tells it). When the server clears the remains of an ended lock later, "
                              "nothing more is "
                              "told." },
    [EVENT_USER_DISABLED] = { EVENT_USER_DISABLED, "user.disabled", "user", NULL, EVENT_USER_ENABLED, false,
                              "user manager actor admins", "A user's account was disabled.",
                              "The entry begins to match disabled_when. Users that are created disabled give "
                              "no event." },
    [EVENT_USER_ENABLED] = { EVENT_USER_ENABLED, "user.enabled", "user", NULL, EVENT_USER_DISABLED, false,
                             "user manager actor admins", "A user's account was enabled.",
                             "The entry no longer matches disabled_when. Users that are created enabled give "
                             "no event." },
    [EVENT_USER_PASSWORD_CHANGED] = { EVENT_USER_PASSWORD_CHANGED, "user.password.changed", "user", NULL,
                                      NOTHING, true, "user manager actor admins",
                                      "A user's password was changed.",
                                      "The time of the last password change moves and nothing shows that "
                                      "somebody else did it: the "
                                      "actor is the user or unknown, and no reset is demanded." },
    [EVENT_USER_PASSWORD_RESET] = { EVENT_USER_PASSWORD_RESET, "user.password.reset", "user", NULL, NOTHING,
                                    true, "user manager actor admins",
                                    "A user's password was reset by somebody else.",
                                    "The server begins to demand a new password (pwdReset becomes TRUE, "
                                    "pwdLastSet becomes 0), or the "
                                    "time of the last password change moves and the actor is known and not "
                                    "the user." },
    [EVENT_USER_MANAGER_ADDED] = { EVENT_USER_MANAGER_ADDED, "user.manager.added", "user", "manager",
                                   EVENT_USER_MANAGER_REMOVED, false, "manager user actor admins",
                                   "A user got a manager.",
                                   "A manager attribute of a user gains a value. A user created with a "
                                   "manager gives this event too." },
    [EVENT_USER_MANAGER_REMOVED] = { EVENT_USER_MANAGER_REMOVED, "user.manager.removed", "user", "manager",
                                     EVENT_USER_MANAGER_ADDED, false, "manager user actor admins",
                                     "A user lost a manager.",
                                     "A manager attribute of a user loses a value, and no manager attribute "
                                     "gains the same person. A "
                                     "user that is deleted gives user.deleted only." },
    [EVENT_GROUP_CREATED] = { EVENT_GROUP_CREATED, "group.created", "group", NULL, NOTHING, false,
                              "owner member actor admins", "A group was created.",
                              "An entry that the flavour takes for a group appears in the directory, or an "
                              "entry becomes a "
                              "group because its object classes change. Its first members and owners give "
                              "events of their own." },
    [EVENT_GROUP_DELETED] = { EVENT_GROUP_DELETED, "group.deleted", "group", NULL, NOTHING, false,
                              "owner member actor admins", "A group was deleted.",
                              "A group's entry is deleted, leaves the watched base or filter, or ceases to "
                              "be a group because "
                              "its object classes change. The event carries the last members and owners; "
                              "they give no events of "
                              "their own." },
    [EVENT_GROUP_MODIFIED] = { EVENT_GROUP_MODIFIED, "group.modified", "group", NULL, NOTHING, false,
                               "owner member actor admins", "Attributes of a group changed.",
                               "One of the attributes listed in watch_attributes has other values than "
                               "before; their order does "
                               "not matter, upper and lower case does. Members and owners have events of "
                               "their own." },
    [EVENT_GROUP_RENAMED] = { EVENT_GROUP_RENAMED, "group.renamed", "group", NULL, NOTHING, false,
                              "owner member actor admins", "A group's DN changed.",
                              "The group's entry was renamed or moved. A DN that differs only in case or "
                              "spaces is the same DN, "
                              "and an entry that moved because an entry above it was renamed gives no "
                              "event." },
    [EVENT_GROUP_MEMBER_ADDED] = { EVENT_GROUP_MEMBER_ADDED, "group.member.added", "group", "member",
                                   EVENT_GROUP_MEMBER_REMOVED, false,
                                   "member owner user manager actor admins", "A member was added to a group.",
                                   "A member attribute of a group gains a value. The members of a new group "
                                   "are told too. A value "
                                   "that is only written differently, or that follows a member's rename, "
                                   "gives no event." },
    [EVENT_GROUP_MEMBER_REMOVED] = { EVENT_GROUP_MEMBER_REMOVED, "group.member.removed", "group", "member",
                                     EVENT_GROUP_MEMBER_ADDED, false,
                                     "member owner user manager actor admins",
                                     "A member was removed from a group.",
                                     "A member attribute of a group loses a value, and no member attribute "
                                     "gains the same entry. A "
                                     "group that is deleted gives group.deleted only." },
    [EVENT_GROUP_OWNER_ADDED] = { EVENT_GROUP_OWNER_ADDED, "group.owner.added", "group", "owner",
                                  EVENT_GROUP_OWNER_REMOVED, false, "owner member actor admins",
                                  "An owner was added to a group.",
                                  "An owner attribute of a group gains a value. The owners of a new group "
                                  "are told too." },
    [EVENT_GROUP_OWNER_REMOVED] = { EVENT_GROUP_OWNER_REMOVED, "group.owner.removed", "group", "owner",
                                    EVENT_GROUP_OWNER_ADDED, false, "owner member actor admins",
                                    "An owner was removed from a group.",
                                    "An owner attribute of a group loses a value, and no owner attribute "
                                    "gains the same entry. A "
                                    "group that is deleted gives group.deleted only." },
    [EVENT_SYSTEM_STORM_HELD] = { EVENT_SYSTEM_STORM_HELD, "system.storm.held", "system", NULL, NOTHING,
                                  false, "admins",
                                  "Too many notifications at once: a rule's notifications are held.",
                                  "A rule would tell more people at once than the storm section allows. Its "
                                  "notifications wait "
                                  "until an administrator releases or discards them; other rules go on. Told "
                                  "once for each storm." },
    [EVENT_SYSTEM_DIRECTORY_REFUSED] = { EVENT_SYSTEM_DIRECTORY_REFUSED, "system.directory.refused", "system",
                                         NULL, NOTHING, false, "admins", "A directory refuses the bind.",
                                         "The directory refused the bind DN or its password twice. Nothing "
                                         "more is tried until the "
                                         "configuration is reloaded or the file with the password changes, "
                                         "so that the account is not locked by its own attempts." },
};

const struct event_kind *event_kind(enum event_type type)
{
    return &kinds[type];
}

const struct event_kind *event_kind_find(const char *name)
{
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

bool event_pattern_is_known(const char *pattern)
{
    if (*pattern == '!')
        pattern++;
    for (size_t i = 0; i < EVENT_TYPE_COUNT; i++)
        if (text_matches(pattern, kinds[i].name))
            return true;
    return false;
}
