# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
DELIVER_TESTS = tests/unit/test_maildir tests/unit/test_smtp tests/unit/test_smtp_hosts tests/unit/test_smtp_result
check_PROGRAMS += $(DELIVER_TESTS)
TESTS += $(DELIVER_TESTS)
DELIVER_TEST_LIBS = $(DELIVER_LIBS) $(ROUTE_LIBS) $(MAIL_LIBS) $(STORE_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) \
  $(CONFIG_LIBS) $(BASE_LIBS) $(DELIVER_SYS) $(MAIL_SYS) $(STORE_SYS) $(DIRECTORY_SYS) $(CMOCKA_LIBS)
tests_unit_test_maildir_SOURCES = tests/unit/test_maildir.c
tests_unit_test_maildir_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_smtp_SOURCES = tests/unit/test_smtp.c tests/unit/fake_smtp.c tests/unit/fake_smtp.h
tests_unit_test_smtp_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_smtp_hosts_SOURCES = tests/unit/test_smtp_hosts.c
tests_unit_test_smtp_hosts_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_smtp_result_SOURCES = tests/unit/test_smtp_result.c
tests_unit_test_smtp_result_LDADD = $(DELIVER_TEST_LIBS)
endif
