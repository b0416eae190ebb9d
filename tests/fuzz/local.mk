# SPDX-License-Identifier: Apache-2.0
# Fuzz targets: with --enable-fuzzing they are libFuzzer programs (`make fuzz FUZZ_SECONDS=60`), otherwise each is a
# test that runs over its corpus.

EVERY_ROOM = src/daemon/libchecks.a $(WATCH_LIBS) $(DELIVER_LIBS) $(SOURCE_LIBS) $(ROUTE_LIBS) $(STORE_LIBS) $(MAIL_LIBS) $(EVENT_LIBS) \
  $(DIRECTORY_LIBS) $(PROCESS_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) $(DELIVER_SYS) $(MAIL_SYS) $(STORE_SYS)
if ENABLE_FUZZING
FUZZ_DRIVER =
FUZZER_OPTIONS = $(AM_LDFLAGS) -fsanitize=fuzzer
else
FUZZ_DRIVER = tests/fuzz/replay_corpus.c
FUZZER_OPTIONS = $(AM_LDFLAGS)
endif
FUZZ_SECONDS = 60

FUZZ_TARGETS = \
  tests/fuzz/fuzz_certificate \
  tests/fuzz/fuzz_channel \
  tests/fuzz/fuzz_config \
  tests/fuzz/fuzz_cookie \
  tests/fuzz/fuzz_dn \
  tests/fuzz/fuzz_entry \
  tests/fuzz/fuzz_event_json \
  tests/fuzz/fuzz_filter \
  tests/fuzz/fuzz_ldif \
  tests/fuzz/fuzz_message \
  tests/fuzz/fuzz_smtp_reply \
  tests/fuzz/fuzz_sync_control \
  tests/fuzz/fuzz_template

tests_fuzz_fuzz_certificate_SOURCES = tests/fuzz/fuzz_certificate.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_certificate_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_certificate_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_channel_SOURCES = tests/fuzz/fuzz_channel.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_channel_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_channel_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_config_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_config_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_cookie_SOURCES = tests/fuzz/fuzz_cookie.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_cookie_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_cookie_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_dn_SOURCES = tests/fuzz/fuzz_dn.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_dn_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_dn_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_entry_SOURCES = tests/fuzz/fuzz_entry.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_entry_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_entry_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_event_json_SOURCES = tests/fuzz/fuzz_event_json.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_event_json_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_event_json_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_filter_SOURCES = tests/fuzz/fuzz_filter.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_filter_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_filter_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_ldif_SOURCES = tests/fuzz/fuzz_ldif.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_ldif_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_ldif_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz_message.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_message_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_message_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_smtp_reply_SOURCES = tests/fuzz/fuzz_smtp_reply.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_smtp_reply_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_smtp_reply_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_sync_control_SOURCES = tests/fuzz/fuzz_sync_control.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_sync_control_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_sync_control_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_template_SOURCES = tests/fuzz/fuzz_template.c $(FUZZ_DRIVER)
tests_fuzz_fuzz_template_LDADD = $(EVERY_ROOM)
tests_fuzz_fuzz_template_LDFLAGS = $(FUZZER_OPTIONS)

tests_fuzz_fuzz_message_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS)

check_PROGRAMS += $(FUZZ_TARGETS)
if !ENABLE_FUZZING
TESTS += tests/fuzz/corpora
endif
EXTRA_DIST += tests/fuzz/run tests/fuzz/corpora tests/fuzz/replay_corpus.c tests/fuzz/corpus

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS)
	top_srcdir='$(abs_top_srcdir)' $(top_srcdir)/tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_TARGETS)
