// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_BASE_LOG_H
#define LDAPNOTIFY_BASE_LOG_H

#include "base/error.h"

// One line per fact: words, then key=value pairs. Values are quoted when they
// contain spaces and escaped when they contain control characters, so a hostile
// value can never forge a line. Secrets are never passed here.
//
//   log_info("change applied", LOG_S("directory", name), LOG_I("events", 3));
//
// A process sets a context (its directory) once; it is added to every line.

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_target {
    LOG_TARGET_STDERR,  // timestamped lines
    LOG_TARGET_SYSLOG,
    LOG_TARGET_JOURNAL, // native protocol: each field becomes LDAPNOTIFY_<KEY>
    LOG_TARGET_FILE,    // reopened by itself when the path names another file (logrotate)
};

struct log_field {
    const char *key; // NULL ends the list
    const char *text;
    long long number;
};

static inline struct log_field log_text(const char *key, const char *text)
{
    return (struct log_field){ .key = key, .text = text ? text : "" };
}

#define LOG_S(k, v) log_text((k), (v))
#define LOG_I(k, v) ((struct log_field){ .key = (k), .number = (long long)(v) })
#define LOG_E(err) LOG_S("error", (err)->text)

// `path` only for LOG_TARGET_FILE. `ident` is copied ("ldapnotifyd").
int log_open(enum log_target target, const char *path, enum log_level level, const char *ident,
             struct error *err) MUST_CHECK;
void log_close(void);
void log_set_level(enum log_level level);
// Added to every line of this process ("directory" = "corp"); copied; NULL value removes it.
void log_set_context(const char *key, const char *value);

void log_write(enum log_level level, const char *what, const struct log_field *fields);

// The first element only stands before a comma that may have nothing after it.
#define log_fields(...) (((const struct log_field[]){ { .key = NULL }, ##__VA_ARGS__, { .key = NULL } }) + 1)
#define log_error(what, ...) log_write(LOG_LEVEL_ERROR, (what), log_fields(__VA_ARGS__))
#define log_warning(what, ...) log_write(LOG_LEVEL_WARNING, (what), log_fields(__VA_ARGS__))
#define log_notice(what, ...) log_write(LOG_LEVEL_NOTICE, (what), log_fields(__VA_ARGS__))
#define log_info(what, ...) log_write(LOG_LEVEL_INFO, (what), log_fields(__VA_ARGS__))
#define log_debug(what, ...) log_write(LOG_LEVEL_DEBUG, (what), log_fields(__VA_ARGS__))

// Names as in the configuration: error, warning, notice, info, debug. -1 when unknown.
int log_level_from_name(const char *name);

#endif
