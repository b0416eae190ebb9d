# SPDX-License-Identifier: Apache-2.0
"""The main job: a change in the directory becomes the right mails."""

from harness import SUFFIX, group_dn, person_dn, text_of


def test_first_start_is_silent(daemon, inbox):
    assert inbox.all() == []
    assert daemon.json("events")["events"] == []


def test_member_added(daemon, slapd, inbox):
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    mail = inbox.wait_for("group.member.added", "carla@example.com")[0]
    owner = inbox.wait_for("group.member.added", "olga@example.com")[0]
    assert "staff" in mail["Subject"] and "staff" in text_of(mail)
    assert "Carla Cook" in text_of(owner)
    daemon.wait_idle()
    assert len(inbox.all()) == 2


def test_member_removed(daemon, slapd, inbox):
    slapd.modify(group_dn("staff"), ("delete", "member", person_dn("bob")))
    inbox.wait_for("group.member.removed", "bob@example.com")
    inbox.wait_for("group.member.removed", "olga@example.com")


def test_owner_change(daemon, slapd, inbox):
    slapd.modify(group_dn("staff"), ("replace", "owner", person_dn("dan")))
    inbox.wait_for("group.owner.added", "dan@example.com")
    inbox.wait_for("group.owner.removed", "olga@example.com")


def test_lockout_by_failed_logins_and_unlock(daemon, slapd, inbox):
    slapd.fail_login("ann")
    locked = inbox.wait_for("user.locked", "ann@example.com")[0]
    assert "https://password.example.com/" in text_of(locked)
    slapd.modify(person_dn("ann"), ("delete", "pwdAccountLockedTime", None))
    inbox.wait_for("user.unlocked", "ann@example.com")


def test_lock_expires_by_timer(make_slapd, make_daemon, inbox):
    slapd = make_slapd("short", lockout=2)
    make_daemon(slapd=slapd)
    slapd.fail_login("ann")
    inbox.wait_for("user.locked", "ann@example.com")
    inbox.wait_for("user.unlocked", "ann@example.com", within=10)


def test_rename(daemon, slapd, inbox):
    slapd.rename(person_dn("bob"), "uid=robert")
    inbox.wait_for("user.renamed", "bob@example.com")
    # The group still names the old DN; an administrator mends it, and that is no news.
    slapd.modify(group_dn("staff"), ("delete", "member", person_dn("bob")), ("add", "member", person_dn("robert")))
    daemon.wait_idle()
    assert inbox.events("group.member.added") == [] and inbox.events("group.member.removed") == []


def test_delete(daemon, slapd, inbox):
    slapd.delete(person_dn("dan"))
    inbox.wait_for("user.deleted", "dan@example.com")


def test_group_deleted_tells_its_last_owner(daemon, slapd, inbox):
    slapd.delete(group_dn("staff"))
    inbox.wait_for("group.deleted", "olga@example.com")


def test_changes_while_the_daemon_was_away(daemon, slapd, inbox):
    daemon.stop()
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("dan")))
    slapd.add_person("eve")
    slapd.delete(person_dn("ann"))
    daemon.start()
    assert ("group.member.added", "dan@example.com") in inbox.events()
    assert ("user.created", "eve@example.com") in inbox.events()
    assert ("user.deleted", "ann@example.com") in inbox.events()
    told = len(inbox.all())
    daemon.stop()
    daemon.start()
    assert len(inbox.all()) == told


def test_trial_sends_nothing(make_daemon, slapd, inbox):
    daemon = make_daemon(live=False)
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    daemon.wait_idle()
    states = {message["state"] for message in daemon.json("queue", "list")["messages"]}
    assert states == {"trial"}
    assert inbox.all() == []
    assert list((daemon.state / "trial" / "new").iterdir())


def test_explain_says_why(daemon, slapd, inbox):
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com")
    daemon.wait_idle()
    event = daemon.json("events")["events"][0]
    assert event["event"] == "group.member.added"
    answer = daemon.json("explain", event["id"], "--to", "carla@example.com")
    assert answer["deliveries"][0]["message"]["state"] == "sent"
    assert any(decision["outcome"] == "told" for decision in answer["decisions"])
