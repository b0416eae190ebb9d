// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_STORE_STORE_H
#define LDAPNOTIFY_STORE_STORE_H

#include "base/error.h"

// What both stores share. A store is one SQLite file (later: a schema in PostgreSQL) with exactly one writer; readers
// open it read-only. Opening for writing takes the lock, makes the file (mode 0600) and runs migrations; a
// file of a newer version, a damaged one or one locked by another instance is refused with words that say what to do.

enum store_mode { STORE_WRITE, STORE_READ };

// error.code of store functions.
enum store_failure {
    STORE_FAILED = 1,
    STORE_LOCKED,   // another writer has it
    STORE_FULL,     // disk full, read-only file system, I/O error: nothing was lost, try again later
    STORE_DAMAGED,  // not a database, or its integrity is gone
    STORE_NEWER,    // made by a later version
    STORE_ABSENT,   // STORE_READ and there is no file yet
    STORE_CONFLICT, // the cookie version is not the expected one
};

#endif
