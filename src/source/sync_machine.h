// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_SOURCE_SYNC_MACHINE_H
#define LDAPNOTIFY_SOURCE_SYNC_MACHINE_H

#include "source/source.h"
#include "sync_control.h"

// What the messages of one refreshAndPersist operation (RFC 4533 §3.3, §3.4) mean to a sink. Knows no network.
//
//   asked → refreshing → (deleting) → persisting;   from anywhere → failed
//
// How deletes are found in a refresh:
// - No cookie was sent: every entry comes; what does not come is gone.
// - A present phase (closed by refreshPresent): what is neither sent nor listed is gone.
// - A delete phase: what is gone is listed. But a server that could not use our cookie also closes with
//   refreshDelete, having sent every entry and listed no delete. It gives itself away by an entry whose
//   entryCSN is older than our cookie, for no such entry is sent to somebody whose cookie is heeded; then what
//   did not come is gone. (So the view should hold entryCSN; without it a delete phase is believed.)
// Implied deletes are not believed when the server's closing cookie is missing or behind ours: it lags, and
// its list lacks what it has not seen yet.

struct sync_machine;

// `sent` is the cookie that was sent, or NULL. `closes_by_cookie`: the server ends its refresh with a new
// cookie only. `sink` must outlive the machine.
struct sync_machine *sync_machine_new(TALLOC_CTX *ctx, const struct source_sink *sink, const char *sent,
                                      bool closes_by_cookie);

// Each returns 0, or -1 with `err`; then sync_machine_failure() tells the kind and nothing more may be fed.
// `entry` is NULL for the states present and delete; it may be stolen.
int sync_machine_entry(struct sync_machine *machine, const struct sync_state_value *value,
                       struct entry *entry, struct error *err) MUST_CHECK;
int sync_machine_info(struct sync_machine *machine, const struct sync_info_value *value,
                      struct error *err) MUST_CHECK;
// The operation ended with this LDAP result: always a failure. `words` explain the result.
int sync_machine_done(struct sync_machine *machine, int result, const char *words,
                      struct error *err) MUST_CHECK;
// The connection or the protocol broke: always -1.
int sync_machine_fail(struct sync_machine *machine, enum source_failure failure);
// Closes the batch, if there is anything to close; in persist only.
int sync_machine_checkpoint(struct sync_machine *machine, struct error *err) MUST_CHECK;

bool sync_machine_has_failed(const struct sync_machine *machine);
enum source_failure sync_machine_failure(const struct sync_machine *machine);

#endif
