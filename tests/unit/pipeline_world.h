// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_TESTS_PIPELINE_WORLD_H
#define LDAPNOTIFY_TESTS_PIPELINE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch/pipeline.h"

// A pipeline on a real store, in a directory of its own, with a fake clock.

#define START INT64_C(1767603600000) // 2026-01-05T09:00:00Z
#define OK(call) assert_ok((call), #call)

struct world {
    TALLOC_CTX *ctx;
    char *dir;
    struct config *config;
    struct flavour *flavour;
    struct directory_store *store;
    struct pipeline *pipeline;
    struct pipeline_hooks hooks;
    struct error err;
    int64_t seen; // the last event that was looked at
    int notified, progressed;
    int exit_at;                // the process ends at this call of progress(); 0: never
    int reads;                  // calls of read_entry
    const char *policy_seconds; // what read_entry finds; NULL: it fails
};

extern struct world *world;

void assert_ok(int result, const char *call);
// For each test.
int set_up(void **state);
int tear_down(void **state);
// Parts of the directory's settings, and of the whole file's. Takes effect with the next opening.
void world_configure(const char *directory, const char *more);
void world_open(void);
// A second one, on the same store.
struct pipeline *pipeline_on_store(void);
// As a crash leaves it: nobody says good-bye.
void world_crash(void);

// What a source says. "cn=ann;mail=ann@x.example": attributes of entry `number`, whose DN is the first of them below
// the base.
#define PERSON(name) "cn=" name ";objectClass=inetOrgPerson;mail=" name "@x.example"
#define POLICY "cn=policy;objectClass=pwdPolicy;pwdLockoutDuration=900"
#define LOCKED PERSON("ben") ";pwdAccountLockedTime=20260105090000Z"
#define LOCKED_BEFORE PERSON("ben") ";pwdAccountLockedTime=20260105085000Z"
#define GROUP(name) "cn=" name ";objectClass=groupOfNames"
struct uuid uuid_of(int number);
int say(int number, const char *attributes);
int gone(int number);
int begin(enum source_refresh kind);
int end(enum source_sweep sweep, const char *cookie, const char *doubt);
int checkpoint(const char *cookie);
// Ann, Ben, Cas and a group of Ann; caught up with cookie "c1".
void load(void);

// The events since the last look, as "group.member.added staff ben; …".
void expect_events(const char *expected);
void expect_cookie(const char *cookie);
// Addresses in the outbox after `sequence`, space separated.
void expect_outbox(int64_t after, const char *expected);

#endif
