// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_BASE_CLOCK_H
#define LDAPNOTIFY_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// All times are int64_t milliseconds since 1970-01-01T00:00:00Z; all durations milliseconds.
// 0 means "no time".

#define CLOCK_SECOND INT64_C(1000)
#define CLOCK_MINUTE (60 * CLOCK_SECOND)
#define CLOCK_HOUR (60 * CLOCK_MINUTE)
#define CLOCK_DAY (24 * CLOCK_HOUR)

int64_t clock_now(void);       // wall clock, or the fake one
int64_t clock_monotonic(void); // never steps; only differences mean something; the fake one when set

// For replay tests: from now on both clocks stand at `now` until moved. 0 goes back to the real one.
void clock_set_fake(int64_t now);
void clock_advance_fake(int64_t by);

// LDAP GeneralizedTime (RFC 4517 §3.3.13), "20261120110320Z", fraction and offset allowed.
// Returns 0, or -1 if the text is no such time.
int clock_from_generalized(const char *text, size_t length, int64_t *time);
// "2026-11-20T11:03:20Z"; `text` has room for CLOCK_TEXT_SIZE bytes. Returns `text`.
#define CLOCK_TEXT_SIZE 32
char *clock_to_iso(int64_t time, char text[CLOCK_TEXT_SIZE]);

#endif
