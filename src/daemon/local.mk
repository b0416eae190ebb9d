# SPDX-License-Identifier: Apache-2.0
# Libraries besides the program, so that tests can link what they try.
noinst_LIBRARIES += src/daemon/libsupervisor.a src/daemon/libdaemon.a
src_daemon_libsupervisor_a_SOURCES = \
  src/daemon/duty.c \
  src/daemon/launch.c \
  src/daemon/member.c \
  src/daemon/member.h \
  src/daemon/plan.h \
  src/daemon/relay.c \
  src/daemon/status.c \
  src/daemon/supervisor.c \
  src/daemon/supervisor.h
src_daemon_libdaemon_a_SOURCES = \
  src/daemon/daemon.c \
  src/daemon/daemon.h \
  src/daemon/daemonize.c \
  src/daemon/daemonize.h \
  src/daemon/load.c \
  src/daemon/load.h \
  src/daemon/options.c \
  src/daemon/options.h \
  src/daemon/pid_file.c \
  src/daemon/pid_file.h \
  src/daemon/plan.c \
  src/daemon/prepare.c \
  src/daemon/prepare.h \
  src/daemon/reload.c \
  src/daemon/secrets_watch.c \
  src/daemon/secrets_watch.h \
  src/daemon/state_lock.c \
  src/daemon/state_lock.h \
  src/daemon/workers.c \
  src/daemon/workers.h

sbin_PROGRAMS += src/daemon/ldapnotifyd
src_daemon_ldapnotifyd_SOURCES = src/daemon/main.c
src_daemon_ldapnotifyd_LDADD = src/daemon/libdaemon.a src/daemon/libsupervisor.a src/daemon/libchecks.a \
  $(CONTROL_LIBS) $(WATCH_LIBS) $(DELIVER_LIBS) $(PROCESS_LIBS) $(SOURCE_LIBS) $(ROUTE_LIBS) $(STORE_LIBS) $(MAIL_LIBS) \
  $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) $(DELIVER_SYS) $(MAIL_SYS) $(STORE_SYS) \
  $(PROCESS_SYS)
