# SPDX-License-Identifier: Apache-2.0
"""Logins with Kerberos: SASL GSSAPI (RFC 4752) with tickets from a key table."""

import time

import pytest

import harness
from harness import SERVICE_DN, group_dn, person_dn
from kerberos import REALM, Kdc

HEAD = f"""\
authz-policy to
sasl-host localhost
sasl-realm {REALM}
authz-regexp "^uid=ldapnotify(,cn={REALM.lower()})?,cn=gssapi,cn=auth$" "{SERVICE_DN}"
authz-regexp "^uid=proxy(,cn={REALM.lower()})?,cn=gssapi,cn=auth$" "{person_dn('mia')}"
"""

# Whom one may act as is looked up by nobody yet.
ACL = f"""\
access to attrs=authzTo by * auth
access to attrs=userPassword by self =xw by anonymous auth by * none
access to * by dn.exact="{SERVICE_DN}" read by users read by * auth
"""


class Realm:
    """KDC, slapd and daemon as one."""

    def __init__(self, kdc, make_slapd, make_daemon, monkeypatch):
        self.kdc, self.make_daemon = kdc, make_daemon
        for name, value in kdc.environment.items():
            monkeypatch.setenv(name, value)
        kdc.add("ldap/localhost", "ldapnotify", "proxy")
        self.service_keytab = kdc.keytab("slapd.keytab", "ldap/localhost")
        self.keytab = kdc.keytab("ldapnotify.keytab", "ldapnotify")
        monkeypatch.setenv("KRB5_KTNAME", str(self.service_keytab))
        kdc.start()
        self.slapd = make_slapd(head=HEAD, acl=ACL)

    def login(self, options="", keytab=None):
        return f'auth = "gssapi"; keytab = "{keytab or self.keytab}"; {options}'

    def daemon(self, start=True, options="", keytab=None, **more):
        daemon = self.make_daemon(slapd=self.slapd, start=False, uris=[f"ldap://localhost:{self.slapd.port}"],
                                  login=self.login(options, keytab), **more)
        return daemon.start(start)


@pytest.fixture
def make_realm(tmp_path, cleanup, make_slapd, make_daemon, monkeypatch):
    def make(**options):
        kdc = Kdc(tmp_path / "kdc", **options)
        cleanup.callback(kdc.stop)
        return Realm(kdc, make_slapd, make_daemon, monkeypatch)
    return make


@pytest.fixture
def realm(make_realm):
    return make_realm()


def add_carla(realm):
    realm.slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))


def remove_carla(realm):
    realm.slapd.modify(group_dn("staff"), ("delete", "member", person_dn("carla")))


def test_change_gives_mail(realm, inbox):
    realm.daemon()
    assert realm.kdc.logins("ldapnotify") == 1
    add_carla(realm)
    inbox.wait_for("group.member.added", "carla@example.com")


def test_principal_and_realm_by_name(realm, inbox):
    """It is the second of its key table."""
    keytab = realm.kdc.keytab("both.keytab", "proxy", "ldapnotify")
    realm.daemon(options=f'principal = "ldapnotify@{REALM}"; sasl_realm = "{REALM}";', keytab=keytab)
    assert (realm.kdc.logins("proxy"), realm.kdc.logins("ldapnotify")) == (0, 1)
    add_carla(realm)
    inbox.wait_for("group.member.added", "carla@example.com")


def test_first_principal_without_a_name(realm):
    """The key table's first one, who may not read everything."""
    keytab = realm.kdc.keytab("both.keytab", "proxy", "ldapnotify")
    realm.daemon(keytab=keytab)
    assert (realm.kdc.logins("proxy"), realm.kdc.logins("ldapnotify")) == (1, 0)


def test_acts_as_another(realm, inbox):
    keytab = realm.kdc.keytab("proxy.keytab", "proxy")
    realm.slapd.modify(person_dn("mia"), ("add", "authzTo", f"dn.exact:{SERVICE_DN}"))
    realm.daemon(options=f'sasl_authzid = "dn:{SERVICE_DN}";', keytab=keytab)
    add_carla(realm)
    inbox.wait_for("group.member.added", "carla@example.com")


def test_may_not_act_as_another(realm):
    daemon = realm.daemon(False, options=f'sasl_authzid = "dn:{person_dn("mia")}";')
    daemon.wait_problem("bind", "sasl_authzid")


def test_missing_keytab(realm):
    daemon = realm.daemon(False, keytab=realm.kdc.directory / "none.keytab")
    daemon.wait_problem("keytab", "none.keytab", "No such file")
    realm.kdc.keytab("none.keytab", "ldapnotify")
    daemon.wait_state("persisting")


def test_principal_not_in_keytab(realm):
    daemon = realm.daemon(False, options='principal = "stranger";')
    daemon.wait_problem("stranger", "ldapnotify.keytab", "klist")


def test_damaged_keytab(realm):
    broken = realm.kdc.directory / "broken.keytab"
    broken.write_bytes(b"\x05\x02\x00\x00\x00\x40\x00\x01\x00\xff")
    daemon = realm.daemon(False, options='principal = "ldapnotify";', keytab=broken)
    daemon.wait_problem("broken.keytab", "key table")


def test_unknown_to_the_kdc(realm):
    realm.kdc.add("former")
    keytab = realm.kdc.keytab("former.keytab", "former")
    realm.kdc.admin("delprinc", "-force", "former")
    daemon = realm.daemon(False, keytab=keytab)
    daemon.wait_problem("bind", "former@EXAMPLE.COM", "not found in Kerberos database")


def test_old_key(realm):
    """The KDC has a newer key than the key table; a new key table heals it."""
    realm.kdc.keytab("newer.keytab", "ldapnotify")
    daemon = realm.daemon(False)
    daemon.wait_problem("bind", "keytab")
    realm.kdc.keytab("ldapnotify.keytab", "ldapnotify")
    daemon.wait_state("persisting")


def test_kdc_down_and_back(realm, inbox):
    realm.kdc.stop()
    daemon = realm.daemon(False)
    daemon.wait_problem("bind", "KDC")
    pid = daemon.worker_pid("watch corp")
    realm.kdc.start()
    daemon.wait_idle()
    assert daemon.worker_pid("watch corp") == pid
    add_carla(realm)
    inbox.wait_for("group.member.added", "carla@example.com")


def test_new_ticket_when_the_old_has_ended(make_realm, inbox):
    realm = make_realm(ticket_life="4s")
    daemon = realm.daemon()
    pid = daemon.worker_pid("watch corp")
    ended = time.monotonic() + 5
    harness.wait_until(lambda: time.monotonic() > ended, what="the ticket's end")
    add_carla(realm)
    inbox.wait_for("group.member.added", "carla@example.com")
    before = realm.kdc.logins("ldapnotify")
    realm.slapd.restart()
    harness.wait_until(lambda: realm.kdc.logins("ldapnotify") > before, what="a new ticket")
    daemon.wait_idle()
    remove_carla(realm)
    inbox.wait_for("group.member.removed", "carla@example.com")
    assert daemon.worker_pid("watch corp") == pid


def test_server_with_a_new_key(realm, inbox):
    """The cached ticket for the server is for its former key."""
    daemon = realm.daemon()
    realm.slapd.stop()
    realm.kdc.keytab("slapd.keytab", "ldap/localhost")
    realm.slapd.start()
    daemon.wait_state("persisting", within=30)
    add_carla(realm)
    inbox.wait_for("group.member.added", "carla@example.com")
