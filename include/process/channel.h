// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_PROCESS_CHANNEL_H
#define LDAPNOTIFY_PROCESS_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

// Frames between the supervisor and its workers over one SOCK_SEQPACKET pair per worker: a packet is a frame.
// The supervisor looks at headers only; payloads (JSON) pass through it unread, but for commands to itself and for
// the last status of each worker, when somebody asks for it.

enum frame_type {
    // worker → supervisor
    FRAME_HEARTBEAT = 1, // every few seconds
    FRAME_READY,         // started; payload empty
    FRAME_BLOCKING,      // number = clock_monotonic() deadline, number2 = URI index, payload: what
    FRAME_UNBLOCKED,
    FRAME_STATUS, // JSON for `status`; the last one is kept
    // control → supervisor → worker `peer` ("watch corp", "deliver") or "supervisor"; request set
    FRAME_COMMAND,
    FRAME_REPLY, // worker → supervisor → control
    FRAME_STOP,  // supervisor → worker: finish what is in hand and exit
    FRAME_FATAL, // worker → supervisor: payload says why a restart will not help (shown by status)
};

#define FRAME_PEER_SIZE 64
#define FRAME_PAYLOAD_MOST ((size_t)128 * 1024)

struct frame {
    uint32_t type;
    uint32_t request; // chosen by control; given back in the reply
    int64_t number, number2;
    char peer[FRAME_PEER_SIZE];
    uint32_t length;
    char payload[]; // not NUL-terminated
};

// What stands before the payload on the wire; sizeof may hold padding beyond it.
#define FRAME_HEADER offsetof(struct frame, payload)

// Makes the pair, both ends non-blocking and close-on-exec.
int channel_pair(int descriptors[2], struct error *err) MUST_CHECK;
// 0, or -1: the peer is gone or does not read (code EAGAIN).
int channel_send(int descriptor, const struct frame *header, const void *payload, size_t length,
                 struct error *err) MUST_CHECK;
// One frame into a buffer that stays valid until the next call; *frame NULL when there is none now. -1: peer
// gone or a bad frame.
int channel_receive(int descriptor, struct frame **frame, struct error *err) MUST_CHECK;

#endif
