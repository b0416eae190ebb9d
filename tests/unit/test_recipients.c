// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "route_fake.h"

#define NOW INT64_C(1795172600000)
#define PERSON "objectClass: inetOrgPerson\n"

enum { STAFF = 1, ANN, BOB, CARL, DORA, EVE, FRED, GONE, NOMAIL, ADMINS, LOOP_A, LOOP_B, EMPTY, TWIN, LATER };

// ann, bob: members of staff; carl and the group admins (dora, eve): owners. fred is ann's manager. eve is disabled.
static struct fake *make(void)
{
    struct fake *fake = fake_new();
    fake_add(fake, STAFF, false, "dn: cn=staff,dc=x\nobjectClass: groupOfNames\nmember: uid=ann,dc=x\nmember: uid=bob,dc=x\n"
                                 "owner: uid=carl,dc=x\nowner: cn=admins,dc=x\nmail: staff@lists.example.com\n"
                                 "seeAlso: uid=fred,dc=x\ndescription: uid=dora,dc=x\ndescription: nonsense\n");
    fake_add(fake, ANN, false, "dn: uid=ann,dc=x\n" PERSON "uid: ann\ncn: Ann\nmail: ann@example.com\nmanager: uid=fred,dc=x\n"
                               "preferredLanguage: de-AT\n");
    fake_add(fake, BOB, false, "dn: uid=bob,dc=x\n" PERSON "uid: bob\nmail: not an address\nrfc822MailMember: bob@example.com\n");
    fake_add(fake, CARL, false, "dn: uid=carl,dc=x\n" PERSON "uid: carl\nmail: carl@example.com\n");
    fake_add(fake, DORA, false, "dn: uid=dora,dc=x\n" PERSON "uid: dora\nmail: dora@example.com\n");
    fake_add(fake, EVE, false, "dn: uid=eve,dc=x\n" PERSON "uid: eve\nmail: eve@example.com\nemployeeType: gone\n");
    fake_add(fake, FRED, false, "dn: uid=fred,dc=x\n" PERSON "uid: fred\nmail: fred@example.com\n");
    fake_add(fake, GONE, true, "dn: uid=gone,dc=x\n" PERSON "uid: gone\nmail: gone@example.com\n");
    fake_add(fake, NOMAIL, false, "dn: uid=nomail,dc=x\n" PERSON "uid: nomail\nmanager: uid=nomail,dc=x\n");
    fake_add(fake, ADMINS, false, "dn: cn=admins,dc=x\nobjectClass: groupOfNames\nmember: uid=dora,dc=x\nmember: uid=eve,dc=x\n");
    fake_add(fake, LOOP_A, false, "dn: cn=a,dc=x\nobjectClass: groupOfNames\nmember: cn=b,dc=x\nmember: uid=ann,dc=x\n");
    fake_add(fake, LOOP_B, false, "dn: cn=b,dc=x\nobjectClass: groupOfNames\nmember: cn=a,dc=x\nmemberUid: bob\nmember: uid=ann,dc=x\n");
    fake_add(fake, EMPTY, false, "dn: cn=empty,dc=x\nobjectClass: groupOfNames\n");
    fake_add(fake, TWIN, false, "dn: uid=twin,dc=x\n" PERSON "uid: twin\nmail: ann@EXAMPLE.com\n");
    return fake;
}

static struct directory_event member_event(enum event_type type, uint8_t id, const char *dn)
{
    return (struct directory_event){ .sequence = 5, .type = type, .time = NOW, .directory = "corp", .entry = fake_party(STAFF, "cn=staff,dc=x"),
                           .party = fake_party(id, dn), .attribute = "member" };
}

static struct directory_event user_event(enum event_type type, uint8_t id, const char *dn)
{
    return (struct directory_event){ .sequence = 6, .type = type, .time = NOW, .directory = "corp", .entry = fake_party(id, dn) };
}

static void run(struct fake *fake, const struct directory_event *event, int64_t now, struct route_result *result)
{
    struct route_match *matches;
    struct error err;
    size_t count;
    *result = (struct route_result){ 0 };
    if (!fake->router)
        fake_start(fake);
    assert_int_equal(router_match(fake->router, fake, event, NULL, NULL, &matches, &count, result, &err), 0);
    assert_int_equal(router_expand(fake->router, fake, matches, count, now, result, &err), 0);
}

// --- roles ---------------------------------------------------------------------------------------

struct role_case {
    const char *what;
    struct directory_event event;
    const char *to;
    const char *decisions;
    const char *reason; // of the first decision
};

static void check_role(const struct role_case *c)
{
    struct fake *fake = make();
    struct route_result result;
    fake_rule(fake, "r", "*", c->to);
    run(fake, &c->event, NOW, &result);
    char *text = fake_decisions(fake, &result);
    if (strcmp(text, c->decisions) != 0)
        fail_msg("%s:\n  expected %s\n  got      %s", c->what, c->decisions, text);
    if (strcmp(result.decisions[0].reason, c->reason) != 0)
        fail_msg("%s:\n  expected %s\n  got      %s", c->what, c->reason, result.decisions[0].reason);
    size_t told = 0;
    for (size_t i = 0; i < result.decision_count; i++) {
        assert_string_equal(result.decisions[i].rule, "r");
        told += result.decisions[i].outcome == DECISION_TOLD;
    }
    assert_int_equal(told, result.notification_count);
    talloc_free(fake);
}

#define ANN_ADDED member_event(EVENT_GROUP_MEMBER_ADDED, ANN, "uid=ann,dc=x")

static void roles(void **state)
{
    (void)state;
    struct party last[] = { fake_party(ANN, "uid=ann,dc=x"), fake_party(GONE, "uid=gone,dc=x"), { .dn = "outsider" } };
    struct directory_event deleted = user_event(EVENT_GROUP_DELETED, LATER, "cn=late,dc=x");
    deleted.members = last;
    deleted.member_count = 3;
    deleted.owners = last + 1;
    deleted.owner_count = 1;
    struct directory_event user_deleted = user_event(EVENT_USER_DELETED, GONE, "uid=gone,dc=x");
    user_deleted.managers = last;
    user_deleted.manager_count = 1;
    struct directory_event by_carl = ANN_ADDED, by_rootdn = ANN_ADDED, by_dn = ANN_ADDED;
    by_carl.actor = fake_party(CARL, "uid=carl,dc=x");
    by_rootdn.actor = (struct party){ .dn = "cn=root,dc=x" };
    by_dn.actor = (struct party){ .dn = "UID=Carl,dc=x" };
    struct directory_event outsider = member_event(EVENT_GROUP_MEMBER_ADDED, 0, "outsider");
    struct directory_event known_outsider = outsider;
    known_outsider.party.mail = "out@example.com";
    struct directory_event manager = user_event(EVENT_USER_MANAGER_ADDED, ANN, "uid=ann,dc=x");
    manager.party = fake_party(CARL, "uid=carl,dc=x");
    manager.attribute = "manager";
    struct directory_event owner_removed = member_event(EVENT_GROUP_OWNER_REMOVED, BOB, "uid=bob,dc=x");
    owner_removed.attribute = "owner";
    struct directory_event both = user_event(EVENT_USER_MODIFIED, ADMINS, "cn=admins,dc=x");

    const struct role_case cases[] = {
        // member
        { "the member added", ANN_ADDED, "member", "member>ann@example.com:told", "new member of cn=staff,dc=x (attribute member)" },
        { "the member removed", member_event(EVENT_GROUP_MEMBER_REMOVED, GONE, "uid=gone,dc=x"), "member",
          "member>gone@example.com:told", "former member of cn=staff,dc=x (attribute member)" },
        { "all members of a group that changed", user_event(EVENT_GROUP_MODIFIED, STAFF, "cn=staff,dc=x"), "member",
          "member>ann@example.com:told; member>bob@example.com:told", "member of cn=staff,dc=x (attribute member)" },
        { "all members when an owner came", member_event(EVENT_GROUP_OWNER_ADDED, BOB, "uid=bob,dc=x"), "member",
          "member>ann@example.com:told; member>bob@example.com:told", "member of cn=staff,dc=x (attribute member)" },
        { "the last members", deleted, "member", "member>ann@example.com:told; member>gone@example.com:told; member>outsider:no_address",
          "member of cn=late,dc=x, which was deleted" },
        { "a user has no members", user_event(EVENT_USER_LOCKED, ANN, "uid=ann,dc=x"), "member", "member>:nobody",
          "event user.locked has no member" },
        { "a group without members", user_event(EVENT_GROUP_MODIFIED, EMPTY, "cn=empty,dc=x"), "member", "member>:nobody",
          "cn=empty,dc=x has no member" },
        { "a member outside the mirror", outsider, "member", "member>outsider:no_address",
          "new member of cn=staff,dc=x (attribute member), but is outside what is watched and has no known address" },
        { "with an address", known_outsider, "member", "member>out@example.com:told", "new member of cn=staff,dc=x (attribute member)" },
        { "no address", member_event(EVENT_GROUP_MEMBER_ADDED, NOMAIL, "uid=nomail,dc=x"), "member", "member>uid=nomail,dc=x:no_address",
          "new member of cn=staff,dc=x (attribute member), but has no usable mail address" },
        { "disabled", member_event(EVENT_GROUP_MEMBER_ADDED, EVE, "uid=eve,dc=x"), "member", "member>eve@example.com:disabled",
          "new member of cn=staff,dc=x (attribute member), but the account is disabled" },
        { "groups stand for their members", member_event(EVENT_GROUP_MEMBER_ADDED, ADMINS, "cn=admins,dc=x"), "member",
          "member>dora@example.com:told; member>eve@example.com:disabled",
          "member of cn=admins,dc=x, new member of cn=staff,dc=x (attribute member)" },
        { "in a circle each group once", member_event(EVENT_GROUP_MEMBER_ADDED, LOOP_A, "cn=a,dc=x"), "member",
          "member>ann@example.com:told; member>bob@example.com:told; member>ann@example.com:merged",
          "member of cn=b,dc=x, member of cn=a,dc=x, new member of cn=staff,dc=x (attribute member)" },
        { "an empty group", member_event(EVENT_GROUP_MEMBER_ADDED, EMPTY, "cn=empty,dc=x"), "member", "member>cn=empty,dc=x:nobody",
          "new member of cn=staff,dc=x (attribute member), but is a group without members" },
        // owner
        { "owners, through a group", ANN_ADDED, "owner",
          "owner>carl@example.com:told; owner>dora@example.com:told; owner>eve@example.com:disabled",
          "owner of cn=staff,dc=x (attribute owner)" },
        { "the one concerned and those who stay", owner_removed, "owner",
          "owner>bob@example.com:told; owner>carl@example.com:told; owner>dora@example.com:told; owner>eve@example.com:disabled",
          "former owner of cn=staff,dc=x (attribute owner)" },
        { "a new owner is told once", member_event(EVENT_GROUP_OWNER_ADDED, CARL, "uid=carl,dc=x"), "owner",
          "owner>carl@example.com:told; owner>carl@example.com:merged; owner>dora@example.com:told; owner>eve@example.com:disabled",
          "new owner of cn=staff,dc=x (attribute member)" },
        { "the last owners", deleted, "owner", "owner>gone@example.com:told", "owner of cn=late,dc=x, which was deleted" },
        { "no owner", user_event(EVENT_GROUP_MODIFIED, EMPTY, "cn=empty,dc=x"), "owner", "owner>:nobody", "cn=empty,dc=x has no owner" },
        // manager
        { "the user's manager", user_event(EVENT_USER_RENAMED, ANN, "uid=ann,dc=x"), "manager", "manager>fred@example.com:told",
          "manager of uid=ann,dc=x (attribute manager)" },
        { "the manager concerned", manager, "manager", "manager>carl@example.com:told", "new manager of uid=ann,dc=x (attribute manager)" },
        { "the member's manager", ANN_ADDED, "manager", "manager>fred@example.com:told", "manager of uid=ann,dc=x (attribute manager)" },
        { "the last manager", user_deleted, "manager", "manager>ann@example.com:told", "manager of uid=gone,dc=x, which was deleted" },
        { "no manager", user_event(EVENT_USER_RENAMED, BOB, "uid=bob,dc=x"), "manager", "manager>:nobody", "uid=bob,dc=x has no manager" },
        { "the member has none", member_event(EVENT_GROUP_MEMBER_ADDED, BOB, "uid=bob,dc=x"), "manager", "manager>:nobody",
          "uid=bob,dc=x has no manager" },
        { "groups have none", user_event(EVENT_GROUP_CREATED, STAFF, "cn=staff,dc=x"), "manager", "manager>:nobody",
          "event group.created has no manager" },
        // user
        { "the user", user_event(EVENT_USER_LOCKED, ANN, "uid=ann,dc=x"), "user", "user>ann@example.com:told",
          "the user concerned, uid=ann,dc=x" },
        { "the user, though disabled", user_event(EVENT_USER_DISABLED, EVE, "uid=eve,dc=x"), "user", "user>eve@example.com:told",
          "the user concerned, uid=eve,dc=x" },
        { "the user that was deleted", user_deleted, "user", "user>gone@example.com:told", "the user concerned, uid=gone,dc=x" },
        { "the member", ANN_ADDED, "user", "user>ann@example.com:told", "new member of cn=staff,dc=x (attribute member)" },
        { "the disabled member", member_event(EVENT_GROUP_MEMBER_ADDED, EVE, "uid=eve,dc=x"), "user", "user>eve@example.com:disabled",
          "new member of cn=staff,dc=x (attribute member), but the account is disabled" },
        { "a group has no user", user_event(EVENT_GROUP_CREATED, STAFF, "cn=staff,dc=x"), "user", "user>:nobody",
          "event group.created has no user" },
        { "a user that is a group is told as itself", both, "user", "user>cn=admins,dc=x:no_address",
          "the user concerned, cn=admins,dc=x, but has no usable mail address" },
        // actor
        { "the actor", by_carl, "actor", "actor>carl@example.com:told", "the actor, who made the change" },
        { "the actor by name", by_dn, "actor", "actor>carl@example.com:told", "the actor, who made the change" },
        { "the actor is not known", ANN_ADDED, "actor", "actor>:nobody", "it is not known who made the change" },
        { "the actor is no entry", by_rootdn, "actor", "actor>cn=root,dc=x:no_address",
          "the actor, who made the change, but is outside what is watched and has no known address" },
        // the others
        { "admins", ANN_ADDED, "admins", "admins>it@example.com:told", "administrator in mail.admins" },
        { "an address", ANN_ADDED, "x@example.com", "address>x@example.com:told", "address named in the rule" },
        { "an address in an attribute", ANN_ADDED, "attr:mail", "attr:mail>staff@lists.example.com:told",
          "named in attribute mail of cn=staff,dc=x" },
        { "a link in an attribute", ANN_ADDED, "attr:SEEALSO", "attr:seeAlso>fred@example.com:told",
          "named in attribute seeAlso of cn=staff,dc=x" },
        { "a DN as text in an attribute", ANN_ADDED, "attr:description",
          "attr:description>dora@example.com:told; attr:description>nonsense:no_address",
          "named in attribute description of cn=staff,dc=x" },
        { "no such attribute", ANN_ADDED, "attr:roomNumber", "attr:roomNumber>:nobody", "cn=staff,dc=x has no attribute roomNumber" },
        { "of a deleted user", user_deleted, "attr:mail", "attr:mail>gone@example.com:told", "named in attribute mail of uid=gone,dc=x" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_role(&cases[i]);
}

static void admins_of_the_directory(void **state)
{
    (void)state;
    struct fake *fake = make();
    struct route_result result;
    fake_words(fake, &fake->directory.admins, "a@example.com b@example.com");
    fake_rule(fake, "r", "*", "admins");
    struct directory_event event = ANN_ADDED;
    run(fake, &event, NOW, &result);
    assert_string_equal(fake_decisions(fake, &result), "admins>a@example.com:told; admins>b@example.com:told");
    assert_string_equal(result.decisions[0].reason, "administrator of directory corp");
    assert_false(result.notifications[0].courtesy);
    talloc_free(fake);
}

// --- one person, one notification ----------------------------------------------------------------

static void merging(void **state)
{
    (void)state;
    static const struct {
        const char *what, *to, *cc;
        uint8_t member;
        const char *notifications;
        bool courtesy;
    } cases[] = {
        { "member alone", "member", "", ANN, "ann@example.com:member:r", true },
        { "owner alone", "owner", "", CARL, "carl@example.com:owner:r; dora@example.com:owner:r", false },
        { "owner first in the rule, member more specific", "owner member", "", CARL,
          "carl@example.com:member owner:r; dora@example.com:owner:r", false },
        { "cc adds a role", "member", "owner manager", CARL, "carl@example.com:member owner:r; dora@example.com:owner:r", false },
        { "an address that is somebody's", "member ann@Example.COM", "", ANN, "ann@example.com:member address:r", true },
        { "but local parts keep their case", "member Ann@example.com", "", ANN, "ann@example.com:member:r; Ann@example.com:address:r", true },
        { "two entries with one mailbox", "member attr:mail", "", TWIN, "ann@EXAMPLE.com:member:r; staff@lists.example.com:attr:mail:r", true },
        { "user and member", "admins member user it@example.com", "", ANN,
          "it@example.com:admins address:r; ann@example.com:user member:r", false },
        { "the same role twice", "member member", "", ANN, "ann@example.com:member:r", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake *fake = make();
        struct route_result result;
        fake_words(fake, &fake_rule(fake, "r", "*", cases[i].to)->cc, cases[i].cc);
        struct directory_event event = member_event(EVENT_GROUP_MEMBER_ADDED, cases[i].member, "uid=x,dc=x");
        run(fake, &event, NOW, &result);
        char *text = fake_notifications(fake, &result);
        if (strcmp(text, cases[i].notifications) != 0)
            fail_msg("%s:\n  expected %s\n  got      %s", cases[i].what, cases[i].notifications, text);
        assert_int_equal(result.notifications[0].courtesy, cases[i].courtesy);
        talloc_free(fake);
    }
}

static void earlier_rules_first(void **state)
{
    (void)state;
    struct fake *fake = make();
    struct route_result result;
    struct config_rule *rule = fake_rule(fake, "first", "*", "member");
    rule->template = talloc_strdup(fake, "special");
    rule->digest_wait = 5 * CLOCK_MINUTE;
    rule->language = talloc_strdup(fake, "fr");
    fake_rule(fake, "second", "*", "attr:mail member admins");
    fake_rule(fake, "third", "*", "member")->transport = talloc_strdup(fake, "other");
    struct directory_event event = ANN_ADDED;
    run(fake, &event, NOW, &result);
    assert_string_equal(fake_notifications(fake, &result),
                        "ann@example.com:member:first; staff@lists.example.com:attr:mail:second; it@example.com:admins:second; "
                        "ann@example.com:member:third");
    assert_string_equal(fake_decisions(fake, &result),
                        "member>ann@example.com:told; attr:mail>staff@lists.example.com:told; member>ann@example.com:merged; "
                        "admins>it@example.com:told; member>ann@example.com:told");
    assert_string_equal(result.decisions[2].reason,
                        "new member of cn=staff,dc=x (attribute member); told already as member by rule first");
    const struct notification *first = &result.notifications[0];
    assert_int_equal(first->event_sequence, 5);
    assert_string_equal(first->template_name, "special");
    assert_string_equal(first->language, "fr");
    assert_int_equal(first->digest_wait, 5 * CLOCK_MINUTE);
    assert_string_equal(first->transport, "default");
    assert_string_equal(result.notifications[3].transport, "other");
    assert_null(result.notifications[3].template_name);
    assert_string_equal(first->recipient.dn, "uid=ann,dc=x");
    assert_string_equal(first->recipient.name, "Ann");
    assert_string_equal(first->recipient.language, "de-AT");
    assert_int_equal(first->recipient.uuid.octets[0], ANN);
    talloc_free(fake);
}

// Somebody told as a member by the first rule and as an owner by the second is told for more than courtesy.
static void roles_of_later_rules_count(void **state)
{
    (void)state;
    struct fake *fake = make();
    struct route_result result;
    fake_rule(fake, "first", "*", "attr:seeAlso");
    fake_rule(fake, "second", "*", "owner");
    struct directory_event event = member_event(EVENT_GROUP_OWNER_ADDED, FRED, "uid=fred,dc=x");
    run(fake, &event, NOW, &result);
    assert_string_equal(result.notifications[0].roles, "owner attr:seeAlso");
    assert_string_equal(result.notifications[0].rule, "first");
    assert_false(result.notifications[0].courtesy);
    talloc_free(fake);
}

// --- fallback ------------------------------------------------------------------------------------

static void fallback(void **state)
{
    (void)state;
    static const struct {
        const char *what, *to, *cc, *fallback;
        uint8_t member;
        const char *decisions, *last_reason;
    } cases[] = {
        { "not needed", "member", "", "admins", ANN, "member>ann@example.com:told", "new member of cn=staff,dc=x (attribute member)" },
        { "no address", "member", "", "admins", NOMAIL, "member>uid=nomail,dc=x:no_address; admins>it@example.com:fallback",
          "administrator in mail.admins; told because member reached nobody" },
        { "disabled", "member", "", "x@example.com", EVE, "member>eve@example.com:disabled; address>x@example.com:fallback",
          "address named in the rule; told because member reached nobody" },
        { "nobody, and another role that is told already", "manager member", "", "member admins", BOB,
          "manager>:nobody; member>bob@example.com:told; member>bob@example.com:merged; admins>it@example.com:fallback",
          "administrator in mail.admins; told because manager reached nobody" },
        { "two roles, one fallback", "member manager", "", "admins", NOMAIL,
          "member>uid=nomail,dc=x:no_address; manager>uid=nomail,dc=x:no_address; admins>it@example.com:fallback",
          "administrator in mail.admins; told because member and manager reached nobody" },
        { "not for cc", "admins", "manager", "x@example.com", BOB, "admins>it@example.com:told; manager>:nobody",
          "uid=x,dc=x has no manager" },
        { "a role some of whom are reached", "owner", "", "admins", ANN,
          "owner>carl@example.com:told; owner>dora@example.com:told; owner>eve@example.com:disabled",
          "member of cn=admins,dc=x, owner of cn=staff,dc=x (attribute owner), but the account is disabled" },
        { "a fallback that reaches nobody either", "member", "", "manager", NOMAIL,
          "member>uid=nomail,dc=x:no_address; manager>uid=nomail,dc=x:no_address",
          "manager of uid=x,dc=x (attribute manager), but has no usable mail address; told because member reached nobody" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake *fake = make();
        struct route_result result;
        struct config_rule *rule = fake_rule(fake, "r", "*", cases[i].to);
        fake_words(fake, &rule->cc, cases[i].cc);
        fake_words(fake, &rule->fallback, cases[i].fallback);
        struct directory_event event = member_event(EVENT_GROUP_MEMBER_ADDED, cases[i].member, "uid=x,dc=x");
        run(fake, &event, NOW, &result);
        char *text = fake_decisions(fake, &result);
        if (strcmp(text, cases[i].decisions) != 0)
            fail_msg("%s:\n  expected %s\n  got      %s", cases[i].what, cases[i].decisions, text);
        assert_string_equal(result.decisions[result.decision_count - 1].reason, cases[i].last_reason);
        talloc_free(fake);
    }
}

// --- age, nesting, failure -----------------------------------------------------------------------

static void stale(void **state)
{
    (void)state;
    struct fake *fake = make();
    struct route_result result;
    fake->config.mail.max_event_age = CLOCK_DAY;
    fake_rule(fake, "day", "*", "member");
    fake_rule(fake, "ever", "*", "admins")->max_event_age = 0;
    struct directory_event event = ANN_ADDED;
    run(fake, &event, NOW + CLOCK_DAY, &result);
    assert_string_equal(fake_decisions(fake, &result), "member>ann@example.com:told; admins>it@example.com:told");
    assert_int_equal(result.notifications[0].expires, NOW + CLOCK_DAY);
    assert_int_equal(result.notifications[1].expires, 0);
    run(fake, &event, NOW + CLOCK_DAY + 1, &result);
    assert_string_equal(fake_decisions(fake, &result), ">:stale; admins>it@example.com:told");
    assert_string_equal(result.decisions[0].reason, "the event is older than max_event_age, 1 day");
    assert_string_equal(result.decisions[0].rule, "day");
    talloc_free(fake);
}

static void deep_nesting(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    struct route_result result;
    for (int i = 0; i < 40; i++)
        fake_add(fake, (uint8_t)(100 + i), false, talloc_asprintf(fake, "dn: cn=g%d,dc=x\nobjectClass: groupOfNames\nmember: cn=g%d,dc=x\n",
                                                                 i, i + 1));
    fake_rule(fake, "r", "*", "member");
    struct directory_event event = member_event(EVENT_GROUP_MEMBER_ADDED, 100, "cn=g0,dc=x");
    run(fake, &event, NOW, &result);
    assert_int_equal(result.decision_count, 1);
    assert_int_equal(result.decisions[0].outcome, DECISION_NOBODY);
    assert_non_null(strstr(result.decisions[0].reason, "nested deeper than 32 levels; not followed"));
    assert_int_equal(result.notification_count, 0);
    talloc_free(fake);
}

static void a_large_group(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    struct route_result result;
    char *text = talloc_strdup(fake, "dn: cn=large,dc=x\nobjectClass: groupOfNames\n");
    for (int i = 0; i < 2000; i++)
        text = talloc_asprintf_append(text, "mail: p%d@example.com\n", i % 1000);
    fake_add(fake, STAFF, false, text);
    fake_rule(fake, "r", "*", "attr:mail");
    struct directory_event event = user_event(EVENT_GROUP_MODIFIED, STAFF, "cn=large,dc=x");
    run(fake, &event, NOW, &result);
    assert_int_equal(result.notification_count, 1000);
    assert_int_equal(result.decision_count, 2000);
    for (size_t i = 0; i < 1000; i++)
        assert_string_equal(result.notifications[i].roles, "attr:mail");
    talloc_free(fake);
}

static void a_broken_store(void **state)
{
    (void)state;
    static const char *const words[] = { "member", "owner", "manager", "user", "actor", "attr:mail", "attr:seeAlso" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct fake *fake = make();
        struct route_result result = { 0 };
        struct error err = { 0 };
        fake_rule(fake, "r", "*", words[i]);
        fake_start(fake);
        struct directory_event event = ANN_ADDED;
        event.actor = fake_party(CARL, "uid=carl,dc=x");
        struct route_match match = { .event = &event, .rule = 0 };
        fake->broken = true;
        assert_int_equal(router_expand(fake->router, fake, &match, 1, NOW, &result, &err), -1);
        assert_string_equal(err.text, "the store is broken");
        talloc_free(fake);
    }
}

// --- system events, addresses --------------------------------------------------------------------

static void system_events(void **state)
{
    (void)state;
    struct fake *fake = make();
    struct route_result result = { 0 };
    struct error err;
    fake_words(fake, &fake->config.mail.admins, "it@example.com ops@example.com it@EXAMPLE.com");
    fake->config.mail.max_event_age = CLOCK_HOUR;
    fake->config.mail.digest_wait = CLOCK_HOUR;
    fake_start(fake);
    struct directory_event event = { .type = EVENT_SYSTEM_STORM_HELD, .time = NOW, .sequence = 9, .directory = "corp", .rule = "members" };
    assert_int_equal(router_admins(fake->router, fake, &event, &result, &err), 0);
    assert_string_equal(fake_notifications(fake, &result), "it@example.com:admins:system; ops@example.com:admins:system");
    assert_int_equal(result.decision_count, 3);
    assert_int_equal(result.notifications[0].digest_wait, 0);
    assert_int_equal(result.notifications[0].expires, 0);
    assert_int_equal(result.notifications[0].event_sequence, 9);
    assert_false(result.notifications[0].courtesy);
    assert_string_equal(result.notifications[0].transport, "default");

    fake_words(fake, &fake->config.mail.admins, "");
    result = (struct route_result){ 0 };
    assert_int_equal(router_admins(fake->router, fake, &event, &result, &err), 0);
    assert_string_equal(fake_decisions(fake, &result), "admins>:nobody");
    assert_string_equal(result.decisions[0].reason, "neither directory corp nor mail has admins");

    fake->config.transport_count = 0;
    assert_int_equal(router_admins(fake->router, fake, &event, &result, &err), -1);
    assert_non_null(strstr(err.text, "no transport"));
    talloc_free(fake);
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *attributes, *text, *address;
    } cases[] = {
        { "mail", "mail: a@example.com\n", "a@example.com" },
        { "", "mail: a@example.com\n", "a@example.com" },
        { "mail rfc822MailMember", "rfc822MailMember: b@example.com\nmail: a@example.com\n", "a@example.com" },
        { "rfc822MailMember MAIL", "rfc822MailMember: b@example.com\nmail: a@example.com\n", "b@example.com" },
        { "rfc822MailMember mail", "mail: a@example.com\n", "a@example.com" },
        { "mail", "mail: nonsense\nmail: a@example.com\n", "a@example.com" },
        { "mail", "mail: a@example.com\r, b@example.com\n", NULL },
        { "mail", "cn: a@example.com\n", NULL },
        { "rfc822MailMember", "mail: a@example.com\n", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake *fake = fake_new();
        struct entry *entry;
        struct error err;
        bool former;
        fake_words(fake, &fake->directory.mail_attributes, cases[i].attributes);
        fake_add(fake, 1, false, talloc_asprintf(fake, "dn: uid=x\n%s", cases[i].text));
        struct uuid uuid = { { 1 } };
        assert_int_equal(fake->lookup.by_uuid(fake, fake, &uuid, &entry, &former, &err), 0);
        char *address = flavour_address(fake, &fake->directory, entry);
        if (cases[i].address)
            assert_string_equal(address, cases[i].address);
        else
            assert_null(address);
        talloc_free(fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles), cmocka_unit_test(admins_of_the_directory), cmocka_unit_test(merging),
        cmocka_unit_test(earlier_rules_first), cmocka_unit_test(roles_of_later_rules_count), cmocka_unit_test(fallback),
        cmocka_unit_test(stale), cmocka_unit_test(deep_nesting), cmocka_unit_test(a_large_group),
        cmocka_unit_test(a_broken_store), cmocka_unit_test(system_events), cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
