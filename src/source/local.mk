# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/source/libsource.a
src_source_libsource_a_SOURCES = \
  src/source/cookie.c include/source/cookie.h \
  src/source/sync_control.c src/source/sync_control.h
