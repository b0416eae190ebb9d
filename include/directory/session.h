// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DIRECTORY_SESSION_H
#define LDAPNOTIFY_DIRECTORY_SESSION_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "config/config.h"
#include "directory/entry.h"

// One LDAP session to one of several equivalent servers (RFC 4511): connect, TLS, bind. Opening blocks (libldap's
// TLS does); every call that may block first announces until when, so that a supervisor can end what overruns.
// Connecting and TLS are bounded from inside too: the descriptor is ours (ldap_init_fd), and a timer signal
// (SIGALRM, only while it lasts) shuts it down. Only the name look-up and Kerberos are left to the supervisor.
// SIGPIPE is ignored from session_new() on.

struct session;

// What stopped an attempt; `error.code` of session_open() and session_search().
enum session_failure {
    SESSION_FAILED = 1,     // other; try the next server
    SESSION_UNREACHABLE,    // resolve, connect, time-out
    SESSION_TLS,            // handshake or certificate
    SESSION_CREDENTIALS,    // result 49 (invalidCredentials), 48, 53 on bind: counts as a refused bind
    SESSION_LIMIT,          // size or time limit: what came so far is not all
    SESSION_NO_SUCH_OBJECT, // 32
    SESSION_ACCESS,         // 50
};

struct session_hooks {
    void *context;
    // Before a call that may block until `until` (clock_monotonic()), with the index of the URI; and after it.
    void (*blocking)(void *context, int64_t until, const char *what, int uri);
    void (*unblocked)(void *context);
};

// `config` must outlive the session. `hooks` may be NULL.
struct session *session_new(TALLOC_CTX *ctx, const struct config_directory *config, const struct session_hooks *hooks);

// Tries each URI once, beginning with the one after the last failed (session_skip()) or the last good one.
// 0 when bound and the rootDSE has been read. On failure `err` names URI, step and remedy of the last attempt.
// After SESSION_CREDENTIALS no further URI is tried.
int session_open(struct session *session, struct error *err) MUST_CHECK;
void session_close(struct session *session);
bool session_is_open(const struct session *session);
// The current server is no good: begin with the next one. `uri` from an earlier run (watchdog) or -1 for the current.
void session_skip(struct session *session, int uri);

LDAP *session_handle(struct session *session); // NULL when closed; non-blocking descriptor
int session_descriptor(struct session *session);
const char *session_uri(const struct session *session); // current or last tried
int session_uri_index(const struct session *session);
const struct entry *session_root_dse(const struct session *session);
// True if `oid` is in the rootDSE's supportedControl, supportedExtension or supportedFeatures.
bool session_supports(const struct session *session, const char *oid);

// A bounded, blocking search on this handle with ManageDsaIT. Calls `fn` per entry (owned by the call); a non-zero
// return stops with 0. Names in `attributes` are canonical and end with NULL; NULL: none are read. Only for
// small reads (policies, probes, test-directory). Messages of other operations that arrive meanwhile wait inside
// libldap: drain with ldap_result() afterwards, for the descriptor will not become readable again for them.
typedef int session_entry_fn(void *context, const struct entry *entry);
int session_search(struct session *session, const char *base, int scope, const char *filter,
                   const char *const *attributes, int size_limit, session_entry_fn *fn, void *context,
                   struct error *err) MUST_CHECK;

// One LDAP search result entry message as an entry; UUID from entryUUID, nsUniqueId or objectGUID when among the
// attributes. Values that are secret (schema_is_secret) or not in `wanted` (NULL: all) are dropped. Owned by `ctx`.
struct entry *session_decode_entry(TALLOC_CTX *ctx, LDAP *ld, LDAPMessage *message, const char *const *wanted,
                                   struct error *err) MUST_CHECK;

// Clear words for an LDAP result: "invalidCredentials (49): …; check bind_dn and bind_password_file". Owned by `ctx`.
char *session_explain(TALLOC_CTX *ctx, LDAP *ld, int result);

// The identity the server gave us (RFC 4532), or NULL where unsupported. Owned by `ctx`.
char *session_whoami(TALLOC_CTX *ctx, struct session *session);

#endif
