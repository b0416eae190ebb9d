# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/config/libconfig_room.a
src_config_libconfig_room_a_SOURCES =
