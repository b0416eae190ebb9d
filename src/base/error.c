// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistr.h>

// Error texts quote what servers and files said, and are cut at their end: a control character must not reach a log or
// a terminal, nor half a character a JSON text.
static void error_sanitize(char *text)
{
    for (uint8_t *at = (uint8_t *)text; *at;) {
        ucs4_t c;
        int used = u8_strmbtouc(&c, at);
        if (used < 1) {
            *at = '?';
            used = 1;
        } else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            memset(at, ' ', (size_t)used);
        }
        at += used;
    }
}

PRINTF_LIKE(3, 0) static int error_vset(struct error *err, int code, const char *format, va_list args)
{
    if (err) {
        char text[sizeof err->text]; // arguments may point into err->text itself
        vsnprintf(text, sizeof text, format, args);
        error_sanitize(text);
        memcpy(err->text, text, sizeof text);
        err->code = code;
    }
    return -1;
}

int error_set(struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_vset(err, 0, format, args);
    va_end(args);
    return -1;
}

int error_set_code(struct error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_vset(err, code, format, args);
    va_end(args);
    return -1;
}

int error_prepend(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    char before[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(before, sizeof before, format, args);
    va_end(args);

    char after[sizeof err->text];
    memcpy(after, err->text, sizeof after);
    size_t used = strlen(before);
    memcpy(err->text, before, used);
    snprintf(err->text + used, sizeof err->text - used, "%s", after);
    error_sanitize(err->text);
    return -1;
}
