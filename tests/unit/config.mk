# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
config_tests = tests/unit/test_config tests/unit/test_slice tests/unit/test_secrets tests/unit/test_documents
check_PROGRAMS += $(config_tests)
TESTS += $(config_tests)
config_test_LIBS = $(CONFIG_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
config_test_fixture = tests/unit/config_fixture.c tests/unit/config_fixture.h
tests_unit_test_config_SOURCES = tests/unit/test_config.c $(config_test_fixture)
tests_unit_test_config_LDADD = $(config_test_LIBS)
tests_unit_test_slice_SOURCES = tests/unit/test_slice.c
tests_unit_test_slice_LDADD = $(config_test_LIBS)
tests_unit_test_secrets_SOURCES = tests/unit/test_secrets.c $(config_test_fixture)
tests_unit_test_secrets_LDADD = $(config_test_LIBS)
tests_unit_test_documents_SOURCES = tests/unit/test_documents.c $(config_test_fixture)
tests_unit_test_documents_LDADD = src/daemon/libchecks.a $(MAIL_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) $(config_test_LIBS) \
  $(DIRECTORY_SYS) $(MAIL_SYS)
endif
