// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "directory/dn.h"
#include "directory/schema.h"
#include "event/diff.h"

// Rows name only the fields that they need.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

// Each row: an entry before and after, the links that changed, and the events that this must give, in short form.

#define NOW "20261120120000Z"
#define EARLIER "20261120115500Z" // five minutes ago
#define LONG_AGO "20261120080000Z"

#define BARE_USER "dn: uid=jd,ou=people,dc=x\nobjectClass: inetOrgPerson\nuid: jd\ncn: Jane Doe\n"
#define USER BARE_USER "mail: jd@example.com\n"
#define GROUP "dn: cn=staff,ou=groups,dc=x\nobjectClass: groupOfNames\ncn: staff\n"
#define UNIT "dn: ou=staff,dc=x\nobjectClass: organizationalUnit\nou: staff\n"
#define AD_USER "dn: CN=Jane,OU=Staff,DC=x\nobjectClass: user\nsAMAccountName: jd\n"
#define BY_ADMIN "modifiersName: cn=Admin,dc=x\n"
#define BY_HERSELF "modifiersName: UID=jd, ou=people,dc=x\n"
#define BY_ROOT "modifiersName: cn=root,dc=x\n"
#define BOSS "uid=boss,ou=people,dc=x"

#define LIVE 1
#define EXPIRED 2  // our timer has said that the lock ended
#define FOREVER 4  // lockout_duration 0, else 15 minutes
#define MOVED 8    // moved_with_parent

struct row {
    const char *what;
    const char *old, *new;
    const char *links; // "+member:uid=a,dc=x#1|-owner:…": gained or lost, attribute, value, entry
    const char *expected;
    int flags;
    const char *flavour; // NULL: openldap
    const char *silent, *known, *kept, *watched; // NULL: none, all, none, the usual ones
};

static const struct row rows[] = {
    // --- what is created and deleted ---
    { "a user appears", NULL, USER, NULL, "user.created" },
    { "a mail contact without an account", NULL, AD_USER "objectClass: contact\n", NULL, "user.created", .flavour = "ad" },
    { "neither user nor group", NULL, UNIT, NULL, "" },
    { "neither, changed", UNIT, UNIT "description: x\n", "+owner:" BOSS "#2", "" },
    { "a machine account is no user", NULL, "dn: uid=host$,dc=x\nobjectClass: posixAccount\nuid: host$\n", NULL, "" },
    { "a user appears with a manager", NULL, USER, "+manager:" BOSS "#2",
      "user.created; user.manager.added(" BOSS ")[manager]" },
    { "a new user's locks, passwords and state are no events", NULL,
      USER "pwdAccountLockedTime: " EARLIER "\npwdChangedTime: " EARLIER "\npwdReset: TRUE\n", NULL, "user.created" },
    { "a group appears with members and owners", NULL, GROUP, "+member:uid=a,dc=x#1|+member:uid=b,dc=x#2|+owner:" BOSS "#3",
      "group.created; group.member.added(uid=a,dc=x)[member]; group.member.added(uid=b,dc=x)[member]; "
      "group.owner.added(" BOSS ")[owner]" },
    { "a user goes", USER BY_ADMIN, NULL, "-manager:" BOSS "#2", "user.deleted managers=" BOSS, LIVE },
    { "a group goes", GROUP BY_ADMIN, NULL, "-member:uid=a,dc=x#1|-memberUid:a#1|-member:uid=b,dc=x|-owner:" BOSS "#3",
      "group.deleted members=uid=a,dc=x,uid=b,dc=x owners=" BOSS, LIVE },
    { "the last members are told though new in the view", GROUP, NULL, "-member:uid=a,dc=x#1",
      "group.deleted members=uid=a,dc=x", .silent = "member" },
    { "a unit becomes a group", UNIT, UNIT "objectClass: groupOfNames\n", "+member:uid=b,dc=x#2",
      "group.created; group.member.added(uid=a,dc=x)[member]; group.member.added(uid=b,dc=x)[member]",
      .kept = "+member:uid=a,dc=x#1" },
    { "a group ceases to be one", UNIT "objectClass: groupOfNames\n", UNIT, "-member:uid=b,dc=x#2",
      "group.deleted members=uid=a,dc=x,uid=b,dc=x", .kept = "+member:uid=a,dc=x#1" },
    { "a group ceases to be one and is renamed: as it was then", "dn: cn=old,dc=x\nobjectClass: groupOfNames\n",
      "dn: cn=new,dc=x\nobjectClass: device\n", NULL, "group.deleted:cn=old,dc=x" },
    { "a device becomes a user", "dn: cn=d,dc=x\nobjectClass: device\n", "dn: cn=d,dc=x\nobjectClass: account\n" BY_ADMIN, NULL,
      "user.created actor=cn=Admin,dc=x origin=operator", LIVE },
    { "objectClass is new in the view", "dn: uid=jd,dc=x\nuid: jd\n", "dn: uid=jd,dc=x\nuid: jd\nobjectClass: account\n", NULL, "",
      .silent = "objectClass" },
    { "objectClass is no longer in the view", "dn: uid=jd,dc=x\nobjectClass: account\n", "dn: uid=jd,dc=x\nuid: jd\n", NULL, "",
      .known = "uid cn" },

    // --- names ---
    { "a user is renamed", BARE_USER, "dn: uid=jane,ou=people,dc=x\nobjectClass: inetOrgPerson\n", NULL,
      "user.renamed:uid=jane,ou=people,dc=x[dn] dn:uid=jd,ou=people,dc=x>uid=jane,ou=people,dc=x" },
    { "a group is renamed", GROUP, "dn: cn=team,ou=groups,dc=x\nobjectClass: groupOfNames\n", NULL,
      "group.renamed:cn=team,ou=groups,dc=x[dn] dn:cn=staff,ou=groups,dc=x>cn=team,ou=groups,dc=x" },
    { "a branch was renamed", BARE_USER, "dn: uid=jd,ou=staff,dc=x\nobjectClass: inetOrgPerson\n" BY_ADMIN, NULL, "", LIVE | MOVED },
    { "a DN in another case", USER, "dn: UID=JD, ou=People,dc=x\nobjectClass: inetOrgPerson\nmail: jd@example.com\n", NULL, "" },

    // --- watched attributes ---
    { "a no-op modify", USER "title: Clerk\n", USER "title: Clerk\n" BY_ADMIN, NULL, "", LIVE },
    { "a title is added", USER, USER "title: Clerk\n", NULL, "user.modified[title] title:>Clerk" },
    { "a title goes", USER "title: Clerk\n", USER, NULL, "user.modified[title] title:Clerk>" },
    { "only the case of a name for people differs", USER "title: clerk\n", USER "title: Clerk\n", NULL,
      "user.modified[title] title:clerk>Clerk" },
    { "the same values in another order", USER "title: a\ntitle: b\n", USER "title: b\ntitle: a\n", NULL, "" },
    { "one value twice is another set", USER "title: a\ntitle: a\n", USER "title: a\ntitle: b\n", NULL,
      "user.modified[title] title:a,a>a,b" },
    { "two attributes at once", USER "title: a\n", BARE_USER "mail: jane@example.com\ntitle: b\n", NULL,
      "user.modified title:a>b mail:jd@example.com>jane@example.com" },
    { "an attribute that is not watched", USER, USER "description: x\n", NULL, "" },
    { "an attribute new in the view", USER, USER "title: Clerk\n", NULL, "", .silent = "title" },
    { "an attribute no longer in the view", USER "title: Clerk\n", USER, NULL, "", .known = "objectClass uid cn mail member" },
    { "a group's description", GROUP, GROUP "title: x\n", NULL, "group.modified[title] title:>x" },
    { "one that is user and group at once", USER "objectClass: groupOfNames\n", USER "objectClass: groupOfNames\ntitle: x\n", NULL,
      "group.modified[title] title:>x" },
    { "control characters are cleaned", USER, USER "title: a\x1b[31m\xe2\x80\xae" "b\n", NULL, "user.modified[title] title:>a[31mb" },
    { "octets are only counted", USER, USER "jpegPhoto: xyz\n", NULL, "user.modified[jpegPhoto] jpegPhoto:>(3 octets)",
      .watched = "jpegPhoto" },
    { "a password is never told", USER, USER "userPassword: x\n", NULL, "", .watched = "userPassword" },
    { "role attributes have events of their own", USER "pwdChangedTime: " LONG_AGO "\n", USER "pwdChangedTime: " NOW "\n", NULL,
      "user.password.changed", .watched = "pwdChangedTime modifiersName" },
    { "times are compared as times", USER "pwdEndTime: 20270101000000Z\n", USER "pwdEndTime: 202701010000Z\n", NULL, "",
      .watched = "pwdEndTime" },
    { "another time", USER "pwdEndTime: 20270101000000Z\n", USER "pwdEndTime: 20280101000000Z\n", NULL,
      "user.modified[pwdEndTime] pwdEndTime:20270101000000Z>20280101000000Z", .watched = "pwdEndTime" },
    { "booleans in another case", USER "pwdReset: TRUE\n", USER "pwdReset: true\n", NULL, "", .watched = "pwdReset" },
    { "a watched link: lost and gained", USER, USER, "-secretary:uid=a,dc=x#1|+secretary:uid=b,dc=x#2",
      "user.modified[secretary] secretary:uid=a,dc=x>uid=b,dc=x", .watched = "secretary" },
    { "a watched link that only follows a rename", USER, USER, "-secretary:uid=a,dc=x#1|+secretary:uid=aa,dc=x#1", "",
      .watched = "secretary" },
    { "the owner of a user is no role", USER, USER, "+owner:" BOSS "#3", "user.modified[owner] owner:>" BOSS, .watched = "owner" },
    { "the owner of a group is one", GROUP, GROUP, "+owner:" BOSS "#3", "group.owner.added(" BOSS ")[owner]", .watched = "owner" },

    // --- members, owners, managers ---
    { "a member more", GROUP, GROUP BY_ADMIN, "+member:uid=a,dc=x#1",
      "group.member.added(uid=a,dc=x)[member] actor=cn=Admin,dc=x origin=operator", LIVE },
    { "one less", GROUP, GROUP, "-uniqueMember:uid=a,dc=x#1", "group.member.removed(uid=a,dc=x)[uniqueMember]" },
    { "a memberUid outside the mirror", GROUP, GROUP, "+memberUid:nobody", "group.member.added(nobody)[memberUid]" },
    { "members replaced by the same and one other", GROUP, GROUP,
      "-member:uid=a,dc=x#1|-member:uid=b,dc=x#2|+member:uid=a,dc=x#1|+member:uid=c,dc=x#3",
      "group.member.removed(uid=b,dc=x)[member]; group.member.added(uid=c,dc=x)[member]" },
    { "refint follows a rename: one entry by two names", GROUP, GROUP, "-member:uid=jd,dc=x#1|+member:uid=jane,dc=x#1", "" },
    { "from memberUid to member", GROUP, GROUP, "-memberUid:a#1|+member:uid=a,dc=x#1", "" },
    { "by two attributes at once, told once", GROUP, GROUP, "+memberUid:a#1|+member:uid=a,dc=x#1",
      "group.member.added(a)[memberUid]" },
    { "outside the mirror names count", GROUP, GROUP, "-member:uid=a,dc=y|+member:uid=A,dc=y|-member:uid=b,dc=y",
      "group.member.removed(uid=b,dc=y)[member]" },
    { "member and owner are two roles", GROUP, GROUP, "-member:" BOSS "#3|+owner:" BOSS "#3",
      "group.member.removed(" BOSS ")[member]; group.owner.added(" BOSS ")[owner]" },
    { "an owner less", GROUP, GROUP, "-owner:" BOSS "#3", "group.owner.removed(" BOSS ")[owner]" },
    { "a manager for another", USER, USER, "-manager:" BOSS "#3|+manager:uid=chief,dc=x#4",
      "user.manager.removed(" BOSS ")[manager]; user.manager.added(uid=chief,dc=x)[manager]" },
    { "a group's manager is no role", GROUP, GROUP, "+manager:" BOSS "#3", "" },
    { "owners are new in the view", GROUP, GROUP, "+owner:" BOSS "#3|+member:uid=a,dc=x#1", "group.member.added(uid=a,dc=x)[member]",
      .silent = "owner" },
    { "members are no longer in the view", GROUP, GROUP, "-member:uid=a,dc=x#1", "", .known = "objectClass cn owner" },
    { "memberOf is never believed", USER, USER, "+memberOf:cn=staff,dc=x#5", "" },
    { "managedBy is the owner in AD", "dn: CN=G,DC=x\nobjectClass: group\n", "dn: CN=G,DC=x\nobjectClass: group\n",
      "+managedBy:CN=Boss,DC=x#3", "group.owner.added(CN=Boss,DC=x)[managedBy]", .flavour = "ad" },

    // --- locks ---
    { "a lock by failed logins; the rootdn is no actor", USER, USER "pwdAccountLockedTime: " EARLIER "\n" BY_ROOT, NULL,
      "user.locked cause=failed_logins until=+10m", LIVE },
    { "nor is anybody else, when the rootdn is not known to us", USER, USER "pwdAccountLockedTime: " EARLIER "\n" BY_ADMIN, NULL,
      "user.locked cause=failed_logins until=+10m", LIVE },
    { "until an administrator unlocks", USER, USER "pwdAccountLockedTime: " EARLIER "\n", NULL, "user.locked cause=failed_logins",
      FOREVER },
    { "by an administrator", USER, USER "pwdAccountLockedTime: 000001010000Z\n" BY_ADMIN, NULL,
      "user.locked cause=admin actor=cn=Admin,dc=x origin=operator", LIVE },
    { "by the rootdn: not known who", USER, USER "pwdAccountLockedTime: 000001010000Z\n" BY_ROOT, NULL, "user.locked cause=admin", LIVE },
    { "the server re-stamps a lock in force", USER "pwdAccountLockedTime: 20261120115000Z\n",
      USER "pwdAccountLockedTime: " EARLIER "\n", NULL, "" },
    { "a new lock after one that ended", USER "pwdAccountLockedTime: " LONG_AGO "\n", USER "pwdAccountLockedTime: " EARLIER "\n", NULL,
      "user.locked cause=failed_logins until=+10m" },
    { "likewise when our timer said that it ended", USER "pwdAccountLockedTime: " LONG_AGO "\n",
      USER "pwdAccountLockedTime: " EARLIER "\n", NULL, "user.locked cause=failed_logins until=+10m", EXPIRED },
    { "likewise when locks have no end any more", USER "pwdAccountLockedTime: " LONG_AGO "\n",
      USER "pwdAccountLockedTime: " EARLIER "\n", NULL, "user.locked cause=failed_logins", EXPIRED | FOREVER },
    { "made permanent", USER "pwdAccountLockedTime: " EARLIER "\n", USER "pwdAccountLockedTime: 000001010000Z\n" BY_ADMIN, NULL,
      "user.locked cause=admin actor=cn=Admin,dc=x origin=operator", LIVE },
    { "permanent already, but for the word", USER "pwdAccountLockedTime: " EARLIER "\n", USER "pwdAccountLockedTime: 000001010000Z\n",
      NULL, "", FOREVER },
    { "a permanent one gets an end: still locked", USER "pwdAccountLockedTime: 000001010000Z\n",
      USER "pwdAccountLockedTime: " EARLIER "\n", NULL, "" },
    { "the same lock", USER "pwdAccountLockedTime: " EARLIER "\n", USER "pwdAccountLockedTime: " EARLIER "\ntitle: x\n", NULL,
      "user.modified[title] title:>x" },
    { "an old lock stays when it has ended", USER "pwdAccountLockedTime: " LONG_AGO "\n",
      USER "pwdAccountLockedTime: " LONG_AGO "\npwdFailureTime: " NOW "\n", NULL, "" },
    { "it came and went while nobody looked", USER, USER "pwdAccountLockedTime: " LONG_AGO "\n", NULL,
      "user.locked@-4h cause=failed_logins until=-3h45m; user.unlocked@-3h45m cause=expiry" },
    { "an unreadable lock is a lock", USER, USER "pwdAccountLockedTime: soon\n", NULL, "user.locked cause=unknown" },
    { "unlocked before its end, the actor known", USER "pwdAccountLockedTime: " EARLIER "\n", USER BY_ADMIN, NULL,
      "user.unlocked cause=admin actor=cn=Admin,dc=x origin=operator", LIVE },
    { "unlocked, the actor not known", USER "pwdAccountLockedTime: " EARLIER "\n", USER BY_ADMIN, NULL, "user.unlocked cause=unknown" },
    { "unlocked by the rootdn", USER "pwdAccountLockedTime: 000001010000Z\n", USER BY_ROOT, NULL, "user.unlocked cause=unknown", LIVE },
    { "the remains of a lock whose end was told", USER "pwdAccountLockedTime: " LONG_AGO "\n", USER BY_ROOT, NULL, "", LIVE | EXPIRED },
    { "its end was not told yet", USER "pwdAccountLockedTime: " LONG_AGO "\n", USER BY_ROOT, NULL, "user.unlocked@-3h45m cause=expiry",
      LIVE },
    { "locks are new in the view", USER, USER "pwdAccountLockedTime: " EARLIER "\n", NULL, "", .silent = "pwdAccountLockedTime" },
    { "locks are no longer in the view", USER "pwdAccountLockedTime: " EARLIER "\n", USER, NULL, "",
      .known = "objectClass uid cn mail" },
    { "a failed bind without a lock", USER, USER "pwdFailureTime: " NOW "\n" BY_ROOT, NULL, "", LIVE },
    { "a locked group is no user", GROUP, GROUP "pwdAccountLockedTime: " EARLIER "\n", NULL, "" },
    { "AD: locked five minutes ago", AD_USER "lockoutTime: 0\n", AD_USER "lockoutTime: 134396493000000000\n", NULL,
      "user.locked cause=failed_logins until=+10m", .flavour = "ad" },
    { "AD: the value stays when the lock has ended; cleared at the next logon", AD_USER "lockoutTime: 134396352000000000\n",
      AD_USER "lockoutTime: 0\n", NULL, "", EXPIRED, .flavour = "ad" },
    { "AD: cleared by an administrator before its end", AD_USER "lockoutTime: 134396493000000000\n", AD_USER "lockoutTime: 0\n", NULL,
      "user.unlocked cause=unknown", .flavour = "ad" },
    { "AD: locked until unlocked", AD_USER, AD_USER "lockoutTime: 134396493000000000\n", NULL, "user.locked cause=failed_logins", FOREVER,
      .flavour = "ad" },
    { "AD: absent to 0", AD_USER, AD_USER "lockoutTime: 0\n", NULL, "", .flavour = "ad" },
    { "389: locked until a time", USER, USER "accountUnlockTime: 20261120121000Z\n", NULL, "user.locked cause=failed_logins until=+10m",
      FOREVER, .flavour = "389ds" },
    { "389: locked until reset", USER, USER "accountUnlockTime: 19700101000000Z\n", NULL, "user.locked cause=failed_logins",
      .flavour = "389ds" },
    { "389: reset", USER "accountUnlockTime: 19700101000000Z\n", USER, NULL, "user.unlocked cause=unknown", .flavour = "389ds" },

    // --- disabled accounts ---
    { "AD: disabled", AD_USER "userAccountControl: 512\n", AD_USER "userAccountControl: 514\n", NULL, "user.disabled", .flavour = "ad" },
    { "AD: enabled", AD_USER "userAccountControl: 514\n", AD_USER "userAccountControl: 512\n", NULL, "user.enabled", .flavour = "ad" },
    { "AD: another bit", AD_USER "userAccountControl: 512\n", AD_USER "userAccountControl: 66048\n", NULL, "", .flavour = "ad" },
    { "AD: created disabled", NULL, AD_USER "userAccountControl: 514\n", NULL, "user.created", .flavour = "ad" },
    { "389: disabled", USER, USER "nsAccountLock: true\n" BY_ADMIN, NULL, "user.disabled actor=cn=Admin,dc=x origin=operator", LIVE,
      .flavour = "389ds" },
    { "disabled is new in the view", AD_USER, AD_USER "userAccountControl: 514\n", NULL, "", .flavour = "ad",
      .silent = "userAccountControl" },

    // --- passwords ---
    { "by herself", USER "pwdChangedTime: " LONG_AGO "\n", USER "pwdChangedTime: " NOW "\n" BY_HERSELF, NULL,
      "user.password.changed actor=UID=jd, ou=people,dc=x origin=self", LIVE },
    { "by another", USER "pwdChangedTime: " LONG_AGO "\n", USER "pwdChangedTime: " NOW "\n" BY_ADMIN, NULL,
      "user.password.reset actor=cn=Admin,dc=x origin=operator", LIVE },
    { "by the rootdn", USER "pwdChangedTime: " LONG_AGO "\n", USER "pwdChangedTime: " NOW "\n" BY_ROOT, NULL,
      "user.password.reset actor=cn=root,dc=x origin=operator", LIVE },
    { "while we were away", USER "pwdChangedTime: " LONG_AGO "\n", USER "pwdChangedTime: " NOW "\n" BY_ADMIN, NULL,
      "user.password.changed" },
    { "with pwdReset: one event", USER "pwdChangedTime: " LONG_AGO "\n", USER "pwdChangedTime: " NOW "\npwdReset: TRUE\n", NULL,
      "user.password.reset" },
    { "pwdReset alone", USER, USER "pwdReset: TRUE\n", NULL, "user.password.reset" },
    { "reset again before the user did anything", USER "pwdChangedTime: " LONG_AGO "\npwdReset: TRUE\n",
      USER "pwdChangedTime: " NOW "\npwdReset: TRUE\n", NULL, "user.password.reset" },
    { "pwdReset cleared by the user's change", USER "pwdChangedTime: " LONG_AGO "\npwdReset: TRUE\n",
      USER "pwdChangedTime: " NOW "\n" BY_HERSELF, NULL,
      "user.password.changed actor=UID=jd, ou=people,dc=x origin=self", LIVE },
    { "pwdReset cleared alone", USER "pwdReset: TRUE\n", USER, NULL, "" },
    { "loaded without a time: its first change", USER, USER "pwdChangedTime: " NOW "\n", NULL, "user.password.changed" },
    { "the time goes", USER "pwdChangedTime: " NOW "\n", USER, NULL, "" },
    { "times are new in the view", USER, USER "pwdChangedTime: " NOW "\npwdReset: TRUE\n", NULL, "",
      .silent = "pwdChangedTime pwdReset" },
    { "AD: must change", AD_USER "pwdLastSet: 134396352000000000\n", AD_USER "pwdLastSet: 0\n", NULL, "user.password.reset",
      .flavour = "ad" },
    { "AD: has changed", AD_USER "pwdLastSet: 0\n", AD_USER "pwdLastSet: 134396352000000000\n", NULL, "user.password.changed",
      .flavour = "ad" },
    { "a reset that unlocks; the rootdn did the one but we do not say so of the other",
      USER "pwdChangedTime: " LONG_AGO "\npwdAccountLockedTime: " EARLIER "\n", USER "pwdChangedTime: " NOW "\n" BY_ROOT, NULL,
      "user.unlocked cause=unknown; user.password.reset actor=cn=root,dc=x origin=operator", LIVE },

    // --- who did it ---
    { "in a refresh nobody knows", GROUP, GROUP BY_ADMIN, "+member:uid=a,dc=x#1", "group.member.added(uid=a,dc=x)[member]" },
    { "the rootdn does ordinary things too", GROUP, GROUP BY_ROOT, "+member:uid=a,dc=x#1",
      "group.member.added(uid=a,dc=x)[member] actor=cn=root,dc=x origin=operator", LIVE },
    { "not when a lockout may have signed last", USER, USER "title: x\npwdAccountLockedTime: " EARLIER "\n" BY_ROOT, NULL,
      "user.modified[title] title:>x; user.locked cause=failed_logins until=+10m", LIVE },
    { "an overlay is nobody", GROUP, GROUP "modifiersName: cn=Referential Integrity Overlay\n", "-member:uid=a,dc=x#1",
      "group.member.removed(uid=a,dc=x)[member]", LIVE },
    { "a plugin is nobody", GROUP, GROUP "modifiersName: cn=server,cn=plugins,cn=config\n", "-member:uid=a,dc=x#1",
      "group.member.removed(uid=a,dc=x)[member]", LIVE },
    { "somebody called Overlay is somebody", GROUP, GROUP "modifiersName: cn=Joe Overlay,ou=people,dc=x\n", "-member:uid=a,dc=x#1",
      "group.member.removed(uid=a,dc=x)[member] actor=cn=Joe Overlay,ou=people,dc=x origin=operator", LIVE },
    { "no DN is nobody", GROUP, GROUP "modifiersName: ?\n", "-member:uid=a,dc=x#1", "group.member.removed(uid=a,dc=x)[member]", LIVE },
    { "who joins a group", GROUP, GROUP "modifiersName: uid=A,dc=x\n", "+member:uid=a,dc=x#1",
      "group.member.added(uid=a,dc=x)[member] actor=uid=A,dc=x origin=self", LIVE },
    { "the creator of a new entry", NULL, USER "creatorsName: cn=Admin,dc=x\n" BY_ADMIN, NULL,
      "user.created actor=cn=Admin,dc=x origin=operator", LIVE },
    { "an old entry that somebody brought into the view", NULL, USER "creatorsName: cn=Old,dc=x\n" BY_ADMIN, NULL, "user.created",
      LIVE },
    { "by the old name of a renamed one", BARE_USER, "dn: uid=jane,ou=people,dc=x\nobjectClass: inetOrgPerson\n" BY_HERSELF, NULL,
      "user.renamed:uid=jane,ou=people,dc=x[dn] dn:uid=jd,ou=people,dc=x>uid=jane,ou=people,dc=x "
      "actor=UID=jd, ou=people,dc=x origin=self", LIVE },
};

// --- from text to a delta ------------------------------------------------------------------------

static int64_t time_of(const char *text)
{
    int64_t time;
    assert_int_equal(clock_from_generalized(text, strlen(text), &time), 0);
    return time;
}

static struct entry *make_entry(TALLOC_CTX *ctx, const char *text)
{
    if (!text)
        return NULL;
    struct entry *entry = NULL;
    struct uuid uuid = { { 0xee } };
    char *copy = talloc_strdup(ctx, text), *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strstr(line, ": ");
        assert_non_null(value);
        *value = '\0';
        value += 2;
        if (strcmp(line, "dn") == 0) {
            assert_null(entry);
            entry = entry_new(ctx, &uuid, value);
        } else {
            entry_add_text(entry, line, value);
        }
    }
    return entry;
}

static uint64_t target_of(TALLOC_CTX *ctx, const char *attribute, const char *value)
{
    uint64_t hash;
    if (schema_syntax(attribute) == SCHEMA_UID)
        return link_uid_hash(value, strlen(value));
    assert_int_equal(dn_hash(dn_scratch_new(ctx), value, strlen(value), &hash, NULL), 0);
    return hash;
}

static struct link *make_links(TALLOC_CTX *ctx, const char *text, size_t *count)
{
    struct link *links = NULL;
    *count = 0;
    char *copy = talloc_strdup(ctx, text ? text : ""), *save = NULL;
    for (char *item = strtok_r(copy, "|", &save); item; item = strtok_r(NULL, "|", &save)) {
        links = talloc_realloc(ctx, links, struct link, *count + 1);
        struct link *link = &links[(*count)++];
        char *value = strchr(item, ':'), *entry = strchr(item, '#');
        assert_true(value && (*item == '+' || *item == '-'));
        *link = (struct link){ .gained = *item == '+' };
        link->attribute = schema_canonical(item + 1, (size_t)(value - item - 1));
        if (entry) {
            link->entry.octets[15] = (uint8_t)atoi(entry + 1);
            *entry = '\0';
        }
        link->value = value + 1;
        link->target = target_of(ctx, link->attribute, link->value);
    }
    return links;
}

static const char **make_list(TALLOC_CTX *ctx, const char *text)
{
    if (!text)
        return NULL;
    const char **list = talloc_zero_array(ctx, const char *, strlen(text) + 1);
    char *copy = talloc_strdup(ctx, text), *save = NULL;
    size_t count = 0;
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        list[count++] = schema_canonical(word, strlen(word));
    return list;
}

static struct delta make_delta(TALLOC_CTX *ctx, const struct row *row)
{
    struct delta delta = { .kind = DELTA_CHANGED, .old = make_entry(ctx, row->old), .new = make_entry(ctx, row->new) };
    if (!delta.old)
        delta.kind = DELTA_CREATED;
    if (!delta.new)
        delta.kind = DELTA_DELETED;
    if (delta.old && delta.new) {
        char *old = dn_normalize(ctx, delta.old->dn, strlen(delta.old->dn), NULL);
        char *new = dn_normalize(ctx, delta.new->dn, strlen(delta.new->dn), NULL);
        delta.renamed = strcmp(old, new) != 0;
        delta.moved_with_parent = delta.renamed && (row->flags & MOVED);
    }
    delta.links = make_links(ctx, row->links, &delta.link_count);
    return delta;
}

static struct diff_context make_context(TALLOC_CTX *ctx, const struct row *row)
{
    static const char *const roots[] = { "cn=root,dc=x", NULL };
    struct error err;
    struct diff_context context = {
        .directory = "corp", .now = time_of(NOW), .live = row->flags & LIVE, .root_actors = roots,
        .lock_expired = row->flags & EXPIRED, .lockout_duration = row->flags & FOREVER ? 0 : 15 * CLOCK_MINUTE,
    };
    context.flavour = flavour_new(ctx, row->flavour ? row->flavour : "openldap", NULL, &err);
    assert_non_null(context.flavour);
    context.watched = make_list(ctx, row->watched ? row->watched : "title mail");
    context.silent = make_list(ctx, row->silent);
    context.known = make_list(ctx, row->known);
    context.kept = make_links(ctx, row->kept, &context.kept_count);
    return context;
}

// --- from events to text -------------------------------------------------------------------------

static char *add_offset(char *text, const char *label, int64_t time)
{
    int64_t by = (time - time_of(NOW)) / CLOCK_MINUTE;
    text = talloc_asprintf_append(text, "%s%c", label, by < 0 ? '-' : '+');
    by = by < 0 ? -by : by;
    if (by >= 60)
        text = talloc_asprintf_append(text, "%dh", (int)(by / 60));
    return by % 60 ? talloc_asprintf_append(text, "%dm", (int)(by % 60)) : text;
}

static char *add_values(char *text, const char **values)
{
    for (size_t i = 0; values[i]; i++)
        text = talloc_asprintf_append(text, "%s%s", i ? "," : "", values[i]);
    return text;
}

static char *add_parties(char *text, const char *label, const struct party *parties, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text = talloc_asprintf_append(text, "%s%s", i ? "," : label, parties[i].dn);
    return text;
}

static char *describe(TALLOC_CTX *ctx, const struct directory_event *event, const struct row *row)
{
    char *text = talloc_strdup(ctx, event_kind(event->type)->name);
    size_t dn = row->old ? strcspn(row->old, "\n") : 0;
    if (row->old && row->new && strncmp(row->old, row->new, dn + 1) != 0)
        text = talloc_asprintf_append(text, ":%s", event->entry.dn);
    if (event->party.dn)
        text = talloc_asprintf_append(text, "(%s)", event->party.dn);
    if (event->time != time_of(NOW))
        text = add_offset(text, "@", event->time);
    if (event->attribute)
        text = talloc_asprintf_append(text, "[%s]", event->attribute);
    for (size_t i = 0; i < event->change_count; i++) {
        text = talloc_asprintf_append(text, " %s:", event->changes[i].attribute);
        text = add_values(text, event->changes[i].old_values);
        text = add_values(talloc_asprintf_append(text, ">"), event->changes[i].new_values);
    }
    if (event->cause != CAUSE_NONE)
        text = talloc_asprintf_append(text, " cause=%s", event_cause_name(event->cause));
    if (event->until)
        text = add_offset(text, " until=", event->until);
    text = add_parties(text, " members=", event->members, event->member_count);
    text = add_parties(text, " owners=", event->owners, event->owner_count);
    text = add_parties(text, " managers=", event->managers, event->manager_count);
    if (event->actor.dn)
        text = talloc_asprintf_append(text, " actor=%s", event->actor.dn);
    if (event->origin != ORIGIN_UNKNOWN)
        text = talloc_asprintf_append(text, " origin=%s", event_origin_name(event->origin));
    return text;
}

static char *describe_all(TALLOC_CTX *ctx, const struct event_list *list, const struct row *row)
{
    char *text = talloc_strdup(ctx, "");
    for (size_t i = 0; i < list->count; i++)
        text = talloc_asprintf_append(text, "%s%s", i ? "; " : "", describe(ctx, list->items[i], row));
    return text;
}

// --- tests ---------------------------------------------------------------------------------------

static void table(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct delta delta = make_delta(ctx, &rows[i]);
        struct diff_context context = make_context(ctx, &rows[i]);
        struct event_list list = { 0 };
        assert_int_equal(diff_events(ctx, &context, &delta, &list), 0);
        char *text = describe_all(ctx, &list, &rows[i]);
        if (strcmp(text, rows[i].expected) != 0) {
            print_error("%s:\n  expected %s\n  got      %s\n", rows[i].what, rows[i].expected, text);
            wrong++;
        }
        for (size_t j = 0; j < list.count; j++) {
            const struct event_kind *kind = event_kind(list.items[j]->type);
            assert_string_equal(list.items[j]->directory, "corp");
            assert_int_equal(list.items[j]->entry.uuid.octets[0], 0xee);
            assert_non_null(list.items[j]->entry.name);
            assert_int_equal(list.items[j]->entry.is_group, strcmp(kind->object, "group") == 0);
            assert_int_equal(kind->party != NULL, list.items[j]->party.dn != NULL);
        }
        assert_int_equal(diff_wants_links(&context, &delta), rows[i].kept != NULL || (delta.kind == DELTA_CHANGED &&
                         (strstr(text, ".created") || strstr(text, ".deleted"))));
        talloc_free(ctx);
    }
    assert_int_equal(wrong, 0);
}

static void locked_until(void **state)
{
    (void)state;
    static const struct {
        const char *flavour, *entry, *until;
        bool forever;
    } cases[] = {
        { "openldap", USER, "0" },
        { "openldap", USER "pwdAccountLockedTime: 000001010000Z\n", "-1" },
        { "openldap", USER "pwdAccountLockedTime: 00000101000000Z\n", "-1" },
        { "openldap", USER "pwdAccountLockedTime: " EARLIER "\n", "20261120121000Z" },
        { "openldap", USER "pwdAccountLockedTime: " EARLIER "\n", "-1", true },
        { "openldap", USER "pwdAccountLockedTime: " LONG_AGO "\n", "20261120081500Z" },
        { "openldap", GROUP "pwdAccountLockedTime: " EARLIER "\n", "0" },
        { "ad", AD_USER "lockoutTime: 0\n", "0" },
        { "ad", AD_USER "lockoutTime: 134396493000000000\n", "20261120121000Z" },
        { "ad", AD_USER "lockoutTime: 9223372036854775807\n", "-1" },
        { "389ds", USER "accountUnlockTime: 19700101000000Z\n", "-1" },
        { "389ds", USER "accountUnlockTime: 20261120121000Z\n", "20261120121000Z" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct row row = { .flavour = cases[i].flavour, .flags = cases[i].forever ? FOREVER : 0, .silent = "pwdAccountLockedTime" };
        struct diff_context context = make_context(ctx, &row);
        int64_t expected = strlen(cases[i].until) > 2 ? time_of(cases[i].until) : atoi(cases[i].until);
        assert_int_equal(diff_locked_until(&context, make_entry(ctx, cases[i].entry)), expected);
        talloc_free(ctx);
    }
}

static void lock_expired(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct row row = { .flags = LIVE };
    struct diff_context context = make_context(ctx, &row);
    struct event_list list = { 0 };
    struct entry *entry = make_entry(ctx, USER "pwdAccountLockedTime: " LONG_AGO "\n" BY_ADMIN);
    struct directory_event *event = diff_lock_expired(ctx, &context, entry, &list);
    assert_ptr_equal(event, list.items[0]);
    assert_int_equal(event->type, EVENT_USER_UNLOCKED);
    assert_int_equal(event->cause, CAUSE_EXPIRY);
    assert_int_equal(event->time, time_of("20261120081500Z"));
    assert_null(event->actor.dn);
    assert_int_equal(event->origin, ORIGIN_UNKNOWN);
    assert_string_equal(event->entry.name, "Jane Doe");
    assert_string_equal(event->entry.mail, "jd@example.com");
    talloc_free(ctx);
}

static void actors_are_named(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct row row = { .flags = LIVE, .old = USER, .new = USER "title: x\n" BY_HERSELF };
    struct diff_context context = make_context(ctx, &row);
    struct delta delta = make_delta(ctx, &row);
    struct event_list list = { 0 };
    assert_int_equal(diff_events(ctx, &context, &delta, &list), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0]->actor.uuid.octets[0], 0xee);
    assert_string_equal(list.items[0]->actor.name, "Jane Doe");
    event_forget_actor(list.items[0]);
    assert_null(list.items[0]->actor.dn);
    assert_int_equal(list.items[0]->origin, ORIGIN_UNKNOWN);
    talloc_free(ctx);
}

// From A to B and back: every member or owner event comes back as its opposite.
static void there_and_back(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int round = 0; round < 500; round++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct row row = { .old = GROUP, .new = GROUP };
        struct delta there = make_delta(ctx, &row), back = there;
        struct diff_context context = make_context(ctx, &row);
        seed = seed * 1664525 + 1013904223;
        size_t count = seed >> 27;
        struct link *links = talloc_zero_array(ctx, struct link, count), *reversed = talloc_zero_array(ctx, struct link, count);
        for (size_t i = 0; i < count; i++) {
            seed = seed * 1664525 + 1013904223;
            static const char *const attributes[] = { "member", "uniqueMember", "memberUid", "owner" };
            unsigned target = seed >> 28;
            links[i].attribute = schema_canonical(attributes[seed >> 20 & 3], strlen(attributes[seed >> 20 & 3]));
            links[i].target = target;
            links[i].entry.octets[0] = target < 8 ? (uint8_t)(target + 1) : 0;
            links[i].value = talloc_asprintf(ctx, "uid=%u,dc=x", target);
            links[i].gained = seed >> 24 & 1;
            reversed[i] = links[i];
            reversed[i].gained = !links[i].gained;
        }
        there.links = links;
        back.links = reversed;
        there.link_count = back.link_count = count;
        struct event_list first = { 0 }, second = { 0 };
        assert_int_equal(diff_events(ctx, &context, &there, &first), 0);
        assert_int_equal(diff_events(ctx, &context, &back, &second), 0);
        assert_int_equal(first.count, second.count);
        for (size_t i = 0; i < first.count; i++) {
            assert_int_equal(event_kind(first.items[i]->type)->opposite, second.items[i]->type);
            assert_string_equal(first.items[i]->party.dn, second.items[i]->party.dn);
            for (size_t j = 0; j < i; j++) // and nobody twice in one role
                assert_false(strcmp(first.items[i]->party.dn, first.items[j]->party.dn) == 0 &&
                             event_kind(first.items[i]->type)->party == event_kind(first.items[j]->type)->party);
        }
        talloc_free(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(locked_until),
        cmocka_unit_test(lock_expired),
        cmocka_unit_test(actors_are_named),
        cmocka_unit_test(there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
