# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/event/libevent_room.a
src_event_libevent_room_a_SOURCES = \
  src/event/catalogue.c \
  src/event/diff.c \
  src/event/diff_account.c \
  src/event/diff_links.c \
  src/event/diff_parts.h \
  src/event/diff_values.c \
  src/event/event.c \
  src/event/event_json.c \
  src/event/notification.c
EXTRA_DIST += schemas/json/event.json
