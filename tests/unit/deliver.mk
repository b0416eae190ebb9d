# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
DELIVER_TESTS = tests/unit/test_deliver tests/unit/test_maildir tests/unit/test_outcome tests/unit/test_queue \
  tests/unit/test_send tests/unit/test_smtp tests/unit/test_smtp_hosts tests/unit/test_smtp_result
check_PROGRAMS += $(DELIVER_TESTS)
TESTS += $(DELIVER_TESTS)
DELIVER_TEST_LIBS = $(DELIVER_LIBS) $(ROUTE_LIBS) $(MAIL_LIBS) $(STORE_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) \
  $(CONFIG_LIBS) $(BASE_LIBS) $(DELIVER_SYS) $(MAIL_SYS) $(STORE_SYS) $(DIRECTORY_SYS) $(CMOCKA_LIBS)
DELIVERY_WORLD = tests/unit/delivery_world.c tests/unit/delivery_world.h
FAKE_SMTP = tests/unit/fake_smtp.c tests/unit/fake_smtp.h
tests_unit_test_deliver_SOURCES = tests/unit/test_deliver.c $(DELIVERY_WORLD) $(FAKE_SMTP)
tests_unit_test_deliver_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_maildir_SOURCES = tests/unit/test_maildir.c
tests_unit_test_maildir_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_outcome_SOURCES = tests/unit/test_outcome.c
tests_unit_test_outcome_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_queue_SOURCES = tests/unit/test_queue.c $(DELIVERY_WORLD)
tests_unit_test_queue_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_send_SOURCES = tests/unit/test_send.c $(DELIVERY_WORLD) $(FAKE_SMTP)
tests_unit_test_send_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_smtp_SOURCES = tests/unit/test_smtp.c $(FAKE_SMTP)
tests_unit_test_smtp_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_smtp_hosts_SOURCES = tests/unit/test_smtp_hosts.c
tests_unit_test_smtp_hosts_LDADD = $(DELIVER_TEST_LIBS)
tests_unit_test_smtp_result_SOURCES = tests/unit/test_smtp_result.c
tests_unit_test_smtp_result_LDADD = $(DELIVER_TEST_LIBS)
endif
