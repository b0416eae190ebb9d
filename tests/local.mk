# SPDX-License-Identifier: Apache-2.0
include tests/unit/source.mk
include tests/unit/directory.mk
include tests/unit/deliver.mk
include tests/unit/event.mk
include tests/unit/route.mk
