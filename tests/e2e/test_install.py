# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts into place."""

import os
import subprocess

import pytest

from harness import BUILD, SOURCE


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    if not (BUILD / "Makefile").exists():
        pytest.skip("not in a build tree")
    destination = tmp_path_factory.mktemp("install")
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "TESTS")}
    subprocess.run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={destination}"], check=True, capture_output=True, env=environment)
    return destination


def installed(tree):
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}


@pytest.mark.parametrize("end", [
    "sbin/ldapnotifyd", "bin/ldapnotifyctl", "ldapnotify/ldapnotify.conf", "ldapnotify/rules.conf", "ldapnotify.service",
    "init.d/ldapnotify", "logrotate.d/ldapnotify", "man8/ldapnotifyd.8", "man8/ldapnotifyctl.8", "man5/ldapnotify.conf.5",
    "man5/ldapnotify-templates.5", "completions/ldapnotifyctl", "templates/en/group.member.added.txt", "sysusers.d/ldapnotify.conf",
    "tmpfiles.d/ldapnotify.conf",
])
def test_is_there(end, tree):
    assert [name for name in installed(tree) if name.endswith(end)], sorted(installed(tree))


def test_every_template_is_there(tree):
    names = installed(tree)
    for path in (SOURCE / "etc/templates").rglob("*"):
        if path.is_file() and path.suffix != ".mk":
            assert any(name.endswith(f"templates/{path.relative_to(SOURCE / 'etc/templates')}") for name in names), path


def test_programs_run(tree):
    for name in installed(tree):
        if name.endswith(("sbin/ldapnotifyd", "bin/ldapnotifyctl")):
            assert subprocess.run([tree / name, "--version"], capture_output=True).returncode == 0


def test_no_placeholder_is_left(tree):
    for name in installed(tree):
        if name.endswith((".service", "init.d/ldapnotify", "ldapnotify.conf")):
            text = (tree / name).read_text()
            for word in ("@sbindir@", "@sysconfdir@", "@bindir@", "@runstatedir@", "@localstatedir@", "${prefix}", "${exec_prefix}"):
                assert word not in text, (name, word)


def test_installing_again_keeps_the_administrators_files(tree):
    config = next(tree / name for name in installed(tree) if name.endswith("etc/ldapnotify/ldapnotify.conf"))
    config.write_text("// mine\n")
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "TESTS")}
    subprocess.run(["make", "-s", "-C", BUILD, "install", f"DESTDIR={tree}"], check=True, capture_output=True, env=environment)
    assert config.read_text() == "// mine\n"
