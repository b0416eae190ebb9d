# SPDX-License-Identifier: Apache-2.0
# make bench [BENCH_ENTRIES=1000000] [BENCH_ROWS=load,change,…]: what we cost beside what cannot be done without.
EXTRA_PROGRAMS += tests/bench/sink tests/bench/bare tests/bench/drain
CLEANFILES += tests/bench/sink tests/bench/bare tests/bench/drain bench.json
EXTRA_DIST += tests/bench/bench.py
tests_bench_sink_SOURCES = tests/bench/sink.c
tests_bench_sink_LDADD = $(LIBEVENT_LIBS)
tests_bench_bare_SOURCES = tests/bench/bare.c
tests_bench_bare_LDADD = $(LDAP_LIBS) $(CURL_LIBS)
tests_bench_drain_SOURCES = tests/bench/drain.c
tests_bench_drain_LDADD = $(CURL_LIBS)

BENCH_ENTRIES = 105000
BENCH_ROWS = load,change,large,sustained,drain
.PHONY: bench
bench: all tests/bench/sink$(EXEEXT) tests/bench/bare$(EXEEXT) tests/bench/drain$(EXEEXT)
	PYTHONDONTWRITEBYTECODE=1 top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	  /usr/bin/python3 $(top_srcdir)/tests/bench/bench.py --entries $(BENCH_ENTRIES) --rows $(BENCH_ROWS) --json bench.json
