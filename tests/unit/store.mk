# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
STORE_TESTS = tests/unit/test_directory_store
check_PROGRAMS += $(STORE_TESTS)
TESTS += $(STORE_TESTS)
STORE_TEST_LIBS = $(STORE_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) \
  $(JANSSON_LIBS) $(SQLITE_LIBS) $(CMOCKA_LIBS)
STORE_FIXTURE = tests/unit/store_fixture.c tests/unit/store_fixture.h
tests_unit_test_directory_store_SOURCES = tests/unit/test_directory_store.c $(STORE_FIXTURE)
tests_unit_test_directory_store_LDADD = $(STORE_TEST_LIBS)
endif
