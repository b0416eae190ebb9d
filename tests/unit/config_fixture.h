// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_TESTS_CONFIG_FIXTURE_H
#define LDAPNOTIFY_TESTS_CONFIG_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

// A folder of a test's own, below $TMPDIR; fixture_end() takes it away with all that is in it.
struct fixture {
    char path[128];
};

void fixture_begin(struct fixture *fixture);
void fixture_end(struct fixture *fixture);
// Writes a file, making folders on the way. The result is valid until the next call but seven.
const char *fixture_write(const struct fixture *fixture, const char *name, const char *text, size_t length);
const char *fixture_text(const struct fixture *fixture, const char *name, const char *text);
// The whole of a file of the source tree, on the heap.
char *fixture_source(const char *name);

#endif
