# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
STORE_TESTS = tests/unit/test_directory_store tests/unit/test_directory_refresh tests/unit/test_directory_events \
  tests/unit/test_store_open tests/unit/test_delivery_store
check_PROGRAMS += $(STORE_TESTS)
TESTS += $(STORE_TESTS)
STORE_TEST_LIBS = $(STORE_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) \
  $(JANSSON_LIBS) $(SQLITE_LIBS) $(CMOCKA_LIBS)
STORE_FIXTURE = tests/unit/store_fixture.c tests/unit/store_fixture.h
tests_unit_test_directory_store_SOURCES = tests/unit/test_directory_store.c $(STORE_FIXTURE)
tests_unit_test_directory_store_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_directory_refresh_SOURCES = tests/unit/test_directory_refresh.c $(STORE_FIXTURE)
tests_unit_test_directory_refresh_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_directory_events_SOURCES = tests/unit/test_directory_events.c $(STORE_FIXTURE)
tests_unit_test_directory_events_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_open_SOURCES = tests/unit/test_store_open.c $(STORE_FIXTURE)
tests_unit_test_store_open_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_delivery_store_SOURCES = tests/unit/test_delivery_store.c $(STORE_FIXTURE)
tests_unit_test_delivery_store_LDADD = $(STORE_TEST_LIBS)
endif
