// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONTROL_STATUS_H
#define LDAPNOTIFY_CONTROL_STATUS_H

#include "routes.h"

// `status` asks the supervisor for its workers, then every watch worker whether it is behind its directory, then counts
// the stores, and only then answers.
void status_answer(struct call *call);

#endif
