// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "directory/schema.h"
#include "route_fake.h"

#define NOW INT64_C(1795172600000)

static struct entry *make_group(TALLOC_CTX *ctx, const char *dn, const char *cn)
{
    struct uuid uuid = { { 1 } };
    struct entry *entry = entry_new(ctx, &uuid, dn);
    entry_add_text(entry, "objectClass", "groupOfNames");
    entry_add_text(entry, "cn", cn);
    return entry;
}

static struct directory_event make_event(enum event_type type)
{
    return (struct directory_event){ .sequence = 5, .type = type, .time = NOW, .directory = "corp",
                           .entry = fake_party(1, "cn=staff,ou=groups,dc=x"), .party = fake_party(2, "uid=a,dc=x"),
                           .attribute = "member" };
}

// --- which rules want an event -------------------------------------------------------------------

static void patterns(void **state)
{
    (void)state;
    static const struct {
        const char *on;
        enum event_type type;
        bool matches;
    } cases[] = {
        { "group.member.added", EVENT_GROUP_MEMBER_ADDED, true },
        { "group.member.added", EVENT_GROUP_MEMBER_REMOVED, false },
        { "group.member.added group.member.removed", EVENT_GROUP_MEMBER_REMOVED, true },
        { "group.*", EVENT_GROUP_MEMBER_ADDED, true },
        { "group.*", EVENT_USER_CREATED, false },
        { "*.deleted", EVENT_USER_DELETED, true },
        { "*", EVENT_USER_LOCKED, true },
        { "* !user.locked", EVENT_USER_LOCKED, false },
        { "!user.locked *", EVENT_USER_LOCKED, false },
        { "* !user.locked", EVENT_USER_UNLOCKED, true },
        { "user.* !user.password.*", EVENT_USER_PASSWORD_RESET, false },
        { "!user.locked", EVENT_USER_UNLOCKED, false },
        { "*", EVENT_SYSTEM_STORM_HELD, false }, // to the admins, by no rule
        { "system.*", EVENT_SYSTEM_DIRECTORY_REFUSED, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake *fake = fake_new();
        fake_rule(fake, "r", cases[i].on, "admins");
        fake_start(fake);
        struct directory_event event = make_event(cases[i].type);
        struct route_match *matches;
        struct route_result result = { 0 };
        struct error err;
        size_t count;
        assert_int_equal(router_match(fake->router, fake, &event, NULL, NULL, &matches, &count, &result, &err), 0);
        if (count != cases[i].matches)
            fail_msg("\"%s\" and %s", cases[i].on, event_kind(cases[i].type)->name);
        assert_int_equal(result.decision_count, 0);
        talloc_free(fake);
    }
}

static void where_and_base(void **state)
{
    (void)state;
    static const char staff[] = "cn=staff,ou=groups,dc=x", team[] = "CN=Team, OU=Other,dc=x";
    static const struct {
        const char *where, *base, *old, *new;
        const char *reason; // NULL: it matches
    } cases[] = {
        { NULL, NULL, staff, staff, NULL },
        { "(cn=staff)", NULL, staff, staff, NULL },
        { "(cn=staff)", NULL, staff, team, NULL }, // before
        { "(cn=team)", NULL, staff, team, NULL },  // or after
        { "(cn=team)", NULL, NULL, team, NULL },
        { "(cn=staff)", NULL, staff, NULL, NULL },
        { "(!(cn=test-*))", NULL, staff, staff, NULL },
        { "(cn=test-*)", NULL, staff, team, "cn=staff,ou=groups,dc=x does not match where (cn=test-*), neither before nor after" },
        { NULL, "ou=Groups,dc=x", staff, staff, NULL },
        { NULL, "ou=other, dc=x", staff, team, NULL },
        { NULL, "ou=groups,dc=x", staff, team, NULL },
        { NULL, "ou=roups,dc=x", staff, staff, "cn=staff,ou=groups,dc=x is not below ou=roups,dc=x" },
        { NULL, "cn=staff,ou=groups,dc=x", staff, staff, NULL },
        { "(cn=staff)", "dc=y", staff, staff, "cn=staff,ou=groups,dc=x is not below dc=y" },
        { NULL, "ou=groups,dc=x", NULL, NULL, NULL }, // the event's own DN
        { NULL, "dc=y", NULL, NULL, "cn=staff,ou=groups,dc=x is not below dc=y" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake *fake = fake_new();
        struct config_rule *rule = fake_rule(fake, "r", "group.*", "admins");
        rule->where = talloc_strdup(fake, cases[i].where);
        rule->base = talloc_strdup(fake, cases[i].base);
        fake_start(fake);
        struct entry *old = cases[i].old ? make_group(fake, cases[i].old, cases[i].old == staff ? "staff" : "team") : NULL;
        struct entry *new = cases[i].new ? make_group(fake, cases[i].new, cases[i].new == staff ? "staff" : "team") : NULL;
        struct directory_event event = make_event(EVENT_GROUP_MODIFIED);
        struct route_match *matches;
        struct route_result result = { 0 };
        struct error err;
        size_t count;
        assert_int_equal(router_match(fake->router, fake, &event, old, new, &matches, &count, &result, &err), 0);
        assert_int_equal(count, cases[i].reason ? 0 : 1);
        assert_int_equal(result.decision_count, cases[i].reason ? 1 : 0);
        if (cases[i].reason) {
            assert_int_equal(result.decisions[0].outcome, DECISION_NO_MATCH);
            assert_string_equal(result.decisions[0].rule, "r");
            assert_string_equal(result.decisions[0].role, "");
            assert_string_equal(result.decisions[0].reason, cases[i].reason);
        }
        talloc_free(fake);
    }
}

static void only_rules_that_apply(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_rule(fake, "off", "*", "admins")->enabled = false;
    fake_words(fake, &fake_rule(fake, "elsewhere", "*", "admins")->directories, "branch lab");
    fake_words(fake, &fake_rule(fake, "here", "*", "admins")->directories, "lab corp");
    fake_rule(fake, "everywhere", "*", "admins");
    fake_rule(fake, "bad but off", "*", "nonsense")->enabled = false;
    fake_start(fake);
    struct directory_event event = make_event(EVENT_GROUP_CREATED);
    struct route_match *matches;
    struct route_result result = { 0 };
    struct error err;
    size_t count;
    assert_int_equal(router_match(fake->router, fake, &event, NULL, NULL, &matches, &count, &result, &err), 0);
    assert_int_equal(count, 2);
    assert_string_equal(router_rule_name(fake->router, matches[0].rule), "here");
    assert_string_equal(router_rule_name(fake->router, matches[1].rule), "everywhere");
    assert_ptr_equal(matches[1].event, &event);
    assert_int_equal(router_rule_count(fake->router), 5);
    assert_int_equal(router_rule_find(fake->router, "everywhere"), 3);
    assert_int_equal(router_rule_find(fake->router, "off"), -1);
    assert_int_equal(router_rule_find(fake->router, "elsewhere"), -1);
    assert_int_equal(router_rule_find(fake->router, "nobody"), -1);
    assert_null(router_rule_name(fake->router, 5));
    talloc_free(fake);
}

static void bad_rules(void **state)
{
    (void)state;
    static const struct {
        const char *to, *where, *base, *transport, *words;
    } cases[] = {
        { "everybody", NULL, NULL, NULL, "\"everybody\" is no role" },
        { "attr:", NULL, NULL, NULL, "is no role" },
        { "attr:userPassword", NULL, NULL, NULL, "holds secrets" },
        { "admins", "(cn=x", NULL, NULL, "rule \"r\", where: " },
        { "admins", "(userPassword=*)", NULL, NULL, "holds secrets" },
        { "admins", NULL, "nonsense", NULL, "rule \"r\", base: " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake *fake = fake_new();
        struct error err = { 0 };
        struct config_rule *rule = fake_rule(fake, "r", "*", cases[i].to);
        rule->where = talloc_strdup(fake, cases[i].where);
        rule->base = talloc_strdup(fake, cases[i].base);
        assert_null(router_new(fake, &fake->config, &fake->directory, fake->flavour, &fake->lookup, &err));
        if (!strstr(err.text, cases[i].words))
            fail_msg("\"%s\" lacks \"%s\"", err.text, cases[i].words);
        talloc_free(fake);
    }
    struct fake *fake = fake_new();
    struct error err = { 0 };
    fake_rule(fake, "r", "*", "admins");
    fake->config.transport_count = 0;
    assert_null(router_new(fake, &fake->config, &fake->directory, fake->flavour, &fake->lookup, &err));
    assert_non_null(strstr(err.text, "no transport"));
    talloc_free(fake);
}

// --- attributes ----------------------------------------------------------------------------------

struct names {
    TALLOC_CTX *ctx;
    char *text;
};

static void take_name(void *context, const char *name)
{
    struct names *names = context;
    assert_ptr_equal(name, schema_canonical(name, strlen(name)));
    names->text = talloc_asprintf_append(names->text, "%s ", name);
}

static void attributes(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    struct config_rule *rule = fake_rule(fake, "r", "*", "member attr:contactPerson");
    rule->where = talloc_strdup(fake, "(&(departmentNumber=5)(!(TITLE=x)))");
    fake_words(fake, &rule->cc, "attr:secretary");
    fake_words(fake, &rule->fallback, "attr:seeAlso");
    fake_rule(fake, "off", "*", "attr:roomNumber")->enabled = false;
    fake_start(fake);
    struct names names = { fake, talloc_strdup(fake, " ") };
    router_attributes(fake->router, take_name, &names);
    static const char *const wanted[] = { "objectClass", "member", "memberUid", "owner", "manager", "pwdAccountLockedTime",
                                          "pwdChangedTime", "pwdReset", "modifiersName", "creatorsName", "displayName", "cn",
                                          "uid", "mail", "rfc822MailMember", "preferredLanguage", "employeeType", "title",
                                          "departmentNumber", "secretary", "seeAlso", "contactPerson" };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char *word = talloc_asprintf(fake, " %s ", schema_canonical(wanted[i], strlen(wanted[i])));
        if (!strstr(names.text, word))
            fail_msg("%s is not asked for: %s", wanted[i], names.text);
    }
    assert_null(strstr(names.text, "roomNumber"));
    talloc_free(fake);
}

// --- estimates -----------------------------------------------------------------------------------

static void estimates(void **state)
{
    (void)state;
    static const struct {
        enum event_type type;
        const char *to;
        size_t estimate;
    } cases[] = {
        { EVENT_GROUP_MEMBER_ADDED, "member", 1 },
        { EVENT_GROUP_MODIFIED, "member", 3 },
        { EVENT_GROUP_MODIFIED, "member owner", 5 },
        { EVENT_GROUP_MODIFIED, "owner admins x@example.com", 4 },
        { EVENT_GROUP_OWNER_ADDED, "owner", 3 },
        { EVENT_GROUP_DELETED, "member owner", 7 },
        { EVENT_GROUP_MEMBER_ADDED, "manager", 2 },
        { EVENT_GROUP_CREATED, "manager", 1 }, // nobody, but at least 1
        { EVENT_USER_LOCKED, "user", 1 },
        { EVENT_USER_MANAGER_ADDED, "manager", 1 },
        { EVENT_USER_LOCKED, "member", 1 },
        { EVENT_GROUP_MODIFIED, "attr:seeAlso", 2 },
        { EVENT_GROUP_MODIFIED, "attr:mail", 1 },
        { EVENT_GROUP_MODIFIED, "actor", 1 },
    };
    static struct party members[5], owners[2];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake *fake = fake_new();
        fake_add(fake, 1, false, "dn: cn=staff,ou=groups,dc=x\nmember: uid=a\nmember: uid=b\nmemberUid: c\nowner: uid=d\n"
                                 "owner: uid=e\nseeAlso: uid=f\nseeAlso: uid=g\n");
        fake_add(fake, 2, false, "dn: uid=a,dc=x\nobjectClass: account\nmanager: uid=h\nmanager: uid=i\n");
        fake_rule(fake, "r", "*", cases[i].to);
        fake_start(fake);
        struct directory_event event = make_event(cases[i].type);
        if (!event_kind(cases[i].type)->party)
            event.party = (struct party){ 0 };
        if (cases[i].type == EVENT_GROUP_DELETED) {
            event.members = members;
            event.member_count = 5;
            event.owners = owners;
            event.owner_count = 2;
        }
        struct route_match *matches;
        struct route_result result = { 0 };
        struct error err;
        size_t count;
        assert_int_equal(router_match(fake->router, fake, &event, NULL, NULL, &matches, &count, &result, &err), 0);
        assert_int_equal(count, 1);
        if (matches[0].estimate != cases[i].estimate)
            fail_msg("%s to %s: %zu", event_kind(cases[i].type)->name, cases[i].to, matches[0].estimate);
        assert_int_equal(fake->reads, 0);
        talloc_free(fake);
    }
}

// A member that is a group counts by its direct members.
static void estimate_of_a_group(void **state)
{
    (void)state;
    struct fake *fake = fake_new();
    fake_add(fake, 2, false, "dn: cn=sub,dc=x\nobjectClass: groupOfNames\nmember: uid=a\nmember: uid=b\nmember: uid=c\n");
    fake_rule(fake, "r", "*", "member");
    fake_start(fake);
    struct directory_event event = make_event(EVENT_GROUP_MEMBER_ADDED);
    struct route_match *matches;
    struct route_result result = { 0 };
    struct error err;
    size_t count;
    assert_int_equal(router_match(fake->router, fake, &event, NULL, NULL, &matches, &count, &result, &err), 0);
    assert_int_equal(matches[0].estimate, 3);
    fake->broken = true;
    assert_int_equal(router_match(fake->router, fake, &event, NULL, NULL, &matches, &count, &result, &err), -1);
    assert_string_equal(err.text, "the store is broken");
    talloc_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),   cmocka_unit_test(where_and_base), cmocka_unit_test(only_rules_that_apply),
        cmocka_unit_test(bad_rules),  cmocka_unit_test(attributes),     cmocka_unit_test(estimates),
        cmocka_unit_test(estimate_of_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
