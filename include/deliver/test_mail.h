// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_TEST_MAIL_H
#define LDAPNOTIFY_DELIVER_TEST_MAIL_H

#include <event2/event.h>
#include <jansson.h>
#include <talloc.h>

#include "base/error.h"
#include "config/config.h"

// One test message past the queue. An administrator asks for it by name, so it leaves in a trial too.

struct test_mail;

// [{"host", "step", "code", "words"}, …], one object for each host that was tried; the last one's step is
// "done" if the message was taken. Called once, from the loop; the test may be freed then.
typedef void test_mail_fn(void *context, const json_t *hosts);

// `transport` NULL: the first of the configuration. `to` and `config` must stay until the test is freed.
// error.code TEST_MAIL_NO_TRANSPORT: there is none of that name.
#define TEST_MAIL_NO_TRANSPORT 1
struct test_mail *test_mail_start(TALLOC_CTX *ctx, struct event_base *loop, const struct config *config,
                                  const char *transport, const char *to, test_mail_fn *done, void *context,
                                  struct error *err) MUST_CHECK;

#endif
