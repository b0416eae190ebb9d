# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/deliver/libdeliver.a
src_deliver_libdeliver_a_SOURCES =
