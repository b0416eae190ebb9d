// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Error texts quote what servers and files said; a control character must not reach a log or a terminal.
static void error_sanitize(char *text)
{
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
}

static int error_vset(struct error *err, int code, const char *format, va_list args)
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
    error_sanitize(before);

    char after[sizeof err->text];
    memcpy(after, err->text, sizeof after);
    size_t used = strlen(before);
    memcpy(err->text, before, used);
    snprintf(err->text + used, sizeof err->text - used, "%s", after);
    return -1;
}
