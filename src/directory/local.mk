# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/directory/libdirectory.a
src_directory_libdirectory_a_SOURCES =
