# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/store/libstore.a
src_store_libstore_a_SOURCES = \
  include/store/store.h include/store/directory_store.h include/store/delivery_store.h \
  src/store/sqlite/database.h src/store/sqlite/database.c src/store/sqlite/statement.c \
  src/store/sqlite/event_row.h src/store/sqlite/event_row.c \
  src/store/sqlite/directory.h src/store/sqlite/directory_store.c src/store/sqlite/directory_name.c \
  src/store/sqlite/directory_incoming.c src/store/sqlite/directory_resolve.c src/store/sqlite/directory_links.c \
  src/store/sqlite/directory_rename.c src/store/sqlite/directory_apply.c src/store/sqlite/directory_lookup.c \
  src/store/sqlite/directory_load.c src/store/sqlite/directory_stage.c src/store/sqlite/directory_events.c \
  src/store/sqlite/directory_storm.c src/store/sqlite/directory_timer.c src/store/sqlite/directory_purge.c \
  src/store/sqlite/delivery.h src/store/sqlite/delivery_store.c src/store/sqlite/delivery_notifications.c \
  src/store/sqlite/delivery_messages.c src/store/sqlite/delivery_queue.c
nodist_src_store_libstore_a_SOURCES = src/store/sqlite_migrations.c
src_store_libstore_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/src/store/sqlite

# The numbered migrations travel inside the binary.
STORE_MIGRATIONS = schemas/sqlite/directory/0001.sql schemas/sqlite/delivery/0001.sql
EXTRA_DIST += $(STORE_MIGRATIONS) src/store/embed.sh
CLEANFILES += src/store/sqlite_migrations.c
src/store/sqlite_migrations.c: $(STORE_MIGRATIONS) src/store/embed.sh
	@$(MKDIR_P) src/store
	$(AM_V_GEN)$(SHELL) $(srcdir)/src/store/embed.sh $(srcdir)/schemas/sqlite/directory $(srcdir)/schemas/sqlite/delivery > $@.tmp && mv $@.tmp $@
