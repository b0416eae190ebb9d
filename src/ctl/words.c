// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

int complain(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("ldapnotifyctl: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

static void take_words(struct invocation *invocation, int at, int count)
{
    memmove(invocation->words + at, invocation->words + at + count,
            sizeof *invocation->words * (size_t)(invocation->count - at - count));
    invocation->count -= count;
}

const char *option_value(struct invocation *invocation, const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; i < invocation->count; i++) {
        const char *word = invocation->words[i];
        if (strncmp(word, name, length) != 0)
            continue;
        if (word[length] == '=') {
            take_words(invocation, i, 1);
            return word + length + 1;
        }
        if (word[length] == '\0' && i + 1 < invocation->count) {
            const char *value = invocation->words[i + 1];
            take_words(invocation, i, 2);
            return value;
        }
    }
    return NULL;
}

bool option_flag(struct invocation *invocation, const char *name)
{
    for (int i = 0; i < invocation->count; i++)
        if (strcmp(invocation->words[i], name) == 0) {
            take_words(invocation, i, 1);
            return true;
        }
    return false;
}

int option_count(struct invocation *invocation, const char *name, const char **text)
{
    *text = option_value(invocation, name);
    if (!*text || (**text != '\0' && strspn(*text, "0123456789") == strlen(*text) && strlen(*text) < 10))
        return 0;
    complain(EXIT_USAGE, "%s takes a number, not \"%s\"", name, *text);
    return -1;
}

const char *next_word(struct invocation *invocation)
{
    for (int i = 0; i < invocation->count; i++)
        if (strncmp(invocation->words[i], "--", 2) != 0) {
            const char *word = invocation->words[i];
            take_words(invocation, i, 1);
            return word;
        }
    return NULL;
}

int usage(const struct command *command)
{
    return complain(EXIT_USAGE, "usage: ldapnotifyctl %s%s%s", command->name, *command->arguments ? " " : "", command->arguments);
}

int words_done(struct invocation *invocation, const struct command *command)
{
    if (invocation->count == 0)
        return EXIT_DONE;
    const char *word = invocation->words[0];
    // An option that is known and stands here still has no value: it is the last word.
    bool valueless = strncmp(word, "--", 2) == 0 && strstr(command->arguments, word);
    complain(EXIT_USAGE, valueless ? "%s needs a value" : "\"%s\" is not understood here", word);
    return usage(command);
}
