// SPDX-License-Identifier: Apache-2.0
// Links $(PROCESS_LIBS) $(BASE_LIBS). One packet of a worker that was taken over, as the supervisor reads it.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "process/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int ends[2] = { -1, -1 };
    struct error err;
    struct frame *frame;
    if (ends[0] < 0 && channel_pair(ends, &err) < 0)
        abort();
    // A packet of nothing is how the end of the channel looks.
    if (size == 0 || send(ends[0], data, size, MSG_DONTWAIT) != (ssize_t)size)
        return 0;
    if (channel_receive(ends[1], &frame, &err) < 0)
        return 0;
    // What was let through is whole: reading all of it is what a sanitizer looks at.
    if (FRAME_HEADER + frame->length != size || strlen(frame->peer) >= FRAME_PEER_SIZE)
        abort();
    unsigned sum = 0;
    for (uint32_t i = 0; i < frame->length; i++)
        sum += (unsigned char)frame->payload[i];
    return sum == UINT32_MAX;
}
