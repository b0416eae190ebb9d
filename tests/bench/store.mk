# SPDX-License-Identifier: Apache-2.0
EXTRA_PROGRAMS += tests/bench/bench_store
CLEANFILES += tests/bench/bench_store
tests_bench_bench_store_SOURCES = tests/bench/bench_store.c
tests_bench_bench_store_LDADD = $(STORE_LIBS) $(EVENT_LIBS) $(DIRECTORY_LIBS) $(CONFIG_LIBS) $(BASE_LIBS) $(DIRECTORY_SYS) \
  $(JANSSON_LIBS) $(SQLITE_LIBS)
