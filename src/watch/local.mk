# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/watch/libwatch.a
src_watch_libwatch_a_SOURCES = \
  src/watch/internal.h \
  src/watch/link.c \
  src/watch/lookup.c \
  src/watch/pipeline.c \
  src/watch/policy.c \
  src/watch/probe.c \
  src/watch/probe.h \
  src/watch/storms.c \
  src/watch/timers.c \
  src/watch/transaction.c \
  src/watch/undone.c \
  src/watch/view_build.c \
  src/watch/watch.c \
  src/watch/worker_parts.h
