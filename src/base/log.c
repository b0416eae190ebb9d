// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>
#include <unistr.h>

#include "base/clock.h"
#include "base/text.h"

// <syslog.h> and this module both speak of levels; these are syslog's.
static const int syslog_priority[] = { 3, 4, 5, 6, 7 };
static const char *const level_names[] = { "error", "warning", "notice", "info", "debug" };

#define LOG_LINE_SIZE 4096
#define LOG_JOURNAL_FIELDS 32
#define JOURNAL_FIELD_SIZE 512

// The log is one per process; everything else in it is a process's own state too.
static struct {
    enum log_target target;
    enum log_level level;
    char ident[64];
    char path[1024];
    int descriptor;
    int64_t looked_at; // when the file was last compared with its path
    char context_key[32];
    char context_value[128];
} logger = { .target = LOG_TARGET_STDERR, .level = LOG_LEVEL_INFO, .ident = "ldapnotify", .descriptor = -1 };

struct line {
    size_t used;
    char text[LOG_LINE_SIZE];
};

static void line_put(struct line *line, const char *text, size_t length)
{
    size_t room = sizeof line->text - 2 - line->used; // a newline and a NUL always fit
    if (length > room)
        length = room;
    memcpy(line->text + line->used, text, length);
    line->used += length;
}

static void line_puts(struct line *line, const char *text)
{
    line_put(line, text, strlen(text));
}

static bool needs_quotes(const char *text)
{
    if (!*text)
        return true;
    size_t length = strlen(text);
    return strpbrk(text, " \"\\=") || !text_is_utf8(text, length) || text_has_control(text, length);
}

static void line_put_quoted(struct line *line, const char *text)
{
    line_puts(line, "\"");
    for (const uint8_t *at = (const uint8_t *)text; *at;) {
        ucs4_t c;
        int used = u8_strmbtouc(&c, at);
        char escape[16];
        if (used < 1 || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            snprintf(escape, sizeof escape, "\\x%02x", *at);
            line_puts(line, escape);
            used = 1;
        } else if (c == '"' || c == '\\') {
            escape[0] = '\\';
            escape[1] = (char)c;
            line_put(line, escape, 2);
        } else {
            line_put(line, (const char *)at, (size_t)used);
        }
        at += used;
    }
    line_puts(line, "\"");
}

static void line_put_value(struct line *line, const char *text)
{
    if (needs_quotes(text))
        line_put_quoted(line, text);
    else
        line_puts(line, text);
}

static void line_put_field(struct line *line, const char *key, const char *text, long long number)
{
    line_puts(line, " ");
    line_puts(line, key);
    line_puts(line, "=");
    if (text) {
        line_put_value(line, text);
    } else {
        char digits[24];
        snprintf(digits, sizeof digits, "%lld", number);
        line_puts(line, digits);
    }
}

static void line_build(struct line *line, const char *what, const struct log_field *fields)
{
    line_puts(line, what);
    if (logger.context_value[0])
        line_put_field(line, logger.context_key, logger.context_value, 0);
    for (; fields && fields->key; fields++)
        line_put_field(line, fields->key, fields->text, fields->number);
}

static int log_open_file(void)
{
    return open(logger.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0640);
}

// logrotate moves the file away: once a second, look whether the path still names ours.
static void log_follow_path(void)
{
    int64_t now = clock_monotonic();
    if (logger.looked_at && now - logger.looked_at < CLOCK_SECOND && now >= logger.looked_at)
        return;
    logger.looked_at = now;
    struct stat ours, theirs;
    if (fstat(logger.descriptor, &ours) == 0 && stat(logger.path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
        ours.st_dev == theirs.st_dev)
        return;
    int descriptor = log_open_file();
    if (descriptor >= 0) {
        close(logger.descriptor);
        logger.descriptor = descriptor;
    }
}

static void log_write_descriptor(int descriptor, enum log_level level, struct line *line)
{
    struct line full = { 0 };
    char stamp[CLOCK_TEXT_SIZE], process[32];
    line_puts(&full, clock_to_iso(clock_now(), stamp));
    line_puts(&full, " ");
    line_puts(&full, logger.ident);
    snprintf(process, sizeof process, "[%ld] ", (long)getpid());
    line_puts(&full, process);
    line_puts(&full, level_names[level]);
    line_puts(&full, ": ");
    line_put(&full, line->text, line->used);
    full.text[full.used++] = '\n';
    // One write keeps lines of several processes whole; a log that cannot be written must not stop the work.
    ssize_t ignored = write(descriptor, full.text, full.used);
    (void)ignored;
}

static struct iovec journal_field(char store[JOURNAL_FIELD_SIZE], const struct log_field *field)
{
    if (field->text)
        snprintf(store, JOURNAL_FIELD_SIZE, "LDAPNOTIFY_%s=%s", field->key, field->text);
    else
        snprintf(store, JOURNAL_FIELD_SIZE, "LDAPNOTIFY_%s=%lld", field->key, field->number);
    for (char *at = store + strlen("LDAPNOTIFY_"); *at && *at != '='; at++)
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 32 : *at);
    return (struct iovec){ store, strlen(store) };
}

static void log_write_journal(enum log_level level, const struct line *line, const struct log_field *fields)
{
    static char store[LOG_JOURNAL_FIELDS][JOURNAL_FIELD_SIZE];
    struct iovec parts[LOG_JOURNAL_FIELDS];
    int count = 0;
    static char message[LOG_LINE_SIZE + 16];
    int size = snprintf(message, sizeof message, "MESSAGE=%.*s", (int)line->used, line->text);
    parts[count++] = (struct iovec){ message, (size_t)size };
    snprintf(store[count], sizeof store[count], "PRIORITY=%d", syslog_priority[level]);
    parts[count] = (struct iovec){ store[count], strlen(store[count]) };
    count++;
    snprintf(store[count], sizeof store[count], "SYSLOG_IDENTIFIER=%s", logger.ident);
    parts[count] = (struct iovec){ store[count], strlen(store[count]) };
    count++;
    const struct log_field context = { .key = logger.context_key, .text = logger.context_value };
    if (logger.context_value[0]) {
        parts[count] = journal_field(store[count], &context);
        count++;
    }
    for (; fields && fields->key && count < LOG_JOURNAL_FIELDS; fields++, count++)
        parts[count] = journal_field(store[count], fields);
    sd_journal_sendv(parts, count);
}

void log_write(enum log_level level, const char *what, const struct log_field *fields)
{
    if (level > logger.level)
        return;
    int saved = errno;
    struct line line = { 0 };
    line_build(&line, what, fields);
    line.text[line.used] = '\0';
    switch (logger.target) {
    case LOG_TARGET_STDERR:
        log_write_descriptor(STDERR_FILENO, level, &line);
        break;
    case LOG_TARGET_FILE:
        log_follow_path();
        log_write_descriptor(logger.descriptor, level, &line);
        break;
    case LOG_TARGET_SYSLOG:
        syslog(syslog_priority[level], "%s", line.text);
        break;
    case LOG_TARGET_JOURNAL:
        log_write_journal(level, &line, fields);
        break;
    }
    errno = saved;
}

int log_open(enum log_target target, const char *path, enum log_level level, const char *ident, struct error *err)
{
    log_close();
    snprintf(logger.ident, sizeof logger.ident, "%s", ident);
    if (target == LOG_TARGET_FILE) {
        if (strlen(path) >= sizeof logger.path)
            return error_set(err, "log file name is too long: %s", path);
        snprintf(logger.path, sizeof logger.path, "%s", path);
        logger.descriptor = log_open_file();
        if (logger.descriptor < 0)
            return error_set(err, "opening log file %s: %s", path, strerror(errno));
    }
    if (target == LOG_TARGET_SYSLOG)
        openlog(logger.ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
    logger.target = target;
    logger.level = level;
    return 0;
}

void log_close(void)
{
    if (logger.target == LOG_TARGET_SYSLOG)
        closelog();
    if (logger.descriptor >= 0)
        close(logger.descriptor);
    logger.descriptor = -1;
    logger.looked_at = 0;
    logger.target = LOG_TARGET_STDERR;
}

void log_set_level(enum log_level level)
{
    logger.level = level;
}

void log_set_context(const char *key, const char *value)
{
    snprintf(logger.context_key, sizeof logger.context_key, "%s", key);
    snprintf(logger.context_value, sizeof logger.context_value, "%s", value ? value : "");
}

int log_level_from_name(const char *name)
{
    for (int i = 0; i < (int)(sizeof level_names / sizeof *level_names); i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    return -1;
}
