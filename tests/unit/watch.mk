# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
WATCH_TESTS = tests/unit/test_pipeline tests/unit/test_promises
check_PROGRAMS += $(WATCH_TESTS)
TESTS += $(WATCH_TESTS)
PIPELINE_WORLD = tests/unit/pipeline_world.c tests/unit/pipeline_world.h
tests_unit_test_pipeline_SOURCES = tests/unit/test_pipeline.c $(PIPELINE_WORLD)
tests_unit_test_pipeline_LDADD = $(EVERY_ROOM) $(CMOCKA_LIBS)
tests_unit_test_promises_SOURCES = tests/unit/test_promises.c $(PIPELINE_WORLD)
tests_unit_test_promises_LDADD = $(EVERY_ROOM) $(CMOCKA_LIBS)
endif
