// SPDX-License-Identifier: Apache-2.0
// Links $(SOURCE_LIBS) $(BASE_LIBS).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/source/sync_control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned touch(const uint8_t *data, size_t length)
{
    unsigned sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += data[i];
    return sum;
}

static volatile unsigned touched; // so that reading every octet is not optimised away

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct sync_state_value state;
    struct sync_done_value done;
    struct sync_info_value info;
    struct error err;
    unsigned sum = 0;

    if (sync_state_decode(data, size, &state, &err) == 0)
        sum += touch(state.cookie.data, state.cookie.length);
    if (sync_done_decode(data, size, &done, &err) == 0)
        sum += touch(done.cookie.data, done.cookie.length);
    if (sync_info_decode(data, size, &info, &err) == 0) {
        sum += touch(info.cookie.data, info.cookie.length);
        struct uuid *uuids = sync_info_uuids(ctx, &info);
        if (info.kind == SYNC_INFO_ID_SET)
            sum += touch((const uint8_t *)uuids, info.count * sizeof(*uuids));
    }
    talloc_free(ctx);
    touched = sum;
    return 0;
}
