# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/directory/libdirectory.a
src_directory_libdirectory_a_SOURCES = \
  src/directory/dn.c \
  src/directory/entry.c \
  src/directory/filter_evaluate.c \
  src/directory/filter_parse.c src/directory/filter_tree.h \
  src/directory/flavour.c \
  src/directory/fold.c src/directory/fold.h \
  src/directory/schema.c \
  src/directory/schema_table.c src/directory/schema_table.h \
  src/directory/view.c
