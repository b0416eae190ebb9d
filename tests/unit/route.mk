# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
ROUTE_TESTS = tests/unit/test_breaker tests/unit/test_recipients tests/unit/test_rules
check_PROGRAMS += $(ROUTE_TESTS)
TESTS += $(ROUTE_TESTS)
ROUTE_TEST_LIBS = $(ROUTE_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_breaker_SOURCES = tests/unit/test_breaker.c
tests_unit_test_breaker_LDADD = $(ROUTE_TEST_LIBS)
tests_unit_test_recipients_SOURCES = tests/unit/test_recipients.c tests/unit/route_fake.c tests/unit/route_fake.h
tests_unit_test_recipients_LDADD = $(ROUTE_TEST_LIBS)
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c tests/unit/route_fake.c tests/unit/route_fake.h
tests_unit_test_rules_LDADD = $(ROUTE_TEST_LIBS)
endif
