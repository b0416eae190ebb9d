# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/control/libcontrol.a
src_control_libcontrol_a_SOURCES =
