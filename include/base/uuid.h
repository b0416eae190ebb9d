// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_BASE_UUID_H
#define LDAPNOTIFY_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// An entry's identity (RFC 4530 entryUUID, AD objectGUID, 389 nsUniqueId), 16 octets as on the wire.
struct uuid {
    uint8_t octets[16];
};

#define UUID_TEXT_SIZE 37

// RFC 4122 text, either case. Returns 0, or -1 if `text` is not one.
int uuid_parse(const char *text, size_t length, struct uuid *uuid);
char *uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE]);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
bool uuid_is_null(const struct uuid *uuid); // all zero: "no entry"
void uuid_random(struct uuid *uuid);        // version 4, from getrandom(2)

#endif
