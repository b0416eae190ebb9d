// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gmime/gmime.h>

#include "base/text.h"
#include "mail/message.h"

static const char *const one_event[] = { "group.member.added; id=corp-12", NULL };

static struct mail_parts new_parts(void)
{
    return (struct mail_parts){
        .from = "no-reply@example.com",
        .from_name = "Example directory",
        .to = "anna@example.com",
        .to_name = "Anna",
        .subject = "You were added",
        .text = "Hello\n",
        .html = "<p>Hello</p>\n",
        .message_id = "<1.corp-12@example.com>",
        .list_id = "<ldapnotify.example.com>",
        .events = one_event,
        .date = INT64_C(1795172600000),
    };
}

static char *compose(TALLOC_CTX *ctx, const struct mail_parts *parts)
{
    uint8_t *bytes = NULL;
    size_t length = 0;
    struct error err;
    if (mail_compose(ctx, parts, &bytes, &length, &err) < 0)
        fail_msg("%s", err.text);
    char *text = talloc_strndup(ctx, (const char *)bytes, length);
    assert_int_equal(strlen(text), length);
    return text;
}

// RFC 5322 §2.1.1 and §2.3: CRLF only, lines of at most 998 octets; and this program writes 7 bits in bodies.
static void check_wire(const char *text)
{
    size_t line = 0;
    for (const char *at = text; *at; at++) {
        if (*at == '\n')
            assert_true(at > text && at[-1] == '\r');
        if (*at == '\r')
            assert_true(at[1] == '\n');
        line = *at == '\n' ? 0 : line + 1;
        assert_true(line <= 999);
    }
}

static GMimeMessage *parse(const char *text)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text, strlen(text));
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    assert_non_null(message);
    return message;
}

static char *header(TALLOC_CTX *ctx, const char *text, const char *name)
{
    GMimeMessage *message = parse(text);
    char *value = talloc_strdup(ctx, g_mime_object_get_header(GMIME_OBJECT(message), name));
    g_object_unref(message);
    return value;
}

// The names of all header fields in alphabetic order, one line; those of the body are not among them.
static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_fields(const char *text, const char *expected)
{
    GMimeMessage *message = parse(text);
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
    const char *names[64];
    char found[2048] = "";
    int count = g_mime_header_list_get_count(list);
    assert_true(count < 64);
    for (int i = 0; i < count; i++)
        names[i] = g_mime_header_get_name(g_mime_header_list_get_header_at(list, i));
    qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int i = 0; i < count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i > 0 ? " " : "", names[i]);
    assert_string_equal(found, expected);
    g_object_unref(message);
}



static void test_fields(void **state)
{
    (void)state;
    static const struct { const char *name, *value; } expected[] = {
        { "From", "Example directory <no-reply@example.com>" },
        { "To", "Anna <anna@example.com>" },
        { "Subject", "You were added" },
        { "Date", "Fri, 20 Nov 2026 11:03:20 +0000" },
        { "Message-ID", "<1.corp-12@example.com>" },
        { "List-Id", "<ldapnotify.example.com>" },
        { "Auto-Submitted", "auto-generated" },
        { "X-Auto-Response-Suppress", "OOF, AutoReply" },
        { "X-LdapNotify-Event", "group.member.added; id=corp-12" },
        { "Reply-To", "help@example.com" },
        { "X-LdapNotify-Intended-For", "bo@example.com" },
    };
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct mail_parts parts = new_parts();
    parts.reply_to = "help@example.com";
    parts.intended = "bo@example.com";
    char *text = compose(ctx, &parts);
    check_wire(text);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char *value = header(ctx, text, expected[i].name);
        assert_non_null(value);
        assert_string_equal(value, expected[i].value);
    }
    assert_null(strstr(text, "Precedence"));
    talloc_free(ctx);
}

static void test_minimal_fields(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct mail_parts parts = new_parts();
    parts.from_name = parts.to_name = parts.list_id = parts.html = NULL;
    parts.events = NULL;
    char *text = compose(ctx, &parts);
    check_fields(text,
                 "Auto-Submitted Date From MIME-Version Message-Id Subject To X-Auto-Response-Suppress");
    assert_non_null(strstr(text, "Content-Type: text/plain; charset=utf-8\r\n"));
    talloc_free(ctx);
}

static void test_several_events(void **state)
{
    (void)state;
    static const char *const events[] = { "user.locked; id=corp-1", "user.unlocked; id=corp-2",
                                          "x; id=corp-3", NULL };
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct mail_parts parts = new_parts();
    parts.events = events;
    char *text = compose(ctx, &parts);
    assert_non_null(
        strstr(text, "\r\nX-LdapNotify-Event: user.locked; id=corp-1\r\n"
                     "X-LdapNotify-Event: user.unlocked; id=corp-2\r\nX-LdapNotify-Event: x; id=corp-3\r\n"));
    talloc_free(ctx);
}

// --- bodies --------------------------------------------------------------------------------------------

static char *part_text(TALLOC_CTX *ctx, const char *text, int index, const char *subtype,
                       const char *encoding)
{
    GMimeMessage *message = parse(text);
    GMimeObject *root = g_mime_message_get_mime_part(message);
    GMimeObject *part =
        GMIME_IS_MULTIPART(root) ? g_mime_multipart_get_part(GMIME_MULTIPART(root), index) : root;
    assert_true(GMIME_IS_TEXT_PART(part));
    GMimeContentType *type = g_mime_object_get_content_type(part);
    assert_string_equal(g_mime_content_type_get_media_subtype(type), subtype);
    assert_string_equal(g_mime_content_type_get_parameter(type, "charset"), "utf-8");
    assert_string_equal(g_mime_object_get_header(part, "Content-Transfer-Encoding"), encoding);
    char *content = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
    char *copy = talloc_strdup(ctx, content);
    g_free(content);
    g_object_unref(message);
    char *out = copy;
    for (const char *at = copy; *at; at++)
        if (*at != '\r')
            *out++ = *at;
    *out = '\0';
    return copy;
}

static void test_alternative(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct mail_parts parts = new_parts();
    parts.text = "Grüße, plain =3D and a dot\n.\nFrom here\n-- \nend";
    parts.html = "<p>Привет мир, это длинный текст на русском языке</p>\n";
    char *text = compose(ctx, &parts);
    check_wire(text);
    check_fields(text, "Auto-Submitted Date From List-Id MIME-Version Message-Id Subject To "
                       "X-Auto-Response-Suppress X-LdapNotify-Event");
    assert_non_null(strstr(text, "Content-Type: multipart/alternative;"));
    assert_string_equal(part_text(ctx, text, 0, "plain", "quoted-printable"),
                        "Grüße, plain =3D and a dot\n.\nFrom here\n-- \nend\n");
    assert_string_equal(part_text(ctx, text, 1, "html", "base64"), parts.html);
    talloc_free(ctx);
}

static void test_long_lines(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct mail_parts parts = new_parts();
    char *line = talloc_size(ctx, 20002);
    memset(line, 'x', 20000);
    strcpy(line + 20000, "\n");
    parts.text = parts.html = line;
    char *text = compose(ctx, &parts);
    check_wire(text);
    assert_string_equal(part_text(ctx, text, 0, "plain", "quoted-printable"), line);
    talloc_free(ctx);
}

// --- hostile values ------------------------------------------------------------------------------------

static const char *const hostile[] = {
    "a\r\nBcc: victim@example.com",
    "a\nBcc: victim@example.com\n\nbody",
    "a\rBcc: victim@example.com",
    "\r\n\r\nbody",
    "a\xe2\x80\xa8" "Bcc: victim@example.com",
    "=?utf-8?Q?a=0D=0ABcc:_victim@example.com?=",
    "\"quoted\" <other@example.com>, third@example.com",
    "a\\\" <x@example.com",
    "(comment (nested",
    "; : , < > @ [ ]",
    "\xff\xfe\xc0\x80 not utf-8",
    "\xe2\x80\xae" "moc.elpmaxe",
    "\x1b]0;title\x07\x7f\x01",
    "Grüße 漢字 🎉",
    "   ",
    "",
    "-----BEGIN",
    "--=-boundary",
    ".\r\n.\r\n",
};

static void check_hostile(const char *value)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct mail_parts parts = new_parts();
    const char *events[] = { value, NULL };
    parts.from_name = parts.to_name = parts.subject = parts.text = parts.html = parts.intended = value;
    parts.events = events;
    char *text = compose(ctx, &parts);
    check_wire(text);
    const char *bcc = strstr(text, "\r\nBcc");
    assert_true(!bcc || bcc > strstr(text, "\r\n\r\n"));
    check_fields(text, "Auto-Submitted Date From List-Id MIME-Version Message-Id Subject To "
                       "X-Auto-Response-Suppress X-LdapNotify-Event X-LdapNotify-Intended-For");
    GMimeMessage *message = parse(text);
    InternetAddressList *to = g_mime_message_get_to(message), *from = g_mime_message_get_from(message);
    assert_int_equal(internet_address_list_length(to), 1);
    assert_int_equal(internet_address_list_length(from), 1);
    assert_string_equal(
        internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(internet_address_list_get_address(to, 0))),
        "anna@example.com");
    const char *subject = g_mime_message_get_subject(message);
    if (subject) {
        assert_false(text_has_control(subject, strlen(subject)));
        assert_null(strstr(subject, "\xe2\x80\xae"));
    }
    g_object_unref(message);
    talloc_free(ctx);
}

static void test_hostile_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        check_hostile(hostile[i]);
    char huge[10241];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    check_hostile(huge);
    for (size_t i = 0; i + 3 < sizeof huge; i += 3)
        memcpy(huge + i, "\xe6\xbc\xa2", 3);
    check_hostile(huge);
}

static void test_names_survive(void **state)
{
    (void)state;
    static const char *const names[] = { "Anna Grüß", "漢字 名前", "O'Neil, Jr. (Bo)", "a \"b\" c", "\\",
                                         "x@y",       "a=b? c" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct mail_parts parts = new_parts();
        parts.to_name = parts.subject = names[i];
        GMimeMessage *message = parse(compose(ctx, &parts));
        InternetAddress *to = internet_address_list_get_address(g_mime_message_get_to(message), 0);
        assert_string_equal(internet_address_get_name(to), names[i]);
        assert_string_equal(g_mime_message_get_subject(message), names[i]);
        g_object_unref(message);
        talloc_free(ctx);
    }
}

static void test_no_encoded_word_gets_through(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct mail_parts parts = new_parts();
    parts.to_name = parts.subject = "=?utf-8?Q?a?= =?=?utf-8?B?YQ==?=";
    GMimeMessage *message = parse(compose(ctx, &parts));
    InternetAddress *to = internet_address_list_get_address(g_mime_message_get_to(message), 0);
    assert_string_equal(g_mime_message_get_subject(message), "= ?utf-8?Q?a?= = ?= ?utf-8?B?YQ== ?=");
    assert_string_equal(internet_address_get_name(to), "= ?utf-8?Q?a?= = ?= ?utf-8?B?YQ== ?=");
    g_object_unref(message);
    talloc_free(ctx);
}

static void test_list_id(void **state)
{
    (void)state;
    static const struct { const char *given, *header; } cases[] = {
        { "<ldapnotify.example.com>", "<ldapnotify.example.com>" },
        { "ldapnotify.example.com", "<ldapnotify.example.com>" },
        { "<ldapnotify.b\u00fccher.example>", "<ldapnotify.xn--bcher-kva.example>" },
        { "<a\r\nBcc: x>", "<a--Bcc--x>" },
        { "<ldapnotify.[192.0.2.1]>", "<ldapnotify.-192.0.2.1->" },
        { "<>", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct mail_parts parts = new_parts();
        parts.list_id = cases[i].given;
        char *value = header(ctx, compose(ctx, &parts), "List-Id");
        if (cases[i].header)
            assert_string_equal(value, cases[i].header);
        else
            assert_null(value);
        talloc_free(ctx);
    }
}

static const struct {
    const char *message_id, *from, *to, *reply_to, *error;
} refused[] = {
    { "<a@b>\r\nBcc: x", "a@b", "a@b", NULL, "Message-ID" },
    { "a@b", "a@b", "a@b", NULL, "Message-ID" },
    { "<a@b@c>", "a@b", "a@b", NULL, "Message-ID" },
    { "<@b>", "a@b", "a@b", NULL, "Message-ID" },
    { "<a@>", "a@b", "a@b", NULL, "Message-ID" },
    { "<a b@c>", "a@b", "a@b", NULL, "Message-ID" },
    { NULL, "a@b", "a@b", NULL, "Message-ID" },
    { "<a@b>", "a@b\r\nBcc: x", "a@b", NULL, "From: \"a@b Bcc: x\" is no mail address" },
    { "<a@b>", "a@b", "a@b, c@d", NULL, "To: " },
    { "<a@b>", "a@b", "nobody", NULL, "To: " },
    { "<a@b>", "a@b", NULL, NULL, "To: " },
    { "<a@b>", NULL, "a@b", NULL, "From: " },
    { "<a@b>", "a@b", "a@b", "x>", "Reply-To: " },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct mail_parts parts = new_parts();
        struct error err = { .text = "" };
        uint8_t *bytes;
        size_t length;
        parts.message_id = refused[i].message_id;
        parts.from = refused[i].from;
        parts.to = refused[i].to;
        parts.reply_to = refused[i].reply_to;
        assert_int_equal(mail_compose(ctx, &parts, &bytes, &length, &err), -1);
        if (!strstr(err.text, refused[i].error))
            fail_msg("expected \"%s\", got \"%s\"", refused[i].error, err.text);
        talloc_free(ctx);
    }
}

// --- ids and addresses ---------------------------------------------------------------------------------

static void test_message_id(void **state)
{
    (void)state;
    static const struct { const char *event, *domain, *end; } cases[] = {
        { "corp-12", "example.com", ".corp-12@example.com>" },
        { "corp-12", "bücher.example", ".corp-12@xn--bcher-kva.example>" },
        { "a@b>\r\n", "x@y>\r\nz", ".a-b---@x-y---z>" },
        { "corp-1", "", ".corp-1@localhost>" },
        { "corp-1", NULL, ".corp-1@localhost>" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        char *one = mail_message_id(ctx, cases[i].event, cases[i].domain);
        char *two = mail_message_id(ctx, cases[i].event, cases[i].domain);
        assert_string_not_equal(one, two);
        assert_int_equal(*one, '<');
        assert_string_equal(one + 1 + 36, cases[i].end);
        struct mail_parts parts = new_parts();
        parts.message_id = one;
        assert_string_equal(header(ctx, compose(ctx, &parts), "Message-ID"), one);
        talloc_free(ctx);
    }
}

static const struct {
    const char *address, *wire; // NULL: refused
} addresses[] = {
    { "anna@example.com", "anna@example.com" },
    { "Anna.Example+x@EXAMPLE.com", "Anna.Example+x@EXAMPLE.com" },
    { "anna@bücher.example", "anna@xn--bcher-kva.example" },
    { "anna@BÜCHER.example", "anna@xn--bcher-kva.example" },
    { "anna@faß.example", "anna@xn--fa-hia.example" },
    { "grüße@bücher.example", "grüße@xn--bcher-kva.example" },
    { "grüße@example.com", "grüße@example.com" },
    { "anna@[192.0.2.1]", "anna@[192.0.2.1]" },
    { "anna@my_host.example", "anna@my_host.example" },
    { "\"a@b\"@example.com", "\"a@b\"@example.com" },
    { NULL, NULL },
    { "", NULL },
    { "anna", NULL },
    { "anna@", NULL },
    { "@example.com", NULL },
    { "an na@example.com", NULL },
    { "anna@exa mple.com", NULL },
    { "anna@example.com\r\nRCPT TO:<x@y>", NULL },
    { "anna@example.com>", NULL },
    { "<anna@example.com>", NULL },
    { "a@b@c", NULL },
    { "anna@\xff\xfe.example", NULL },
    { "anna@ü\xcc\x81-.example", NULL },
    { "anna@a\xe2\x80\xae.example", NULL },
};

static void test_wire_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct error err = { .text = "" };
        char *wire = mail_wire_address(NULL, addresses[i].address, &err);
        if (addresses[i].wire) {
            if (!wire || strcmp(wire, addresses[i].wire) != 0)
                fail_msg("\"%s\" became \"%s\" (%s)", addresses[i].address, wire ? wire : "(null)", err.text);
        } else if (wire || !*err.text) {
            fail_msg("\"%s\" became \"%s\"", addresses[i].address ? addresses[i].address : "(null)",
                     wire ? wire : "(null)");
        }
        talloc_free(wire);
    }
}

// RFC 6532: the header of an internationalised address holds it as it is.
static void test_utf8_address(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct mail_parts parts = new_parts();
    parts.to = "grüße@bücher.example";
    parts.to_name = NULL;
    char *text = compose(ctx, &parts);
    check_wire(text);
    assert_non_null(strstr(text, "\r\nTo: grüße@xn--bcher-kva.example\r\n"));
    talloc_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),         cmocka_unit_test(test_minimal_fields),
        cmocka_unit_test(test_several_events), cmocka_unit_test(test_alternative),
        cmocka_unit_test(test_long_lines),     cmocka_unit_test(test_hostile_values),
        cmocka_unit_test(test_names_survive),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_message_id),     cmocka_unit_test(test_wire_address),
        cmocka_unit_test(test_utf8_address),   cmocka_unit_test(test_no_encoded_word_gets_through),
        cmocka_unit_test(test_list_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
