// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "mail/template.h"

#define TEXT(n, h) { .name = n, .help = h, .kind = TAG_TEXT }
#define FLAG(n, h) { .name = n, .help = h, .kind = TAG_FLAG }
#define LIST(n, h) { .name = n, .help = h, .kind = TAG_LIST }
#define INSIDE(n, list, h) { .name = n, .help = h, .kind = TAG_TEXT, .within = list }

const struct template_tag template_tags[] = {
    // the message
    TEXT("title",
         "The sentence that the .subject file makes; for bodies and for subjects in the configuration."),
    TEXT("language", "The language of the template, such as \"en\"."),
    TEXT("from_name", "The sender's name."),
    TEXT("recipient_name", "Name of the person who is told; may be absent."),
    TEXT("recipient_mail", "The address that is told."),
    TEXT("role", "The role in which the recipient is told, such as \"owner\"."),
    TEXT("roles", "All roles of the recipient, separated by spaces."),
    TEXT("rule", "The rule that told, or that a storm stopped."),
    TEXT("password_portal_url", "Where people change their password."),
    TEXT("action_url", "Where people look after their groups and accounts."),
    FLAG("is_user", "The recipient is told as the user whose account it is."),
    FLAG("is_member", "The recipient is told as a member."),
    FLAG("is_owner", "The recipient is told as an owner."),
    FLAG("is_manager", "The recipient is told as a manager."),
    FLAG("is_admin", "The recipient is told as an administrator."),
    FLAG("is_actor", "The recipient is told as the one who made the change."),
    FLAG("role_user", "The recipient's first role is \"user\"."),
    FLAG("role_member", "The recipient's first role is \"member\"."),
    FLAG("role_owner", "The recipient's first role is \"owner\"."),
    FLAG("role_manager", "The recipient's first role is \"manager\"."),
    FLAG("role_admins", "The recipient's first role is \"admins\"."),
    FLAG("role_actor", "The recipient's first role is \"actor\"."),
    FLAG("role_other", "The recipient's first role is none of these, such as an address in a rule."),
    FLAG("is_entry", "The account that changed is the recipient's own."),
    FLAG("is_party", "The member, owner or manager concerned is the recipient."),
    // what happened
    TEXT("event", "Name of the event, such as \"group.member.added\"."),
    TEXT("event_id", "Its number, such as \"corp-1842\", for questions."),
    TEXT("event_summary", "What this kind of event means, in English."),
    TEXT("directory", "Name of the directory."),
    TEXT("time", "When it happened: \"2026-11-20 11:03 UTC\"."),
    TEXT("date", "The day alone: \"2026-11-20\"."),
    TEXT("time_iso", "The same for machines: \"2026-11-20T11:03:20Z\"."),
    FLAG("folded", "The opposite change followed: added and removed again."),
    FLAG("security", "The event concerns the security of an account."),
    TEXT(
        "name",
        "Name of the user or group that changed; in a list, of the person; in a digest, if all concern one."),
    TEXT("dn", "Its distinguished name; in a list, the person's."),
    TEXT("mail", "Its mail address, if any; in a list, the person's."),
    TEXT("user_name", "Like name, in events about users."),
    TEXT("user_dn", "Like dn, in events about users."),
    TEXT("user_mail", "Like mail, in events about users."),
    TEXT("group_name", "Like name, in events about groups."),
    TEXT("group_dn", "Like dn, in events about groups."),
    TEXT("group_mail", "Like mail, in events about groups."),
    TEXT("party_name", "Name of the member, owner or manager concerned."),
    TEXT("party_dn", "Its distinguished name."),
    TEXT("party_mail", "Its mail address, if any."),
    FLAG("party_is_group", "The member, owner or manager concerned is itself a group."),
    TEXT("member_name", "Like party_name, where a member is concerned."),
    TEXT("member_dn", "Like party_dn, where a member is concerned."),
    TEXT("member_mail", "Like party_mail, where a member is concerned."),
    TEXT("owner_name", "Like party_name, where an owner is concerned."),
    TEXT("owner_dn", "Like party_dn, where an owner is concerned."),
    TEXT("owner_mail", "Like party_mail, where an owner is concerned."),
    TEXT("manager_name", "Like party_name, where a manager is concerned."),
    TEXT("manager_dn", "Like party_dn, where a manager is concerned."),
    TEXT("manager_mail", "Like party_mail, where a manager is concerned."),
    TEXT("attribute", "The attribute that changed, as the directory calls it."),
    LIST("changes", "What changed: for each, attribute, label, old, new, old_values, new_values."),
    INSIDE("label", "changes", "What people call the attribute (file \"attributes\"), else its name."),
    INSIDE("old", "changes", "The values before, separated by commas."),
    INSIDE("new", "changes", "The values since, separated by commas."),
    { "old_values", "The values before, as a list; {{.}} is one.", TAG_LIST, "changes" },
    { "new_values", "The values since, as a list; {{.}} is one.", TAG_LIST, "changes" },
    TEXT("changes_more", "How many more changes there are than the list shows."),
    LIST("members", "The last members of a deleted group: for each, name, mail, dn."),
    TEXT("member_count", "How many members there were."),
    TEXT("members_more", "How many more members there were than the list shows."),
    LIST("owners", "The last owners of a deleted group: for each, name, mail, dn."),
    TEXT("owner_count", "How many owners there were."),
    TEXT("owners_more", "How many more owners there were than the list shows."),
    // by whom and why
    TEXT("actor_name", "Who did it; absent when unknown."),
    TEXT("actor_dn", "Distinguished name of who did it; absent when unknown."),
    TEXT("actor_mail", "Mail address of who did it; may be absent."),
    FLAG("by_recipient", "The recipient did it."),
    TEXT("origin", "Where the change came from: operator, self, import or unknown."),
    FLAG("origin_operator", "Somebody other than the user did it."),
    FLAG("origin_self", "The user did it."),
    FLAG("origin_import", "An import did it."),
    TEXT("cause",
         "Why an account was locked or unlocked: admin, failed_logins, expiry, unknown; else absent."),
    FLAG("cause_admin", "An administrator did it."),
    FLAG("cause_failed_logins", "There were too many wrong passwords."),
    FLAG("cause_expiry", "The time was over."),
    TEXT("until", "When the lock ends by itself: \"2026-11-20 11:18 UTC\"; absent when it does not."),
    TEXT("until_iso", "The same for machines."),
    // system events
    TEXT("message", "What happened, in words, in system events."),
    TEXT("storm", "Number of the storm that is held."),
    TEXT("count", "How many: changes in a digest, notifications held in a storm."),
    // digests
    LIST("items", "The changes of a digest: for each, title and all tags of an event."),
    TEXT("items_more", "How many more changes there are than the list shows."),
    { .name = NULL },
};

const struct template_tag *template_tag_find(const char *name, size_t length)
{
    for (const struct template_tag *tag = template_tags; tag->name; tag++)
        if (strlen(tag->name) == length && memcmp(tag->name, name, length) == 0)
            return tag;
    return NULL;
}
