# SPDX-License-Identifier: Apache-2.0
"""The storm breaker: a mistake in a directory does not become hundreds of mails."""

import pytest

from harness import company_ldif, group_dn, person_dn, person_ldif, wait_until

MANY = [f"m{i:02}" for i in range(60)]
BIG = group_dn("big")


@pytest.fixture
def slapd(make_slapd):
    people = "".join(person_ldif(uid, "Member", uid) for uid in MANY)
    group = f"dn: {BIG}\nobjectClass: groupOfNames\ncn: big\nmember: {person_dn('mia')}\n\n"
    return make_slapd(ldif=company_ldif() + people + group)


RULES = """\
rules = (
  { name = "members"; on = [ "group.member.added", "group.member.removed" ]; to = "member"; },
  { name = "users"; on = [ "user.*" ]; to = "user"; }
);
"""


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(rules=RULES, more="storm = { per_transaction = 20; per_minute = 20; };")


def held(daemon):
    return [storm for storm in daemon.json("storm", "list")["storms"] if storm["state"] == "held"]


@pytest.fixture
def storm(daemon, slapd):
    """60 members at once, of which 60 would hear."""
    slapd.modify(BIG, ("add", "member", [person_dn(uid) for uid in MANY]))
    wait_until(lambda: held(daemon), what="a storm")
    daemon.wait_idle()
    return held(daemon)[0]


def test_held(daemon, slapd, inbox, storm):
    assert len(held(daemon)) == 1 and storm["rule"] == "members"
    assert storm["events"] == 60 and storm["notifications"] == 60
    assert inbox.events() == [("system.storm.held", "admins@example.com")]
    # Other rules go on, and what the held rule finds now is held too, without another word to the administrators.
    slapd.add_person("eve")
    inbox.wait_for("user.created", "eve@example.com")
    slapd.modify(BIG, ("add", "member", person_dn("ann")))
    daemon.wait_idle()
    assert inbox.events("group.member.added") == []
    assert inbox.events("system.storm.held") == [("system.storm.held", "admins@example.com")]
    assert held(daemon)[0]["events"] == 61


def test_explain_names_the_storm(daemon, storm):
    event = daemon.json("events", "--event", "group.member.added", "--limit", "1")["events"][0]["id"]
    assert "held" in daemon.ctl("explain", event).stdout


def test_list_and_show(daemon, storm):
    listing = daemon.ctl("storm", "list").stdout
    assert "members" in listing and "held" in listing
    shown = daemon.ctl("storm", "show", str(storm["id"])).stdout
    assert "members" in shown and "60" in shown
    assert daemon.json("storm", "show", str(storm["id"])) == storm
    assert daemon.ctl("storm").stdout == listing


def test_release(daemon, inbox, storm):
    assert "60" in daemon.ctl("storm", "release", str(storm["id"])).stdout
    inbox.wait_for("group.member.added", count=60)
    daemon.wait_idle()
    told = inbox.events("group.member.added")
    assert sorted(to for _, to in told) == [f"{uid}@example.com" for uid in MANY]
    assert held(daemon) == []
    assert daemon.json("storm", "list")["storms"][0]["closed_by"] == "root"
    again = daemon.ctl("storm", "release", str(storm["id"]), check=False)
    assert again.returncode == 1 and "held" in again.stderr + again.stdout


def test_discard(daemon, slapd, inbox, storm):
    daemon.ctl("storm", "discard", str(storm["id"]))
    daemon.wait_idle()
    assert inbox.events("group.member.added") == []
    assert held(daemon) == []
    assert len(daemon.json("events", "--event", "group.member.added", "--limit", "100")["events"]) == 60
    daemon.stop()
    daemon.start()
    assert inbox.events("group.member.added") == []


def test_no_such_storm(daemon, storm):
    for action in ("show", "release", "discard"):
        done = daemon.ctl("storm", action, "4711", check=False)
        assert done.returncode == 5 and "no storm 4711" in done.stderr
    assert daemon.ctl("storm", "release", check=False).returncode == 2
    assert daemon.ctl("storm", "calm", "1", check=False).returncode == 2
