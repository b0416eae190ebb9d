# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/daemon/libchecks.a
src_daemon_libchecks_a_SOURCES = src/daemon/checks.c include/daemon/checks.h
