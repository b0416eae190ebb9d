// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_TEST_MAIL_H
#define LDAPNOTIFY_DELIVER_TEST_MAIL_H

#include <event2/event.h>

#include "process/worker.h"

// The command {"command": "test-mail", "to": ADDRESS, "transport"?: NAME}: sends one test message past the
// queue and answers
// {"ok": true, "hosts": [{"host", "step", "code", "words"}]}. An administrator asks for it by name, so it
// leaves in a trial too.
void test_mail_start(TALLOC_CTX *ctx, struct worker *worker, uint32_t request, const json_t *command);

#endif
