// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_MAIL_SET_H
#define LDAPNOTIFY_MAIL_SET_H

#include <stddef.h>

#include "mustache.h"

// What a template directory becomes in memory: every text is parsed once and kept.

struct page {
    const char *name; // "group.member.added.owner"
    struct mustache *subject, *text, *html; // html may be NULL
};

struct label {
    const char *attribute, *words;
};

struct language {
    const char *tag; // name of its folder
    struct page *pages;
    size_t page_count;
    struct label *labels;
    size_t label_count;
};

struct configured_subject {
    const char *text;
    struct mustache *mustache;
};

struct template_set {
    struct language *languages;
    size_t language_count;
    // Subjects of the configuration, parsed when first met.
    struct configured_subject *subjects;
    size_t subject_count;
};

const struct page *language_page(const struct language *language, const char *name);

// One language's folder into `language`; what it holds belongs to `ctx`.
int language_load(TALLOC_CTX *ctx, const char *dir, const char *tag, struct language *language,
                  struct error *err) MUST_CHECK;

#endif
