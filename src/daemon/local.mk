# SPDX-License-Identifier: Apache-2.0
sbin_PROGRAMS += src/daemon/ldapnotifyd
src_daemon_ldapnotifyd_SOURCES = src/daemon/main.c
