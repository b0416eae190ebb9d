// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_SOURCE_SYNC_CONTROL_H
#define LDAPNOTIFY_SOURCE_SYNC_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"
#include "base/uuid.h"

// The values of the content synchronisation controls and messages (RFC 4533 §2), to and from BER.
// Decoding is pure and takes any octets; what it returns points into them.

#define SYNC_REQUEST_OID "1.3.6.1.4.1.4203.1.9.1.1"
#define SYNC_STATE_OID "1.3.6.1.4.1.4203.1.9.1.2"
#define SYNC_DONE_OID "1.3.6.1.4.1.4203.1.9.1.3"
#define SYNC_INFO_OID "1.3.6.1.4.1.4203.1.9.1.4"

enum sync_mode { SYNC_REFRESH_ONLY = 1, SYNC_REFRESH_AND_PERSIST = 3 };

enum sync_state {
    SYNC_STATE_PRESENT = 0,
    SYNC_STATE_ADD = 1,
    SYNC_STATE_MODIFY = 2,
    SYNC_STATE_DELETE = 3,
    SYNC_STATE_RENAME = 4, // not in the RFC: ApacheDS, for a modify DN
};

enum sync_info_kind {
    SYNC_INFO_NEW_COOKIE,
    SYNC_INFO_REFRESH_DELETE,
    SYNC_INFO_REFRESH_PRESENT,
    SYNC_INFO_ID_SET
};

struct sync_octets {
    const uint8_t *data; // NULL when the element is absent
    size_t length;
};

struct sync_state_value {
    enum sync_state state;
    struct uuid uuid;
    struct sync_octets cookie;
};

struct sync_done_value {
    struct sync_octets cookie;
    bool refresh_deletes;
};

struct sync_info_value {
    enum sync_info_kind kind;
    struct sync_octets cookie;
    bool refresh_done;        // REFRESH_DELETE, REFRESH_PRESENT
    bool refresh_deletes;     // ID_SET: these are gone, not present
    struct sync_octets uuids; // ID_SET: checked, for sync_info_uuids()
    size_t count;
};

// `cookie` NULL: from nothing. Owned by `ctx`.
void sync_request_encode(TALLOC_CTX *ctx, enum sync_mode mode, const char *cookie, uint8_t **data,
                         size_t *length);
int sync_state_decode(const uint8_t *data, size_t length, struct sync_state_value *value,
                      struct error *err) MUST_CHECK;
int sync_done_decode(const uint8_t *data, size_t length, struct sync_done_value *value,
                     struct error *err) MUST_CHECK;
int sync_info_decode(const uint8_t *data, size_t length, struct sync_info_value *value,
                     struct error *err) MUST_CHECK;
// The `info->count` UUIDs of an ID_SET. Owned by `ctx`.
struct uuid *sync_info_uuids(TALLOC_CTX *ctx, const struct sync_info_value *info);

#endif
