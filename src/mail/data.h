// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_MAIL_DATA_H
#define LDAPNOTIFY_MAIL_DATA_H

#include "mail/render.h"

// The data of one item with words for attribute names in `languages` (NULL: the attributes' own names).
json_t *data_of_item(const struct render_context *context, const struct render_item *item,
                     const char *const *languages);
// What is the same for every item of a message: recipient, sender, URLs.
json_t *data_of_context(const struct render_context *context);
void data_put_text(json_t *object, const char *key, const char *text, size_t limit);
void data_put_flag(json_t *object, const char *key, bool flag);

#define DATA_NAME_MOST 200

#endif
