# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/replay/replay
tests_replay_replay_SOURCES = tests/replay/replay.c
tests_replay_replay_LDADD = $(EVERY_ROOM)
TESTS += tests/replay/run
EXTRA_DIST += tests/replay/run tests/replay/base.conf tests/replay/scenarios
