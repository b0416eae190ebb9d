# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/source/libsource.a
src_source_libsource_a_SOURCES = \
  src/source/cookie.c include/source/cookie.h \
  src/source/ldif.c include/source/ldif.h \
  src/source/ldif_model.c src/source/ldif_model.h \
  src/source/ldif_reader.c src/source/ldif_reader.h \
  src/source/ldif_values.c src/source/ldif_values.h \
  src/source/source.c include/source/source.h \
  src/source/sync_control.c src/source/sync_control.h \
  src/source/sync_machine.c src/source/sync_machine.h \
  src/source/syncrepl.c
