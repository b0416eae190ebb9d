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
// Files: DIR/LANGUAGE/EVENT[.ROLE].{subject,txt,html}, partials DIR/LANGUAGE/partials/NAME.{txt,html}; the
// layout is the partial "layout" around every body, which it takes in with {{>body}}. DIR/LANGUAGE/attributes
// has words for attribute names. For event group.member.added and role owner the first that exists of
//   group.member.added.owner, group.member.added
// is taken, in the first of the languages given ("de-AT", then "de", then the default's) that has one; when
// none has, the same with default.owner and default. A template is there when its .txt is; a missing .subject
// is that of the next name, without .html the message is text only.

struct template_set;

// Reads and checks all of `dir`: tags that no event offers (template_tags), partials that are missing or
// include themselves, directly or in a circle, files that belong to no event. `err` names the file, the line
// and the tag.
struct template_set *template_set_open(TALLOC_CTX *ctx, const char *dir, struct error *err) MUST_CHECK;
// Is there a template of this name in any language? For a rule's `template`.
bool template_set_has(const struct template_set *set, const char *name);

struct rendered {
    char *subject; // one line, no control characters
    char *text;    // UTF-8, LF
    char *html;    // or NULL
};
// `name` NULL: chosen by event and role; a name that no language has gives way to event and role too.
// `languages` ends with NULL. `subject` NULL, or a Mustache text that replaces the file's subject. HTML
// values are escaped; a text template's are not. Owned by `ctx`.
int template_render(struct template_set *set, TALLOC_CTX *ctx, const char *name, const char *event,
                    const char *role, const char *const *languages, const char *subject, const json_t *data,
                    struct rendered *rendered, struct error *err) MUST_CHECK;
// Only the tag {{title}}: what the .subject file says, one line. Owned by `ctx`.
char *template_title(struct template_set *set, TALLOC_CTX *ctx, const char *name, const char *event,
                     const char *role, const char *const *languages, const json_t *data,
                     struct error *err) MUST_CHECK;
// The language that template_render() would take; owned by the set.
const char *template_language(const struct template_set *set, const char *name, const char *event,
                              const char *role, const char *const *languages);
// What people call an attribute in the first of the languages that has a word for it; NULL when none has.
const char *template_attribute_label(const struct template_set *set, const char *const *languages,
                                     const char *attribute);
// Is this Mustache text sound, with known tags only? For subjects in the configuration.
int template_check(const char *text, struct error *err) MUST_CHECK;

// Every tag that templates may use, with a sentence each; ends with NULL.
enum template_tag_kind { TAG_TEXT, TAG_FLAG, TAG_LIST };
struct template_tag {
    const char *name;
    const char *help;
    enum template_tag_kind kind; // a flag or a list makes sense in {{#…}} and {{^…}} only
    const char *within;          // the list outside of which the tag has no value; NULL: none
};
extern const struct template_tag template_tags[];
const struct template_tag *template_tag_find(const char *name, size_t length); // NULL when unknown

#endif
