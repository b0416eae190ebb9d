# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_ctl tests/unit/test_peer tests/unit/test_query
TESTS += tests/unit/test_ctl tests/unit/test_peer tests/unit/test_query
tests_unit_test_ctl_SOURCES = tests/unit/test_ctl.c src/ctl/table.c src/ctl/words.c
tests_unit_test_ctl_LDADD = $(BASE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_query_SOURCES = tests/unit/test_query.c
tests_unit_test_query_LDADD = $(CONTROL_LIBS) $(BASE_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_peer_SOURCES = tests/unit/test_peer.c
tests_unit_test_peer_LDADD = $(CONTROL_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
endif
