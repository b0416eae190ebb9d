# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/process/libprocess.a
src_process_libprocess_a_SOURCES = \
  src/process/channel.c \
  src/process/channel_queue.c \
  src/process/log_setup.c \
  src/process/privilege.c \
  src/process/worker.c
PROCESS_SYS = $(LIBEVENT_LIBS) $(JANSSON_LIBS)
