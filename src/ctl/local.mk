# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += src/ctl/ldapnotifyctl
src_ctl_ldapnotifyctl_SOURCES = \
  src/ctl/client.c \
  src/ctl/client.h \
  src/ctl/cmd_events.c \
  src/ctl/cmd_explain.c \
  src/ctl/cmd_init.c \
  src/ctl/cmd_queue.c \
  src/ctl/cmd_reload.c \
  src/ctl/cmd_status.c \
  src/ctl/cmd_storm.c \
  src/ctl/cmd_test_directory.c \
  src/ctl/cmd_test_mail.c \
  src/ctl/command.h \
  src/ctl/local.c \
  src/ctl/local.h \
  src/ctl/main.c \
  src/ctl/table.c \
  src/ctl/table.h \
  src/ctl/words.c
src_ctl_ldapnotifyctl_LDADD = src/daemon/libchecks.a $(WATCH_LIBS) $(DELIVER_LIBS) $(SOURCE_LIBS) $(ROUTE_LIBS) $(STORE_LIBS) $(MAIL_LIBS) \
  $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) $(DELIVER_SYS) $(MAIL_SYS) $(STORE_SYS) $(JANSSON_LIBS)
