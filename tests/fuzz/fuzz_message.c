// SPDX-License-Identifier: Apache-2.0
// Links $(MAIL_LIBS) $(BASE_LIBS) $(MAIL_SYS); compiled with $(GMIME_CFLAGS).
// Whatever the fields hold, what is composed reads back with exactly the fields that were meant, and fits the
// wire. The input is the fields, each ending with a NUL octet, in the order of `fields` below.
#include <gmime/gmime.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// RFC 5322 §2.1.1 and §2.3
static void check_wire(const uint8_t *bytes, size_t length)
{
    size_t line = 0;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'))
            abort();
        if (bytes[i] == '\r' && (i + 1 == length || bytes[i + 1] != '\n'))
            abort();
        if (bytes[i] == '\0')
            abort();
        line = bytes[i] == '\n' ? 0 : line + 1;
        if (line > 999)
            abort();
    }
}

static void check_headers(GMimeMessage *message, const struct mail_parts *parts)
{
    static const char *const known[] = { "From",
                                         "To",
                                         "Subject",
                                         "Date",
                                         "Message-Id",
                                         "MIME-Version",
                                         "List-Id",
                                         "Reply-To",
                                         "Auto-Submitted",
                                         "X-Auto-Response-Suppress",
                                         "X-LdapNotify-Event",
                                         "X-LdapNotify-Intended-For" };
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
    int expected = 9 + (parts->intended != NULL), count = g_mime_header_list_get_count(list);
    // A List-Id of which nothing is left is left out.
    if (count < expected || count > expected + (parts->list_id != NULL))
        abort();
    for (int i = 0; i < count; i++) {
        const char *name = g_mime_header_get_name(g_mime_header_list_get_header_at(list, i));
        size_t k = 0;
        while (k < sizeof known / sizeof *known && strcmp(name, known[k]) != 0)
            k++;
        if (k == sizeof known / sizeof *known)
            abort();
    }
    if (internet_address_list_length(g_mime_message_get_to(message)) != 1 ||
        internet_address_list_length(g_mime_message_get_from(message)) != 1)
        abort();
}

static void check_body(GMimeMessage *message, const struct mail_parts *parts)
{
    GMimeObject *body = g_mime_message_get_mime_part(message);
    if (parts->html ? !GMIME_IS_MULTIPART(body) || g_mime_multipart_get_count(GMIME_MULTIPART(body)) != 2
                    : !GMIME_IS_TEXT_PART(body))
        abort();
}

static void read_back(const uint8_t *bytes, size_t length, const struct mail_parts *parts)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer((const char *)bytes, length);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    if (!message)
        abort();
    check_headers(message, parts);
    check_body(message, parts);
    g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    char *text = talloc_strndup(ctx, (const char *)data, size), *at = talloc_size(ctx, size + 1);
    memcpy(at, data, size);
    at[size] = '\0';
    const char *fields[11], *end = at + size;
    for (size_t i = 0; i < 11; i++) {
        fields[i] = at;
        if (at < end)
            at += strlen(at) + (at + strlen(at) < end);
    }
    const char *events[] = { fields[8], NULL };
    struct mail_parts parts = {
        .subject = fields[0],
        .text = fields[1],
        .html = *fields[2] ? fields[2] : NULL,
        .from_name = fields[3],
        .to_name = fields[4],
        .to = *fields[5] ? fields[5] : "a@example.com",
        .from = *fields[6] ? fields[6] : "b@example.com",
        .intended = *fields[7] ? fields[7] : NULL,
        .events = events,
        .message_id = *fields[9] ? fields[9] : "<1@example.com>",
        .list_id = *fields[10] ? fields[10] : NULL,
        .date = INT64_C(1795172600000),
    };
    uint8_t *bytes;
    size_t length;
    if (mail_compose(ctx, &parts, &bytes, &length, NULL) == 0) {
        check_wire(bytes, length);
        read_back(bytes, length, &parts);
    }
    talloc_free(mail_wire_address(ctx, text, NULL));
    talloc_free(mail_message_id(ctx, text, text));
    talloc_free(ctx);
    return 0;
}
