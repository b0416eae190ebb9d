# SPDX-License-Identifier: Apache-2.0
"""The main job, shown: changes in a small company's directory and the mails that they become."""

import pathlib
import shutil
import signal
import sys
import tempfile
import time

import harness
from harness import SUFFIX, group_dn, person_dn, text_of

# The shipped rules, those that are commented out too, and without waiting for a digest.
RULES = (harness.SOURCE / "etc/rules.conf").read_text().replace("  #{", "  {").replace('digest_wait = "5m"', 'digest_wait = "0"')


def bold(text):
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


class Show:
    def __init__(self, directory):
        self.slapd = harness.Slapd(directory / "slapd", lockout=300)
        self.inbox = harness.Inbox()
        self.shown = 0

    def open(self, directory):
        self.slapd.start()
        self.inbox.start()
        self.daemon = harness.Daemon(directory / "daemon", self.slapd, self.inbox, rules=RULES)
        self.daemon.start()

    def close(self):
        if hasattr(self, "daemon"):
            self.daemon.stop()
        self.inbox.stop()
        self.slapd.stop()

    def print_new_mails(self):
        mails = self.inbox.all()
        for mail in mails[self.shown:]:
            print(f"    From: {mail['From']}\n    To: {mail['To']}\n    Subject: {mail['Subject']}\n")
            for line in text_of(mail).rstrip().split("\n"):
                print(f"      {line}".rstrip())
            print()
        if len(mails) == self.shown:
            print("    (nobody needs to be told)\n")
        self.shown = len(mails)

    def step(self, words, change, at_least=1):
        print(bold(f"── {words}"))
        before = len(self.inbox.all())
        started = time.monotonic()
        change()
        if at_least:
            harness.wait_until(lambda: len(self.inbox.all()) >= before + at_least, what="the mails")
        took = time.monotonic() - started
        self.daemon.wait_idle()
        told = len(self.inbox.all()) - before
        print(f"   {told} mail{'s' if told != 1 else ''}" + (f", {took * 1000:.0f} ms after the change began" if told else "") + "\n")
        self.print_new_mails()

    def play(self):
        slapd, staff = self.slapd, group_dn("staff")
        self.step("Carla is added to the group staff, which Olga owns", lambda: slapd.modify(staff, ("add", "member", person_dn("carla"))), 2)
        self.step("Bob is removed from staff", lambda: slapd.modify(staff, ("delete", "member", person_dn("bob"))), 2)
        self.step("Staff gets a new owner: Dan in place of Olga", lambda: slapd.modify(staff, ("replace", "owner", person_dn("dan"))), 2)
        self.step("Somebody tries three wrong passwords for Ann, and the password policy locks her account", lambda: slapd.fail_login("ann"))
        self.step("An administrator unlocks Ann", lambda: slapd.modify(person_dn("ann"), ("delete", "pwdAccountLockedTime", None)))
        self.step("Carla is renamed: her entry moves to another name", lambda: slapd.rename(person_dn("carla"), "uid=carla.cook"))
        self.step("The group staff is deleted", lambda: slapd.delete(staff), 2)

    def explain(self):
        event = next(e for e in self.daemon.json("events")["events"] if e["event"] == "group.member.added")
        print(bold(f"── ldapnotifyctl explain {event['id']}"))
        print(self.daemon.ctl("explain", event["id"]).stdout)
        print(bold("── ldapnotifyctl status"))
        print(self.daemon.ctl("status").stdout)

    def keep(self):
        print(bold("── Everything keeps running; end it with Control-C. In another terminal:"))
        ctl = f"{harness.BUILD}/src/ctl/ldapnotifyctl --socket {self.daemon.socket}"
        print(f"""
  {ctl} status
  {ctl} events
  ldapsearch -x -H {self.slapd.uri} -D {harness.ROOT_DN} -w {harness.ROOT_PASSWORD} -b {SUFFIX}
  ldapmodify -x -H {self.slapd.uri} -D {harness.ROOT_DN} -w {harness.ROOT_PASSWORD} <<END
dn: {person_dn('dan')}
changetype: modify
replace: manager
manager: {person_dn('olga')}
END
  less {self.daemon.log}

New mails are printed here as they come.
""", flush=True)
        while True:
            if len(self.inbox.all()) > self.shown:
                self.print_new_mails()
                sys.stdout.flush()
            time.sleep(0.2)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = pathlib.Path(tempfile.mkdtemp(prefix="ldapnotify-demo-"))
    show = Show(directory)
    try:
        show.open(directory)
        print(bold("── The daemon has read the directory. It tells nobody about what was there before.\n"))
        show.play()
        show.explain()
        if "--keep" in sys.argv:
            show.keep()
    except KeyboardInterrupt:
        print()
    finally:
        show.close()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
