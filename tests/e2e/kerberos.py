# SPDX-License-Identifier: Apache-2.0
"""A private Kerberos realm on loopback, with all its files in its own directory."""

import os
import pathlib
import shutil
import subprocess

import harness

REALM = "EXAMPLE.COM"


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise RuntimeError(f"{name} is missing; tests/packages check installs it")
    return found


class Kdc:
    """krb5kdc for EXAMPLE.COM. `environment` is for whoever takes part in the realm."""

    def __init__(self, directory, ticket_life="1h"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.port = harness.free_port()
        self.log = self.directory / "kdc.log"
        self.process = None
        config, profile = self.directory / "krb5.conf", self.directory / "kdc.conf"
        self.environment = {"KRB5_CONFIG": str(config), "KRB5RCACHENAME": "none:"}
        self.own_environment = dict(os.environ, KRB5_CONFIG=str(config), KRB5_KDC_PROFILE=str(profile))
        config.write_text(f"""\
[libdefaults]
  default_realm = {REALM}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
[realms]
  {REALM} = {{
    kdc = 127.0.0.1:{self.port}
  }}
[domain_realm]
  localhost = {REALM}
""")
        profile.write_text(f"""\
[realms]
  {REALM} = {{
    database_name = {self.directory}/principal
    key_stash_file = {self.directory}/stash
    kdc_listen = 127.0.0.1:{self.port}
    kdc_tcp_listen = 127.0.0.1:{self.port}
    max_life = {ticket_life}
  }}
[logging]
  kdc = FILE:{self.log}
""")
        self.run("kdb5_util", "-r", REALM, "create", "-s", "-P", "master-secret")

    def run(self, name, *words):
        return subprocess.run([program(name), *map(str, words)], check=True, capture_output=True, text=True, env=self.own_environment).stdout

    def admin(self, *words):
        return self.run("kadmin.local", "-r", REALM, *words)

    def add(self, *principals):
        for principal in principals:
            self.admin("addprinc", "-randkey", principal)

    def keytab(self, name, *principals):
        """New keys of these principals, in this order, and of nobody else."""
        path = self.directory / name
        path.unlink(missing_ok=True)
        for principal in principals:
            self.admin("ktadd", "-k", path, principal)
        return path

    def start(self):
        self.process = subprocess.Popen([program("krb5kdc"), "-n", "-r", REALM, "-P", self.directory / "kdc.pid"], env=self.own_environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # It answers once it has written this: sockets come first.
        begun = self.log_text().count("commencing operation")
        harness.wait_until(lambda: self.log_text().count("commencing operation") > begun or self.process.poll() is not None, what="the KDC")
        if self.process.poll() is not None:
            raise RuntimeError(self.log_text())
        return self

    def stop(self):
        harness.stop_process(self.process)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def logins(self, principal):
        """How many first tickets (RFC 4120 §3.1) this principal has got."""
        return len([line for line in self.log_text().splitlines() if "AS_REQ" in line and "ISSUE" in line and f"{principal}@{REALM}" in line])
