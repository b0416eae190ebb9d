# SPDX-License-Identifier: Apache-2.0
"""What a server implies is not believed when it knows less than we do."""

import shutil

from harness import group_dn, person_dn, wait_until


def restore(slapd, copy):
    slapd.stop()
    shutil.rmtree(slapd.directory / "db")
    shutil.copytree(copy, slapd.directory / "db")
    slapd.start()


def log_has(daemon, words):
    return lambda: words in daemon.log.read_text(errors="replace")


def test_server_restored_from_a_backup_deletes_nobody(slapd, make_daemon, inbox, tmp_path):
    slapd.stop()
    shutil.copytree(slapd.directory / "db", tmp_path / "backup")
    slapd.start()
    daemon = make_daemon()
    slapd.add_person("eve")
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("eve")))
    inbox.wait_for("group.member.added", "eve@example.com")
    daemon.wait_idle()

    restore(slapd, tmp_path / "backup")
    wait_until(log_has(daemon, "implied deletes are not believed"), what="the doubt")
    daemon.wait_idle()
    assert inbox.events("user.deleted") == []

    # What happens from now on is told, and a crash does not make it believe.
    slapd.modify(group_dn("staff"), ("add", "member", person_dn("carla")))
    inbox.wait_for("group.member.added", "carla@example.com")
    daemon.stop()
    daemon.start()
    assert inbox.events("user.deleted") == []


def test_password_that_is_wrong_after_a_restart_is_told_of(daemon, slapd, inbox):
    daemon.stop()
    daemon.secret.write_text("wrong\n")
    daemon.start(wait=False)
    inbox.wait_for("system.directory.refused", "admins@example.com")
