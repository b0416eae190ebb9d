# SPDX-License-Identifier: Apache-2.0
include etc/templates/local.mk
