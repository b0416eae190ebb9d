// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_MAIL_MESSAGE_H
#define LDAPNOTIFY_MAIL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "base/error.h"

// One message as octets for the wire (RFC 5322, MIME by GMime): multipart/alternative in UTF-8, text first;
// Date, From, To, Subject, Message-ID, Reply-To, List-Id, Auto-Submitted: auto-generated (RFC 3834),
// X-Auto-Response-Suppress: OOF, AutoReply, and one X-LdapNotify-Event: NAME; id=ID per event. Lines end with
// CRLF. Every value is cleaned first: nothing in it can begin a header of its own.

struct mail_parts {
    const char *from, *from_name, *reply_to, *to, *to_name;
    const char *subject, *text, *html; // html may be NULL
    const char *message_id;            // "<…@…>", checked
    const char *list_id;               // or NULL
    const char *intended;              // X-LdapNotify-Intended-For, when redirected; or NULL
    const char *const *events;         // "group.member.added; id=corp-12", ends with NULL
    int64_t date;
};

int mail_compose(TALLOC_CTX *ctx, const struct mail_parts *parts, uint8_t **bytes, size_t *length,
                 struct error *err) MUST_CHECK;
// "<UUID.EVENTID@DOMAIN>", unique. Owned by `ctx`.
char *mail_message_id(TALLOC_CTX *ctx, const char *event_id, const char *domain);
// The address for the wire: local part as it is, domain in A-labels (RFC 5891). NULL if it cannot be. Owned
// by `ctx`.
char *mail_wire_address(TALLOC_CTX *ctx, const char *address, struct error *err);

#endif
