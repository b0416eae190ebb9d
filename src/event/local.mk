# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/event/libevent_room.a
src_event_libevent_room_a_SOURCES =
