# SPDX-License-Identifier: Apache-2.0
"""What the daemon costs beside what cannot be done without, both measured in one run on private servers.

Only the ratios mean something: the figures themselves are as good as the machine and as quiet as it is.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import select
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import ldap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness
from harness import BUILD, SERVICE_DN, SERVICE_PASSWORD, SUFFIX, wait_until

LINKS_PER_GROUP = 130
PAUSE = 0.005  # between two changes that are timed: what follows a mail is not to hold up the next one

RULES = """\
storm = { per_transaction = 0; per_minute = 0; };
rules = (
  { name = "members"; on = "group.member.added"; to = "member"; digest_wait = "0"; },
  { name = "users"; on = "user.modified"; to = "user"; digest_wait = "0"; }
);
"""


def user_name(number):
    return f"user{number:07d}"


def user_dn(number):
    return f"uid={user_name(number)},ou=people,{SUFFIX}"


def group_dn(number):
    return f"cn=group{number:07d},ou=groups,{SUFFIX}"


def mail_of(number):
    return f"{user_name(number)}@example.com"


class Slapd(harness.Slapd):
    """With so many users, groups of 130 members, and one group (number 0) of half the users, at most 50,000."""

    def __init__(self, directory, entries):
        self.groups = entries // 21
        self.users = entries - self.groups
        self.large = min(self.users // 2, 50000)
        self.sync = True
        super().__init__(directory, ldif="", overlays=("syncprov",))
        self.fill()

    def configure(self):
        self.directory.joinpath("slapd.conf").write_text(f"""\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {self.directory}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
database mdb
suffix {SUFFIX}
rootdn {harness.ROOT_DN}
rootpw {harness.ROOT_PASSWORD}
directory {self.directory}/db
maxsize 34359738368
{"" if self.sync else "dbnosync"}
index objectClass,entryUUID,entryCSN eq
limits dn.exact="{SERVICE_DN}" size=unlimited time=unlimited
access to * by dn.exact="{SERVICE_DN}" read by users read by anonymous auth
overlay syncprov
syncprov-checkpoint 1000 5
syncprov-sessionlog 10000
""")

    def entries(self):
        yield (f"dn: {SUFFIX}\nobjectClass: organization\nobjectClass: dcObject\no: Example\ndc: example\n\n"
               f"dn: {SERVICE_DN}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: ldapnotify\n"
               f"userPassword: {SERVICE_PASSWORD}\n\n"
               f"dn: ou=people,{SUFFIX}\nobjectClass: organizationalUnit\nou: people\n\n"
               f"dn: ou=groups,{SUFFIX}\nobjectClass: organizationalUnit\nou: groups\n\n")
        for i in range(self.users):
            yield (f"dn: {user_dn(i)}\nobjectClass: inetOrgPerson\nuid: {user_name(i)}\ncn: Given{i} Surname{i}\n"
                   f"givenName: Given{i}\nsn: Surname{i}\nmail: {mail_of(i)}\ntelephoneNumber: +49 30 {i:07d}\n"
                   f"title: Engineer\nemployeeNumber: {i}\npreferredLanguage: en\n\n")
        for i in range(self.groups):
            members = (range(self.large) if i == 0
                       else ((i * LINKS_PER_GROUP + m) % self.users for m in range(LINKS_PER_GROUP)))
            yield (f"dn: {group_dn(i)}\nobjectClass: groupOfNames\ncn: group{i:07d}\nowner: {user_dn(i)}\n"
                   + "".join(f"member: {user_dn(m)}\n" for m in members) + "\n")

    def fill(self):
        filler = subprocess.Popen(["slapadd", "-q", "-w", "-f", self.directory / "slapd.conf"], stdin=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        filler.stdin.writelines(self.entries())
        filler.stdin.close()
        if filler.wait():
            raise RuntimeError("slapadd failed")

    def restart(self, sync):
        self.stop()
        self.sync = sync
        self.configure()
        self.start()

    def stranger(self, group, number):
        """A user who is not in the group; another one for each number below 1,000."""
        if group == 0:
            return self.large + number
        return (group * LINKS_PER_GROUP + LINKS_PER_GROUP + number + self.users // 3) % self.users


class Sink:
    """The SMTP server; `wait` is for one mail at a time, `report` for many."""

    def __init__(self, port=0):
        self.process = subprocess.Popen([BUILD / "tests/bench/sink", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.rest = b""
        self.port = int(self.line(10))

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)

    def line(self, within):
        end = time.monotonic() + within
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no mail within {within} s")
            self.rest += os.read(self.process.stdout.fileno(), 65536)
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def tell(self, word):
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()

    def report(self):
        """(messages, time of the first, time of the last, octets)"""
        self.tell("report")
        count, first, last, octets = (int(word) for word in self.line(10).split())
        return count, first / 1e9, last / 1e9, octets

    def wait(self, recipient, within=30):
        """When this recipient's mail was taken."""
        while True:
            when, who = self.line(within).split()
            if who == recipient:
                return int(when) / 1e9

    def wait_count(self, count, within, what="all mails"):
        return wait_until(lambda: self.report()[0] >= count, within, what)


class Bare:
    """The bare syncrepl client."""

    def __init__(self, directory, slapd, sink, attributes):
        self.process = subprocess.Popen([BUILD / "tests/bench/bare", slapd.uri, SERVICE_DN, SERVICE_PASSWORD, SUFFIX,
                                         f"smtp://127.0.0.1:{sink.port}", directory / "bare.txt", *attributes],
                                        stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            raise RuntimeError("the bare client does not run")

    def stop(self):
        harness.stop_process(self.process)


class Daemon(harness.Daemon):
    def pid(self, kind):
        return next(worker["pid"] for worker in self.status()["workers"] if worker["name"].startswith(kind))

    def resident(self, kind="watch"):
        status = pathlib.Path(f"/proc/{self.pid(kind)}/status").read_text()
        words = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Vm")}
        return int(words["VmRSS"]) / 1024, int(words["VmHWM"]) / 1024

    def cpu(self, kind):
        """Seconds on a processor so far."""
        return int(pathlib.Path(f"/proc/{self.pid(kind)}/schedstat").read_text().split()[0]) / 1e9

    def attributes(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/corp.db?mode=ro", uri=True)) as store:
            return store.execute("SELECT attributes FROM state").fetchone()[0].split()

    def first_load(self):
        """Seconds from the start of the process to the mirror's last commit."""
        started = time.monotonic()
        self.start(wait=False)
        wait_until(lambda: self.log.exists() and b'after="first load"' in self.log.read_bytes(), 300, "the first load", 0.003)
        return time.monotonic() - started


class Bench:
    def __init__(self, options, stack):
        self.options = options
        self.stack = stack
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ldapnotify-bench-", dir=options.directory))
        stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.rows = []
        self.daemons = 0
        self.sink = Sink()
        stack.callback(self.sink.stop)

    def row(self, what, ours, reference, unit, ratio, target, good, note=""):
        self.rows.append({"what": what, "ours": ours, "reference": reference, "unit": unit, "ratio": ratio, "target": target,
                          "met": good, "note": note})
        print_row(self.rows[-1])

    def slapd(self, name, entries):
        say(f"a directory of {entries:,} entries")
        slapd = Slapd(self.directory / name, entries)
        self.stack.callback(slapd.stop)
        return slapd.start()

    def daemon(self, slapd, sink=None):
        self.daemons += 1
        daemon = Daemon(self.directory / f"daemon{self.daemons}", slapd, sink or self.sink, rules=RULES)
        self.stack.callback(daemon.stop)
        return daemon

    # --- the first load ---------------------------------------------------------------------------------------------

    def search_time(self, slapd, attributes):
        started = time.monotonic()
        subprocess.run(["ldapsearch", "-x", "-LLL", "-H", slapd.uri, "-D", SERVICE_DN, "-w", SERVICE_PASSWORD, "-b", SUFFIX,
                        "-E", "!sync=ro", "(objectClass=*)", *attributes], stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - started

    def load(self, slapd, attributes):
        """Ours and the reference in turn. The last daemon stays."""
        entries = self.options.entries
        times = 1 if entries > 300000 else 3
        self.search_time(slapd, attributes)  # warm
        ours, reference = [], [self.search_time(slapd, attributes)]
        for i in range(times):
            daemon = self.daemon(slapd)
            ours.append(daemon.first_load())
            daemon.wait_idle()
            resident, most = daemon.resident()
            if i < times - 1:
                daemon.stop()
                shutil.rmtree(daemon.directory)
            reference.append(self.search_time(slapd, attributes))
        mine, other = statistics.median(ours), statistics.median(reference)
        self.row(f"first load of {entries:,} entries", mine, other, "s", mine / other, "≤ 2, then ≤ 1.5", mine / other <= 2,
                 "ldapsearch -E '!sync=ro' to /dev/null")
        self.row(f"memory of watch after {entries:,} entries", resident, None, "MiB", None, "≤ 48 MiB", resident <= 48,
                 f"{most:.0f} MiB at its most")
        return daemon

    # --- single changes ---------------------------------------------------------------------------------------------

    def time_changes(self, slapd, groups, first):
        """From the start of each modify to its mail's acceptance, in ms; and the modify alone."""
        whole, modify = [], []
        connection = slapd.connect()
        self.sink.tell("lines")
        for i, group in enumerate(groups):
            member = slapd.stranger(group, first + i)
            change = [(ldap.MOD_ADD, "member", [user_dn(member).encode()])]
            started = time.monotonic()
            connection.modify_s(group_dn(group), change)
            answered = time.monotonic()
            whole.append((self.sink.wait(mail_of(member)) - started) * 1e3)
            modify.append((answered - started) * 1e3)
            time.sleep(PAUSE)
        self.sink.tell("quiet")
        connection.unbind_s()
        return whole, modify

    def compare(self, slapd, daemon, attributes, groups, rounds):
        """Ours and the bare client in turn, each with its own changes."""
        ours, bare, modify, first = [], [], [], self.first
        part = len(groups) // rounds
        for i in range(rounds):
            mine = groups[i * part:(i + 1) * part]
            if not daemon.process or daemon.process.poll() is not None:
                daemon.start()
            ours += self.time_changes(slapd, mine, first)[0]
            daemon.wait_idle()
            daemon.stop()
            client = Bare(self.directory, slapd, self.sink, attributes)
            whole, alone = self.time_changes(slapd, mine, first + part)
            client.stop()
            bare += whole
            modify += alone
            first += 2 * part
        self.first = first
        daemon.start()
        return ours, bare, modify

    def change(self, slapd, daemon, attributes):
        groups = [1 + i * 13 % (slapd.groups - 1) for i in range(300)]
        ours, bare, modify = self.compare(slapd, daemon, attributes, groups, 3)
        note = f"bare syncrepl client; the modify alone {statistics.median(modify):.2f} ms"
        for name, function, most in (("median", statistics.median, 2), ("99th of 100", lambda v: centile(v, 99), 4)):
            mine, other = function(ours), function(bare)
            self.row(f"a change to its mail, {name}", mine, other, "ms", mine / other, f"≤ {most}", mine / other <= most, note)

    def large(self, slapd, daemon, attributes):
        ours, bare, modify = self.compare(slapd, daemon, attributes, [0] * 60, 3)
        mine, other = statistics.median(ours), statistics.median(bare)
        self.row(f"one member more of {slapd.large:,}, median", mine, other, "ms", mine / other, "≤ 2", mine / other <= 2,
                 f"bare syncrepl client; the modify alone {statistics.median(modify):.1f} ms")

    def cost(self, slapd, daemon, count=300):
        """Time on a processor of watch and deliver for a change, in ms; and the median way of it."""
        groups = [1 + i * 7 % (slapd.groups - 1) for i in range(count)]
        daemon.wait_idle()
        before = {kind: daemon.cpu(kind) for kind in ("watch", "deliver")}
        whole, _ = self.time_changes(slapd, groups, self.first)
        self.first += count
        daemon.wait_idle()
        cost = {kind: (daemon.cpu(kind) - before[kind]) / count * 1e3 for kind in before}
        return cost["watch"] + cost["deliver"], statistics.median(whole), cost

    # --- sustained changes ------------------------------------------------------------------------------------------

    def write(self, slapd, seconds, mark, look=None):
        """Modifies users, several under way at once, as fast as slapd takes it; (changes, seconds)."""
        connection = slapd.connect()
        started = time.monotonic()
        count, under_way, looked = 0, [], started
        while time.monotonic() < started + seconds:
            change = [(ldap.MOD_REPLACE, "title", [f"Engineer {mark} {count}".encode()])]
            under_way.append(connection.modify_ext(user_dn(count * 17 % slapd.users), change))
            count += 1
            if len(under_way) >= 8:
                connection.result(under_way.pop(0))
            if look and time.monotonic() > looked + 0.25:
                looked = time.monotonic()
                look(count)
        for one in under_way:
            connection.result(one)
        taken = time.monotonic() - started
        connection.unbind_s()
        return count, taken

    def sustained(self, slapd, daemon, sync):
        seconds = self.options.seconds
        daemon.wait_idle(60)
        daemon.stop()
        slapd.restart(sync)
        alone, taken = self.write(slapd, seconds, f"a{sync}")
        rate_alone = alone / taken
        daemon.start(wait=False)
        daemon.wait_idle(120)
        self.sink.wait_count(0, 1)
        settled = self.settle()
        lags = []
        count, taken = self.write(slapd, seconds, f"b{sync}", lambda written: lags.append(written - (self.sink.report()[0] - settled)))
        ended = time.monotonic()
        self.sink.wait_count(settled + count, 120)
        last = self.sink.report()[2]
        half = len(lags) // 2
        first, second = max(lags[:half]), max(lags[half:])
        name = "sustained changes" + ("" if sync else ", slapd without fsync")
        mine = count / (max(last, ended) - (ended - taken))
        other = count / taken
        self.row(name, mine, other, "/s", mine / other, "no growing lag", mine / other > 0.97,
                 f"slapd's own {other:.0f}/s beside us, {rate_alone:.0f}/s alone; behind at most {first} in the first half, "
                 f"{second} in the second; the last mail {max(0, last - ended) * 1e3:.0f} ms after the last change")

    def settle(self):
        """The sink's count once nothing has come for a while."""
        while True:
            before = self.sink.report()[0]
            time.sleep(0.3)
            if self.sink.report()[0] == before:
                return before

    # --- the queue --------------------------------------------------------------------------------------------------

    def drain(self, slapd, daemon):
        """A group of many is made while the relay is away; then it comes back."""
        count = min(self.options.messages, slapd.users // 2)
        daemon.wait_idle(60)
        daemon.stop()
        relay = Sink()
        port = relay.port
        relay.stop()
        away = type("Away", (), {"port": port})
        daemon.write_config(inbox=away, transport_options="connections = 8;")
        daemon.start()
        started = time.monotonic()
        connection = slapd.connect()
        connection.add_s(f"cn=many,ou=groups,{SUFFIX}",
                         [("objectClass", [b"groupOfNames"]), ("cn", [b"many"]), ("member", [user_dn(0).encode()])])
        connection.modify_s(f"cn=many,ou=groups,{SUFFIX}",
                            [(ldap.MOD_ADD, "member", [user_dn(i).encode() for i in range(1, count + 1)])])
        connection.unbind_s()
        wait_until(lambda: self.queued(daemon) >= count, 120, "the queue to fill", 0.1)
        say(f"{count:,} messages made in {time.monotonic() - started:.1f} s")
        relay = Sink(port)
        self.stack.callback(relay.stop)
        before = daemon.cpu("deliver")
        daemon.ctl("queue", "retry", "all")
        relay.wait_count(count, 120)
        took, first, last, octets = relay.report()
        mine = (count - 1) / (last - first)
        cpu = daemon.cpu("deliver") - before
        self.stack.callback(daemon.stop)
        daemon.stop()
        relay.tell("reset")
        subprocess.run([BUILD / "tests/bench/drain", f"smtp://127.0.0.1:{port}", str(count), "8", str(octets // took)], check=True)
        _, first, last, _ = relay.report()
        other = (count - 1) / (last - first)
        self.row(f"draining {count:,} queued messages", mine, other, "/s", mine / other, "≥ 0.5, then ≥ 0.7", mine / other >= 0.5,
                 f"libcurl multi, 8 connections each, {octets // took} octets; {cpu / count * 1e6:.0f} µs of deliver a message")

    def queued(self, daemon):
        with contextlib.closing(sqlite3.connect(f"file:{daemon.state}/delivery.db?mode=ro", uri=True)) as store:
            return store.execute("SELECT count(*) FROM message WHERE state = 0").fetchone()[0]

    # ----------------------------------------------------------------------------------------------------------------

    def run(self):
        rows = self.options.rows.split(",")
        self.first = 0
        small_slapd = self.slapd("small", 10000)
        small = self.daemon(small_slapd)
        small.start()
        attributes = small.attributes()
        slapd = self.slapd("slapd", self.options.entries)
        if "load" in rows:
            daemon = self.load(slapd, attributes)
        else:
            daemon = self.daemon(slapd)
            daemon.start(wait=False)
            daemon.wait_idle(300)
        if "change" in rows:
            self.cost(small_slapd, small, 50)
            few, few_way, _ = self.cost(small_slapd, small)
            many, many_way, parts = self.cost(slapd, daemon)
            few = statistics.mean([few, self.cost(small_slapd, small)[0]])
            many = statistics.mean([many, self.cost(slapd, daemon)[0]])
            self.row(f"processor time of a change at {self.options.entries:,} entries", many, few, "ms", many / few, "≤ 1.3",
                     many / few <= 1.3, f"at 10,000 entries; to its mail {many_way:.2f} beside {few_way:.2f} ms; watch "
                     f"{parts['watch']:.2f}, deliver {parts['deliver']:.2f} ms")
        small.stop()
        small_slapd.stop()
        if "change" in rows:
            self.change(slapd, daemon, attributes)
        if "large" in rows:
            self.large(slapd, daemon, attributes)
        if "drain" in rows:
            drained = daemon
            inbox = daemon.parts["inbox"]
            self.drain(slapd, drained)
            daemon.write_config(inbox=inbox, transport_options="")
        if "sustained" in rows:
            daemon.start(wait=False)
            self.sustained(slapd, daemon, True)
            self.sustained(slapd, daemon, False)


def centile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def say(words):
    print(f"# {words}", file=sys.stderr, flush=True)


def figure(value, unit):
    if value is None:
        return "–"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def print_row(row):
    ratio = "–" if row["ratio"] is None else f"{row['ratio']:.2f}"
    print(f"{row['what']:<50} {figure(row['ours'], row['unit']):>12} {figure(row['reference'], row['unit']):>12} {ratio:>6}  "
          f"{row['target']:<18} {'met' if row['met'] else 'MISSED'}", flush=True)
    if row["note"]:
        print(f"    {row['note']}", flush=True)


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    memory = int(open("/proc/meminfo").readline().split()[1]) // 1024 // 1024
    slapd = subprocess.run(["slapd", "-VV"], capture_output=True, text=True).stderr.split("\n")[0]
    return {"processor": model, "processors": os.cpu_count(), "memory_gib": memory, "kernel": platform.release(),
            "slapd": slapd.strip("@(#) $"), "load_before": os.getloadavg()[0]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=105000)
    parser.add_argument("--messages", type=int, default=50000)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rows", default="load,change,large,sustained,drain")
    parser.add_argument("--directory", default="/var/tmp")
    parser.add_argument("--json", default="bench.json")
    options = parser.parse_args()
    result = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "entries": options.entries}
    print(f"{'what':<50} {'ours':>12} {'reference':>12} {'ratio':>6}  target")
    with contextlib.ExitStack() as stack:
        bench = Bench(options, stack)
        bench.run()
    result["rows"] = bench.rows
    pathlib.Path(options.json).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
