// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DELIVER_MAILDIR_H
#define LDAPNOTIFY_DELIVER_MAILDIR_H

#include "base/error.h"
#include "store/delivery_store.h"

// Writes a message into the Maildir `path`, which is made (0700) if it is not there: to tmp, fsync, renamed
// to new, so that a reader never sees half of one. Lines end with LF, as mail readers expect in files;
// Return-Path (RFC 5321 §4.4) and Delivered-To say the envelope.
int maildir_write(const char *path, const struct message *message, struct error *err) MUST_CHECK;

#endif
