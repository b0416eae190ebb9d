# SPDX-License-Identifier: Apache-2.0
"""From the outbox to the relay: failover, refusals, logins, TLS, digests, and what a mail looks like."""

import email
import email.policy
import re

import pytest

from harness import free_port, group_dn, person_dn, text_of, wait_until

STAFF = group_dn("staff")
FAST = 'retry_first = "1s"; retry_most = "1s";'


def add_to_staff(slapd, *uids):
    for uid in uids:
        slapd.modify(STAFF, ("add", "member", person_dn(uid)))


def messages(daemon, **wanted):
    return [m for m in daemon.json("queue", "list", "--limit", "500")["messages"]
            if all(m[key] == value for key, value in wanted.items())]


def one_message(daemon, recipient):
    found = messages(daemon, recipient=recipient)
    assert len(found) == 1, found
    return found[0]


def wait_for_state(daemon, recipient, state):
    return wait_until(lambda: messages(daemon, recipient=recipient, state=state), what=f"{state} for {recipient}")[0]


def transport(hosts, more=""):
    return f'type = "smtp"; hosts = "{hosts}"; tls = "none"; {FAST} {more}'


@pytest.fixture
def make_daemon_to(make_daemon, slapd):
    """A daemon whose one transport is written out by the test."""
    def make(settings, **options):
        daemon = make_daemon(start=False, slapd=slapd, **options)
        text = daemon.config.read_text()
        text = re.sub(r"transports = \(.*?\} \);", lambda _: f'transports = ( {{ name = "default"; {settings} }} );', text, flags=re.S)
        daemon.config.write_text(text)
        return daemon.start()
    return make


# --- relays ---------------------------------------------------------------------------------------------------------


def test_second_relay_takes_over_and_the_first_comes_back(make_daemon_to, make_relay, slapd):
    port = free_port()
    second = make_relay()
    daemon = make_daemon_to(transport(f"127.0.0.1:{port};127.0.0.1:{second.port}"))
    add_to_staff(slapd, "carla")
    second.wait_for("group.member.added", "carla@example.com")
    assert one_message(daemon, "carla@example.com")["host"] == f"127.0.0.1:{second.port}"
    first = make_relay(port)
    daemon.stop()
    daemon.start()
    add_to_staff(slapd, "dan")
    first.wait_for("group.member.added", "dan@example.com")
    daemon.wait_idle()
    assert second.events("group.member.added").count(("group.member.added", "dan@example.com")) == 0


def test_relay_down_for_a_while(make_daemon_to, make_relay, slapd):
    port = free_port()
    daemon = make_daemon_to(transport(f"127.0.0.1:{port}", "connections = 1;"))
    uids = [f"n{i}" for i in range(8)]
    for uid in uids:
        slapd.add_person(uid)
    wait_until(lambda: len(messages(daemon, state="queued")) + len(messages(daemon, state="leased")) == len(uids), what="the queue")
    wait_until(lambda: "nobody listens" in daemon.ctl("status").stdout, what="the reason in status")
    relay = make_relay(port)
    relay.wait_for("user.created", count=len(uids), within=30)
    daemon.wait_idle()
    assert sorted(recipient for _, recipient in relay.events("user.created")) == [f"{uid}@example.com" for uid in uids]
    assert len(relay.all()) == len(uids)


def test_news_for_one_recipient_keep_their_order(make_daemon_to, make_relay, slapd):
    port = free_port()
    daemon = make_daemon_to(transport(f"127.0.0.1:{port}"))
    for change in ("add", "delete", "add"):
        slapd.modify(STAFF, (change, "member", person_dn("carla")))
        wait_until(lambda: not daemon.status()["delivery"]["waiting"] and not daemon.status()["directories"][0]["outbox"],
                   what="the message to be frozen")
        wait_until(lambda: "nobody listens" in daemon.ctl("status").stdout, what="the first attempt")
    relay = make_relay(port)
    relay.wait_for("group.member.added", "carla@example.com", count=2)
    daemon.wait_idle()
    assert [event for event, to in relay.events() if to == "carla@example.com"] == \
        ["group.member.added", "group.member.removed", "group.member.added"]


def test_temporary_refusal(make_daemon_to, make_relay, slapd):
    relay = make_relay(replies={"RCPT": ["451 4.7.1 greylisted, come back"]})
    daemon = make_daemon_to(transport(f"127.0.0.1:{relay.port}"))
    slapd.add_person("eve")
    relay.wait_for("user.created", "eve@example.com")
    daemon.wait_idle()
    message = one_message(daemon, "eve@example.com")
    assert message["state"] == "sent" and message["attempts"] == 2
    assert len(relay.all()) == 1


def test_permanent_refusal_and_retry(make_daemon_to, make_relay, slapd):
    relay = make_relay(replies={"RCPT": ["550 5.1.1 no such user here"]})
    daemon = make_daemon_to(transport(f"127.0.0.1:{relay.port}"))
    slapd.add_person("eve")
    message = wait_for_state(daemon, "eve@example.com", "dead")
    assert message["code"] == 550 and "no such user here" in message["reply"]
    assert "5.1.1 no such user here" in daemon.log.read_text()
    assert daemon.ctl("check", check=False).returncode == 1
    assert daemon.json("queue", "retry", str(message["id"]))["changed"] == 1
    relay.wait_for("user.created", "eve@example.com")
    daemon.wait_idle()
    assert one_message(daemon, "eve@example.com")["state"] == "sent"
    assert relay.all()[0]["Message-ID"] == message["message_id"]


def test_retry_of_all_that_is_dead(make_daemon_to, make_relay, slapd):
    relay = make_relay(replies={"DATA": ["554 5.6.0 not this"] * 3})
    daemon = make_daemon_to(transport(f"127.0.0.1:{relay.port}", "connections = 1;"))
    for uid in ("e1", "e2", "e3", "e4"):
        slapd.add_person(uid)
    wait_until(lambda: len(messages(daemon, state="dead")) == 3 and len(messages(daemon, state="sent")) == 1, what="three dead")
    assert daemon.json("queue", "retry", "all", "--state", "dead")["changed"] == 3
    relay.wait_for("user.created", count=4)
    daemon.wait_idle()
    assert len(messages(daemon, state="sent")) == 4


# --- login and TLS ------------------------------------------------------------------------------------------------


def secret(tmp_path, text):
    file = tmp_path / "relay.secret"
    file.write_text(text + "\n")
    file.chmod(0o600)
    return file


def test_login(make_daemon_to, make_relay, slapd, tmp_path):
    relay = make_relay(users={"robot": "right"})
    make_daemon_to(transport(f"127.0.0.1:{relay.port}", f'user = "robot"; password_file = "{secret(tmp_path, "right")}";'))
    slapd.add_person("eve")
    relay.wait_for("user.created", "eve@example.com")
    assert ("AUTH", "robot") in relay.seen


def test_wrong_password_pauses_the_transport(make_daemon_to, make_relay, slapd, tmp_path):
    relay = make_relay(users={"robot": "right"})
    file = secret(tmp_path, "mistaken")
    daemon = make_daemon_to(f'hosts = "127.0.0.1:{relay.port}"; tls = "none"; retry_first = "5s"; user = "robot"; password_file = "{file}";')
    slapd.add_person("eve")
    wait_until(lambda: "the login was refused" in daemon.ctl("status").stdout, what="the reason in status")
    for uid in ("e1", "e2", "e3"):
        slapd.add_person(uid)
    wait_until(lambda: len(messages(daemon, state="queued")) == 4, what="the queue")
    assert "the login was refused: check user and password" in daemon.log.read_text()
    assert len([verb for verb, _ in relay.seen if verb == "AUTH"]) <= 3, "every message tried the wrong password"
    assert "mistaken" not in daemon.log.read_text(), "the password is in the log"
    assert daemon.ctl("check", check=False).returncode == 1
    file.write_text("right\n")
    daemon.ctl("reload")
    relay.wait_for("user.created", count=4)


def test_starttls_with_own_authority(make_daemon_to, make_relay, slapd, mail_authority):
    relay = make_relay(tls_context=mail_authority.issue(), require_starttls=True)
    make_daemon_to(f'hosts = "localhost:{relay.port}"; tls = "starttls"; tls_ca_file = "{mail_authority.certificate}";')
    slapd.add_person("eve")
    relay.wait_for("user.created", "eve@example.com")


def test_implicit_tls_with_own_authority(make_daemon_to, make_relay, slapd, mail_authority):
    relay = make_relay(ssl_context=mail_authority.issue())
    make_daemon_to(f'hosts = "localhost:{relay.port}"; tls = "implicit"; tls_ca_file = "{mail_authority.certificate}";')
    slapd.add_person("eve")
    relay.wait_for("user.created", "eve@example.com")


def test_tls_is_never_left_out(make_daemon_to, make_relay, slapd):
    relay = make_relay()
    daemon = make_daemon_to(f'hosts = "localhost:{relay.port}"; tls = "starttls";')
    slapd.add_person("eve")
    wait_until(lambda: "offers no STARTTLS" in daemon.ctl("status").stdout, what="the reason in status")
    assert relay.all() == [] and relay.seen == []


@pytest.mark.parametrize("case", ["name", "authority", "expired"])
def test_bad_certificates(case, make_daemon_to, make_relay, slapd, mail_authority, strange_mail_authority):
    issuer = strange_mail_authority if case == "authority" else mail_authority
    context = issuer.issue(name=case, alternatives="DNS:other.example.com" if case == "name" else "DNS:localhost",
                           days=-1 if case == "expired" else 2)
    relay = make_relay(tls_context=context)
    daemon = make_daemon_to(f'hosts = "localhost:{relay.port}"; tls = "starttls"; tls_ca_file = "{mail_authority.certificate}";')
    words = {"name": "is for another name", "authority": "authority that is not known here", "expired": "has expired"}[case]
    slapd.add_person("eve")
    wait_until(lambda: words in daemon.ctl("status").stdout, what=f"“{words}” in status")
    assert relay.all() == []
    assert one_message(daemon, "eve@example.com")["state"] in ("queued", "leased")


def test_address_beyond_ascii_needs_the_server(make_daemon_to, make_relay, slapd):
    relay = make_relay(enable_SMTPUTF8=False)
    daemon = make_daemon_to(transport(f"127.0.0.1:{relay.port}"), directory_options='mail_attributes = "displayName";')
    slapd.add_person("eve", displayName="évelyne@example.com")
    slapd.add_person("ida", displayName="ida@bücher.example")
    message = wait_for_state(daemon, "évelyne@example.com", "dead")
    assert "SMTPUTF8" in message["reply"]
    relay.wait_for("user.created", "ida@xn--bcher-kva.example")


def test_address_beyond_ascii(make_daemon_to, make_relay, slapd):
    relay = make_relay(enable_SMTPUTF8=True)
    make_daemon_to(transport(f"127.0.0.1:{relay.port}"), directory_options='mail_attributes = "displayName";')
    slapd.add_person("eve", displayName="évelyne@example.com")
    relay.wait_for("user.created", "évelyne@example.com")


# --- digests ------------------------------------------------------------------------------------------------------------


def test_digest_folds_events(make_daemon, slapd, inbox):
    daemon = make_daemon(mail_options='digest_wait = "2s";')
    for name in ("red", "green", "blue"):
        slapd.add(group_dn(name), {"objectClass": "groupOfNames", "cn": name, "member": person_dn("mia")})
        slapd.modify(group_dn(name), ("add", "member", person_dn("dan")))
    mail = inbox.wait_for("group.member.added", "dan@example.com")[0]
    daemon.wait_idle()
    assert [to for _, to in inbox.events()].count("dan@example.com") == len(mail.get_all("X-LdapNotify-Event")) == 3
    assert len([m for m in inbox.all() if m.envelope[1] == ["dan@example.com"]]) == 1
    for name in ("red", "green", "blue"):
        assert name in text_of(mail)


def test_opposite_changes_within_a_digest(make_daemon, slapd, inbox):
    daemon = make_daemon(mail_options='digest_wait = "2s";')
    slapd.modify(STAFF, ("add", "member", person_dn("carla")))
    slapd.modify(STAFF, ("delete", "member", person_dn("carla")))
    owner = inbox.wait_for("group.member.added", "olga@example.com")[0]
    daemon.wait_idle()
    assert "was added to the group staff and removed again" in text_of(owner)
    assert {m.envelope[1][0] for m in inbox.all()} == {"olga@example.com"}
    assert daemon.status()["delivery"]["cancelled"] >= 1


# --- where to, and whether ----------------------------------------------------------------------------------------------


def test_redirect_and_envelope(make_daemon, slapd, inbox):
    daemon = make_daemon(mail_options='redirect_to = "test@example.com"; envelope_from = "bounces@example.com";')
    slapd.add_person("eve")
    mail = inbox.wait_for("user.created", "test@example.com")[0]
    assert mail.envelope == ("bounces@example.com", ["test@example.com"])
    assert mail["X-LdapNotify-Intended-For"] == "eve@example.com"
    assert mail["From"].addresses[0].addr_spec == "directory@example.com"
    assert {to for m in inbox.all() for to in m.envelope[1]} == {"test@example.com"}
    assert daemon.json("history")["messages"][0]["intended"] == "eve@example.com"


def test_what_was_tried_is_not_sent_later(make_daemon, slapd, inbox):
    daemon = make_daemon(live=False)
    slapd.add_person("eve")
    daemon.wait_idle()
    assert one_message(daemon, "eve@example.com")["state"] == "trial"
    daemon.write_config(live=True)
    daemon.ctl("reload")
    wait_until(lambda: daemon.status()["live"], what="live")
    slapd.add_person("ida")
    inbox.wait_for("user.created", "ida@example.com")
    daemon.wait_idle()
    assert inbox.events() == [("user.created", "ida@example.com")]
    assert daemon.ctl("queue", "retry", str(one_message(daemon, "eve@example.com")["id"]), check=False).returncode == 1


def test_maildir(make_daemon_to, slapd, tmp_path):
    box = tmp_path / "box"
    daemon = make_daemon_to(f'type = "maildir"; path = "{box}";')
    slapd.add_person("eve")
    daemon.wait_idle()
    files = list((box / "new").iterdir())
    assert len(files) == 1 and list((box / "tmp").iterdir()) == []
    mail = email.message_from_bytes(files[0].read_bytes(), policy=email.policy.default)
    assert mail["To"].addresses[0].addr_spec == "eve@example.com" and b"\r" not in files[0].read_bytes()
    assert one_message(daemon, "eve@example.com")["state"] == "sent"


# --- the mail itself ----------------------------------------------------------------------------------------------------


def check_headers(mail):
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert mail["List-Id"] == "<ldapnotify.example.com>"
    assert re.fullmatch(r"<[^<>@\s]+@example\.com>", mail["Message-ID"])
    assert mail["Date"].datetime is not None
    assert mail["From"].addresses[0].display_name == "Example Directory"
    assert "Precedence" not in mail
    for value in mail.get_all("X-LdapNotify-Event"):
        assert re.fullmatch(r"[a-z.]+; id=corp-[0-9]+", value)
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted", "List-Id"):
        assert len(mail.get_all(name)) == 1, name
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail.defects == []
    assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n"))


def test_headers(daemon, slapd, inbox):
    add_to_staff(slapd, "carla")
    inbox.wait_for("group.member.added", count=2)
    daemon.wait_idle()
    event = daemon.json("events")["events"][0]["id"]
    for mail in inbox.all():
        check_headers(mail)
        assert mail["X-LdapNotify-Event"] == f"group.member.added; id={event}"
    assert len({mail["Message-ID"] for mail in inbox.all()}) == 2


HOSTILE = {
    "html": "<script>alert(1)</script><b>Bold</b>",
    "tags": "{{user_name}} {{#items}}{{{name}}}{{/items}} {{>layout}}",
    "newline": "Eve\r\nBcc: victim@example.com\r\n\r\nInjected body",
    "bidi": "Eve\u202Egnp.exe\u2066 Ev\u200Fil",
    "utf8": "Ζωή Ελένη 王小明 🦊",
    "quotes": "O'Brien, \"Eve\" <victim@example.com>; (comment) \\",
    "long": "Eve " + "x" * 10000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_names(case, daemon, slapd, inbox):
    value = HOSTILE[case]
    slapd.add_person("eve", cn=value, displayName=value)
    add_to_staff(slapd, "eve")
    member = inbox.wait_for("group.member.added", "eve@example.com")[0]
    owner = inbox.wait_for("group.member.added", "olga@example.com")[0]
    daemon.wait_idle()
    for mail in (member, owner):
        check_headers(mail)
        assert "Bcc" not in mail and len(mail["To"].addresses) == 1
        assert [a.addr_spec for a in mail["To"].addresses] == mail.envelope[1]
        assert "victim" not in " ".join(a.addr_spec for a in mail["To"].addresses)
        assert len(mail["Subject"]) < 500
        html = mail.get_body(preferencelist=("html",)).get_content()
        assert "<script" not in html and "<b>Bold" not in html
        for text in (html, text_of(mail), mail["Subject"], mail["To"]):
            assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\0\x1b")
        assert "\nBcc:" not in text_of(mail) and "\nInjected" not in text_of(mail)
    assert {m.envelope[1][0] for m in inbox.all()} == {"eve@example.com", "olga@example.com"}
    if case == "tags":
        assert "{{user_name}}" in text_of(owner)
    if case == "utf8":
        assert value in text_of(owner)


def test_hostile_group(daemon, slapd, inbox):
    name = 'Sales, "EMEA" <b>\\ + #1; {{user_name}}'
    dn = "cn=" + "".join("\\" + c if c in ',+"\\<>;#=' else c for c in name) + ",ou=groups,dc=example,dc=com"
    slapd.add(dn, {"objectClass": "groupOfNames", "cn": name, "owner": person_dn("olga"), "member": person_dn("ann"),
                   "description": "<img src=x onerror=alert(1)>\r\nX-Evil: 1 " + "d" * 10000})
    slapd.modify(dn, ("add", "member", person_dn("carla")))
    for recipient in ("carla@example.com", "olga@example.com"):
        mail = inbox.wait_for("group.member.added", recipient)[0]
        check_headers(mail)
        assert 'Sales, "EMEA" <b>\\ + #1; {{user_name}}' in text_of(mail)
        assert "X-Evil" not in mail
        html = mail.get_body(preferencelist=("html",)).get_content()
        assert "<b>\\" not in html and "<img src=x" not in html
