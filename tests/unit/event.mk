# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
EVENT_TESTS = tests/unit/test_catalogue tests/unit/test_diff tests/unit/test_event_json
check_PROGRAMS += $(EVENT_TESTS)
TESTS += $(EVENT_TESTS)
EVENT_TEST_LIBS = $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_catalogue_SOURCES = tests/unit/test_catalogue.c
tests_unit_test_catalogue_LDADD = $(EVENT_TEST_LIBS)
tests_unit_test_diff_SOURCES = tests/unit/test_diff.c
tests_unit_test_diff_LDADD = $(EVENT_TEST_LIBS)
tests_unit_test_event_json_SOURCES = tests/unit/test_event_json.c
tests_unit_test_event_json_LDADD = $(EVENT_TEST_LIBS)
endif
