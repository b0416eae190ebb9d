// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_MAIL_RENDER_H
#define LDAPNOTIFY_MAIL_RENDER_H

#include "config/config.h"
#include "event/event.h"
#include "event/notification.h"
#include "mail/template.h"

// From notifications to the parts of a message: chooses template, language and subject, builds the data that
// templates see, folds several notifications into a digest.

struct render_item {
    const struct directory_event *event;
    const struct notification *notification;
    bool folded; // the opposite change followed: tell an "added" as "added and removed again"
};

struct render_context {
    const struct config *config;
    const struct config_directory *directory;
    const struct config_transport *transport;
    struct template_set *templates;
    struct recipient recipient;
    int64_t now;
};

// One item: the template of its rule, else of its event and first role. Several: template "digest" with a
// list of the items' titles and details, those of one entry together. Languages: the rule's, the recipient's
// (an Accept-Language list, RFC 2798 §2.7), the directory's, mail's, English; see template.h. Subject: the
// most specific of config.subjects for the event (role before language; "digest" is an event here), else the
// template's own.
int render_items(TALLOC_CTX *ctx, const struct render_context *context, const struct render_item *items,
                 size_t count, struct rendered *rendered, struct error *err) MUST_CHECK;
// The data of one item, as templates see it (for preview and tests); a new reference.
json_t *render_data(const struct render_context *context, const struct render_item *item);

#endif
