# SPDX-License-Identifier: Apache-2.0
"""ldapnotifyctl: every command, for people and for programs, and its exit statuses."""

import json
import re
import subprocess

import pytest

from harness import (BUILD, SERVICE_DN, SERVICE_PASSWORD, SOURCE, SUFFIX, group_dn, person_dn,
                     text_of, wait_until)

CTL = BUILD / "src/ctl/ldapnotifyctl"
DAEMON = BUILD / "src/daemon/ldapnotifyd"
STAFF = group_dn("staff")


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, **options)


def fails(daemon, status, *words):
    done = daemon.ctl(*words, check=False)
    assert done.returncode == status, (words, done)
    return done.stderr


@pytest.fixture
def told(daemon, slapd, inbox):
    """A daemon that has told of one new member."""
    slapd.modify(STAFF, ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", count=2)
    daemon.wait_idle()
    return daemon


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words,status,text", [
    ([], 2, "usage:"), (["--help"], 0, "test-directory"), (["--version"], 0, "ldapnotifyctl "), (["--json"], 2, "a command is missing"),
    (["sttaus"], 2, 'did you mean "status"'), (["--bogus", "status"], 2, '"--bogus" is not understood'),
    (["status", "more"], 2, '"more" is not understood'), (["status", "--wait"], 2, "--wait needs a value"),
    (["status", "--wait", "soon"], 2, "--wait:"), (["events", "--limit", "many"], 2, "--limit takes a number"),
    (["events", "--since", "5"], 2, "--since:"), (["events", "a", "b"], 2, "not understood"), (["explain"], 2, "usage: ldapnotifyctl explain ID"),
    (["queue", "burn", "1"], 2, "usage: ldapnotifyctl queue"), (["queue", "show"], 2, "usage:"), (["queue", "retry"], 2, "usage:"),
    (["queue", "show", "1", "2"], 2, "not understood"), (["queue", "retry", "1", "--state", "dead"], 2, "usage:"),
    (["storm", "release"], 2, "usage:"), (["reload", "now"], 2, "not understood"), (["init"], 2, "usage:"), (["test-mail"], 2, "usage:"),
    (["init", "http://x"], 2, "is no LDAP URI"), (["init", "ldap://x", "--bind-dn", "cn=x"], 2, "usage:"),
    (["test-mail", "--to", "nobody"], 2, "is no mail address"), (["check", "more"], 3, "not understood"),
])
def test_command_line(words, status, text, tmp_path):
    done = run(CTL, "--socket", tmp_path / "none", *words) if words else run(CTL)
    assert done.returncode == status, done
    assert text in done.stdout + done.stderr


@pytest.mark.parametrize("words", [["status"], ["events"], ["history"], ["explain", "corp-1"], ["queue"], ["queue", "retry", "all"],
                                   ["storm", "list"], ["reload"], ["test-mail", "--to", "x@example.com"]])
def test_daemon_is_away(words, tmp_path):
    done = run(CTL, "--socket", tmp_path / "none", *words)
    assert done.returncode == 3 and "cannot be reached" in done.stderr and str(tmp_path / "none") in done.stderr
    assert run(CTL, *words, env={"LDAPNOTIFY_SOCKET": str(tmp_path / "none")}).returncode == 3


def test_completion():
    def complete(*words):
        script = (f"source {SOURCE}/etc/bash-completion/ldapnotifyctl; COMP_WORDS=({' '.join(words)}); "
                  f"COMP_CWORD={len(words) - 1}; _ldapnotifyctl; echo ${{COMPREPLY[@]}}")
        return run("bash", "-c", script).stdout.split()
    help_text = run(CTL, "--help").stdout
    commands = re.findall(r"^  ([a-z-]+) ", help_text, re.M)
    assert set(commands) <= set(complete("ldapnotifyctl", "''"))
    assert complete("ldapnotifyctl", "test-") == ["test-mail", "test-directory"]
    assert "retry" in complete("ldapnotifyctl", "queue", "''")
    assert complete("ldapnotifyctl", "queue", "list", "--state", "de") == ["dead"]
    for command in commands:
        arguments = re.search(rf"^  {command} (.*)$", help_text, re.M).group(1)
        options = set(re.findall(r"--[a-z-]+", arguments))
        assert options <= set(complete("ldapnotifyctl", command, "x", "--")), command


# --- looking --------------------------------------------------------------------------------------------------------


def test_status(told):
    status = told.status()
    assert status["idle"] and status["live"] and {w["name"] for w in status["workers"]} == {"watch corp", "deliver", "control"}
    text = told.ctl("status").stdout
    assert re.search(r"corp +caught up +syncrepl", text) and "2 sent" in text and "Everything is worked off." in text
    assert re.search(r"default +ok", text)


def test_status_while_behind(make_daemon, slapd):
    daemon = make_daemon(mail_options='digest_wait = "1h";')
    slapd.modify(STAFF, ("add", "member", person_dn("carla")))
    wait_until(lambda: daemon.status()["delivery"]["waiting"] == 2, what="two waiting")
    assert not daemon.status()["idle"] and "Work is going on." in daemon.ctl("status").stdout
    assert daemon.ctl("status", "--wait", "100ms", check=False).returncode == 1


def test_check(told, slapd):
    done = told.ctl("check")
    assert re.match(r"LDAPNOTIFY OK - .* \| queued=0 dead=0\n$", done.stdout)
    assert json.loads(told.ctl("--json", "check").stdout)["state"] == "OK"
    slapd.stop()
    done = wait_until(lambda: (lambda d: d if d.returncode == 2 else None)(told.ctl("check", check=False)), what="critical")
    assert done.stdout.startswith("LDAPNOTIFY CRITICAL - corp is ")
    told.stop()
    assert told.ctl("check", check=False).returncode == 2


def test_events(told, slapd):
    slapd.add_person("eve")
    told.wait_idle()
    everything = told.json("events")["events"]
    assert [e["event"] for e in everything] == ["user.created", "group.member.added"]
    assert [e["event"] for e in told.json("events", "--limit", "1")["events"]] == ["user.created"]
    assert [e["event"] for e in told.json("events", "--event", "group.*")["events"]] == ["group.member.added"]
    assert [e["event"] for e in told.json("events", "carla")["events"]] == ["group.member.added"]
    assert [e["event"] for e in told.json("events", "--directory", "corp", "eve")["events"]] == ["user.created"]
    assert told.json("events", "--since", "1h")["events"] == everything
    assert told.json("events", "--event", "user.locked")["events"] == []
    assert "No events." in told.ctl("events", "--event", "user.locked").stdout
    assert "no directory" in fails(told, 5, "events", "--directory", "none")
    text = told.ctl("events").stdout
    assert "corp-1" in text and "group.member.added" in text and "staff" in text and "Carla Cook" in text


def test_explain_told(told):
    text = told.ctl("explain", "corp-1").stdout
    assert "carla@example.com" in text and "olga@example.com" in text and "sent" in text and "members" in text
    narrowed = told.json("explain", "corp-1", "--to", "carla@example.com")
    assert {d["address"] for d in narrowed["decisions"] if d["address"]} == {"carla@example.com"}
    assert [d["address"] for d in narrowed["deliveries"]] == ["carla@example.com"]
    assert "no event corp-4711" in fails(told, 5, "explain", "corp-4711")
    assert fails(told, 1, "explain", "nonsense") and fails(told, 5, "explain", "none-1")


def test_explain_not_told(make_daemon, slapd, inbox):
    daemon = make_daemon(rules='''rules = (
        { name = "only-sales"; on = "group.member.added"; where = "(cn=sales)"; to = "member"; },
        { name = "members"; on = "group.member.added"; to = "member"; } );''',
        directory_options='disabled_when = "(employeeType=left)";')
    slapd.add_person("mute", mail="no address")
    slapd.add_person("gone", employeeType="left")
    for uid in ("mute", "gone"):
        slapd.modify(STAFF, ("add", "member", person_dn(uid)))
    daemon.wait_idle()
    assert inbox.all() == []
    events = {e["party"]["dn"]: e["id"] for e in daemon.json("events", "--event", "group.member.added")["events"]}
    mute, gone = (daemon.json("explain", events[person_dn(uid)]) for uid in ("mute", "gone"))
    reasons = [(d["outcome"], d["reason"]) for d in mute["decisions"]]
    assert any("address" in reason for _, reason in reasons), reasons
    assert any("disabled" in d["reason"] for d in gone["decisions"]), gone["decisions"]
    assert any(d["rule"] == "only-sales" and d["outcome"] != "told" for d in mute["decisions"]), mute["decisions"]
    created = daemon.json("events", "--event", "user.created")["events"][0]["id"]
    assert daemon.json("explain", created)["decisions"] == []
    assert "No rule wanted it" in daemon.ctl("explain", created).stdout


def test_history_and_queue(told):
    assert {m["recipient"] for m in told.json("history")["messages"]} == {"carla@example.com", "olga@example.com"}
    assert [m["recipient"] for m in told.json("history", "--to", "carla")["messages"]] == ["carla@example.com"]
    assert len(told.json("history", "--limit", "1")["messages"]) == 1
    assert "carla@example.com" in told.ctl("history").stdout
    assert told.ctl("queue").stdout == told.ctl("queue", "list").stdout
    assert "No messages." in told.ctl("queue", "--state", "dead", "list").stdout
    assert "is no state" in fails(told, 1, "queue", "list", "--state", "lost")
    number = told.json("history", "--to", "carla")["messages"][0]["id"]
    shown = told.ctl("queue", "show", str(number)).stdout
    assert "corp-1 group.member.added" in shown and "Subject:" in shown and "250 taken" in shown
    content = told.json("queue", "show", str(number))["content"]
    assert "Auto-Submitted: auto-generated" in content
    assert fails(told, 5, "queue", "show", "4711") and fails(told, 1, "queue", "show", "x")
    assert "not in a state" in fails(told, 1, "queue", "retry", str(number))
    assert fails(told, 5, "queue", "retry", "4711")


def test_queue_actions(make_daemon, slapd, inbox):
    port = inbox.port
    inbox.stop()
    daemon = make_daemon(transport_options='retry_first = "1h"; retry_most = "1h";')
    slapd.modify(STAFF, ("add", "member", person_dn("carla")))
    ids = {m["recipient"]: str(m["id"]) for m in wait_until(
        lambda: (lambda found: found if len(found) == 2 else None)(daemon.json("queue", "list", "--state", "queued")["messages"]),
        what="two messages")}
    carla, olga = ids["carla@example.com"], ids["olga@example.com"]
    assert daemon.ctl("queue", "hold", carla).stdout == "1 message changed\n"
    assert daemon.json("queue", "show", carla)["state"] == "held"
    assert daemon.json("queue", "hold", "all")["changed"] == 1
    assert daemon.json("queue", "release", olga)["changed"] == 1
    assert daemon.json("queue", "show", olga)["state"] == "queued"
    assert daemon.ctl("queue", "delete", olga).stdout == "1 message deleted\n"
    assert fails(daemon, 5, "queue", "show", olga)
    # That it was deleted, and by whom, stays to be seen.
    assert "root" in daemon.ctl("explain", "corp-1", "--to", "olga@example.com").stdout
    again = type(inbox)(port).start()
    try:
        assert daemon.json("queue", "retry", "all", "--state", "held")["changed"] == 1
        again.wait_for("group.member.added", "carla@example.com")
        daemon.wait_idle()
        assert len(again.all()) == 1
    finally:
        again.stop()


def test_reload(told, slapd, inbox):
    assert told.ctl("reload").stdout == "reloaded\n"
    good = told.config.read_text()
    told.config.write_text(good.replace('from_name', 'form_name'))
    words = fails(told, 1, "reload")
    assert "form_name" in words and "ldapnotify.conf:" in words
    slapd.add_person("eve")
    inbox.wait_for("user.created", "eve@example.com")
    told.config.write_text(good.replace('"Example Directory"', '"Other Name"'))
    told.ctl("reload")
    slapd.add_person("ida")
    assert inbox.wait_for("user.created", "ida@example.com")[0]["From"].addresses[0].display_name == "Other Name"


# --- test-mail -----------------------------------------------------------------------------------------------------


def mail_config(tmp_path, settings):
    file = tmp_path / "mail.conf"
    file.write_text(f'''state_dir = "{tmp_path}/s"; run_dir = "{tmp_path}/r"; template_dir = "{SOURCE}/etc/templates";
mail = {{ from = "directory@example.com"; }};
transports = ( {{ name = "default"; connect_timeout = "3s"; {settings} }} );
directories = ( {{ name = "corp"; uri = "ldap://127.0.0.1"; base = "dc=example"; auth = "anonymous"; }} );
''')
    return file


def test_mail(tmp_path, settings, *words):
    return run(CTL, "--config", mail_config(tmp_path, settings), *words, "test-mail", "--to", "somebody@example.com")


test_mail.__test__ = False


def test_test_mail_through_the_daemon(daemon, inbox):
    done = daemon.ctl("test-mail", "--to", "somebody@example.com")
    assert f"127.0.0.1:{inbox.port} took the message" in done.stdout
    assert inbox.all()[0]["Subject"] == "Test message from ldapnotify" and "test-mail" in text_of(inbox.all()[0])
    answer = daemon.json("test-mail", "--to", "somebody@example.com", "--transport", "default")
    assert answer["hosts"][0]["step"] == "done" and answer["hosts"][0]["code"] == 250
    assert "no transport" in fails(daemon, 1, "test-mail", "--to", "x@example.com", "--transport", "none")
    port = inbox.port
    inbox.stop()
    done = daemon.ctl("test-mail", "--to", "x@example.com", check=False)
    assert done.returncode == 1 and 'failed at step "connect"' in done.stdout and "nobody listens there" in done.stdout, port


def test_test_mail_without_the_daemon(tmp_path, make_relay):
    relay = make_relay()
    done = test_mail(tmp_path, f'hosts = "127.0.0.1:{relay.port}"; tls = "none";')
    assert done.returncode == 0 and "took the message" in done.stdout and len(relay.all()) == 1, done
    done = test_mail(tmp_path, f'hosts = "127.0.0.1:{relay.port}"; tls = "none";', "--json")
    assert json.loads(done.stdout)["hosts"][0]["step"] == "done"
    done = test_mail(tmp_path, f'type = "maildir"; path = "{tmp_path}/box";')
    assert done.returncode == 0 and len(list((tmp_path / "box/new").iterdir())) == 1, done
    file = mail_config(tmp_path, f'hosts = "127.0.0.1:{relay.port}"; tls = "none";')
    assert run(CTL, "--config", file, "test-mail", "--to", "x@example.com", "--transport", "none").returncode == 5


PROBLEMS = {
    "name": ("resolve", "the name cannot be resolved"),
    "port": ("connect", "nobody listens there"),
    "plain-for-tls": ("tls", "offers no STARTTLS"),
    "plain-for-implicit": ("tls", 'use tls = "starttls"'),
    "tls-for-plain": ("greeting", 'use tls = "implicit"'),
    "authority": ("tls", "name that in tls_ca_file"),
    "wrong-name": ("tls", "is for another name"),
    "expired": ("tls", "has expired"),
    "login": ("login", "check user and password"),
    "sender": ("sender", "check from and envelope_from"),
    "recipient": ("recipient", "the recipient was refused"),
}


@pytest.fixture
def problem_settings(make_relay, refused_port, mail_authority, strange_mail_authority, tmp_path):
    def make(case):
        trust = f'tls_ca_file = "{mail_authority.certificate}";'
        secret = tmp_path / "relay.secret"
        secret.write_text("wrong\n")
        secret.chmod(0o600)

        def local(relay, tls="none", more=""):
            return f'hosts = "localhost:{relay.port}"; tls = "{tls}"; {more}'
        if case == "name":
            return 'hosts = "no-such-host.invalid"; tls = "none";'
        if case == "port":
            return f'hosts = "127.0.0.1:{refused_port}"; tls = "none";'
        if case == "plain-for-tls":
            return local(make_relay(), "starttls")
        if case == "plain-for-implicit":
            return local(make_relay(), "implicit")
        if case == "tls-for-plain":
            return local(make_relay(ssl_context=mail_authority.issue("implicit")))
        if case == "authority":
            return local(make_relay(tls_context=strange_mail_authority.issue("strange")), "starttls", trust)
        if case == "wrong-name":
            return local(make_relay(tls_context=mail_authority.issue("other", "DNS:other.example.com")), "starttls", trust)
        if case == "expired":
            return local(make_relay(tls_context=mail_authority.issue("old", days=-1)), "starttls", trust)
        if case == "login":
            return local(make_relay(users={"robot": "right"}), more=f'user = "robot"; password_file = "{secret}";')
        if case == "sender":
            return local(make_relay(replies={"MAIL": lambda _: "550 5.7.1 not you"}))
        return local(make_relay(replies={"RCPT": lambda _: "550 5.1.1 not them"}))
    return make


@pytest.mark.parametrize("case", PROBLEMS)
def test_test_mail_names_step_and_remedy(case, tmp_path, problem_settings):
    step, words = PROBLEMS[case]
    done = test_mail(tmp_path, problem_settings(case))
    assert done.returncode == 1 and f'failed at step "{step}"' in done.stdout and words in done.stdout, done
    assert "took the message" not in done.stdout


# --- test-directory and init ------------------------------------------------------------------------------------------


def directory_config(tmp_path, slapd, base=SUFFIX, dn=SERVICE_DN, password=SERVICE_PASSWORD, more=""):
    secret, file = tmp_path / "dir.secret", tmp_path / "dir.conf"
    secret.write_text(password + "\n")
    secret.chmod(0o600)
    file.write_text(f'''state_dir = "{tmp_path}/s"; run_dir = "{tmp_path}/r"; template_dir = "{SOURCE}/etc/templates";
directories = ( {{ name = "corp"; uri = "{slapd.uri}"; base = "{base}"; bind_dn = "{dn}"; tls = "none";
                  bind_password_file = "{secret}"; {more} }} );
''')
    return file


def test_directory_good(tmp_path, slapd):
    done = run(CTL, "--config", directory_config(tmp_path, slapd), "test-directory")
    assert done.returncode == 0, done
    assert f"server      {slapd.uri}" in done.stdout and SERVICE_DN in done.stdout and "6 users" in done.stdout
    assert "1 groups" in done.stdout and "the source delivers" in done.stdout
    assert run(CTL, "--config", directory_config(tmp_path, slapd), "test-directory", "none").returncode == 5


def test_directory_wrong_password(tmp_path, slapd):
    done = run(CTL, "--config", directory_config(tmp_path, slapd, password="wrong"), "test-directory")
    assert done.returncode == 1 and "bind" in done.stderr.lower() and "redential" in done.stderr, done


def test_directory_base_that_is_not_there(tmp_path, slapd):
    done = run(CTL, "--config", directory_config(tmp_path, slapd, base=f"ou=nowhere,{SUFFIX}"), "test-directory")
    assert done.returncode == 1 and "ou=nowhere" in done.stderr and "base" in done.stderr, done


def test_directory_with_a_filter_that_nothing_matches(tmp_path, slapd):
    file = directory_config(tmp_path, slapd, more='filter = "(objectClass=doesNotExist)";')
    done = run(CTL, "--config", file, "test-directory")
    assert done.returncode == 1 and "sees nothing" in done.stderr and "filter" in done.stderr, done


def test_directory_for_an_account_that_may_not_see_it(tmp_path, slapd):
    file = directory_config(tmp_path, slapd)
    file.write_text(re.sub(r"bind_dn = .*?;|bind_password_file = .*?;", "", file.read_text()).replace("base =", 'auth = "anonymous"; base ='))
    done = run(CTL, "--config", file, "test-directory")
    assert done.returncode == 1 and "without the right to see" in done.stderr + done.stdout, done


def test_directory_without_syncprov(tmp_path, make_slapd):
    slapd = make_slapd("plain", overlays=("ppolicy",))
    done = run(CTL, "--config", directory_config(tmp_path, slapd), "test-directory")
    assert done.returncode == 1 and "syncprov" in done.stderr, done


def test_bad_configuration_is_told_once(tmp_path, slapd):
    file = directory_config(tmp_path, slapd, more="colour = 1;")
    done = run(CTL, "--config", file, "test-directory")
    assert done.returncode == 1 and done.stderr.count("colour") == 1, done


def init(tmp_path, *words):
    done = run(CTL, "init", *words)
    assert done.returncode == 0, done
    text = done.stdout.replace(re.search(r'bind_password_file = "([^"]*)"', done.stdout).group(1), f"{tmp_path}/main.secret")
    (tmp_path / "main.secret").write_text(SERVICE_PASSWORD + "\n")
    (tmp_path / "main.secret").chmod(0o600)
    (tmp_path / "rules.conf").write_text((SOURCE / "etc/rules.conf").read_text())
    file = tmp_path / "init.conf"
    file.write_text(text + f'\ntemplate_dir = "{SOURCE}/etc/templates"; user = "root";\n')
    tested = run(DAEMON, "-t", "-c", file)
    assert tested.returncode == 0, (tested, text)
    return done.stdout, file


def test_init(tmp_path, slapd):
    text, file = init(tmp_path, slapd.uri)
    assert f'base = "{SUFFIX}"' in text and 'flavour = "openldap"' in text and "live = false" in text
    assert 'tls = "none"' in text and "olcOverlay=syncprov" not in text
    done = run(CTL, "--config", file, "test-directory")
    assert done.returncode == 0 and "the source delivers" in done.stdout, done


def test_init_without_syncprov(tmp_path, make_slapd):
    slapd = make_slapd("plain", overlays=("ppolicy",))
    text, _ = init(tmp_path, slapd.uri)
    assert "olcOverlay=syncprov" in text


def test_init_with_login(tmp_path, slapd):
    secret = tmp_path / "given.secret"
    secret.write_text(SERVICE_PASSWORD + "\n")
    secret.chmod(0o600)
    text, _ = init(tmp_path, slapd.uri, "--bind-dn", SERVICE_DN, "--password-file", secret, "--base", f"ou=people,{SUFFIX}")
    assert str(secret) in text and SERVICE_DN in text and f'base = "ou=people,{SUFFIX}"' in text
    assert SERVICE_PASSWORD not in text


def test_init_with_tls(tmp_path, make_slapd, mail_authority):
    certificate, key = mail_authority.issue_files("slapd")
    slapd = make_slapd("tls", tls={"cert": certificate, "key": key, "ca": mail_authority.certificate})
    text, file = init(tmp_path, slapd.uri, "--starttls", "--ca-file", mail_authority.certificate)
    assert 'tls = "starttls"' in text and str(mail_authority.certificate) in text
    assert run(CTL, "--config", file, "test-directory").returncode == 0
    implicit = f"ldaps://127.0.0.1:{slapd.tls_port}"
    text, file = init(tmp_path, implicit, "--ca-file", mail_authority.certificate)
    assert implicit in text and "starttls" not in text
    assert run(CTL, "--config", file, "test-directory").returncode == 0
    done = run(CTL, "init", implicit)
    assert done.returncode == 1 and "certificate" in done.stderr, done


def test_init_of_nobody(refused_port):
    done = run(CTL, "init", f"ldap://127.0.0.1:{refused_port}")
    assert done.returncode == 1 and str(refused_port) in done.stderr, done


# --- configuration --------------------------------------------------------------------------------------------------


def test_template_of_a_rule_must_be_there(make_daemon):
    daemon = make_daemon(start=False, rules='rules = ( { name = "odd"; on = "user.*"; to = "user"; template = "no.such.one"; } );')
    done = run(DAEMON, "-t", "-c", daemon.config)
    assert done.returncode != 0 and 'rule "odd"' in done.stderr and "no.such.one.txt" in done.stderr, done
    assert done.stderr.count("no.such.one.txt") == 1, done


def test_subjects(make_daemon, slapd, inbox):
    make_daemon(more='subjects = ( { event = "user.*"; subject = "U: {{title}}"; }, { event = "user.deleted"; subject = "gone"; } );')
    slapd.add_person("eve")
    assert inbox.wait_for("user.created", "eve@example.com")[0]["Subject"].startswith("U: ")
    slapd.delete(person_dn("eve"))
    assert inbox.wait_for("user.deleted", "eve@example.com")[0]["Subject"] == "gone"
