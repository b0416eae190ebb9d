# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/route/libroute.a
src_route_libroute_a_SOURCES = \
  src/route/address.c \
  src/route/breaker.c \
  src/route/expand.c \
  src/route/recipients.c \
  src/route/router.h \
  src/route/rules.c
