// SPDX-License-Identifier: Apache-2.0
#include "mail/message.h"

#include <ctype.h>
#include <gmime/gmime.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/uuid.h"

#define NAME_MOST 200
#define SUBJECT_MOST 900
#define HEADER_MOST 900
#define MESSAGE_ID_MOST 250

// RFC 5322 §3.2.3 atext, without what is special in a URL or a shell
static bool is_id_character(char c)
{
    return isalnum((unsigned char)c) || (c && strchr(".-_+=", c));
}

// RFC 5322 §3.6.4: msg-id = "<" id-left "@" id-right ">"; only letters, digits and ".-_+=" here.
static bool is_message_id(const char *text)
{
    size_t length = strlen(text), ats = 0;
    if (length < 3 || length > MESSAGE_ID_MOST || text[0] != '<' || text[length - 1] != '>')
        return false;
    for (size_t i = 1; i < length - 1; i++) {
        ats += text[i] == '@';
        if (text[i] != '@' && !is_id_character(text[i]))
            return false;
    }
    return ats == 1 && text[1] != '@' && text[length - 2] != '@';
}

static bool is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

// RFC 5891 §4: A-labels for the wire. NULL if the name cannot be converted.
static char *domain_to_ascii(TALLOC_CTX *ctx, const char *domain, struct error *err)
{
    if (is_ascii(domain))
        return talloc_strdup(ctx, domain);
    char *ascii = NULL;
    int result =
        idn2_to_ascii_8z(domain, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT | IDN2_USE_STD3_ASCII_RULES);
    if (result != IDN2_OK) {
        error_set(err, "the domain \"%s\" has no form for the wire: %s", domain, idn2_strerror(result));
        return NULL;
    }
    char *copy = talloc_strdup(ctx, ascii);
    idn2_free(ascii);
    return copy;
}

char *mail_wire_address(TALLOC_CTX *ctx, const char *address, struct error *err)
{
    if (!address || !text_is_address(address)) {
        char *shown = text_clean(NULL, address ? address : "", address ? strlen(address) : 0, 100);
        error_set(err, "\"%s\" is no mail address", shown ? shown : "");
        talloc_free(shown);
        return NULL;
    }
    const char *at = strrchr(address, '@');
    char *domain = domain_to_ascii(NULL, at + 1, err);
    char *wire = domain ? talloc_asprintf(ctx, "%.*s@%s", (int)(at - address), address, domain) : NULL;
    talloc_free(domain);
    if (wire && !text_is_address(wire)) {
        error_set(err, "the address \"%s\" has no form for the wire: it is too long", address);
        talloc_free(wire);
        return NULL;
    }
    return wire;
}

static void keep_id_characters(char *text)
{
    for (; *text; text++)
        if (!is_id_character(*text))
            *text = '-';
}

char *mail_message_id(TALLOC_CTX *ctx, const char *event_id, const char *domain)
{
    struct uuid uuid;
    char text[UUID_TEXT_SIZE], left[128], right[128];
    uuid_random(&uuid);
    snprintf(left, sizeof left, "%s.%.64s", uuid_format(&uuid, text), event_id);
    char *ascii = domain ? domain_to_ascii(ctx, domain, NULL) : NULL;
    snprintf(right, sizeof right, "%.120s", ascii && *ascii ? ascii : "localhost");
    talloc_free(ascii);
    keep_id_characters(left);
    keep_id_characters(right);
    return talloc_asprintf(ctx, "<%s@%s>", left, right);
}

// --- composing -----------------------------------------------------------------------------------------

// GLib aborts the process when memory runs out; what we hand it is bounded.
static void mime_start(void)
{
    static bool started;
    if (!started) {
        g_mime_init();
        started = true;
    }
}

// For a header: no control characters, no bidi controls, well-formed UTF-8, and nothing that reads as an
// encoded word already (RFC 2047 §2), for GMime would leave it as it is and the reader's program would decode
// what it hides.
static char *clean(TALLOC_CTX *ctx, const char *text, size_t limit)
{
    char *good = text_clean(ctx, text ? text : "", text ? strlen(text) : 0, limit);
    if (!good || !strstr(good, "=?"))
        return good;
    char *apart = talloc_strdup(ctx, "");
    for (const char *at = good, *word; apart; at = word + 1) {
        word = strstr(at, "=?");
        apart = talloc_asprintf_append_buffer(apart, "%.*s%s", word ? (int)(word - at + 1) : (int)strlen(at),
                                              at, word ? " " : "");
        if (!word)
            break;
    }
    return apart;
}

static char *clean_lines(TALLOC_CTX *ctx, const char *text)
{
    // A bad octet becomes three.
    char *out = talloc_array(ctx, char, strlen(text) * 3 + 2);
    size_t used = 0;
    for (const char *line = text; out && *line;) {
        size_t length = strcspn(line, "\n");
        bool last = line[length] == '\0';
        char *good = text_clean(NULL, line, length > 0 && line[length - 1] == '\r' ? length - 1 : length, 0);
        if (!good) {
            TALLOC_FREE(out);
            break;
        }
        size_t size = strlen(good);
        memcpy(out + used, good, size);
        used += size;
        out[used++] = '\n';
        talloc_free(good);
        line += length + !last;
    }
    if (out)
        out[used] = '\0';
    return out;
}

// RFC 2045 §6: quoted-printable where most is ASCII, so that it can be read as it is, else base64. Either
// keeps every line within RFC 5322's 998 octets.
static GMimeContentEncoding best_encoding(const char *text)
{
    size_t length = strlen(text), wide = 0;
    for (size_t i = 0; i < length; i++)
        wide += (unsigned char)text[i] >= 0x80;
    return wide * 5 > length ? GMIME_CONTENT_ENCODING_BASE64 : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
}

// g_mime_text_part_set_text() would choose a charset of its own, iso-8859-1 when it can.
static GMimeObject *text_part(const char *subtype, const char *text)
{
    GMimePart *part = GMIME_PART(g_mime_text_part_new_with_subtype(subtype));
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text, strlen(text));
    GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
    g_mime_text_part_set_charset(GMIME_TEXT_PART(part), "utf-8");
    g_mime_part_set_content(part, content);
    g_mime_part_set_content_encoding(part, best_encoding(text));
    g_object_unref(content);
    g_object_unref(stream);
    return GMIME_OBJECT(part);
}

static void add_header(GMimeMessage *message, const char *name, const char *value)
{
    g_mime_object_append_header(GMIME_OBJECT(message), name, value, "utf-8");
}

static int add_mailbox(TALLOC_CTX *scratch, GMimeMessage *message, const char *field, GMimeAddressType type,
                       const char *name, const char *address, struct error *err)
{
    char *wire = mail_wire_address(scratch, address, err);
    if (!wire)
        return error_prepend(err, "%s: ", field);
    char *shown = clean(scratch, name, NAME_MOST);
    InternetAddress *mailbox = internet_address_mailbox_new(shown && *shown ? shown : NULL, wire);
    internet_address_set_charset(mailbox, "utf-8");
    internet_address_list_add(g_mime_message_get_addresses(message, type), mailbox);
    g_object_unref(mailbox);
    return 0;
}

static int add_mailboxes(TALLOC_CTX *scratch, GMimeMessage *message, const struct mail_parts *parts,
                         struct error *err)
{
    struct { const char *field, *name, *address; GMimeAddressType type; } mailboxes[] = {
        { "From", parts->from_name, parts->from, GMIME_ADDRESS_TYPE_FROM },
        { "To", parts->to_name, parts->to, GMIME_ADDRESS_TYPE_TO },
        { "Reply-To", NULL, parts->reply_to, GMIME_ADDRESS_TYPE_REPLY_TO },
    };
    size_t count = parts->reply_to && *parts->reply_to ? 3 : 2;
    for (size_t i = 0; i < count; i++)
        if (add_mailbox(scratch, message, mailboxes[i].field, mailboxes[i].type, mailboxes[i].name,
                        mailboxes[i].address, err) < 0)
            return -1;
    return 0;
}

// RFC 2919 §2: list-id = "<" dot-atom-text ">". It only sorts mail, so what is wrong with it is mended.
static void add_list_id(GMimeMessage *message, const char *list_id)
{
    char *name = talloc_strdup(NULL, list_id + (*list_id == '<'));
    size_t length = name ? strlen(name) : 0;
    if (length > 0 && name[length - 1] == '>')
        name[length - 1] = '\0';
    char *ascii = name ? domain_to_ascii(name, name, NULL) : NULL;
    char *kept = ascii ? ascii : name;
    if (kept && *kept) {
        keep_id_characters(kept);
        char *value = talloc_asprintf(name, "<%.*s>", MESSAGE_ID_MOST, kept);
        if (value)
            add_header(message, "List-Id", value);
    }
    talloc_free(name);
}

static int add_identity(GMimeMessage *message, const struct mail_parts *parts, struct error *err)
{
    if (!parts->message_id || !is_message_id(parts->message_id))
        return error_set(err, "Message-ID: not of the form <…@…> with letters, digits and \".-_+=\"");
    char *id = g_strndup(parts->message_id + 1, strlen(parts->message_id) - 2);
    g_mime_message_set_message_id(message, id);
    g_free(id);
    if (parts->list_id)
        add_list_id(message, parts->list_id);
    return 0;
}

static int add_fields(TALLOC_CTX *scratch, GMimeMessage *message, const struct mail_parts *parts,
                      struct error *err)
{
    if (add_mailboxes(scratch, message, parts, err) < 0)
        return -1;
    g_mime_message_set_subject(message, clean(scratch, parts->subject, SUBJECT_MOST), "utf-8");
    GDateTime *date = g_date_time_new_from_unix_utc(parts->date / 1000);
    if (!date)
        return error_set(err, "Date: %lld ms is no time", (long long)parts->date);
    g_mime_message_set_date(message, date);
    g_date_time_unref(date);
    if (add_identity(message, parts, err) < 0)
        return -1;
    add_header(message, "Auto-Submitted", "auto-generated"); // RFC 3834 §5
    add_header(message, "X-Auto-Response-Suppress", "OOF, AutoReply");
    for (const char *const *event = parts->events; event && *event; event++)
        add_header(message, "X-LdapNotify-Event", clean(scratch, *event, HEADER_MOST));
    if (parts->intended)
        add_header(message, "X-LdapNotify-Intended-For", clean(scratch, parts->intended, HEADER_MOST));
    return 0;
}

static void set_body(TALLOC_CTX *scratch, GMimeMessage *message, const struct mail_parts *parts)
{
    GMimeObject *text = text_part("plain", clean_lines(scratch, parts->text ? parts->text : ""));
    if (!parts->html) {
        g_mime_message_set_mime_part(message, text);
        g_object_unref(text);
        return;
    }
    GMimeObject *html = text_part("html", clean_lines(scratch, parts->html));
    GMimeMultipart *both = g_mime_multipart_new_with_subtype("alternative");
    g_mime_multipart_add(both, text);
    g_mime_multipart_add(both, html);
    g_mime_message_set_mime_part(message, GMIME_OBJECT(both));
    g_object_unref(text);
    g_object_unref(html);
    g_object_unref(both);
}

static int serialize(TALLOC_CTX *ctx, GMimeMessage *message, uint8_t **bytes, size_t *length,
                     struct error *err)
{
    GMimeFormatOptions *options = g_mime_format_options_new();
    g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
    GMimeStream *stream = g_mime_stream_mem_new();
    ssize_t written = g_mime_object_write_to_stream(GMIME_OBJECT(message), options, stream);
    GByteArray *array = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    *bytes = written < 0 ? NULL : talloc_memdup(ctx, array->data, array->len);
    *length = array->len;
    g_object_unref(stream);
    g_mime_format_options_free(options);
    return *bytes ? 0 : error_set(err, "composing a message: out of memory");
}

int mail_compose(TALLOC_CTX *ctx, const struct mail_parts *parts, uint8_t **bytes, size_t *length,
                 struct error *err)
{
    mime_start();
    TALLOC_CTX *scratch = talloc_new(ctx);
    GMimeMessage *message = g_mime_message_new(FALSE);
    int result = add_fields(scratch, message, parts, err);
    if (result == 0) {
        set_body(scratch, message, parts);
        result = serialize(ctx, message, bytes, length, err);
    }
    g_object_unref(message);
    talloc_free(scratch);
    return result;
}
