# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/watch/libwatch.a
src_watch_libwatch_a_SOURCES =
