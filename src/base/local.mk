# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
  src/base/backoff.c \
  src/base/clock.c \
  src/base/error.c \
  src/base/hash.c \
  src/base/log.c \
  src/base/text.c \
  src/base/uuid.c
