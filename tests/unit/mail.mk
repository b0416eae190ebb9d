# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_template tests/unit/test_message tests/unit/test_language tests/unit/test_render
TESTS += tests/unit/test_template tests/unit/test_message tests/unit/test_language tests/unit/test_render

tests_unit_test_template_SOURCES = tests/unit/test_template.c
tests_unit_test_template_LDADD = $(MAIL_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(MAIL_SYS) \
  $(DIRECTORY_SYS) $(CMOCKA_LIBS)

tests_unit_test_message_SOURCES = tests/unit/test_message.c
tests_unit_test_message_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS)
tests_unit_test_message_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(MAIL_SYS) $(CMOCKA_LIBS)

tests_unit_test_language_SOURCES = tests/unit/test_language.c
tests_unit_test_language_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src/mail
tests_unit_test_language_LDADD = $(MAIL_LIBS) $(CMOCKA_LIBS)

tests_unit_test_render_SOURCES = tests/unit/test_render.c
tests_unit_test_render_LDADD = $(MAIL_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(MAIL_SYS) \
  $(DIRECTORY_SYS) $(CMOCKA_LIBS)
endif
