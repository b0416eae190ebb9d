# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_smtp
TESTS += tests/unit/test_smtp
tests_unit_test_smtp_SOURCES = tests/unit/test_smtp.c tests/unit/fake_smtp.c tests/unit/fake_smtp.h
tests_unit_test_smtp_LDADD = $(DELIVER_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(MAIL_SYS) $(CURL_LIBS) $(EVENT_LIBS) $(CMOCKA_LIBS)
endif
