# SPDX-License-Identifier: Apache-2.0
"""The control API: who may do what, and what a hostile caller can do (nothing)."""

import http.client
import json
import os
import pwd
import shutil
import socket
import subprocess

import pytest

from harness import BUILD, wait_until

NOBODY = pwd.getpwnam("nobody").pw_name
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can call as another user")


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout=20):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = open_socket(self.path, self.timeout)


def open_socket(path, timeout=20):
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.settimeout(timeout)
    stream.connect(str(path))
    return stream


def request(daemon, method, path, body=None, headers=None):
    connection = Connection(daemon.socket)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, text


@pytest.fixture
def open_paths(tmp_path, tmp_path_factory):
    """Lets other users reach the socket, and a copy of ldapnotifyctl, which may be built where they may not go."""
    top = tmp_path_factory.getbasetemp()
    tops = [top, top.parent] if top.parent.name.startswith("pytest-of-") else [top]
    for folder in [tmp_path, *tops]:
        folder.chmod(folder.stat().st_mode | 0o011)
    shutil.copy(BUILD / "src/ctl/ldapnotifyctl", tmp_path / "ldapnotifyctl")
    (tmp_path / "ldapnotifyctl").chmod(0o755)


def ctl_as(user, daemon, *words):
    return subprocess.run(["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups",
                           daemon.directory.parent / "ldapnotifyctl",
                           "--socket", daemon.socket, *words], capture_output=True, text=True, timeout=60)


@pytest.fixture
def others_daemon(make_daemon, open_paths):
    """A daemon whose run directory other users can reach, as in an installation."""
    def make(**options):
        daemon = make_daemon(**options)
        daemon.directory.chmod(0o755)
        daemon.run.chmod(0o755)
        return daemon
    return make


# --- rights ---------------------------------------------------------------------------------------------------------


@as_root
def test_stranger(others_daemon):
    daemon = others_daemon()
    for words in (["status"], ["events"], ["queue", "list"], ["storm", "list"], ["reload"], ["queue", "retry", "all"],
                  ["queue", "delete", "all"], ["test-mail", "--to", "x@example.com"], ["explain", "corp-1"]):
        done = ctl_as(NOBODY, daemon, *words)
        assert done.returncode == 4, (words, done)
        assert NOBODY in done.stderr and "control." in done.stderr
        assert done.stdout == ""
    assert ctl_as(NOBODY, daemon, "check").returncode == 3
    assert "control request refused" in daemon.log.read_text()


@as_root
def test_reader(others_daemon, slapd):
    daemon = others_daemon(more=f'control = {{ readers = "{NOBODY}"; }};')
    slapd.add_person("eve")
    daemon.wait_idle()
    for words in (["status"], ["events"], ["queue", "list"], ["history"], ["storm", "list"], ["explain", "corp-1"], ["check"]):
        assert ctl_as(NOBODY, daemon, *words).returncode == 0, words
    for words in (["reload"], ["queue", "retry", "all"], ["queue", "delete", "1"], ["test-mail", "--to", "x@example.com"]):
        done = ctl_as(NOBODY, daemon, *words)
        assert done.returncode == 4 and "control.operators" in done.stderr, (words, done)
    assert len(daemon.json("history")["messages"]) == 1


@as_root
def test_operator(others_daemon):
    daemon = others_daemon(more=f'control = {{ operators = "{NOBODY}"; }};')
    assert ctl_as(NOBODY, daemon, "queue", "retry", "all").returncode == 0
    assert ctl_as(NOBODY, daemon, "reload").returncode == 0
    assert f"by={NOBODY}" in daemon.log.read_text()


@as_root
def test_closed_directory(make_daemon, open_paths):
    daemon = make_daemon()
    daemon.directory.chmod(0o700)
    done = ctl_as(NOBODY, daemon, "status")
    assert done.returncode == 4 and "you may not use" in done.stderr


# --- HTTP -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method,path,status", [
    ("GET", "/", 404), ("GET", "/v1", 404), ("GET", "/v1/nothing", 404), ("GET", "/v1/status/", 404), ("GET", "//v1/status", 404),
    ("GET", "/v1/../v1/status", 404), ("GET", "/v1/queue/1/retry/more", 404), ("GET", "/v1/queue/17", 404),
    ("GET", "/v1/queue/abc", 400), ("GET", "/v1/queue/0", 400), ("GET", "/v1/queue/-1", 400),
    ("GET", "/v1/queue/99999999999999999999", 404), ("GET", "/v1/queue?state=lost", 400), ("GET", "/v1/queue?limit=x", 400),
    ("GET", "/v1/events?since=1e9", 400), ("GET", "/v1/events?limit=-1", 400), ("GET", "/v1/events?directory=none", 404),
    ("GET", "/v1/events/nonsense", 400), ("GET", "/v1/events/corp-4711", 404), ("GET", "/v1/events/none-1", 404),
    ("GET", "/v1/events/%00%ff%0d%0a", 404), ("GET", "/v1/events/%ff%0d%0a", 400), ("POST", "/v1/status", 405), ("DELETE", "/v1/events", 405), ("PUT", "/v1/reload", 405),
    ("PATCH", "/v1/queue/1", 405), ("OPTIONS", "/v1/status", 405), ("GET", "/v1/reload", 405),
    ("POST", "/v1/queue/abc/retry", 400), ("POST", "/v1/queue/17/retry", 404), ("POST", "/v1/queue/17/burn", 404),
    ("DELETE", "/v1/queue/17", 404), ("POST", "/v1/queue/all/retry?state=lost", 409), ("POST", "/v1/storms/none/1/release", 404),
    ("POST", "/v1/storms/corp/1/release", 404), ("POST", "/v1/storms/corp/x/discard", 404), ("POST", "/v1/storms/corp/1/calm", 404),
    ("POST", "/v1/test-mail", 400),
])
def test_refusals_are_json(method, path, status, shared_daemon):
    answer, text = request(shared_daemon, method, path)
    assert answer.status == status, text
    body = json.loads(text)
    assert body["ok"] is False and body["error"]
    assert answer.getheader("Content-Type") == "application/json"


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory):
    import harness
    directory = tmp_path_factory.mktemp("shared")
    slapd, inbox = harness.Slapd(directory / "slapd").start(), harness.Inbox().start()
    daemon = harness.Daemon(directory / "daemon", slapd, inbox).start()
    yield daemon
    daemon.stop()
    inbox.stop()
    slapd.stop()


@pytest.mark.parametrize("body", ["[]", "{", "\"text\"", "{\"to\": 1}", "{\"to\": \"no address\"}", "{\"to\": \"a@b\\u0000c\"}",
                                  "{\"to\":\"a@example.com\",\"to\":\"b@example.com\"}", "\xff\xfe", "[" * 5000])
def test_bad_bodies(body, shared_daemon):
    answer, text = request(shared_daemon, "POST", "/v1/test-mail", body=body.encode("latin-1"))
    assert answer.status == 400 and json.loads(text)["ok"] is False


GARBAGE = {
    "nothing": b"",
    "noise": bytes(range(256)) * 20,
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    "no version": b"GET /v1/status\r\n\r\n",
    "long line": b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n",
    "huge headers": b"GET /v1/status HTTP/1.1\r\n" + b"X-A: " + b"b" * 100000 + b"\r\n\r\n",
    "many headers": b"GET /v1/status HTTP/1.1\r\n" + b"X-A: b\r\n" * 20000 + b"\r\n",
    "huge body": b"POST /v1/test-mail HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 200000,
    "negative length": b"POST /v1/test-mail HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello",
    "bad chunk": b"POST /v1/test-mail HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\nhello\r\n0\r\n\r\n",
    "huge chunk": b"POST /v1/test-mail HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\n" + b"x" * 1000,
    "line feeds": b"\n" * 50000,
    "pipeline": b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
}


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage(case, shared_daemon):
    pid = shared_daemon.worker_pid("control")
    stream = open_socket(shared_daemon.socket)
    try:
        stream.sendall(GARBAGE[case])
        stream.shutdown(socket.SHUT_WR)
        while stream.recv(65536):
            pass
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        stream.close()
    assert shared_daemon.worker_pid("control") == pid


def test_half_requests_and_hundred_connections(shared_daemon):
    pid = shared_daemon.worker_pid("control")
    streams = [open_socket(shared_daemon.socket) for _ in range(100)]
    for index, stream in enumerate(streams):
        stream.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n"[:index % 30 + 1])
    assert shared_daemon.status()["workers"]
    for stream in streams:
        stream.close()
    assert shared_daemon.worker_pid("control") == pid


def test_callers_who_hang_up(shared_daemon):
    pid = shared_daemon.worker_pid("control")
    for _ in range(200):
        stream = open_socket(shared_daemon.socket)
        stream.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.close()
    assert shared_daemon.worker_pid("control") == pid
    assert shared_daemon.status()["idle"] in (True, False)


def test_hundred_at_once(shared_daemon):
    streams = [open_socket(shared_daemon.socket) for _ in range(100)]
    for stream in streams:
        stream.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for stream in streams:
        answer = b""
        while True:
            data = stream.recv(65536)
            if not data:
                break
            answer += data
        stream.close()
        assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 503 ", b"HTTP/1.1 409 ")), answer[:200]


def test_socket_is_replaced_after_a_crash(make_daemon):
    daemon = make_daemon()
    pid = daemon.worker_pid("control")
    os.kill(pid, 9)
    done = wait_until(lambda: (lambda d: d if d.returncode == 0 else None)(daemon.ctl("status", check=False)), what="a new control worker")
    assert done.returncode == 0 and daemon.worker_pid("control") != pid
