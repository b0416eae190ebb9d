// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_MAIL_TEMPLATE_H
#define LDAPNOTIFY_MAIL_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <talloc.h>

#include "base/error.h"

// Mustache templates (mustache(5)) over JSON data. The engine is a C++ library behind this interface; no
// exception gets past it.
//
// Files: DIR/LANGUAGE/EVENT[.ROLE].{subject,txt,html}, partials DIR/LANGUAGE/partials/NAME.{txt,html}; the layout is the
// partial "layout" around every body. For event group.member.added and role owner the first that exists of
//   group.member.added.owner, group.member.added, default.owner, default
// is taken, in the first of the languages given ("de-AT", then "de", then the default's) that has it.

struct template_set;

// Reads and checks all of `dir`: tags that no event offers (template_tags), partials that are missing or include
// themselves, directly or in a circle. `err` names the file and the tag.
struct template_set *template_set_open(TALLOC_CTX *ctx, const char *dir, struct error *err) MUST_CHECK;

struct rendered {
    char *subject; // one line, no control characters
    char *text;    // UTF-8, LF
    char *html;    // or NULL
};
// `name` NULL: chosen by event and role. `languages` ends with NULL. `subject` NULL, or a Mustache text that replaces the
// file's subject. HTML values are escaped; a text template's are not. Owned by `ctx`.
int template_render(struct template_set *set, TALLOC_CTX *ctx, const char *name, const char *event, const char *role,
                    const char *const *languages, const char *subject, const json_t *data, struct rendered *rendered,
                    struct error *err) MUST_CHECK;
// Is this Mustache text sound, with known tags only? For subjects in the configuration.
int template_check(const char *text, struct error *err) MUST_CHECK;

// Every tag that templates may use, with a sentence each; ends with NULL.
struct template_tag { const char *name; const char *help; };
extern const struct template_tag template_tags[];

#endif
