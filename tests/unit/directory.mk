# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
DIRECTORY_TESTS = tests/unit/test_certificate tests/unit/test_dn tests/unit/test_entry tests/unit/test_filter \
  tests/unit/test_flavour tests/unit/test_keytab tests/unit/test_schema tests/unit/test_session
check_PROGRAMS += $(DIRECTORY_TESTS)
TESTS += $(DIRECTORY_TESTS)
DIRECTORY_TEST_LIBS = $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) $(CMOCKA_LIBS)
tests_unit_test_dn_SOURCES = tests/unit/test_dn.c
tests_unit_test_dn_LDADD = $(DIRECTORY_TEST_LIBS)
tests_unit_test_entry_SOURCES = tests/unit/test_entry.c
tests_unit_test_entry_LDADD = $(DIRECTORY_TEST_LIBS)
tests_unit_test_filter_SOURCES = tests/unit/test_filter.c
tests_unit_test_filter_LDADD = $(DIRECTORY_TEST_LIBS)
tests_unit_test_flavour_SOURCES = tests/unit/test_flavour.c
tests_unit_test_flavour_LDADD = $(DIRECTORY_TEST_LIBS)
tests_unit_test_keytab_SOURCES = tests/unit/test_keytab.c
tests_unit_test_keytab_LDADD = $(DIRECTORY_TEST_LIBS)
tests_unit_test_schema_SOURCES = tests/unit/test_schema.c
tests_unit_test_schema_LDADD = $(DIRECTORY_TEST_LIBS)
tests_unit_test_certificate_SOURCES = tests/unit/test_certificate.c
tests_unit_test_certificate_LDADD = $(DIRECTORY_TEST_LIBS)
tests_unit_test_session_SOURCES = tests/unit/test_session.c
tests_unit_test_session_LDADD = $(DIRECTORY_TEST_LIBS)
endif
