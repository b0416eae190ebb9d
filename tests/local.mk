# SPDX-License-Identifier: Apache-2.0
include tests/unit/source.mk
include tests/unit/directory.mk
include tests/unit/process.mk
