# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/directory/libdirectory.a
src_directory_libdirectory_a_SOURCES = \
  src/directory/address.c \
  src/directory/bind.c \
  src/directory/certificate.c src/directory/certificate.h \
  src/directory/connect.c src/directory/connect.h \
  src/directory/decode.c \
  src/directory/dn.c \
  src/directory/entry.c \
  src/directory/explain.c \
  src/directory/filter_evaluate.c \
  src/directory/filter_parse.c src/directory/filter_tree.h \
  src/directory/flavour.c \
  src/directory/fold.c src/directory/fold.h \
  src/directory/keytab.c src/directory/keytab.h \
  src/directory/schema.c \
  src/directory/schema_table.c src/directory/schema_table.h \
  src/directory/session.c \
  src/directory/socket.c src/directory/socket.h \
  src/directory/tls.c \
  src/directory/view.c
