// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_MAIL_SCAN_H
#define LDAPNOTIFY_MAIL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <talloc.h>

#include "base/error.h"

// Checks a Mustache text and takes its partials in, so that the engine never sees one: what comes out has no
// partials, no comments, no other delimiters, balanced sections and known tags only. The engine crashes on a
// partial that includes itself and renders unknown tags as nothing.

enum scan_form { SCAN_SUBJECT, SCAN_TEXT, SCAN_HTML };

struct scan_source {
    enum scan_form form;
    bool own_title;   // {{title}} may be used: not where the title itself comes from
    bool alone;       // a partial by itself: what list it is used in is not known
    void *context;
    // The text of a partial and a name for error messages; NULL: there is none. *plain: it is text for use in
    // HTML, so what stands between its tags is to be escaped.
    const char *(*partial)(void *context, const char *name, const char **file, bool *plain);
};

// Stands at the end of every line that had a tag. In what the engine makes of the text, a line with nothing
// else but blanks is to be left out, and the mark from every other: the engine itself leaves an empty line
// for a section that is not shown. No value can hold it, for it is a control character.
#define SCAN_MARK '\x01'

#define SCAN_MOST (256 * 1024) // octets of one template with all its partials

// `file` for error messages, which begin "FILE:LINE: ". Owned by `ctx`.
char *scan_expand(TALLOC_CTX *ctx, const struct scan_source *source, const char *file, const char *text,
                  struct error *err) MUST_CHECK;

#endif
