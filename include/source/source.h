// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_SOURCE_SOURCE_H
#define LDAPNOTIFY_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "base/uuid.h"
#include "directory/entry.h"
#include "directory/session.h"
#include "directory/view.h"

struct event_base;

// A source tells how a directory changes. It knows its protocol, keeps no state beyond one session, and says
// everything to a sink, in order:
//
//   refresh:  refresh_begin (entry | present | gone)* refresh_end     what happened while we were away
//   persist:  ((entry | gone)* checkpoint)*                          what happens now
//
// A checkpoint closes a batch: everything since the last one and the cookie belong together. A source calls
// it at the end of each turn of draining its socket, after at most `SOURCE_BATCH` changes.
// After failed() a source says nothing more and must be freed; not from within a callback, but on a later turn.

#define SOURCE_BATCH 512

enum source_refresh {
    SOURCE_REFRESH_WHOLE,   // every entry of the view is coming, whatever cookie we had
    SOURCE_REFRESH_CHANGES, // entries that changed since our cookie; presence lists or deletes as the server likes
};

// May the sink take entries that were neither sent nor listed as present for deleted?
enum source_sweep {
    SOURCE_SWEEP_NO,           // nothing is implied: deletes were listed one by one, or the answer is not to be trusted
    SOURCE_SWEEP_UNMENTIONED,  // the refresh was complete and trustworthy: what was not mentioned is gone
};

enum source_failure {
    SOURCE_LOST,        // connection, time-out, server going down: reconnect with the same cookie
    SOURCE_REFUSED,     // the server refuses the cookie (4096, or 53 "newer than provider"): reconnect without it
    SOURCE_LIMIT,       // size/time/admin limit: what was sent is incomplete; reconnect, tell the administrator
    SOURCE_UNSUPPORTED, // the server does not do this protocol, or answers outside it
    SOURCE_SINK,        // the sink returned an error
};

struct source_sink {
    void *context;
    // Each returns 0, or -1 with `err`; the source then stops with SOURCE_SINK.
    int (*refresh_begin)(void *context, enum source_refresh kind, struct error *err);
    // The entry now looks like this (all watched attributes; absent ones have no values). The sink may
    // talloc_steal() it; otherwise the source frees it.
    int (*entry)(void *context, struct entry *entry, struct error *err);
    int (*present)(void *context, const struct uuid *uuids, size_t count, struct error *err);
    int (*gone)(void *context, const struct uuid *uuids, size_t count, struct error *err);
    // `cookie` is what to resume with (NUL-terminated text, never NULL; "" when the server gave none). `doubt` says
    // why nothing may be swept though the protocol implies it ("CSN of sid 001 went back"), or is NULL.
    int (*refresh_end)(void *context, enum source_sweep sweep, const char *cookie, const char *doubt, struct error *err);
    int (*checkpoint)(void *context, const char *cookie, struct error *err);
    void (*failed)(void *context, enum source_failure failure, const struct error *err);
};

struct source; // opaque; ops first

struct source_ops {
    const char *name; // "syncrepl"
    // Sends the request and returns at once; everything else happens on the loop. `session` (open), `view`, `sink`
    // outlive the source. `cookie` NULL: from nothing.
    struct source *(*start)(TALLOC_CTX *ctx, struct event_base *loop, struct session *session, const struct view *view,
                            const char *cookie, const struct source_sink *sink, struct error *err);
    // May this cookie be used with this server at all? (syntax only)
    bool (*cookie_is_sound)(const char *cookie);
    // Is the server ahead of `cookie`? Asynchronous sources answer from `context_csn` values of the base entry.
    // 1 behind, 0 caught up, -1 cannot say.
    int (*is_behind)(const char *cookie, const struct attribute *context_csn);
    // Why a refresh that ends with cookie `theirs` is behind the one that we had reached with `ours`, in words: what it
    // does not name may only not have come there yet. NULL: it is not. Owned by `ctx`.
    char *(*went_back)(TALLOC_CTX *ctx, const char *ours, const char *theirs);
    // Somebody else read from the session's socket: look again whether messages of ours wait inside libldap.
    void (*wake)(struct source *source);
};

// Ends the operation (abandon) and frees, as does freeing the parent. Never calls the sink. Before session_close().
void source_stop(struct source *source);

extern const struct source_ops source_syncrepl;

const struct source_ops *source_find(const char *name); // NULL when unknown

#endif
