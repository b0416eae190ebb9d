# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/control/libcontrol.a
src_control_libcontrol_a_SOURCES = \
  src/control/api.h \
  src/control/api_events.c \
  src/control/api_queue.c \
  src/control/api_store.c \
  src/control/api_store.h \
  src/control/control.c \
  src/control/http.c \
  src/control/http.h \
  src/control/peer.c \
  src/control/peer.h \
  src/control/query.c \
  src/control/query.h \
  src/control/routes.c \
  src/control/routes.h \
  src/control/status.c \
  src/control/status.h
