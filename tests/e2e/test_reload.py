# SPDX-License-Identifier: Apache-2.0
"""Another configuration for a running daemon: all of it, or nothing."""

import signal
import subprocess

import pytest

import harness
from harness import RULES, SUFFIX, group_dn, person_dn, wait_until

MEMBERS = 'rules = ( { name = "members"; on = "group.member.*"; to = "member"; } );'


def add_member(slapd, uid):
    slapd.modify(group_dn("staff"), ("add", "member", person_dn(uid)))


def hang_up(daemon, *words):
    """SIGHUP, until the log has these words once more."""
    before = daemon.log_text().count(words[0])
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: daemon.log_text().count(words[0]) > before, what=words[0])
    for word in words:
        daemon.wait_log(word)


def check(daemon):
    return subprocess.run([harness.BUILD / "src/daemon/ldapnotifyd", "-t", "-c", daemon.config], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("how", ["SIGHUP", "ctl"])
def test_rule_added(how, make_daemon, slapd, inbox):
    daemon = make_daemon(rules=MEMBERS)
    add_member(slapd, "carla")
    inbox.wait_for("group.member.added", "carla@example.com")
    daemon.write_config(rules=RULES)
    if how == "SIGHUP":
        hang_up(daemon, "configuration reloaded")
    else:
        daemon.ctl("reload")
    daemon.wait_idle()
    add_member(slapd, "dan")
    inbox.wait_for("group.member.added", "olga@example.com")
    daemon.wait_idle()
    assert inbox.events().count(("group.member.added", "dan@example.com")) == 1
    assert len(inbox.events()) == 3


@pytest.mark.parametrize("bad,words", [
    ("lives = true;", ["lives", "live"]),
    ("rules = ( {", ["not closed"]),
    ('rules = ( { on = "group.member.grown"; to = "member"; } );', ["group.member.grown"]),
    ('rules = ( { on = "group.*"; to = "member"; where = "(cn=a"; } );', ["where"]),
    ('storm = { per_minute = "many"; };', ["per_minute"]),
])
def test_bad_file_changes_nothing(bad, words, make_daemon, slapd, inbox):
    daemon = make_daemon()
    pids = {worker["name"]: worker["pid"] for worker in daemon.status()["workers"]}
    rules = "" if "rules" in bad else RULES
    daemon.write_config(rules=rules, more=bad)
    line = next(number for number, text in enumerate(daemon.config.read_text().splitlines(), 1) if bad in text)
    hang_up(daemon, "reload refused")
    for word in words:
        daemon.wait_log(f"{daemon.config}:", word)
    assert f"{daemon.config}:{line}" in daemon.log_text() or bad.endswith("{")
    refused = daemon.ctl("reload", check=False)
    assert refused.returncode != 0
    assert str(daemon.config) in refused.stderr
    tested = check(daemon)
    assert tested.returncode == 1 and all(word in tested.stderr for word in words)
    assert {worker["name"]: worker["pid"] for worker in daemon.status()["workers"]} == pids
    add_member(slapd, "carla")
    inbox.wait_for("group.member.added", "carla@example.com")
    # The good file again, and everything goes on.
    daemon.write_config(rules=RULES, more="")
    daemon.ctl("reload")
    daemon.wait_idle()
    add_member(slapd, "dan")
    inbox.wait_for("group.member.added", "dan@example.com")


def test_test_of_good_files(make_daemon):
    daemon = make_daemon(start=False)
    good = check(daemon)
    assert good.returncode == 0 and "good, live" in good.stdout
    daemon.write_config(live=False)
    assert "trial" in check(daemon).stdout
    daemon.secret.unlink()
    missing = check(daemon)
    assert missing.returncode == 1 and str(daemon.secret) in missing.stderr
    usage = subprocess.run([harness.BUILD / "src/daemon/ldapnotifyd", "--nonsense"], capture_output=True, text=True, timeout=30)
    assert usage.returncode == 2 and "--nonsense" in usage.stderr


def test_live_switched_on_and_off(make_daemon, slapd, inbox):
    daemon = make_daemon(live=False)
    add_member(slapd, "carla")
    daemon.wait_idle()
    daemon.write_config(live=True)
    daemon.ctl("reload")
    daemon.wait_idle()
    assert inbox.all() == []  # what was tried stays at home
    add_member(slapd, "dan")
    inbox.wait_for("group.member.added", "dan@example.com")
    daemon.wait_idle()
    daemon.write_config(live=False)
    daemon.ctl("reload")
    daemon.wait_idle()
    inbox.clear()
    add_member(slapd, "mia")
    daemon.wait_idle()
    assert inbox.all() == []
    assert len(list((daemon.state / "trial" / "new").iterdir())) == 4


def test_directory_added_and_taken_away(make_slapd, make_daemon, slapd, inbox):
    other = make_slapd("other")
    daemon = make_daemon()
    more = (f', {{ name = "lab"; uri = "{other.uri}"; base = "{SUFFIX}"; tls = "none"; reconnect_first = "100ms"; '
            f'bind_dn = "{harness.SERVICE_DN}"; bind_password_file = "{daemon.secret}"; }}')
    pid = daemon.worker_pid("watch corp")
    daemon.write_config(more_directories=more)
    daemon.ctl("reload")
    daemon.wait_idle()
    assert daemon.worker_pid("watch corp") == pid
    add_member(other, "carla")
    inbox.wait_for("group.member.added", "carla@example.com")
    add_member(slapd, "dan")
    inbox.wait_for("group.member.added", "dan@example.com")
    assert {event["id"].split("-")[0] for event in daemon.json("events")["events"]} == {"corp", "lab"}
    daemon.write_config(more_directories="")
    daemon.ctl("reload")
    daemon.wait_idle()
    assert [worker["name"] for worker in daemon.status()["workers"] if worker["name"].startswith("watch")] == ["watch corp"]


def test_reload_in_the_middle_of_changes(make_daemon, slapd, inbox):
    """Workers are replaced while changes come: nothing is lost, nothing is told twice."""
    daemon = make_daemon()
    for number in range(6):
        slapd.add_person(f"r{number}")
        daemon.write_config(directory_options=f'probe_interval = "{50 + number}s";')
        daemon.process.send_signal(signal.SIGHUP)
        slapd.add_person(f"s{number}")
    wait_until(lambda: daemon.log_text().count("configuration reloaded") >= 1, what="a reload")
    for number in range(6):
        for letter in "rs":
            inbox.wait_for("user.created", f"{letter}{number}@example.com")
    daemon.wait_idle()
    assert len(inbox.events()) == 12


def test_secret_file_that_changes_needs_no_reload(make_daemon, slapd, inbox):
    daemon = make_daemon()
    slapd.modify(harness.SERVICE_DN, ("replace", "userPassword", "another"))
    daemon.secret.write_text("another\n")
    daemon.wait_log("secrets read again")
    add_member(slapd, "carla")
    inbox.wait_for("group.member.added", "carla@example.com")
    daemon.wait_idle()
    assert daemon.watch()["problem"] is None


def test_reload_ends_a_refusal(daemon, slapd, inbox):
    """The password was changed in the directory, and changed back: our own configuration is the same all the time."""
    def set_password(password):
        slapd.modify(harness.SERVICE_DN, ("replace", "userPassword", password))

    set_password("another-secret")
    slapd.restart()
    daemon.wait_state("refused")
    inbox.wait_for("system.directory.refused", "admins@example.com")
    set_password(harness.SERVICE_PASSWORD)
    pid = daemon.worker_pid("watch corp")
    daemon.ctl("reload")
    daemon.wait_idle()
    assert daemon.worker_pid("watch corp") == pid
    add_member(slapd, "carla")
    inbox.wait_for("group.member.added", "carla@example.com")
