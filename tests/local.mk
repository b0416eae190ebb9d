# SPDX-License-Identifier: Apache-2.0
include tests/unit/source.mk
include tests/unit/directory.mk
include tests/unit/mail.mk
include tests/unit/process.mk
include tests/unit/deliver.mk
include tests/unit/control.mk
include tests/unit/base.mk
include tests/unit/config.mk
include tests/fuzz/local.mk
include tests/replay/local.mk
EXTRA_DIST += tests/check tests/demo tests/packages tests/e2e
include tests/unit/event.mk
include tests/unit/route.mk
include tests/unit/store.mk
include tests/unit/watch.mk
include tests/bench/store.mk
include tests/bench/local.mk
EXTRA_DIST += tests/lint .clang-tidy .ci/run
