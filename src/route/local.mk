# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/route/libroute.a
src_route_libroute_a_SOURCES =
