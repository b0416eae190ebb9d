// SPDX-License-Identifier: Apache-2.0
#include "smtp_reply.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>

#include "base/text.h"

// A server that talks on and on is cut short; real replies have a handful of lines.
#define REPLY_LINES_MOST 200

static void reply_text_add(struct smtp_reply *reply, const char *text, size_t length)
{
    size_t room = sizeof reply->text - 1 - reply->text_length;
    if (length > room)
        length = room;
    memcpy(reply->text + reply->text_length, text, length);
    reply->text_length += length;
    reply->text[reply->text_length] = '\0';
}

// The text is cleaned when it is whole, so that a character cut by the end of the buffer is mended too.
static void reply_finish(struct smtp_reply *reply)
{
    char *clean = text_clean(NULL, reply->text, reply->text_length, 0);
    if (clean && strlen(clean) < sizeof reply->text)
        memcpy(reply->text, clean, strlen(clean) + 1);
    else
        reply->text[3] = '\0'; // the code alone
    reply->text_length = strlen(reply->text);
    talloc_free(clean);
}

// RFC 5321 §4.2:
//   Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
//   Reply-code = %x32-35 %x30-35 %x30-39
// The second digit is taken as any: some servers invent codes.
static int reply_line(struct smtp_reply *reply)
{
    const char *line = reply->line;
    size_t length = reply->line_length;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length < 3 || line[0] < '2' || line[0] > '5' || !isdigit((unsigned char)line[1])
        || !isdigit((unsigned char)line[2]))
        return -1;
    if (length > 3 && line[3] != ' ' && line[3] != '-')
        return -1;
    if (++reply->lines > REPLY_LINES_MOST)
        return -1;
    reply->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (reply->text_length == 0)
        reply_text_add(reply, line, 3);
    if (length > 4) {
        reply_text_add(reply, " ", 1);
        reply_text_add(reply, line + 4, length - 4);
    }
    return length > 3 && line[3] == '-' ? 0 : 1;
}

int smtp_reply_feed(struct smtp_reply *reply, const char *data, size_t length, size_t *used)
{
    for (size_t i = 0; i < length; i++) {
        if (data[i] != '\n') {
            // What goes past the buffer is text nobody reads to its end.
            if (reply->line_length < sizeof reply->line)
                reply->line[reply->line_length++] = data[i];
            continue;
        }
        int end = reply_line(reply);
        reply->line_length = 0;
        if (end != 0) {
            *used = i + 1;
            if (end > 0)
                reply_finish(reply);
            return end;
        }
    }
    *used = length;
    return 0;
}

static bool keyword_is(const char *text, size_t length, const char *keyword)
{
    size_t size = strlen(keyword);
    return length >= size && strncasecmp(text, keyword, size) == 0
           && (length == size || isspace((unsigned char)text[size]) || text[size] == '=');
}

void smtp_features_line(struct smtp_features *features, const char *line, size_t length)
{
    if (length <= 4 || line[0] != '2')
        return;
    const char *text = line + 4;
    length -= 4;
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    if (keyword_is(text, length, "PIPELINING"))
        features->pipelining = true;
    else if (keyword_is(text, length, "8BITMIME"))
        features->eight_bit = true;
    else if (keyword_is(text, length, "SMTPUTF8"))
        features->utf8 = true;
    else if (keyword_is(text, length, "AUTH"))
        features->auth = true;
    else if (keyword_is(text, length, "SIZE")) {
        features->size = true;
        features->size_most = 0;
        for (size_t i = 5; i < length && isdigit((unsigned char)text[i]); i++) {
            if (features->size_most > INT64_MAX / 10 - 10) {
                features->size_most = 0; // larger than anything we send
                break;
            }
            features->size_most = features->size_most * 10 + (text[i] - '0');
        }
    }
}
