// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_TEST_COMMAND_H
#define LDAPNOTIFY_DELIVER_TEST_COMMAND_H

#include "process/worker.h"

// The command {"command": "test-mail", "to": ADDRESS, "transport"?: NAME}; answers {"ok": true, "hosts": …} (see
// deliver/test_mail.h), or with an error.
void test_command(TALLOC_CTX *ctx, struct worker *worker, uint32_t request, const json_t *command);

#endif
