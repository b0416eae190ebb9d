# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
PROCESS_TESTS = tests/unit/test_channel tests/unit/test_daemon tests/unit/test_supervisor \
  tests/unit/test_worker
check_PROGRAMS += $(PROCESS_TESTS) tests/unit/daemon_double tests/unit/supervised
TESTS += $(PROCESS_TESTS)
PROCESS_TEST_LIBS = $(PROCESS_LIBS) $(BASE_LIBS) $(PROCESS_SYS) $(CMOCKA_LIBS)

tests_unit_test_channel_SOURCES = tests/unit/test_channel.c
tests_unit_test_channel_LDADD = $(PROCESS_TEST_LIBS)
tests_unit_test_daemon_SOURCES = tests/unit/test_daemon.c
tests_unit_test_daemon_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_supervisor_SOURCES = tests/unit/test_supervisor.c
tests_unit_test_supervisor_LDADD = src/daemon/libsupervisor.a $(PROCESS_TEST_LIBS)
tests_unit_test_worker_SOURCES = tests/unit/test_worker.c
tests_unit_test_worker_LDADD = $(PROCESS_TEST_LIBS)
tests_unit_supervised_SOURCES = tests/unit/supervised.c
tests_unit_supervised_LDADD = $(PROCESS_TEST_LIBS)
# ldapnotifyd with other workers.
tests_unit_daemon_double_SOURCES = src/daemon/main.c tests/unit/daemon_workers.c
tests_unit_daemon_double_LDADD = src/daemon/libdaemon.a src/daemon/libsupervisor.a src/daemon/libchecks.a $(PROCESS_LIBS) \
  $(MAIL_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) $(MAIL_SYS) $(PROCESS_SYS)
endif
