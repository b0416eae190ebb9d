// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>

#include "router.h"

// RFC 5321 §2.4: the local part is case-sensitive, the domain is not.
char *address_key(TALLOC_CTX *ctx, const char *address)
{
    char *key = talloc_strdup(ctx, address);
    for (char *at = key ? strrchr(key, '@') : NULL; at && *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return key;
}
