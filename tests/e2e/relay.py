# SPDX-License-Identifier: Apache-2.0
"""Mail relays that refuse, want a login or speak TLS, and the certificates that they show."""

import socket
import ssl
import subprocess

from aiosmtpd.smtp import AuthResult

from harness import Inbox


class Relay(Inbox):
    """An inbox with a will of its own.

    `replies` has, for "MAIL", "RCPT" and "DATA", a function of the address that gives a refusal or None, or a list of
    refusals that are used up one by one.
    """

    def __init__(self, port=None, users=None, replies=None, **options):
        self.users = users
        self.replies = replies or {}
        self.seen = []
        if users is not None:
            options.update(authenticator=self.check_login, auth_required=True)
            options.setdefault("auth_require_tls", False)
        super().__init__(port, **options)

    def check_login(self, server, session, envelope, mechanism, data):
        self.seen.append(("AUTH", data.login.decode()))
        return AuthResult(success=self.users.get(data.login.decode()) == data.password.decode(), handled=False)

    def reply(self, verb, address):
        self.seen.append((verb, address))
        answer = self.replies.get(verb)
        if isinstance(answer, list):
            return answer.pop(0) if answer else None
        return answer(address) if answer else None

    async def handle_MAIL(self, server, session, envelope, address, options):
        refusal = self.reply("MAIL", address)
        if refusal:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 sender accepted"

    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = self.reply("RCPT", address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 recipient accepted"

    async def handle_DATA(self, server, session, envelope):
        return self.reply("DATA", envelope.rcpt_tos[0]) or await super().handle_DATA(server, session, envelope)


class Port:
    """A port that is taken and where nobody answers: connections are refused."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


# --- certificates -----------------------------------------------------------------------------------------------------

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    """A certificate authority in its own directory."""

    def __init__(self, directory, name="Example CA"):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = directory / "ca.pem", directory / "ca.key"
        openssl("req", "-x509", *NEW_KEY, "-keyout", self.key, "-out", self.certificate, "-subj", f"/CN={name}", "-days", "2")

    def issue_files(self, name="localhost", alternatives="DNS:localhost,IP:127.0.0.1", days=2):
        """Certificate and key of a server; a negative number of days: it has expired."""
        base = self.directory / f"{name}{days}"
        key, request, certificate, extensions = (base.with_name(base.name + end) for end in (".key", ".csr", ".pem", ".ext"))
        extensions.write_text(f"subjectAltName={alternatives}\n")
        openssl("req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                "-extfile", extensions, "-out", certificate, "-days", days)
        return certificate, key

    def issue(self, *words, **options):
        """The same as an SSL context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue_files(*words, **options))
        return context
