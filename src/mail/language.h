// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_MAIL_LANGUAGE_H
#define LDAPNOTIFY_MAIL_LANGUAGE_H

#include <stddef.h>

// Which languages to try for a recipient, most wanted first.

#define LANGUAGE_TAGS_MOST 24
#define LANGUAGE_TAG_SIZE 36

struct language_list {
    const char *tags[LANGUAGE_TAGS_MOST + 1]; // ends with NULL
    char texts[LANGUAGE_TAGS_MOST][LANGUAGE_TAG_SIZE];
    size_t count;
};

// Appends what `wanted` names: a plain tag ("de_AT" will do) or a preferredLanguage (RFC 2798 §2.7:
// Accept-Language of RFC 2068 §14.4, "de-AT, en;q=0.5"). Each is followed by its shorter forms (RFC 4647
// §3.4), most wanted first; what is there already, refused (q=0) or not a tag is left out. NULL adds nothing.
void language_list_add(struct language_list *list, const char *wanted);

#endif
