# SPDX-License-Identifier: Apache-2.0
"""A private slapd, an SMTP inbox and the daemon, each on its own loopback port and in its own directory.

Everything is started by its object and ended by its pid. Nothing sleeps for luck: wait_until() looks until it sees.
"""

import contextlib
import email
import email.policy
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.parse

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
                 head="", checkpoint=True, tls=None, sessionlog=10000, ldapi=False, loglevel="none", acl=None, after=""):
        self.directory = pathlib.Path(directory)
        self.port = port or free_port()
        self.overlays = overlays
        self.extra = extra
        self.head = head
        self.sid = sid
        self.acl = acl or (f"access to attrs=userPassword by self =xw by anonymous auth by * none\n"
                           f"access to * by dn.exact=\"{SERVICE_DN}\" read by self write by users read by * none")
        self.after = after  # belongs to the database itself, so it comes before the overlays
        self.tls = tls
        self.process = None
        self.uri = f"ldap://127.0.0.1:{self.port}"
        self.tls_port = free_port() if tls else None
        self.tls_uri = f"ldaps://127.0.0.1:{self.tls_port}" if tls else None
        self.sessionlog = sessionlog
        self.loglevel = loglevel
        self.ldapi_uri = "ldapi://" + urllib.parse.quote(str(self.directory / "ldapi"), safe="") if ldapi else None
        self.log = self.directory / "slapd.log"
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
                  f"directory {self.directory}/db", "maxsize 1073741824", "dbnosync", "index objectClass,entryUUID,entryCSN,uid,member eq",
                  f"limits dn.exact=\"{SERVICE_DN}\" size=unlimited time=unlimited",
                  self.acl, self.after]
        if "syncprov" in self.overlays:
            lines += ["overlay syncprov", "syncprov-checkpoint 100 5"]
            if self.sessionlog:
                lines.append(f"syncprov-sessionlog {self.sessionlog}")
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
            urls += f" {self.tls_uri}/"
        if self.ldapi_uri:
            urls += f" {self.ldapi_uri}/"
        self.process = subprocess.Popen(["slapd", "-h", urls, "-f", self.directory / "slapd.conf", "-d", self.loglevel],
                                        stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"))
        wait_until(self.answers, what="slapd to answer")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(self.log.read_text())
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

    def restart(self):
        self.stop()
        return self.start()

    def slapcat(self):
        """The whole content with UUIDs and CSNs, for another server's slapadd()."""
        return subprocess.run(["slapcat", "-f", self.directory / "slapd.conf"], check=True, capture_output=True, text=True).stdout

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
        if not self.controller.loop.is_closed():
            self.controller.stop(no_assert=True)

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message.envelope = (envelope.mail_from, list(envelope.rcpt_tos))
        message.raw = envelope.content
        message.events = [value.split(";")[0].strip() for value in message.get_all("X-LdapNotify-Event", [])]
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
            for event in message.events:
                if name is None or event == name:
                    told.append((event, message.envelope[1][0]))
        return told

    def wait_for(self, event, recipient=None, count=1, within=20.0):
        def found():
            told = [message for message in self.all()
                    if event in message.events
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
                 more="", uris=None, password=SERVICE_PASSWORD, tls='tls = "none";', login=None, log_level=None, more_directories=""):
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
                          transport_options=transport_options, rules=rules, more=more, login=login, log_level=log_level,
                          more_directories=more_directories)
        self.write_config()

    def login(self):
        return f'bind_dn = "{SERVICE_DN}"; bind_password_file = "{self.secret}";'

    def write_config(self, **changes):
        parts = self.parts
        parts.update(changes)
        uris = ", ".join(f'"{uri}"' for uri in self.uris)
        self.config.write_text(f"""\
live = {"true" if parts["live"] else "false"};
user = "{os.environ.get("USER_FOR_TESTS", "root")}";
state_dir = "{self.state}"; run_dir = "{self.run}";
template_dir = "{SOURCE}/etc/templates";
log = {{ target = "stderr"; level = "{parts["log_level"] or os.environ.get("LOG_LEVEL", "info")}"; }};
mail = {{ from = "directory@example.com"; from_name = "Example Directory"; admins = "admins@example.com";
         password_portal_url = "https://password.example.com/"; {parts["mail_options"]} }};
transports = ( {{ name = "default"; type = "smtp"; hosts = "127.0.0.1:{parts["inbox"].port if parts["inbox"] else 1}"; tls = "none";
                 {parts["transport_options"]} }} );
directories = ( {{ name = "corp"; uri = [ {uris} ]; base = "{SUFFIX}"; {parts["login"] or self.login()}
                  reconnect_first = "100ms"; reconnect_most = "2s"; {parts["tls"]}
                  {parts["directory_options"]} }} {parts["more_directories"]} );
{parts["rules"]}
{parts["more"]}
""")

    def start(self, wait=True):
        self.process = self.popen()
        if wait:
            self.wait_idle()
        return self

    def popen(self):
        return subprocess.Popen([BUILD / "src/daemon/ldapnotifyd", "-f", "-c", self.config],
                                stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"))

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

    # What it says of itself.

    def kill(self, name=None, sign=signal.SIGKILL):
        """Kills one worker, or the supervisor and so everything."""
        pid = self.worker_pid(name) if name else self.process.pid
        os.kill(pid, sign)
        if not name and sign == signal.SIGKILL:
            self.process.wait()
        return pid

    def watch(self):
        return next(worker["status"] for worker in self.status()["workers"] if worker["name"] == "watch corp") or {}

    def wait_state(self, state, within=20):
        def reached():
            done = self.ctl("--json", "status", check=False)
            if done.returncode != 0:
                return None
            watches = [w["status"] or {} for w in json.loads(done.stdout)["workers"] if w["name"] == "watch corp"]
            return watches[0] if watches and watches[0].get("state") == state else None
        return wait_until(reached, within, f"the watch to be {state}", pause=0.05)

    def wait_problem(self, *words, within=20):
        """Until the status tells a problem with all these words; the log must have them too."""
        def told():
            done = self.ctl("--json", "status", check=False)
            if done.returncode != 0:
                return None
            for worker in json.loads(done.stdout)["workers"]:
                problem = (worker["status"] or {}).get("problem") or ""
                if worker["name"] == "watch corp" and all(word in problem for word in words):
                    return problem
            return None
        problem = wait_until(told, within, f"a problem with {words}", pause=0.05)
        self.wait_log(*words)
        return problem

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_log(self, *words, within=20, count=1):
        return wait_until(lambda: len([line for line in self.log_text().splitlines() if all(word in line for word in words)]) >= count,
                          within, f"{count} × {words} in the log", pause=0.05)

    def sql(self, statement, *values):
        """Works on the directory's store by hand, while the daemon is stopped."""
        with contextlib.closing(sqlite3.connect(self.state / "corp.db")) as store:
            rows = store.execute(statement, values).fetchall()
            store.commit()
        return rows

    def events(self):
        """(event, DN of the entry, DN of the other party) of all events, oldest first."""
        listed = self.json("events", "--limit", "10000")["events"]
        return [(e["event"], (e.get("entry") or {}).get("dn"), (e.get("party") or {}).get("dn")) for e in sorted(listed, key=lambda e: int(e["id"].rsplit("-", 1)[1]))]


class Authority:
    """A certificate authority of our own, and the certificates that it signs."""

    def __init__(self, directory, name="test authority"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.cert = self.directory / "ca.pem"
        self.key = self.directory / "ca.key"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                     "-keyout", self.key, "-out", self.cert)

    @staticmethod
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    def issue(self, name, alternative, begin=None, end=None):
        """Paths as Slapd(tls=…) wants them; begin and end like 20200101000000Z."""
        cert, key, request, extensions = (self.directory / f"{name}.{kind}" for kind in ("pem", "key", "csr", "ext"))
        extensions.write_text(f"subjectAltName={alternative}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        if begin:
            (self.directory / "index").touch()
            (self.directory / "serial").write_text("1000\n")
            (self.directory / "ca.cnf").write_text(
                f"[ca]\ndefault_ca=own\n[own]\ndatabase={self.directory}/index\nserial={self.directory}/serial\nnew_certs_dir={self.directory}\n"
                "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n")
            self.openssl("ca", "-batch", "-config", self.directory / "ca.cnf", "-cert", self.cert, "-keyfile", self.key, "-in", request,
                         "-out", cert, "-startdate", begin, "-enddate", end, "-extfile", extensions, "-notext")
        else:
            self.openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "20", "-extfile",
                         extensions, "-out", cert)
        return {"cert": cert, "key": key, "ca": self.cert}
