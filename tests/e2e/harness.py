# SPDX-License-Identifier: Apache-2.0
"""A private slapd, an SMTP inbox and the daemon, each on its own loopback port and in its own directory.

Everything is started by its object and ended by its pid. Nothing sleeps for luck: wait_until() looks until it sees.
"""

import email
import email.policy
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

import ldap
import ldap.modlist
from aiosmtpd.controller import Controller

SOURCE = pathlib.Path(os.environ.get("top_srcdir", pathlib.Path(__file__).resolve().parents[2])).resolve()
BUILD = pathlib.Path(os.environ.get("top_builddir", SOURCE / "build")).resolve()
SUFFIX = "dc=example,dc=com"
ROOT_DN = f"cn=admin,{SUFFIX}"
ROOT_PASSWORD = "root-secret"
SERVICE_DN = f"cn=ldapnotify,{SUFFIX}"
SERVICE_PASSWORD = "service-secret"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, within=20.0, what="it", pause=0.02):
    """The condition's first true value; raises when none came within so many seconds."""
    end = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {within:g} s for {what}")
        time.sleep(pause)


def stop_process(process, within=10):
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


COMPANY = f"""\
dn: {SUFFIX}
objectClass: organization
objectClass: dcObject
o: Example
dc: example

dn: {SERVICE_DN}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: ldapnotify
userPassword: {SERVICE_PASSWORD}

dn: ou=people,{SUFFIX}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{SUFFIX}
objectClass: organizationalUnit
ou: groups

dn: ou=policies,{SUFFIX}
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,{SUFFIX}
objectClass: pwdPolicy
objectClass: device
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 3
pwdLockoutDuration: {{lockout}}
"""

PEOPLE = {
    "ann": ("Ann", "Archer"),
    "bob": ("Bob", "Baker"),
    "carla": ("Carla", "Cook"),
    "dan": ("Dan", "Doyle"),
    "olga": ("Olga", "Owner"),
    "mia": ("Mia", "Manager"),
}


def person_dn(uid):
    return f"uid={uid},ou=people,{SUFFIX}"


def group_dn(cn):
    return f"cn={cn},ou=groups,{SUFFIX}"


def person_ldif(uid, given, surname, manager=None):
    lines = [
        f"dn: {person_dn(uid)}", "objectClass: inetOrgPerson", f"uid: {uid}", f"cn: {given} {surname}",
        f"givenName: {given}", f"sn: {surname}", f"mail: {uid}@example.com", f"userPassword: {uid}-secret",
    ]
    if manager:
        lines.append(f"manager: {person_dn(manager)}")
    return "\n".join(lines) + "\n\n"


def company_ldif(lockout=300):
    text = COMPANY.format(lockout=lockout) + "\n"
    for uid, (given, surname) in PEOPLE.items():
        text += person_ldif(uid, given, surname, manager=None if uid == "mia" else "mia")
    text += (f"dn: {group_dn('staff')}\nobjectClass: groupOfNames\ncn: staff\nowner: {person_dn('olga')}\n"
             f"member: {person_dn('ann')}\nmember: {person_dn('bob')}\n\n")
    return text


class Slapd:
    """One slapd on loopback with syncprov and ppolicy; `extra` goes to the database section of its configuration."""

    def __init__(self, directory, port=None, ldif=None, extra="", overlays=("syncprov", "ppolicy"), lockout=300, sid=None,
                 head="", checkpoint=True, tls=None):
        self.directory = pathlib.Path(directory)
        self.port = port or free_port()
        self.overlays = overlays
        self.extra = extra
        self.head = head
        self.sid = sid
        self.tls = tls
        self.process = None
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.tls_port = free_port() if tls else None
        (self.directory / "db").mkdir(parents=True)
        self.configure()
        text = company_ldif(lockout) if ldif is None else ldif
        if text:
            self.slapadd(text)

    def configure(self):
        lines = [
            "include /etc/ldap/schema/core.schema", "include /etc/ldap/schema/cosine.schema",
            "include /etc/ldap/schema/inetorgperson.schema", "include /etc/ldap/schema/nis.schema",
            f"pidfile {self.directory}/slapd.pid", "modulepath /usr/lib/ldap", "moduleload back_mdb",
        ]
        lines += [f"moduleload {overlay}" for overlay in self.overlays]
        if self.sid is not None:
            lines.append(f"serverID {self.sid}")
        if self.tls:
            lines += [f"TLSCertificateFile {self.tls['cert']}", f"TLSCertificateKeyFile {self.tls['key']}",
                      f"TLSCACertificateFile {self.tls['ca']}", "TLSVerifyClient allow"]
        lines += [self.head, "database mdb", f"suffix {SUFFIX}", f"rootdn {ROOT_DN}", f"rootpw {ROOT_PASSWORD}",
                  f"directory {self.directory}/db", "maxsize 1073741824", "index objectClass,entryUUID,entryCSN,uid,member eq",
                  f"limits dn.exact=\"{SERVICE_DN}\" size=unlimited time=unlimited",
                  "access to attrs=userPassword by self =xw by anonymous auth by * none",
                  f"access to * by dn.exact=\"{SERVICE_DN}\" read by self write by users read by * none"]
        if "syncprov" in self.overlays:
            lines += ["overlay syncprov", "syncprov-checkpoint 100 5", "syncprov-sessionlog 10000"]
        if "ppolicy" in self.overlays:
            lines += ["overlay ppolicy", f"ppolicy_default cn=default,ou=policies,{SUFFIX}"]
        lines += [f"overlay {overlay}" for overlay in self.overlays if overlay not in ("syncprov", "ppolicy")]
        lines.append(self.extra)
        (self.directory / "slapd.conf").write_text("\n".join(lines) + "\n")

    def slapadd(self, text):
        subprocess.run(["slapadd", "-q", "-w", "-f", self.directory / "slapd.conf"], input=text.encode(), check=True,
                       capture_output=True)

    def start(self):
        urls = f"{self.uri}/"
        if self.tls:
            urls += f" ldaps://127.0.0.1:{self.tls_port}/"
        self.process = subprocess.Popen(["slapd", "-h", urls, "-f", self.directory / "slapd.conf", "-d", "none"],
                                        stdout=subprocess.DEVNULL, stderr=open(self.directory / "slapd.log", "ab"))
        wait_until(self.answers, what="slapd to answer")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "slapd.log").read_text())
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def stop(self):
        stop_process(self.process)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def connect(self, dn=ROOT_DN, password=ROOT_PASSWORD):
        connection = ldap.initialize(self.uri)
        connection.set_option(ldap.OPT_REFERRALS, 0)
        connection.simple_bind_s(dn, password)
        return connection

    # Changes, as an administrator makes them.

    def modify(self, dn, *changes):
        operations = {"add": ldap.MOD_ADD, "delete": ldap.MOD_DELETE, "replace": ldap.MOD_REPLACE}
        connection = self.connect()
        connection.modify_s(dn, [(operations[how], name, [v.encode() for v in ([values] if isinstance(values, str) else values)]
                                  if values is not None else None) for how, name, values in changes])
        connection.unbind_s()

    def add(self, dn, attributes):
        connection = self.connect()
        connection.add_s(dn, [(name, [v.encode() for v in ([values] if isinstance(values, str) else values)])
                              for name, values in attributes.items()])
        connection.unbind_s()

    def add_person(self, uid, given="New", surname="Person", **more):
        attributes = {"objectClass": "inetOrgPerson", "uid": uid, "cn": f"{given} {surname}", "givenName": given,
                      "sn": surname, "mail": f"{uid}@example.com", "userPassword": f"{uid}-secret"}
        attributes.update(more)
        self.add(person_dn(uid), attributes)

    def delete(self, dn):
        connection = self.connect()
        connection.delete_s(dn)
        connection.unbind_s()

    def rename(self, dn, rdn, superior=None):
        connection = self.connect()
        connection.rename_s(dn, rdn, superior, 1)
        connection.unbind_s()

    def fail_login(self, uid, times=3):
        for _ in range(times):
            try:
                self.connect(person_dn(uid), "wrong").unbind_s()
            except ldap.INVALID_CREDENTIALS:
                pass


class Inbox:
    """An SMTP server that keeps what it takes."""

    def __init__(self, port=None, **options):
        self.port = port or free_port()
        self.lock = threading.Lock()
        self.messages = []
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)

    def start(self):
        self.controller.start()
        return self

    def stop(self):
        self.controller.stop(no_assert=True)

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message.envelope = (envelope.mail_from, list(envelope.rcpt_tos))
        message.raw = envelope.content
        with self.lock:
            self.messages.append(message)
        return "250 taken"

    def all(self):
        with self.lock:
            return list(self.messages)

    def events(self, name=None):
        """(event name, recipient) of every event told so far."""
        told = []
        for message in self.all():
            for value in message.get_all("X-LdapNotify-Event", []):
                event = value.split(";")[0].strip()
                if name is None or event == name:
                    told.append((event, message.envelope[1][0]))
        return told

    def wait_for(self, event, recipient=None, count=1, within=20.0):
        def found():
            told = [message for message in self.all()
                    if any(value.split(";")[0].strip() == event for value in message.get_all("X-LdapNotify-Event", []))
                    and (recipient is None or message.envelope[1][0] == recipient)]
            return told if len(told) >= count else None
        try:
            return wait_until(found, within, f"{count} × {event} to {recipient}")
        except TimeoutError as problem:
            raise TimeoutError(f"{problem}; told so far: {self.events()}") from None

    def clear(self):
        with self.lock:
            self.messages.clear()


def text_of(message):
    return message.get_body(preferencelist=("plain",)).get_content()


RULES = """\
rules = (
  { name = "members"; on = [ "group.member.added", "group.member.removed" ]; to = "member"; },
  { name = "owners"; on = [ "group.member.added", "group.member.removed", "group.owner.added", "group.owner.removed",
                            "group.deleted", "group.renamed" ]; to = "owner"; },
  { name = "users"; on = [ "user.*" ]; to = "user"; }
);
"""


class Daemon:
    """ldapnotifyd in the foreground with its own configuration, state and control socket."""

    def __init__(self, directory, slapd, inbox, live=True, directory_options="", mail_options="", transport_options="", rules=RULES,
                 more="", uris=None, password=SERVICE_PASSWORD, tls='tls = "none";'):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.state = self.directory / "state"
        self.run = self.directory / "run"
        self.config = self.directory / "ldapnotify.conf"
        self.secret = self.directory / "secret"
        self.secret.write_text(password + "\n")
        self.secret.chmod(0o600)
        self.log = self.directory / "daemon.log"
        self.socket = self.run / "control.sock"
        self.process = None
        self.uris = uris or [slapd.uri]
        self.parts = dict(live=live, inbox=inbox, tls=tls, directory_options=directory_options, mail_options=mail_options,
                          transport_options=transport_options, rules=rules, more=more)
        self.write_config()

    def write_config(self, **changes):
        parts = self.parts
        parts.update(changes)
        uris = ", ".join(f'"{uri}"' for uri in self.uris)
        self.config.write_text(f"""\
live = {"true" if parts["live"] else "false"};
user = "{os.environ.get("USER_FOR_TESTS", "root")}";
state_dir = "{self.state}"; run_dir = "{self.run}";
template_dir = "{SOURCE}/etc/templates";
log = {{ target = "stderr"; level = "{os.environ.get("LOG_LEVEL", "info")}"; }};
mail = {{ from = "directory@example.com"; from_name = "Example Directory"; admins = "admins@example.com";
         password_portal_url = "https://password.example.com/"; {parts["mail_options"]} }};
transports = ( {{ name = "default"; type = "smtp"; hosts = "127.0.0.1:{parts["inbox"].port if parts["inbox"] else 1}"; tls = "none";
                 {parts["transport_options"]} }} );
directories = ( {{ name = "corp"; uri = [ {uris} ]; base = "{SUFFIX}"; bind_dn = "{SERVICE_DN}";
                  bind_password_file = "{self.secret}"; reconnect_first = "100ms"; reconnect_most = "2s"; {parts["tls"]}
                  {parts["directory_options"]} }} );
{parts["rules"]}
{parts["more"]}
""")

    def start(self, wait=True):
        self.process = subprocess.Popen([BUILD / "src/daemon/ldapnotifyd", "-f", "-c", self.config],
                                        stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"))
        if wait:
            self.wait_idle()
        return self

    def stop(self):
        stop_process(self.process, 20)

    def ctl(self, *words, check=True):
        done = subprocess.run([BUILD / "src/ctl/ldapnotifyctl", "--socket", self.socket, *words], capture_output=True, text=True,
                              timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"ldapnotifyctl {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}\n{self.tail()}")
        return done

    def json(self, *words):
        return json.loads(self.ctl("--json", *words).stdout)

    def status(self):
        return self.json("status")

    def wait_idle(self, within=30):
        """Until every change that the directory has made is worked off, mails included."""
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}\n{self.tail()}")
        self.ctl("status", "--wait", f"{within}s")

    def worker_pid(self, name):
        return next(w["pid"] for w in self.status()["workers"] if w["name"] == name)

    def tail(self, lines=60):
        return "".join(self.log.read_text(errors="replace").splitlines(True)[-lines:]) if self.log.exists() else ""
