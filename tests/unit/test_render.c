// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "mail/render.h"

#define PORTAL "https://password.example.com/?a=1&b=2"

static struct config_transport transport = { .name = (char *)"default" };
static struct config_directory directory = { .name = (char *)"corp" };
static struct config config = {
    .mail = { .from_name = (char *)"Example directory", .password_portal_url = (char *)PORTAL,
              .action_url = (char *)"https://groups.example.com/" },
};
static struct template_set *templates;

static const char *anna_old[] = { "+43 1 1", NULL }, *anna_new[] = { "+43 1 2", "+43 1 3", NULL },
                  *none[] = { NULL };
static struct event_change changes[] = { { "telephoneNumber", anna_old, anna_new },
                                         { "roomNumber", none, anna_new } };
static struct party people[] = { { .dn = "uid=bo,dc=x", .name = "Bo Berg", .mail = "bo@example.com" },
                                 { .dn = "uid=cy,dc=x", .name = "Cy Cole" } };

static struct uuid uuid_of(int number)
{
    struct uuid uuid = { { 1 } };
    uuid.octets[15] = (uint8_t)number;
    return uuid;
}

static struct render_context new_context(void)
{
    return (struct render_context){
        .config = &config, .directory = &directory, .transport = &transport, .templates = templates,
        .recipient = { .uuid = uuid_of(9), .name = "Rita Reader", .address = "rita@example.com" },
        .now = INT64_C(1795172700000),
    };
}

static struct directory_event new_event(enum event_type type)
{
    const struct event_kind *kind = event_kind(type);
    bool group = strcmp(kind->object, "group") == 0, system = strcmp(kind->object, "system") == 0;
    struct directory_event event = {
        .sequence = 1842, .type = type, .time = INT64_C(1795172600000), .directory = "corp"
    };
    if (group)
        event.entry = (struct party){
            .uuid = uuid_of(1), .dn = "cn=editors,dc=x", .name = "Editors", .is_group = true
        };
    else if (!system)
        event.entry = (struct party){ .uuid = uuid_of(2), .dn = "uid=anna,dc=x", .name = "Anna Example" };
    if (kind->party)
        event.party = (struct party){ .uuid = uuid_of(3), .dn = "uid=pat,dc=x", .name = "Pat Person",
                                      .mail = "pat@example.com" };
    if (strstr(kind->name, "modified") || strstr(kind->name, "renamed")) {
        event.changes = changes;
        event.change_count = 2;
    }
    if (type == EVENT_GROUP_DELETED) {
        event.members = people;
        event.member_count = 2;
    }
    if (system) {
        event.text = "Something happened to the system.";
        event.rule = "members";
        event.storm = 7;
        event.count = 1200;
    }
    return event;
}

// --- nothing missing in any text -----------------------------------------------------------------------

static void no_holes(const char *what, const char *text, const char *const *holes)
{
    for (; *holes; holes++)
        if (strstr(text, *holes))
            fail_msg("%s has a hole \"%s\":\n%s", what, *holes, text);
}

static size_t occurrences(const char *text, const char *word)
{
    size_t count = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        count++;
    return count;
}

static void check_rendered(const struct rendered *rendered)
{
    static const char *const line_holes[] = { "  ",    " .", " ,", "..", "()",
                                              "\"\"",  "<>", "{{", "}}", "The account of was",
                                              " of  ", NULL };
    static const char *const text_holes[] = { " .", " ,",  "..",   "()",     "\"\"", "<>",    "{{",
                                              "}}", ":  ", ": \n", "\n\n\n", "\r",   " \n\n", NULL };
    static const char *const html_holes[] = { "{{",       "}}",        "\"></p>", "\">\n</p>", "\"></td>",
                                              "\"></h1>", "<br></td>", " .<",     "href=\"\"", NULL };
    static const char *const elements[] = {
        "table", "tr", "td", "p", "h1", "ul", "li", "pre", "strong", NULL
    };
    assert_true(*rendered->subject != '\0' && *rendered->subject != ' ');
    assert_false(text_has_control(rendered->subject, strlen(rendered->subject)));
    no_holes("subject", rendered->subject, line_holes);
    no_holes("text", rendered->text, text_holes);
    assert_non_null(rendered->html);
    no_holes("html", rendered->html, html_holes);
    assert_true(text_is_utf8(rendered->text, strlen(rendered->text)));
    for (const char *const *element = elements; *element; element++) {
        char plain[16], attributes[16], end[16];
        snprintf(plain, sizeof plain, "<%s>", *element);
        snprintf(attributes, sizeof attributes, "<%s ", *element);
        snprintf(end, sizeof end, "</%s>", *element);
        size_t opened = occurrences(rendered->html, plain) + occurrences(rendered->html, attributes);
        // One <table><tr><td> and its end are inside comments for Outlook; they count on both sides.
        if (opened != occurrences(rendered->html, end))
            fail_msg("<%s> is not closed as often as opened:\n%s", *element, rendered->html);
    }
    assert_non_null(strstr(rendered->text, "You are told"));
    assert_non_null(strstr(rendered->html, "You are told"));
}

struct variant {
    bool actor, self, folded, party_is_recipient, party_is_group, no_name, no_urls, until;
    enum event_cause cause;
};

static const struct variant variants[] = {
    { .actor = true },
    { .actor = true, .self = true, .cause = CAUSE_ADMIN },
    { .folded = true },
    { .party_is_recipient = true, .until = true, .cause = CAUSE_FAILED_LOGINS },
    { .party_is_recipient = true, .folded = true, .no_urls = true },
    { .party_is_group = true, .actor = true, .cause = CAUSE_EXPIRY },
    { .no_name = true, .no_urls = true, .cause = CAUSE_UNKNOWN },
};

static void render_variant(enum event_type type, const char *role, const struct variant *variant)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct render_context context = new_context();
    struct directory_event event = new_event(type);
    struct config bare = config;
    struct error err;
    if (variant->no_urls) {
        bare.mail.password_portal_url = bare.mail.action_url = NULL;
        bare.mail.from_name = NULL;
        context.config = &bare;
    }
    if (variant->no_name)
        context.recipient.name = NULL;
    if (variant->actor)
        event.actor =
            (struct party){ .uuid = uuid_of(variant->self ? 9 : 5), .dn = "uid=op,dc=x", .name = "Olga Op" };
    if (variant->until)
        event.until = event.time + 900000;
    if (variant->party_is_recipient && event.party.dn)
        event.party.uuid = uuid_of(9);
    event.party.is_group = variant->party_is_group;
    event.cause = variant->cause;
    struct notification notification = { .roles = role, .rule = "members" };
    struct render_item item = { &event, &notification, variant->folded };
    struct rendered rendered;
    if (render_items(ctx, &context, &item, 1, &rendered, &err) < 0)
        fail_msg("%s", err.text);
    check_rendered(&rendered);
    assert_non_null(strstr(rendered.text, "corp-1842"));
    assert_non_null(strstr(rendered.html, "corp-1842"));
    talloc_free(ctx);
}

static void test_every_event_and_role(void **state)
{
    (void)state;
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        char roles[256];
        snprintf(roles, sizeof roles, "%s attr:secretary someone@example.com",
                 event_kind((enum event_type)type)->roles);
        for (char *rest = roles, *role; (role = strsep(&rest, " "));)
            for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
                render_variant((enum event_type)type, role, &variants[i]);
    }
}

// --- wording -------------------------------------------------------------------------------------------

static const struct {
    enum event_type type;
    const char *roles;
    bool party, folded;
    const char *subject;
} wordings[] = {
    { EVENT_GROUP_MEMBER_ADDED, "member", true, false, "You were added to the group Editors" },
    { EVENT_GROUP_MEMBER_ADDED, "owner", false, false, "Pat Person was added to the group Editors" },
    { EVENT_GROUP_MEMBER_ADDED, "owner admins", false, true,
      "Pat Person was added to the group Editors and removed again" },
    { EVENT_GROUP_MEMBER_REMOVED, "owner", false, true,
      "Pat Person was removed from the group Editors and added again" },
    { EVENT_GROUP_OWNER_ADDED, "owner", true, false, "You were made an owner of the group Editors" },
    { EVENT_GROUP_OWNER_ADDED, "owner", false, false, "Pat Person was made an owner of the group Editors" },
    { EVENT_USER_LOCKED, "user", false, false, "Your account was locked" },
    { EVENT_USER_LOCKED, "admins", false, false, "The account of Anna Example was locked" },
    { EVENT_USER_MANAGER_ADDED, "user", false, false, "Pat Person was made your manager" },
    { EVENT_USER_MANAGER_ADDED, "manager", true, false, "You were made the manager of Anna Example" },
    { EVENT_SYSTEM_STORM_HELD, "admins", false, false,
      "Held back: rule \"members\" would tell 1200 people at once" },
};

static void test_subjects(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct render_context context = new_context();
        struct directory_event event = new_event(wordings[i].type);
        struct notification notification = { .roles = wordings[i].roles };
        struct render_item item = { &event, &notification, wordings[i].folded };
        struct rendered rendered;
        struct error err;
        if (wordings[i].party)
            event.party.uuid = uuid_of(9);
        assert_int_equal(render_items(ctx, &context, &item, 1, &rendered, &err), 0);
        assert_string_equal(rendered.subject, wordings[i].subject);
        talloc_free(ctx);
    }
}

static void test_one_message(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct render_context context = new_context();
    struct directory_event event = new_event(EVENT_USER_MODIFIED);
    event.actor = (struct party){ .uuid = uuid_of(5), .dn = "uid=op,dc=x", .name = "Olga Op" };
    struct notification notification = { .roles = "user", .rule = "users" };
    struct render_item item = { &event, &notification, false };
    struct rendered rendered;
    struct error err;
    assert_int_equal(render_items(ctx, &context, &item, 1, &rendered, &err), 0);
    assert_string_equal(rendered.text,
                        "Hello Rita Reader,\n\n"
                        "Your details were changed.\n\n"
                        "* phone number: +43 1 1 → +43 1 2, +43 1 3\n"
                        "* room: (empty) → +43 1 2, +43 1 3\n\n"
                        "When: 2026-11-20 11:03 UTC\n"
                        "By: Olga Op\n\n"
                        "If something is wrong, please correct it or ask your administrators.\n\n"
                        "You can look at it and change it here: https://groups.example.com/\n\n"
                        "-- \n"
                        "You are told because this is about your own account.\n"
                        "If you have a question about this message, please give this number: corp-1842\n"
                        "Example directory\n");
    talloc_free(ctx);
}

static void test_password_portal(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct render_context context = new_context();
    struct config_directory own_directory = directory;
    struct config_transport own_transport = transport;
    struct config unsafe = config;
    struct directory_event event = new_event(EVENT_USER_PASSWORD_CHANGED);
    struct notification notification = { .roles = "user" };
    struct render_item item = { &event, &notification, false };
    struct rendered rendered;
    struct error err;
    context.directory = &own_directory;
    context.transport = &own_transport;
    assert_int_equal(render_items(ctx, &context, &item, 1, &rendered, &err), 0);
    assert_non_null(strstr(rendered.text, PORTAL "\n"));
    assert_non_null(strstr(rendered.html, "href=\"https://password.example.com/?a=1&amp;b=2\""));
    own_directory.password_portal_url = (char *)"https://directory.example.com/";
    assert_int_equal(render_items(ctx, &context, &item, 1, &rendered, &err), 0);
    assert_non_null(strstr(rendered.text, "https://directory.example.com/\n"));
    own_transport.password_portal_url = (char *)"https://transport.example.com/";
    assert_int_equal(render_items(ctx, &context, &item, 1, &rendered, &err), 0);
    assert_non_null(strstr(rendered.text, "https://transport.example.com/\n"));
    own_directory.password_portal_url = own_transport.password_portal_url = NULL;
    unsafe.mail.password_portal_url = (char *)"javascript:alert(1)";
    context.config = &unsafe;
    assert_int_equal(render_items(ctx, &context, &item, 1, &rendered, &err), 0);
    assert_null(strstr(rendered.html, "javascript"));
    talloc_free(ctx);
}

// --- hostile values ------------------------------------------------------------------------------------

static const char *const hostile[] = {
    "a\r\nBcc: x@example.com\r\n\r\nbody",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='x",
    "{{actor_dn}} {{{name}}} {{>layout}} {{=<% %>=}}",
    "\xe2\x80\xae" "evil\xe2\x80\xac",
    "\xff\xfe bad utf-8 \xc0\x80",
    "\x1b[31mred\x07\x7f",
    "&lt;b&gt; & co",
    "\xe2\x80\xa8line\xe2\x80\xa9" "paragraph",
    "",
    "\x01\x02\x03",
};

static void check_harmless(const struct rendered *rendered)
{
    static const char *const never[] = { "<script", "<img", "' onmouseover='", "\r", "\x1b", "\x07", "\x7f",
                                         "\xe2\x80\xae", "\xe2\x80\xa8", NULL };
    assert_false(text_has_control(rendered->subject, strlen(rendered->subject)));
    assert_true(strlen(rendered->subject) <= 243);
    assert_null(strstr(rendered->subject, "\xe2\x80\xae"));
    assert_true(text_is_utf8(rendered->text, strlen(rendered->text)));
    assert_true(text_is_utf8(rendered->html, strlen(rendered->html)));
    assert_null(strstr(rendered->text, "\nBcc:"));
    assert_null(strstr(rendered->text, "\xe2\x80\xae"));
    assert_null(strstr(rendered->text, "\r"));
    assert_true(strlen(rendered->html) < 100000);
    for (const char *const *word = never; *word; word++)
        if (strstr(rendered->html, *word))
            fail_msg("\"%s\" got into the HTML:\n%s", *word, rendered->html);
}

static void render_hostile(const char *value, enum event_type type, const char *roles, size_t count)
{
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct render_context context = new_context();
    struct directory_event event = new_event(type);
    const char *values[] = { value, value, NULL };
    struct event_change change = { value, values, values };
    struct party party = { .dn = value, .name = value, .mail = value };
    struct party many[] = { party, party };
    struct error err;
    event.entry.dn = event.entry.name = event.entry.mail = value;
    event.party = party;
    event.actor = party;
    event.changes = &change;
    event.change_count = 1;
    event.members = event.owners = many;
    event.member_count = event.owner_count = 2;
    event.rule = event.text = event.attribute = value;
    context.recipient.name = context.recipient.address = context.recipient.dn = context.recipient.language =
        value;
    struct notification notification = { .roles = roles, .rule = value, .language = value };
    struct render_item items[] = { { &event, &notification, false }, { &event, &notification, true } };
    struct rendered rendered;
    if (render_items(ctx, &context, items, count, &rendered, &err) < 0)
        fail_msg("%s", err.text);
    check_harmless(&rendered);
    talloc_free(ctx);
}

static void test_hostile_values(void **state)
{
    (void)state;
    char *huge = malloc(10241);
    memset(huge, 'x', 10240);
    huge[10240] = '\0';
    for (int type = 0; type < EVENT_TYPE_COUNT; type++)
        for (size_t i = 0; i <= sizeof hostile / sizeof *hostile; i++) {
            const char *value = i < sizeof hostile / sizeof *hostile ? hostile[i] : huge;
            for (size_t count = 1; count <= 2; count++) {
                render_hostile(value, (enum event_type)type, "admins", count);
                render_hostile(value, (enum event_type)type, value, count);
            }
        }
    free(huge);
}

// A name that is nothing once cleaned gives way to the next best, so that no sentence lacks its subject.
static void test_names_fall_back(void **state)
{
    (void)state;
    static const struct { const char *name, *mail, *dn, *shown; } cases[] = {
        { "Anna", "anna@x", "uid=anna", "Anna" },
        { NULL, "anna@x", "uid=anna", "anna@x" },
        { "\x01", NULL, "uid=anna", "uid=anna" },
        { "", "", "\x02", "?" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct render_context context = new_context();
        struct directory_event event = new_event(EVENT_USER_LOCKED);
        struct render_item item = { &event, NULL, false };
        event.entry = (struct party){ .name = cases[i].name, .mail = cases[i].mail, .dn = cases[i].dn };
        json_t *data = render_data(&context, &item);
        assert_string_equal(json_string_value(json_object_get(data, "user_name")), cases[i].shown);
        json_decref(data);
    }
}

// --- digests -------------------------------------------------------------------------------------------

static void test_digest(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct render_context context = new_context();
    struct directory_event added = new_event(EVENT_GROUP_MEMBER_ADDED), locked = new_event(EVENT_USER_LOCKED),
                 changed = new_event(EVENT_GROUP_MODIFIED);
    struct notification owner = { .roles = "owner" }, admin = { .roles = "admins" };
    struct render_item items[] = { { &added, &owner, true },
                                   { &locked, &admin, false },
                                   { &changed, &owner, false } };
    struct rendered rendered;
    struct error err;
    locked.sequence = 1843;
    changed.sequence = 1844;
    assert_int_equal(render_items(ctx, &context, items, 3, &rendered, &err), 0);
    assert_string_equal(rendered.subject, "3 changes in the directory corp");
    check_rendered(&rendered);
    const char *first =
        strstr(rendered.text, "* Pat Person was added to the group Editors and removed again\n");
    const char *second = strstr(rendered.text, "* The details of the group Editors were changed\n");
    const char *third = strstr(rendered.text, "* The account of Anna Example was locked\n");
    assert_true(first && second && third);
    // What concerns one group stands together.
    assert_true(first < second && second < third);
    assert_non_null(strstr(rendered.text, "(corp-1842)"));
    assert_non_null(strstr(rendered.text, "(corp-1844)"));
    assert_non_null(strstr(rendered.text, "  - phone number: +43 1 1 → +43 1 2, +43 1 3\n"));
    assert_non_null(strstr(rendered.text, PORTAL));
    items[1] = items[2];
    assert_int_equal(render_items(ctx, &context, items, 2, &rendered, &err), 0);
    assert_string_equal(rendered.subject, "2 changes to Editors");
    assert_null(strstr(rendered.text, PORTAL));
    talloc_free(ctx);
}

static void test_large_digest(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct render_context context = new_context();
    struct directory_event event = new_event(EVENT_GROUP_MEMBER_ADDED);
    struct notification owner = { .roles = "owner" };
    struct render_item *items = talloc_array(ctx, struct render_item, 1000);
    struct rendered rendered;
    struct error err;
    for (size_t i = 0; i < 1000; i++)
        items[i] = (struct render_item){ &event, &owner, false };
    assert_int_equal(render_items(ctx, &context, items, 1000, &rendered, &err), 0);
    assert_string_equal(rendered.subject, "1000 changes to Editors");
    assert_non_null(strstr(rendered.text, "* and 800 more\n"));
    assert_int_equal(occurrences(rendered.text, "(corp-1842)"), 200);
    talloc_free(ctx);
}

// --- languages and subjects ----------------------------------------------------------------------------

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static struct template_set *open_two_languages(TALLOC_CTX *ctx)
{
    static const char *const tags[] = { "en", "de", "fr", NULL };
    char dir[] = "/tmp/ldapnotify-render-XXXXXX", command[128], path[256];
    struct error err;
    assert_non_null(mkdtemp(dir));
    for (const char *const *tag = tags; *tag; tag++) {
        snprintf(command, sizeof command, "mkdir %s/%s", dir, *tag);
        assert_int_equal(system(command), 0);
        snprintf(path, sizeof path, "%s/%s", dir, *tag);
        write_file(path, "default.subject", "{{language}} default");
        write_file(path, "default.txt", "default");
        write_file(path, "digest.txt", "digest");
        if (strcmp(*tag, "fr") == 0)
            continue;
        write_file(path, "user.locked.subject", "{{language}} locked");
        write_file(path, "user.locked.txt", "locked");
    }
    struct template_set *set = template_set_open(ctx, dir, &err);
    if (!set)
        fail_msg("%s", err.text);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    return set;
}

static void test_languages(void **state)
{
    (void)state;
    static const struct { const char *rule, *recipient, *directory, *mail, *subject; } cases[] = {
        { NULL, NULL, NULL, NULL, "en locked" },
        { NULL, NULL, NULL, "de", "de locked" },
        { NULL, NULL, "de", "en", "de locked" },
        { NULL, "en", "de", "de", "en locked" },
        { "de", "en", "en", "en", "de locked" },
        { NULL, "de-AT;q=0.9, en;q=0.5", NULL, NULL, "de locked" },
        { NULL, "it, de;q=0.1", NULL, "en", "de locked" },
        { NULL, "it", NULL, NULL, "en locked" },
        // A language that has the event goes before one that has only the default.
        { NULL, "fr", NULL, "de", "de locked" },
    };
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct template_set *set = open_two_languages(ctx);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct render_context context = new_context();
        struct config own = config;
        struct config_directory own_directory = directory;
        struct directory_event event = new_event(EVENT_USER_LOCKED);
        struct notification notification = { .roles = "user", .language = cases[i].rule };
        struct render_item item = { &event, &notification, false };
        struct rendered rendered;
        struct error err;
        own.mail.language = (char *)cases[i].mail;
        own_directory.language = (char *)cases[i].directory;
        context.config = &own;
        context.directory = &own_directory;
        context.templates = set;
        context.recipient.language = cases[i].recipient;
        assert_int_equal(render_items(ctx, &context, &item, 1, &rendered, &err), 0);
        assert_string_equal(rendered.subject, cases[i].subject);
        assert_null(rendered.html);
    }
    talloc_free(ctx);
}

static void test_configured_subjects(void **state)
{
    (void)state;
    static struct config_subject subjects[] = {
        { (char *)"user.locked", NULL, NULL, (char *)"[{{directory}}] {{title}}" },
        { (char *)"user.locked", (char *)"admins", NULL, (char *)"admins: {{user_name}}" },
        { (char *)"user.locked", NULL, (char *)"de", (char *)"deutsch" },
        { (char *)"user.locked", (char *)"admins", (char *)"de", (char *)"admins deutsch" },
        { (char *)"digest", NULL, NULL, (char *)"{{count}} news" },
        { (char *)"group.*", NULL, NULL, (char *)"any group" },
        { (char *)"user.l*", (char *)"user", (char *)"de", (char *)"less than a name" },
    };
    static const struct { enum event_type type; const char *roles, *language, *subject; } cases[] = {
        { EVENT_USER_LOCKED, "user", "en", "[corp] en locked" },
        { EVENT_USER_LOCKED, "admins", "en", "admins: Anna Example" },
        { EVENT_USER_LOCKED, "user", "de", "deutsch" },
        { EVENT_USER_LOCKED, "admins owner", "de", "admins deutsch" },
        { EVENT_USER_UNLOCKED, "user", "en", "en default" },
        { EVENT_GROUP_DELETED, "member", "en", "any group" },
    };
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct config own = config;
    struct render_context context = new_context();
    struct rendered rendered;
    struct error err;
    own.subjects = subjects;
    own.subject_count = sizeof subjects / sizeof *subjects;
    context.config = &own;
    context.templates = open_two_languages(ctx);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct directory_event event = new_event(cases[i].type);
        struct notification notification = { .roles = cases[i].roles, .language = cases[i].language };
        struct render_item items[] = { { &event, &notification, false }, { &event, &notification, false } };
        assert_int_equal(render_items(ctx, &context, items, 1, &rendered, &err), 0);
        assert_string_equal(rendered.subject, cases[i].subject);
        assert_int_equal(render_items(ctx, &context, items, 2, &rendered, &err), 0);
        assert_string_equal(rendered.subject, "2 news");
    }
    talloc_free(ctx);
}

static void test_template_of_the_rule(void **state)
{
    (void)state;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct render_context context = new_context();
    struct directory_event event = new_event(EVENT_USER_LOCKED);
    struct notification notification = { .roles = "user", .template_name = "user.unlocked" };
    struct render_item item = { &event, &notification, false };
    struct rendered rendered;
    struct error err;
    assert_int_equal(render_items(ctx, &context, &item, 1, &rendered, &err), 0);
    assert_string_equal(rendered.subject, "Your account was unlocked");
    notification.template_name = "gone";
    assert_int_equal(render_items(ctx, &context, &item, 1, &rendered, &err), 0);
    assert_string_equal(rendered.subject, "Your account was locked");
    talloc_free(ctx);
}

// Every tag that the data has is documented, and every documented one is there.
static void test_data_has_every_tag(void **state)
{
    (void)state;
    static const char *const elsewhere[] = { "title",      "language",   "label", "old",        "new",
                                             "old_values", "new_values", "items", "items_more", NULL };
    struct render_context context = new_context();
    struct directory_event event = new_event(EVENT_GROUP_MEMBER_ADDED);
    struct render_item item = { &event, NULL, false };
    json_t *data = render_data(&context, &item), *value;
    const char *key;
    json_object_foreach(data, key, value)
        if (!template_tag_find(key, strlen(key)))
            fail_msg("\"%s\" is not in template_tags", key);
    for (const struct template_tag *tag = template_tags; tag->name; tag++) {
        bool other = false;
        for (const char *const *name = elsewhere; *name; name++)
            other = other || strcmp(*name, tag->name) == 0;
        if (!other && !json_object_get(data, tag->name))
            fail_msg("the data lacks \"%s\"", tag->name);
    }
    json_decref(data);
}

// First, for the others need it; a failing group set-up would pass as "no tests".
static void test_shipped_templates(void **state)
{
    (void)state;
    const char *top = getenv("top_srcdir");
    char path[512];
    struct error err;
    snprintf(path, sizeof path, "%s/etc/templates", top ? top : ".");
    templates = template_set_open(NULL, path, &err);
    if (!templates)
        fail_msg("%s", err.text);
}

static int tear_down(void **state)
{
    (void)state;
    talloc_free(templates);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_templates),    cmocka_unit_test(test_every_event_and_role),
        cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_one_message),          cmocka_unit_test(test_password_portal),
        cmocka_unit_test(test_hostile_values),       cmocka_unit_test(test_names_fall_back),
        cmocka_unit_test(test_digest),               cmocka_unit_test(test_large_digest),
        cmocka_unit_test(test_languages),            cmocka_unit_test(test_configured_subjects),
        cmocka_unit_test(test_template_of_the_rule), cmocka_unit_test(test_data_has_every_tag),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
