// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_SMTP_H
#define LDAPNOTIFY_DELIVER_SMTP_H

#include "deliver/transport.h"

extern const struct transport_ops transport_smtp;

// What a test of a transport found out, step by step, for `test-mail`.
enum smtp_step { SMTP_STEP_RESOLVE, SMTP_STEP_CONNECT, SMTP_STEP_GREETING, SMTP_STEP_TLS, SMTP_STEP_LOGIN, SMTP_STEP_SENDER, SMTP_STEP_RECIPIENT, SMTP_STEP_DATA, SMTP_STEP_DONE };
const char *smtp_step_name(enum smtp_step step);

#endif
