# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
base_tests = tests/unit/test_base tests/unit/test_text tests/unit/test_log
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_text_SOURCES = tests/unit/test_text.c
tests_unit_test_text_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c tests/unit/config_fixture.c tests/unit/config_fixture.h
tests_unit_test_log_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
endif
