// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_BASE_HASH_H
#define LDAPNOTIFY_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

// 64-bit hash that never changes between versions and machines, for it is stored (XXH3, seed 0).
uint64_t hash_bytes(const void *data, size_t length);

#endif
