// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_TESTS_SINK_RECORDER_H
#define LDAPNOTIFY_TESTS_SINK_RECORDER_H

#include <stdbool.h>

#include "source/source.h"

// A sink that writes down what it is told, one line per call:
//
//   begin whole                        begin changes
//   entry 0a cn=a,dc=x cn=a;b sn=c     the UUID's last octet, DN, attributes
//   present 01 02                      gone 03
//   end unmentioned COOKIE             end no COOKIE (doubt)
//   checkpoint COOKIE                  failed lost TEXT
struct sink_recorder {
    struct source_sink sink;
    char *text; // what was written down so far
    int checkpoints;
    size_t batch, largest_batch; // changes between checkpoints
    bool failed;
    int fail_after; // the sink refuses call number so many; 0: never
    int calls;
    bool quiet; // counts only
    size_t entries, presents, gones;
    struct error error;      // of failed()
    struct event_base *loop; // if set, left at refresh_end, checkpoint and failed
};

struct sink_recorder *sink_recorder_new(TALLOC_CTX *ctx);
// Fails the test when what was written down since the last call is not `expected`.
void sink_recorder_expect(struct sink_recorder *recorder, const char *expected);

#endif
