# SPDX-License-Identifier: Apache-2.0
"""Sessions with a directory: TLS, logins, failover."""

import os
import socket

import ldap
import pytest

import harness
from harness import SERVICE_DN, SUFFIX, group_dn, person_dn, wait_until

HERE = "IP:127.0.0.1,DNS:localhost"


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return harness.Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    """An authority that nobody trusts."""
    return harness.Authority(tmp_path_factory.mktemp("stranger"), "stranger")


def trust(authority):
    return f'tls = "starttls"; tls_ca_file = "{authority.cert}";'


def add_carla(slapd):
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))


# --- TLS

@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_verified_tls(way, authority, make_slapd, make_daemon, inbox):
    slapd = make_slapd(tls=authority.issue("good", HERE))
    daemon = make_daemon(slapd=slapd, uris=[slapd.tls_uri if way == "ldaps" else slapd.uri], tls=trust(authority))
    add_carla(slapd)
    inbox.wait_for("group.member.added", "carla@example.com")
    assert daemon.watch()["uri"].startswith("ldaps:" if way == "ldaps" else "ldap:")


@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_unknown_authority(way, authority, stranger, make_slapd, make_daemon):
    slapd = make_slapd(tls=stranger.issue("unknown", HERE))
    daemon = make_daemon(slapd=slapd, start=False, uris=[slapd.tls_uri if way == "ldaps" else slapd.uri], tls=trust(authority)).start(False)
    daemon.wait_problem("certificate", "stranger", "tls_ca_file")


def test_wrong_name(authority, make_slapd, make_daemon):
    slapd = make_slapd(tls=authority.issue("wrong", "DNS:other.example.com"))
    daemon = make_daemon(slapd=slapd, start=False, uris=[slapd.tls_uri], tls=trust(authority)).start(False)
    daemon.wait_problem("certificate", "other.example.com", "127.0.0.1")


def test_expired_certificate(authority, make_slapd, make_daemon):
    slapd = make_slapd(tls=authority.issue("expired", HERE, "20200101000000Z", "20210101000000Z"))
    daemon = make_daemon(slapd=slapd, start=False, uris=[slapd.tls_uri], tls=trust(authority)).start(False)
    daemon.wait_problem("certificate", "expired", "2021")


def test_tls_verify_off_is_by_name(authority, stranger, make_slapd, make_daemon, inbox):
    slapd = make_slapd(tls=stranger.issue("unverified", "DNS:other.example.com"))
    make_daemon(slapd=slapd, uris=[slapd.tls_uri], tls="tls_verify = false;")
    add_carla(slapd)
    inbox.wait_for("group.member.added", "carla@example.com")


def test_plain_port_as_ldaps(authority, slapd, make_daemon):
    daemon = make_daemon(start=False, uris=[f"ldaps://127.0.0.1:{slapd.port}"], tls=trust(authority)).start(False)
    daemon.wait_problem("TLS", "port")


def test_starttls_is_mandatory(slapd, make_daemon):
    """A server without a certificate: no password goes over the wire."""
    daemon = make_daemon(start=False, tls='tls = "starttls";').start(False)
    daemon.wait_problem("StartTLS", "certificate")


def test_silent_peer(cleanup, slapd, make_daemon):
    """A peer that accepts and says nothing: ended by connect_timeout, and the next server is used."""
    silent = socket.create_server(("127.0.0.1", 0))
    cleanup.callback(silent.close)
    port = silent.getsockname()[1]
    daemon = make_daemon(uris=[f"ldaps://127.0.0.1:{port}", slapd.uri], directory_options='connect_timeout = "1s";')
    daemon.wait_log("127.0.0.1:%d" % port, "trying the next one")
    assert daemon.watch()["uri"] == slapd.uri


# --- logins

def refused_binds(slapd):
    return slapd.log.read_text(errors="replace").count("err=49")


def change_service_password(slapd, password):
    slapd.modify(SERVICE_DN, ("replace", "userPassword", password))


def test_refused_password_stops_after_two_and_comes_back(make_slapd, make_daemon, inbox):
    slapd = make_slapd(loglevel="stats")
    daemon = make_daemon(slapd=slapd)
    change_service_password(slapd, "another")
    slapd.restart()
    daemon.wait_state("refused")
    inbox.wait_for("system.directory.refused", "admins@example.com")
    assert refused_binds(slapd) == 2
    add_carla(slapd)
    daemon.secret.write_text("another\n")
    inbox.wait_for("group.member.added", "carla@example.com", within=20)
    assert refused_binds(slapd) == 2  # the supervisor took seconds to see the secret, and nothing was tried meanwhile
    assert daemon.watch()["problem"] is None
    assert len(inbox.events("system.directory.refused")) == 1


def test_refused_after_a_restart_tells_the_administrators(make_slapd, make_daemon, inbox):
    slapd = make_slapd(loglevel="stats")
    daemon = make_daemon(slapd=slapd)
    daemon.stop()
    change_service_password(slapd, "another")
    daemon.start(False)
    daemon.wait_state("refused")
    inbox.wait_for("system.directory.refused", "admins@example.com")
    assert refused_binds(slapd) == 2


def test_refused_never_reaches_the_next_server(make_slapd, make_daemon):
    """The second server would refuse the same password and count it against the account."""
    first, second = make_slapd("first", loglevel="stats"), make_slapd("second", loglevel="stats")
    daemon = make_daemon(start=False, uris=[first.uri, second.uri], password="wrong").start(False)
    daemon.wait_state("refused")
    daemon.wait_problem("invalidCredentials", "bind_dn")
    assert refused_binds(first) == 2 and refused_binds(second) == 0


def test_ldapi_external(make_slapd, make_daemon, inbox):
    head = f'authz-regexp "gidNumber={os.getgid()}\\+uidNumber={os.getuid()},cn=peercred,cn=external,cn=auth" "{SERVICE_DN}"'
    slapd = make_slapd(ldapi=True, head=head)
    make_daemon(slapd=slapd, uris=[slapd.ldapi_uri], tls="", login='auth = "external";')
    add_carla(slapd)
    inbox.wait_for("group.member.added", "carla@example.com")


def test_client_certificate(authority, make_slapd, make_daemon, inbox):
    ours = authority.issue("ldapnotify", "DNS:ldapnotify.example.com")
    slapd = make_slapd(tls=authority.issue("server", HERE), head=f'authz-regexp "cn=ldapnotify" "{SERVICE_DN}"')
    make_daemon(slapd=slapd, uris=[slapd.tls_uri], login='auth = "external";',
                tls=trust(authority) + f'tls_cert_file = "{ours["cert"]}"; tls_key_file = "{ours["key"]}";')
    add_carla(slapd)
    inbox.wait_for("group.member.added", "carla@example.com")


def test_anonymous(make_slapd, make_daemon, inbox):
    slapd = make_slapd(acl="access to attrs=userPassword by anonymous auth by * none\naccess to * by * read")
    make_daemon(slapd=slapd, login='auth = "anonymous";')
    add_carla(slapd)
    inbox.wait_for("group.member.added", "carla@example.com")


# --- failover

@pytest.fixture
def pair(make_slapd):
    """Two providers that follow each other."""
    ports = harness.free_port(), harness.free_port()
    def member(number, **options):
        other = ports[1 - number]
        return make_slapd(f"provider-{number + 1}", port=ports[number], sid=number + 1, start=False, after=(
            f"syncrepl rid=00{number + 1} provider=ldap://127.0.0.1:{other} type=refreshAndPersist retry=\"1 +\" searchbase={SUFFIX} "
            f"bindmethod=simple binddn={harness.ROOT_DN} credentials={harness.ROOT_PASSWORD}\nmultiprovider on"), **options)
    first = member(0)
    second = member(1, ldif=first.slapcat())
    return first.start(), second.start()


def members(slapd):
    connection = slapd.connect()
    try:
        return connection.search_s(group_dn("staff"), ldap.SCOPE_BASE, attrlist=["member"])[0][1]["member"]
    finally:
        connection.unbind_s()


def wait_member(slapd, uid):
    wait_until(lambda: person_dn(uid).encode() in members(slapd), what="replication", within=30)


def test_first_server_dead(slapd, make_daemon, inbox):
    daemon = make_daemon(uris=[f"ldap://127.0.0.1:{harness.free_port()}", slapd.uri])
    assert daemon.watch()["uri"] == slapd.uri
    add_carla(slapd)
    inbox.wait_for("group.member.added", "carla@example.com")


def test_failover_between_providers(pair, make_daemon, inbox):
    first, second = pair
    daemon = make_daemon(slapd=first, uris=[first.uri, second.uri])
    add_carla(first)
    inbox.wait_for("group.member.added", "carla@example.com")
    wait_member(second, "carla")
    first.kill()
    second.modify(group_dn("staff"), ("add", "member", person_dn("dan")))
    inbox.wait_for("group.member.added", "dan@example.com")
    assert daemon.watch()["uri"] == second.uri
    first.start()
    wait_member(first, "dan")
    second.kill()
    first.modify(group_dn("staff"), ("delete", "member", person_dn("ann")))
    inbox.wait_for("group.member.removed", "ann@example.com")
    daemon.wait_idle()
    members_told = sorted(told for told in inbox.events() if told[1] != "olga@example.com")
    assert members_told == [("group.member.added", "carla@example.com"), ("group.member.added", "dan@example.com"),
                            ("group.member.removed", "ann@example.com")]


def test_all_servers_dead_for_a_while(make_slapd, make_daemon, inbox):
    slapd = make_slapd()
    daemon = make_daemon(slapd=slapd, uris=[f"ldap://127.0.0.1:{harness.free_port()}", slapd.uri])
    slapd.kill()
    daemon.wait_problem(slapd.uri)
    daemon.wait_log("next attempt", count=2)
    assert daemon.watch()["caught_up"] is False
    slapd.start()
    add_carla(slapd)
    inbox.wait_for("group.member.added", "carla@example.com")
    daemon.wait_idle()
    assert daemon.watch()["problem"] is None
    assert len(inbox.events()) == 2
