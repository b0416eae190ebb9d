// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_CURL_LOOP_H
#define LDAPNOTIFY_DELIVER_CURL_LOOP_H

#include <curl/curl.h>
#include <event2/event.h>
#include <talloc.h>

#include "base/error.h"

// A curl multi handle driven by a libevent loop. Nothing in it blocks.

struct curl_loop;

// Ends with talloc_free(), not from inside a done function; every handle must have been removed before.
struct curl_loop *curl_loop_new(TALLOC_CTX *ctx, struct event_base *base, struct error *err) MUST_CHECK;

// Called from the loop, once per curl_loop_add(), never from inside it. It may add and remove handles.
typedef void curl_loop_done_fn(void *context, CURL *easy, CURLcode code);

// Starts the transfer. CURLOPT_PRIVATE is used by the loop. The handle stays the caller's; it stays in the
// loop after it is done (a CONNECT_ONLY connection lives as long as that) until curl_loop_remove().
int curl_loop_add(struct curl_loop *loop, CURL *easy, curl_loop_done_fn *done, void *context,
                  struct error *err) MUST_CHECK;
// Ends the transfer, if it runs, without calling done; closes its connection if it is CONNECT_ONLY.
void curl_loop_remove(struct curl_loop *loop, CURL *easy);

#endif
