# SPDX-License-Identifier: Apache-2.0
import contextlib

import pytest

import harness
import relay


@pytest.fixture
def cleanup():
    """Ends everything that was given to it, last first."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def make_slapd(tmp_path, cleanup):
    def make(name="slapd", start=True, **options):
        slapd = harness.Slapd(tmp_path / name, **options)
        cleanup.callback(slapd.stop)
        return slapd.start() if start else slapd
    return make


@pytest.fixture
def slapd(make_slapd):
    return make_slapd()


@pytest.fixture
def inbox(cleanup):
    inbox = harness.Inbox().start()
    cleanup.callback(inbox.stop)
    return inbox


@pytest.fixture
def make_daemon(tmp_path, inbox, cleanup, request):
    def make(name="daemon", start=True, **options):
        slapd = options.pop("slapd", None) or request.getfixturevalue("slapd")
        daemon = harness.Daemon(tmp_path / name, slapd, options.pop("inbox", inbox), **options)
        cleanup.callback(daemon.stop)
        request.node.daemon = daemon
        return daemon.start() if start else daemon
    return make


@pytest.fixture
def daemon(make_daemon):
    return make_daemon()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the daemon had to say."""
    outcome = yield
    report = outcome.get_result()
    daemon = getattr(item, "daemon", None)
    if report.failed and daemon:
        report.sections.append(("ldapnotifyd", daemon.tail()))


@pytest.fixture
def make_relay(cleanup):
    def make(port=None, start=True, **options):
        made = relay.Relay(port, **options)
        if start:
            made.start()
            cleanup.callback(made.stop)
        return made
    return make


@pytest.fixture
def refused_port(cleanup):
    port = relay.Port()
    cleanup.callback(port.close)
    return port.port


@pytest.fixture(scope="session")
def mail_authority(tmp_path_factory):
    return relay.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def strange_mail_authority(tmp_path_factory):
    return relay.Authority(tmp_path_factory.mktemp("strange-ca"), "Nobody's CA")
