# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/config/libconfig_room.a
src_config_libconfig_room_a_SOURCES = \
  src/config/check.c \
  src/config/document.c \
  src/config/expand.c \
  src/config/expand.h \
  src/config/find.c \
  src/config/forms.c \
  src/config/forms.h \
  src/config/options.c \
  src/config/read.c \
  src/config/reader.h \
  src/config/secrets.c \
  src/config/tree.h \
  src/config/value.c \
  src/config/write.c

# After a change of the option table: make documents. A unit test compares them.
EXTRA_PROGRAMS += src/config/describe
src_config_describe_SOURCES = src/config/describe.c
src_config_describe_LDADD = $(CONFIG_LIBS) $(BASE_LIBS)
CLEANFILES += src/config/describe$(EXEEXT)
documents: src/config/describe$(EXEEXT)
	src/config/describe$(EXEEXT) sample > documents.tmp && cp documents.tmp $(srcdir)/etc/ldapnotify.conf
	src/config/describe$(EXEEXT) manual < $(srcdir)/doc/ldapnotify.conf.5 > documents.tmp
	cp documents.tmp $(srcdir)/doc/ldapnotify.conf.5
	rm -f documents.tmp
.PHONY: documents
