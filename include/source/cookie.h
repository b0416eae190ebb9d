// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_SOURCE_COOKIE_H
#define LDAPNOTIFY_SOURCE_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

// OpenLDAP's syncrepl cookies: "rid=NNN[,sid=HHH][,csn=CSN[;CSN…]][,delcsn=CSN]" with
// CSN = "YYYYmmddHHMMSS.uuuuuuZ#CCCCCC#SSS#MMMMMM" (draft-chu-ldap-csn); SSS is the provider's SID in hex.
// Pure functions; results are owned by `ctx`. A cookie that is not of this form counts as none.

// Our cookie after the server said `theirs`: per SID the newer CSN, `rid` ours, no `sid` (it would make
// another provider hold back changes). `ours` or `theirs` may be NULL. NULL when no CSN would be left.
char *cookie_merge(TALLOC_CTX *ctx, const char *ours, const char *theirs);
// What is sent: well-formed, with rid, without sid.
char *cookie_to_send(TALLOC_CTX *ctx, const char *stored);
bool cookie_is_sound(const char *cookie);
// The SID ("001") whose CSN in `theirs` is older than in `ours`, or missing there; NULL if none. A server
// that went back lags behind, or was restored. Owned by `ctx`.
char *cookie_regression(TALLOC_CTX *ctx, const char *ours, const char *theirs);
// Is any of these CSNs (contextCSN values) newer than the cookie's of the same SID, or of an unknown SID?
bool cookie_is_behind(const char *cookie, const char *const *csns, size_t count);
// Is the cookie's CSN newer than this entryCSN of the same SID? A server that heeds the cookie does not send
// such an entry in a refresh.
bool cookie_is_past(const char *cookie, const char *csn, size_t length);

#endif
