// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_TESTS_STORE_FIXTURE_H
#define LDAPNOTIFY_TESTS_STORE_FIXTURE_H

#include <talloc.h>

#include "store/delivery_store.h"
#include "store/directory_store.h"

// A directory store in a folder of its own, and what happens to it told in text.

struct fixture {
    TALLOC_CTX *ctx; // of the test
    char *folder, *path, *delivery_path;
    struct flavour *flavour;
    struct directory_store *store;
    struct error err;
    struct delta *delta;
    struct delta_list moved;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_reopen(struct fixture *f);

struct uuid uuid_of(int number);
int number_of(const struct uuid *uuid); // of uuid_of(); 0 for the null UUID

// An entry with attributes given as name, value, name, value, …, NULL.
struct entry *entry_of(TALLOC_CTX *ctx, int number, const char *dn, ...) __attribute__((sentinel));
// A user uid=NAME,ou=people,dc=x with that uid, and a group cn=NAME,ou=groups,dc=x with members (DNs, NULL
// ends).
struct entry *user_of(TALLOC_CTX *ctx, int number, const char *name);
struct entry *group_of(TALLOC_CTX *ctx, int number, const char *name, ...) __attribute__((sentinel));

// Each in a transaction of its own. The text says what the delta said:
//   "none", "created +member=DN[7]", "changed renamed", "changed moved renamed", "deleted -owner=DN[-]";
//   links sorted, in brackets the number of the entry a link points to.
const char *applied(struct fixture *f, const struct entry *entry);
const char *deleted(struct fixture *f, int number);
const char *delta_text(TALLOC_CTX *ctx, const struct delta *delta);
// The same, inside a transaction that the test has begun.
const char *apply_text(struct fixture *f, const struct entry *entry);
const char *delete_text(struct fixture *f, int number);
void begin(struct fixture *f);
void commit(struct fixture *f);

// "7", "former 7" or "none".
const char *found_by_dn(struct fixture *f, const char *dn);
const char *found_by_uid(struct fixture *f, const char *uid);
const char *found_by_number(struct fixture *f, int number);
// All links of an entry, as in deltas but without sign.
const char *links_text(struct fixture *f, int number);
// DN by which an entry is stored.
const char *dn_of(struct fixture *f, int number);
// Runs SQL on the file from outside, when no store has it open for writing.
void file_sql(const char *path, const char *sql);

#define assert_done(f, call) \
    do { \
        if ((call) < 0) \
            fail_msg("%s", (f)->err.text); \
    } while (0)

#endif
