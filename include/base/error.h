// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_BASE_ERROR_H
#define LDAPNOTIFY_BASE_ERROR_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

// What went wrong, in words for an administrator: what was tried, what the
// other side said, what to do. Functions that can fail return -1 and fill one.
// `code` is 0 unless the function that failed says otherwise.
struct error {
    int code;
    char text[1024];
};

// Fills `err` (which may be NULL) and returns -1, so that a failing function
// can say `return error_set(err, ...)`. The text never contains control characters.
int error_set(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
int error_set_code(struct error *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);

// Puts context before a text that is already there: "reading /etc/x: " + text. Returns -1.
int error_prepend(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
