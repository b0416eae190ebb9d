# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_cookie tests/unit/test_sync_control tests/unit/test_ldif \
  tests/unit/test_syncrepl
TESTS += tests/unit/test_cookie tests/unit/test_sync_control tests/unit/test_ldif \
  tests/unit/test_syncrepl

tests_unit_test_cookie_SOURCES = tests/unit/test_cookie.c
tests_unit_test_cookie_LDADD = $(SOURCE_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_unit_test_sync_control_SOURCES = tests/unit/test_sync_control.c
tests_unit_test_sync_control_LDADD = $(SOURCE_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

tests_unit_test_ldif_SOURCES = tests/unit/test_ldif.c tests/unit/sink_recorder.c tests/unit/sink_recorder.h
tests_unit_test_ldif_LDADD = $(SOURCE_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) \
  $(LIBEVENT_LIBS) $(CMOCKA_LIBS)

tests_unit_test_syncrepl_SOURCES = tests/unit/test_syncrepl.c tests/unit/sink_recorder.c tests/unit/sink_recorder.h \
  tests/unit/scripted_server.c tests/unit/scripted_server.h
tests_unit_test_syncrepl_LDADD = $(SOURCE_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) \
  $(LIBEVENT_LIBS) $(CMOCKA_LIBS)
endif
