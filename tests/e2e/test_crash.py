# SPDX-License-Identifier: Apache-2.0
"""Crash-only: whatever is killed whenever, everybody hears of everything, once."""

import os
import random
import signal
import subprocess
import threading

import pytest

import harness
from harness import SUFFIX, company_ldif, group_dn, person_dn, person_ldif, wait_until

WORKERS = ["watch corp", "deliver", "control", None]  # None: the supervisor
MEMBERS = 'rules = ( { name = "members"; on = "group.member.*"; to = "member"; } );'
# A message that was claimed by a deliver that is gone is tried again at once.
HASTE = 'retry_first = "1s"; retry_most = "2s"; connect_timeout = "2s"; send_timeout = "5s";'


def people(count):
    return company_ldif() + "".join(person_ldif(f"c{number}", "C", str(number)) for number in range(count))


def assert_once(inbox, expected):
    """Every notification is there; what came twice is the same message, octet by octet."""
    by_notification = {}
    for message in inbox.all():
        for event in message.events:
            by_notification.setdefault((event, message.envelope[1][0]), []).append(message)
    assert sorted(by_notification) == sorted(expected)
    repeated = 0
    for messages in by_notification.values():
        assert len({message["Message-ID"] for message in messages}) == 1
        assert len({message.raw for message in messages}) == 1
        repeated += len(messages) - 1
    return repeated


class Stream:
    """Members come one after the other, from a thread of its own."""

    def __init__(self, slapd, count):
        self.slapd = slapd
        self.count = count
        self.done = 0
        self.failed = None
        self.goal = threading.Semaphore(0)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            for number in range(self.count):
                self.goal.acquire()
                self.slapd.modify(group_dn("staff"), ("add", "member", person_dn(f"c{number}")))
                self.done = number + 1
        except Exception as problem:  # told by wait()
            self.failed = problem

    def start(self):
        self.thread.start()
        return self

    def allow(self, changes):
        for _ in range(changes):
            self.goal.release()

    def wait(self, number):
        wait_until(lambda: self.failed or self.done >= number, what="the stream of changes")
        assert self.failed is None


def kill_pid(pid, sign=signal.SIGKILL):
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


def pids(daemon):
    """Of all workers, from /proc: control may be the one that was killed last."""
    found = {}
    children = children_of(daemon.process.pid)
    for pid in children:
        try:
            words = open(f"/proc/{pid}/cmdline").read().split("\0")
        except OSError:
            continue
        for word in words:
            if word.startswith("--worker="):
                found[word.removeprefix("--worker=")] = pid
        if "--worker" in words:
            found[words[words.index("--worker") + 1]] = pid
    return found


def children_of(pid):
    try:
        return [int(word) for word in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError:
        return []


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_points(seed, make_slapd, make_daemon, inbox):
    changes, kills = 40, 10
    chance = random.Random(seed)
    slapd = make_slapd(ldif=people(changes))
    daemon = make_daemon(slapd=slapd, rules=MEMBERS, transport_options=HASTE)
    stream = Stream(slapd, changes).start()
    victims = [WORKERS[number % len(WORKERS)] for number in range(kills)]
    chance.shuffle(victims)
    for round_, victim in enumerate(victims):
        stream.allow(changes // kills)
        # A point in the middle of what this round's changes cause.
        stream.wait(round_ * (changes // kills) + chance.randint(0, changes // kills))
        seen = len(inbox.all()) + chance.randint(0, 2)
        try:
            wait_until(lambda: len(inbox.all()) >= seen, within=chance.choice([0.01, 0.05, 0.2]), pause=0.001)
        except TimeoutError:
            pass
        if victim is None:
            daemon.process.kill()
            daemon.process.wait()
            daemon.start(False)
        else:
            wait_until(lambda: pids(daemon).get(victim), what=victim)
            kill_pid(pids(daemon)[victim])
    stream.wait(changes)
    daemon.wait_idle(60)
    assert_once(inbox, [("group.member.added", f"c{number}@example.com") for number in range(changes)])
    assert len(daemon.events()) == changes


def test_workers_end_with_their_supervisor(daemon):
    workers = pids(daemon)
    assert set(workers) == {"watch corp", "deliver", "control"}
    daemon.process.kill()
    daemon.process.wait()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers.values()), what="the workers to end")


@pytest.mark.parametrize("point", ["first load", "refresh"])
def test_watch_killed_while_it_reads(point, make_slapd, make_daemon, inbox):
    slapd = make_slapd(ldif=people(1500))
    daemon = make_daemon(slapd=slapd, rules=MEMBERS, start=point == "refresh", directory_options="resync_transaction = 50;")
    if point == "refresh":
        daemon.stop()
        slapd.modify(group_dn("staff"), ("add", "member", [person_dn(f"c{number}") for number in range(60)]))
        connection = slapd.connect()
        for number in range(500):
            connection.modify_s(person_dn(f"c{number}"), [(0, "title", [b"new"])])
        connection.unbind_s()
    for _ in range(3):
        marks = daemon.log_text().count("to=refreshing")
        if daemon.process is None or daemon.process.poll() is not None:
            daemon.start(False)
        else:
            wait_until(lambda: daemon.log_text().count("to=connecting") >= marks, what="another worker")
        wait_until(lambda: daemon.log_text().count("to=refreshing") > marks or daemon.log_text().count("caught up") >= 2,
                   what="the refresh", pause=0.002)
        pid = pids(daemon).get("watch corp")
        if pid:
            kill_pid(pid)
    daemon.wait_idle()
    expected = [] if point == "first load" else [("group.member.added", f"c{number}@example.com") for number in range(60)]
    assert_once(inbox, expected)
    assert daemon.sql("SELECT count(*) FROM entry")[0][0] == 1513


def test_second_daemon_is_refused(daemon):
    second = subprocess.run([harness.BUILD / "src/daemon/ldapnotifyd", "-f", "-c", daemon.config], capture_output=True, text=True, timeout=30)
    assert second.returncode != 0
    assert "another" in second.stderr and str(daemon.state) in second.stderr
    daemon.wait_idle()


def test_second_daemon_with_its_own_run_dir_is_refused(daemon, slapd, make_daemon):
    """The lock belongs to the stores, not to the sockets."""
    second = make_daemon("second", start=False)
    second.state = daemon.state
    second.write_config()
    done = subprocess.run([harness.BUILD / "src/daemon/ldapnotifyd", "-f", "-c", second.config], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "another" in done.stderr and str(daemon.state) in done.stderr
    daemon.wait_idle()


def test_stopped_watch_is_replaced(daemon, slapd, inbox):
    """A worker that does not beat is killed by the watchdog, and nothing is lost."""
    old = daemon.kill("watch corp", signal.SIGSTOP)
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com", within=30)
    assert pids(daemon)["watch corp"] != old
    daemon.wait_log("watch corp", "hangs")
