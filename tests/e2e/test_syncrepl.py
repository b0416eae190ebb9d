# SPDX-License-Identifier: Apache-2.0
"""syncrepl against a real slapd: every kind of reconnect, odd entries, odd cookies, odd views."""

import ldap
import pytest

import harness
from harness import SUFFIX, company_ldif, group_dn, person_dn, person_ldif, wait_until

NOBODY = 'rules = ( { name = "nobody"; on = "*"; to = "nobody@example.com"; enabled = false; } );'


def told_members(inbox):
    """What the members themselves were told; owners hear the same."""
    return sorted(told for told in inbox.events() if told[1] != "olga@example.com")


def away(daemon, change):
    """Makes a change while the daemon does not run."""
    daemon.stop()
    change()
    daemon.start()


def make_some_changes(slapd):
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("dan")))
    slapd.add_person("eve")
    slapd.delete(person_dn("ann"))


def assert_some_changes(daemon, inbox):
    daemon.wait_idle()
    assert told_members(inbox) == [("group.member.added", "dan@example.com"), ("user.created", "eve@example.com"),
                                   ("user.deleted", "ann@example.com")]


# --- reconnects

@pytest.mark.parametrize("sessionlog", [None, 10000, 2])
@pytest.mark.parametrize("restarted", [False, True])
def test_changes_while_away(sessionlog, restarted, make_slapd, make_daemon, inbox):
    """No session log: present phase; a session log: delete phase; one that overflowed or was lost: present again."""
    slapd = make_slapd(sessionlog=sessionlog)
    slapd.modify(person_dn("mia"), ("replace", "title", "boss"))
    daemon = make_daemon(slapd=slapd)

    def change():
        make_some_changes(slapd)
        for number in range(5):
            slapd.modify(person_dn("mia"), ("replace", "carLicense", str(number)))
            slapd.add_person(f"guest{number}")
            slapd.delete(person_dn(f"guest{number}"))
        if restarted:
            slapd.restart()
    away(daemon, change)
    assert_some_changes(daemon, inbox)
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com")


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_slapd_restarted(how, daemon, slapd, inbox):
    if how == "restart":
        slapd.stop()
    else:
        slapd.kill()
    slapd.start()
    make_some_changes(slapd)
    inbox.wait_for("user.deleted", "ann@example.com")
    assert_some_changes(daemon, inbox)


def test_connection_cut_under_changes(daemon, slapd, inbox):
    """slapd goes and comes back in the middle of a stream of changes; each is told once."""
    for round_ in range(3):
        for number in range(5):
            slapd.add_person(f"p{round_}x{number}")
        slapd.kill()
        slapd.start()
    daemon.wait_idle()
    assert sorted(inbox.events()) == [("user.created", f"p{r}x{n}@example.com") for r in range(3) for n in range(5)]


COUNT = 900  # the API lists no more than 1,000 events


def many_people(count):
    return company_ldif() + "".join(person_ldif(f"n{number}", "N", str(number)) for number in range(count))


@pytest.mark.parametrize("first", [True, False])
def test_refresh_interrupted(first, make_slapd, make_daemon, inbox):
    """slapd is killed in the middle of the first load, or of a refresh in which every entry changed."""
    slapd = make_slapd(ldif=many_people(COUNT))
    daemon = make_daemon(slapd=slapd, rules=NOBODY, start=not first)
    if not first:
        daemon.stop()
        connection = slapd.connect()
        for number in range(COUNT):
            connection.modify_s(person_dn(f"n{number}"), [(ldap.MOD_REPLACE, "title", [b"new"])])
        connection.unbind_s()
    marks = daemon.log_text().count("to=refreshing")
    daemon.start(False)
    for round_ in range(3):
        wait_until(lambda: daemon.log_text().count("to=refreshing") > marks + round_ or daemon.log_text().count("caught up") > (not first),
                   what="the refresh", pause=0.001)
        slapd.kill()
        slapd.start()
    daemon.wait_idle()
    events = daemon.events()
    assert len(events) == (0 if first else COUNT)
    assert len(set(events)) == len(events)
    assert daemon.sql("SELECT count(*) FROM entry")[0][0] == COUNT + 13


# --- entries that come and go

def test_leaves_and_enters_the_filter(make_slapd, make_daemon, inbox):
    slapd = make_slapd()
    daemon = make_daemon(slapd=slapd, directory_options='filter = "(!(employeeType=hidden))";')
    slapd.modify(person_dn("dan"), ("replace", "employeeType", "hidden"))
    inbox.wait_for("user.deleted", "dan@example.com")
    slapd.modify(person_dn("dan"), ("replace", "employeeType", "visible"))
    inbox.wait_for("user.created", "dan@example.com")
    away(daemon, lambda: slapd.modify(person_dn("dan"), ("replace", "employeeType", "hidden")))
    inbox.wait_for("user.deleted", "dan@example.com", count=2)
    daemon.wait_idle()
    assert [e for e, _ in inbox.events() if e != "user.manager.added"] == ["user.deleted", "user.created", "user.deleted"]


@pytest.mark.parametrize("offline", [False, True])
def test_same_name_deleted_and_made_again(offline, daemon, slapd, inbox):
    """Another UUID under the same DN is another person."""
    def change():
        slapd.delete(person_dn("dan"))
        slapd.add_person("dan", "Daniel", "Other")
    away(daemon, change) if offline else change()
    inbox.wait_for("user.deleted", "dan@example.com")
    inbox.wait_for("user.created", "dan@example.com")
    daemon.wait_idle()
    assert [event for event, _ in inbox.events()] == ["user.deleted", "user.created"]


@pytest.mark.parametrize("offline", [False, True])
def test_modrdn(offline, daemon, slapd, inbox):
    def change():
        slapd.rename(person_dn("bob"), "uid=robert")
    away(daemon, change) if offline else change()
    inbox.wait_for("user.renamed", "bob@example.com")
    slapd.modify(group_dn("staff"), ("delete", "member", person_dn("bob")), ("add", "member", person_dn("robert")))
    daemon.wait_idle()
    assert inbox.events() == [("user.renamed", "bob@example.com")]


def test_moved_to_another_branch(daemon, slapd, inbox):
    slapd.add(f"ou=old,{SUFFIX}", {"objectClass": "organizationalUnit", "ou": "old"})
    slapd.rename(person_dn("bob"), "uid=bob", f"ou=old,{SUFFIX}")
    inbox.wait_for("user.renamed", "bob@example.com")
    daemon.wait_idle()
    assert len(inbox.events()) == 1


def rename_tree(slapd):
    slapd.rename(f"ou=people,{SUFFIX}", "ou=staff", SUFFIX)


@pytest.mark.parametrize("offline", [False, True])
def test_subtree_renamed(offline, make_slapd, make_daemon, inbox):
    """One message tells of twenty entries; then the groups are rewritten, and nobody has come or gone."""
    people = "".join(person_ldif(f"t{number}", "T", str(number)) for number in range(20))
    members = "".join(f"member: uid=t{number},ou=people,{SUFFIX}\n" for number in range(20))
    slapd = make_slapd(ldif=company_ldif() + people + f"dn: {group_dn('tree')}\nobjectClass: groupOfNames\ncn: tree\n{members}\n")
    daemon = make_daemon(slapd=slapd)
    away(daemon, lambda: rename_tree(slapd)) if offline else rename_tree(slapd)
    daemon.wait_idle()
    new = [f"uid=t{number},ou=staff,{SUFFIX}" for number in range(20)]
    slapd.modify(group_dn("tree"), ("replace", "member", new))
    slapd.modify(group_dn("staff"), ("replace", "member", [f"uid=ann,ou=staff,{SUFFIX}", f"uid=bob,ou=staff,{SUFFIX}"]),
                 ("replace", "owner", f"uid=olga,ou=staff,{SUFFIX}"))
    daemon.wait_idle()
    assert inbox.events() == []
    slapd.modify(group_dn("tree"), ("delete", "member", new[7]))
    inbox.wait_for("group.member.removed", "t7@example.com")


def test_referral_entry(make_slapd, make_daemon, inbox):
    referral = f"dn: ou=elsewhere,{SUFFIX}\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\nref: ldap://127.0.0.1:1/ou=elsewhere,{SUFFIX}\n\n"
    slapd = make_slapd(ldif=company_ldif() + referral)
    daemon = make_daemon(slapd=slapd)
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com")
    away(daemon, lambda: slapd.delete(person_dn("dan")))
    inbox.wait_for("user.deleted", "dan@example.com")


# --- cookies

@pytest.fixture
def quiet(daemon, slapd, inbox):
    """A daemon with some history; ends with the proof that nothing was told that is not so, and that it goes on."""
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com")
    daemon.wait_idle()
    inbox.clear()
    yield daemon
    daemon.wait_idle()
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("dan")))
    inbox.wait_for("group.member.added", "dan@example.com")
    daemon.wait_idle()
    assert told_members(inbox) == [("group.member.added", "dan@example.com")]


def change_cookie(daemon, change):
    daemon.stop()
    cookie = daemon.sql("SELECT cookie FROM state")[0][0]
    assert "csn=" in cookie and "sid=" not in cookie
    daemon.sql("UPDATE state SET cookie = ?", change(cookie))
    daemon.start()


@pytest.mark.parametrize("cookie", ["", "garbage", "rid=000", "rid=000,csn=garbage", "csn=20240101000000.000000Z#000000#000#000000", "\x01\x02"])
def test_damaged_cookie(cookie, quiet):
    change_cookie(quiet, lambda _: cookie)


def test_lost_cookie(quiet):
    change_cookie(quiet, lambda _: None)


def test_cookie_of_another_server(quiet):
    change_cookie(quiet, lambda cookie: cookie.replace("#000#", "#00a#"))


def test_cookie_from_the_future(quiet):
    """Result 53: the provider was restored from a backup."""
    change_cookie(quiet, future)
    quiet.wait_log("cookie", "anew")


def future(cookie):
    head, csn = cookie.split("csn=", 1)
    return f"{head}csn=2099{csn[4:]}"


def test_provider_restored_from_a_backup(make_slapd, make_daemon, inbox):
    """Older content, older cookie: what is really undone is told, and nothing else."""
    slapd = make_slapd()
    backup = slapd.slapcat()
    daemon = make_daemon(slapd=slapd)
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com")
    slapd.stop()
    old = make_slapd("restored", port=slapd.port, ldif=backup)
    daemon.wait_log("cookie", "anew")
    inbox.wait_for("group.member.removed", "carla@example.com")
    old.modify(group_dn("staff"), ("add", "member", person_dn("dan")))
    inbox.wait_for("group.member.added", "dan@example.com")
    daemon.wait_idle()
    assert told_members(inbox) == [("group.member.added", "carla@example.com"), ("group.member.added", "dan@example.com"),
                                   ("group.member.removed", "carla@example.com")]


# --- views

def test_more_attributes_are_taken_in_silently(make_daemon, slapd, inbox):
    slapd.modify(person_dn("ann"), ("replace", "employeeNumber", "1"), ("replace", "title", "Doctor"))
    daemon = make_daemon()
    daemon.stop()
    daemon.write_config(directory_options='watch_attributes = [ "title", "employeeNumber" ];')
    daemon.start()
    assert inbox.events() == []
    slapd.modify(person_dn("ann"), ("replace", "employeeNumber", "2"))
    inbox.wait_for("user.modified", "ann@example.com")
    daemon.wait_idle()
    assert len(inbox.events()) == 1


def test_changes_during_a_view_change_are_told(make_daemon, slapd, inbox):
    daemon = make_daemon()
    daemon.stop()
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    daemon.write_config(directory_options='watch_attributes = [ "title", "employeeNumber" ];')
    daemon.start()
    assert told_members(inbox) == [("group.member.added", "carla@example.com")]


def test_filter_narrowed_and_widened(make_daemon, slapd, inbox):
    """Nobody is told that people were deleted or created, for only our view changed."""
    daemon = make_daemon()
    for options in ('filter = "(!(uid=dan))";', ""):
        daemon.stop()
        daemon.write_config(directory_options=options)
        daemon.start()
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com")
    daemon.stop()
    daemon.start()
    assert told_members(inbox) == [("group.member.added", "carla@example.com")]


def test_first_wider_filter(make_daemon, slapd, inbox):
    """Entries that only a wider filter shows are no news."""
    daemon = make_daemon(directory_options='filter = "(!(uid=dan))";')
    daemon.stop()
    daemon.write_config(directory_options="")
    daemon.start()
    assert inbox.events() == []


# --- kinds of groups, overlays, sizes

def test_two_thousand_members_at_once(make_slapd, make_daemon, inbox):
    """All are decided; with the breaker off they are all told, and once."""
    count = 2000
    people = "".join(person_ldif(f"m{number}", "M", str(number)) for number in range(count))
    slapd = make_slapd(ldif=company_ldif() + people)
    daemon = make_daemon(slapd=slapd, more="storm = { per_transaction = 0; per_minute = 0; };",
                         rules='rules = ( { name = "members"; on = "group.member.*"; to = "member"; } );')
    everybody = [person_dn(f"m{number}") for number in range(count)]
    slapd.modify(group_dn("staff"), ("add", "member", everybody))
    inbox.wait_for("group.member.added", count=count, within=60)
    daemon.wait_idle()
    told = inbox.events()
    assert len(told) == count == len(set(told))


def test_two_thousand_members_are_a_storm(make_slapd, make_daemon, inbox):
    count = 2000
    people = "".join(person_ldif(f"m{number}", "M", str(number)) for number in range(count))
    slapd = make_slapd(ldif=company_ldif() + people)
    daemon = make_daemon(slapd=slapd)
    slapd.modify(group_dn("staff"), ("add", "member", [person_dn(f"m{number}") for number in range(count)]))
    inbox.wait_for("system.storm.held", "admins@example.com")
    daemon.wait_idle()
    assert {recipient for _, recipient in inbox.events()} <= {"admins@example.com", "olga@example.com"}


POSIX = f"dn: {group_dn('unix')}\nobjectClass: posixGroup\ncn: unix\ngidNumber: 5000\nmemberUid: ann\n\n"
UNIQUE = f"dn: {group_dn('unique')}\nobjectClass: groupOfUniqueNames\ncn: unique\nowner: {person_dn('olga')}\nuniqueMember: {person_dn('ann')}\n\n"


@pytest.mark.parametrize("group,ldif,attribute,value", [
    ("unix", POSIX, "memberUid", str), ("unique", UNIQUE, "uniqueMember", person_dn),
    ("unique", UNIQUE, "uniqueMember", lambda uid: person_dn(uid) + "#'0'B"),
], ids=["memberUid", "uniqueMember", "uniqueMember-with-uid"])
def test_other_kinds_of_groups(group, ldif, attribute, value, make_slapd, make_daemon, inbox):
    slapd = make_slapd(ldif=company_ldif() + ldif)
    daemon = make_daemon(slapd=slapd)
    slapd.modify(group_dn(group), ("add", attribute, value("carla")))
    daemon.wait_idle()
    slapd.modify(group_dn(group), ("delete", attribute, value("carla")))
    daemon.wait_idle()
    assert told_members(inbox) == [("group.member.added", "carla@example.com"), ("group.member.removed", "carla@example.com")]


def test_posix_member_renamed(make_slapd, make_daemon, inbox):
    slapd = make_slapd(ldif=company_ldif() + POSIX)
    daemon = make_daemon(slapd=slapd)
    slapd.rename(person_dn("ann"), "uid=anna")
    slapd.modify(group_dn("unix"), ("replace", "memberUid", "anna"))
    daemon.wait_idle()
    assert inbox.events("group.member.added") == [] and inbox.events("group.member.removed") == []


@pytest.fixture
def overlaid(make_slapd):
    return make_slapd(overlays=("syncprov", "ppolicy", "memberof", "refint"),
                      extra=f"refint_attributes member owner manager\nrefint_nothing {harness.ROOT_DN}")


def test_overlays_rename(overlaid, make_daemon, inbox):
    """refint rewrites the groups silently; what comes with their next change is no news."""
    daemon = make_daemon(slapd=overlaid)
    overlaid.rename(person_dn("bob"), "uid=robert")
    inbox.wait_for("user.renamed", "bob@example.com")
    wait_until(lambda: person_dn("robert").encode() in overlaid.connect().search_s(
        group_dn("staff"), ldap.SCOPE_BASE, attrlist=["member"])[0][1]["member"], what="refint")
    overlaid.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com")
    daemon.wait_idle()
    assert told_members(inbox) == [("group.member.added", "carla@example.com"), ("user.renamed", "bob@example.com")]


def test_overlays_delete(overlaid, make_daemon, inbox):
    """refint takes a deleted user out of the groups; the group's next change brings it."""
    daemon = make_daemon(slapd=overlaid)
    overlaid.delete(person_dn("bob"))
    inbox.wait_for("user.deleted", "bob@example.com")
    wait_until(lambda: person_dn("bob").encode() not in overlaid.connect().search_s(
        group_dn("staff"), ldap.SCOPE_BASE, attrlist=["member"])[0][1]["member"], what="refint")
    overlaid.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com")
    daemon.wait_idle()
    assert ("user.deleted", "bob@example.com") in inbox.events()
    assert inbox.events("group.member.added").count(("group.member.added", "carla@example.com")) == 1
