// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "mail/template.h"

// --- a template folder for one test --------------------------------------------------------------------

struct file {
    const char *path, *text;
};

#define FILES(...) ((const struct file[]){ __VA_ARGS__, { NULL, NULL } })
#define BASICS \
    { "en/default.subject", "{{event}}" }, { "en/default.txt", "default" }, { "en/digest.txt", "digest" }

static char folder[64];

static void write_files(const struct file *files)
{
    char command[256], path[256];
    strcpy(folder, "/tmp/ldapnotify-template-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "mkdir -p %s/en/partials %s/de", folder, folder);
    assert_int_equal(system(command), 0);
    for (; files->path; files++) {
        snprintf(path, sizeof path, "%s/%s", folder, files->path);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(files->text, file);
        assert_int_equal(fclose(file), 0);
    }
}

static void remove_files(void)
{
    char command[256];
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static struct template_set *open_files(TALLOC_CTX *ctx, const struct file *files, struct error *err)
{
    write_files(files);
    struct template_set *set = template_set_open(ctx, folder, err);
    remove_files();
    return set;
}

static struct template_set *open_good(TALLOC_CTX *ctx, const struct file *files)
{
    struct error err;
    struct template_set *set = open_files(ctx, files, &err);
    if (!set)
        fail_msg("%s", err.text);
    return set;
}

static const char *const english[] = { "en", NULL };

static struct rendered render(struct template_set *set, const char *event, const char *role, const char *json)
{
    struct rendered rendered;
    struct error err;
    json_t *data = json_loads(json, 0, NULL);
    assert_non_null(data);
    if (template_render(set, set, NULL, event, role, english, NULL, data, &rendered, &err) < 0)
        fail_msg("%s", err.text);
    json_decref(data);
    return rendered;
}

// --- what is refused -----------------------------------------------------------------------------------

static const struct {
    const char *text, *error; // NULL: sound
} checks[] = {
    { "", NULL },
    { "You were added to {{group_name}}", NULL },
    { "{{ group_name }}", NULL },
    { "[{{directory}}] {{title}}", NULL },
    { "{{{name}}} {{&name}}", NULL },
    { "{{#is_owner}}a{{/is_owner}}{{^is_owner}}b{{/is_owner}}", NULL },
    { "{{#changes}}{{label}}{{#old_values}}{{.}}{{/old_values}}{{/changes}}", NULL },
    { "{{#items}}{{title}}{{/items}}", NULL },
    { "} }} {", NULL },
    { "a{{! a comment {{ in two lines\n }}b", NULL },
    { "{{group_nam}}", "did you mean \"group_name\"?" },
    { "{{password}}", "there is no tag \"password\"" },
    { "{{Name}}", "is no name of a tag" },
    { "{{user.name}}", "is no name of a tag" },
    { "{{}}", "a tag without a name" },
    { "{{ }}", "a tag without a name" },
    { "{{#}}{{/}}", "a tag without a name" },
    { "{{name", "never closed" },
    { "{{{name}}", "never closed" },
    { "{{name}", "never closed" },
    { "{{", "never closed" },
    { "{{{", "never closed" },
    { "{{!", "never closed" },
    { "{{=<% %>=}}", "other delimiters" },
    { "{{= x =}}", "other delimiters" },
    { "{{==}}", "other delimiters" },
    { "{{#name}}", "never closed" },
    { "{{/name}}", "closes no section" },
    { "{{#name}}{{/mail}}", "closes no section" },
    { "{{#name}}{{#mail}}{{/name}}{{/mail}}", "closes no section" },
    { "{{>layout}}", "there is no partial \"layout\"" },
    { "{{>../../etc/passwd}}", "is no name of a tag" },
    { "{{.}}", "inside a section" },
    { "{{is_owner}}", "is a flag" },
    { "{{changes}}", "is a list" },
    { "{{label}}", "only inside {{#changes}}" },
    { "{{#items}}{{old}}{{/items}}", "only inside {{#changes}}" },
    { "{{!x}}{{{!x}}}", "is no name of a tag" },
    { "{{{{!x}}{name}}}", "is no name of a tag" },
    { "{{!x}}{{{!y}}}{{name}}", "is no name of a tag" },
    { "{\r{name}}", "directly before another" },
    { "\x01", "control character" },
    { "a\n\nb{{\x02name}}", "3: a control character" },
};

static void test_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct error err = { .text = "" };
        int result = template_check(checks[i].text, &err);
        if ((result == 0) != (checks[i].error == NULL) ||
            (checks[i].error && !strstr(err.text, checks[i].error)))
            fail_msg("\"%s\" gave %d \"%s\"", checks[i].text, result, err.text);
    }
}

// A "{" that came to stand before a tag only because a comment went would make it another tag.
static void test_no_tag_from_pieces(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(template_check("{{{!x}}", &err), -1);
    assert_int_equal(template_check("{ {{name}}", &err), 0);
    assert_int_equal(template_check("a {{{!x}}}{{name}}", &err), -1);
    assert_int_equal(template_check("{{!x}}{{name}}", &err), 0);
}

static void test_depth(void **state)
{
    (void)state;
    char text[4096] = "";
    struct error err;
    for (int i = 0; i < 100; i++)
        strcat(text, "{{#name}}");
    for (int i = 0; i < 100; i++)
        strcat(text, "{{/name}}");
    assert_int_equal(template_check(text, &err), -1);
    assert_non_null(strstr(err.text, "deep"));
}

static const struct {
    struct file files[6];
    const char *error;
} sets[] = {
    { { { "en/default.txt", "x" }, { "en/default.subject", "x" } },
      "no language has both default.txt and digest.txt" },
    { { BASICS, { "en/user.locked.txt", "{{nme}}" } }, "en/user.locked.txt:1: there is no tag \"nme\"" },
    { { BASICS, { "en/user.locked.txt", "a\nb\n{{#name}}" } },
      "en/user.locked.txt:3: the section {{#name}}" },
    { { BASICS, { "en/user.lockd.txt", "x" } }, "did you mean \"user.locked\"?" },
    { { BASICS, { "en/user.locked.owner.txt", "x" } }, "is told to the roles" },
    { { BASICS, { "en/user.locked.html", "x" } }, "there is no user.locked.txt beside it" },
    { { BASICS, { "en/user.locked.subject", "x" } }, "there is no user.locked.txt beside it" },
    { { { "en/default.txt", "x" }, { "en/digest.txt", "x" } }, "neither" },
    { { BASICS, { "en/user.locked.txt", "{{>gone}}" } }, "there is no partial \"gone\"" },
    { { BASICS, { "en/user.locked.txt", "{{>body}}" } }, "there is no partial \"body\"" },
    { { BASICS, { "en/user.locked.txt", "x" }, { "en/partials/a.txt", "{{>a}}" } }, "includes itself" },
    { { BASICS, { "en/partials/a.txt", "{{>b}}" }, { "en/partials/b.txt", "x {{>a}}" } },
      "by way of others" },
    { { BASICS, { "en/partials/layout.txt", "{{>body}}{{>layout}}" } }, "includes itself" },
    { { BASICS, { "en/partials/layout.txt", "no body" } }, "does not contain {{>body}}" },
    { { BASICS, { "en/partials/layout.txt", "{{>body}}" }, { "en/user.locked.txt", "{{>body}}" } },
      "includes itself" },
    { { BASICS, { "en/partials/a.txt", "{{#name}}" } },
      "en/partials/a.txt:1: the section {{#name}} is never closed" },
    { { BASICS, { "en/partials/a.txt", "{{/name}}" }, { "en/user.locked.txt", "{{#name}}{{>a}}" } },
      "closes no section" },
    { { BASICS, { "en/partials/a.subject", "x" } }, "partials end in .txt or .html" },
    { { BASICS, { "en/user.locked.txt", "x" }, { "en/user.locked.html", "{{{name}}}" } }, "write {{name}}" },
    { { BASICS, { "en/user.locked.txt", "x" }, { "en/user.locked.html", "{{&name}}" } }, "write {{name}}" },
    { { BASICS, { "en/user.locked.txt", "x" }, { "en/user.locked.subject", "{{title}}" } },
      "cannot contain itself" },
    { { BASICS, { "en/user.locked.txt", "caf\xe9" } }, "not text in UTF-8" },
    { { BASICS, { "en/attributes", "cn name\n" } }, "en/attributes:1: write \"attribute = words\"" },
    { { BASICS, { "en/attributes", "# x\ncn = \n" } }, "en/attributes:2: write \"attribute = words\"" },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        TALLOC_CTX *ctx = talloc_new(NULL);
        struct error err = { .text = "" };
        struct template_set *set = open_files(ctx, sets[i].files, &err);
        if (set || !strstr(err.text, sets[i].error))
            fail_msg("expected \"%s\", got \"%s\"", sets[i].error, set ? "a set" : err.text);
        talloc_free(ctx);
    }
}

static void test_no_folder(void **state)
{
    (void)state;
    struct error err;
    assert_null(template_set_open(NULL, "/nonexistent", &err));
    assert_non_null(strstr(err.text, "template_dir"));
}

// Ten partials of ten inclusions each would be ten thousand million times the last one.
static void test_partials_do_not_explode(void **state)
{
    (void)state;
    struct file files[16] = { BASICS };
    static char paths[8][32], texts[8][256];
    for (int i = 0; i < 8; i++) {
        snprintf(paths[i], sizeof paths[i], "en/partials/p%d.txt", i);
        for (int j = 0; j < 10; j++)
            snprintf(texts[i] + strlen(texts[i]), sizeof texts[i] - strlen(texts[i]),
                     i < 7 ? "{{>p%d}}" : "0123456789", i + 1);
        files[3 + i] = (struct file){ paths[i], texts[i] };
    }
    struct error err;
    assert_null(open_files(NULL, files, &err));
    assert_non_null(strstr(err.text, "larger than"));
}

static void test_large_file(void **state)
{
    (void)state;
    size_t size = 200 * 1024;
    char *text = calloc(1, size + 1);
    struct error err;
    memset(text, 'x', size);
    assert_null(open_files(NULL, FILES(BASICS, { "en/user.locked.txt", text }), &err));
    assert_non_null(strstr(err.text, "larger than"));
    free(text);
}

// Editors' and packagers' leftovers, hidden files and folders that are no languages do no harm.
static void test_other_files(void **state)
{
    (void)state;
    struct template_set *set = open_good(
        NULL, FILES(BASICS, { "en/user.locked.txt~", "{{x" }, { "en/.x.txt", "{{x" }, { "en/README", "{{x" },
                    { "en/user.locked.txt.dpkg-dist", "{{x" }, { "README", "{{x" }));
    assert_false(template_set_has(set, "user.locked"));
    assert_true(template_set_has(set, "default"));
    talloc_free(set);
}

// --- rendering -----------------------------------------------------------------------------------------

static void test_choice_by_role(void **state)
{
    (void)state;
    struct template_set *set = open_good(NULL, FILES(BASICS,
        { "en/default.owner.txt", "default for owners" }, { "en/default.owner.subject", "s default owner" },
        { "en/group.member.added.txt", "added" }, { "en/group.member.added.subject", "s added" },
        { "en/group.member.added.owner.txt", "added for owners" }));
    static const struct { const char *event, *role, *text, *subject; } cases[] = {
        { "group.member.added", "owner", "added for owners\n", "s added" },
        { "group.member.added", "member", "added\n", "s added" },
        { "group.member.added", NULL, "added\n", "s added" },
        { "group.member.removed", "owner", "default for owners\n", "s default owner" },
        { "group.member.removed", "member", "default\n", "e" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rendered rendered = render(set, cases[i].event, cases[i].role, "{\"event\": \"e\"}");
        assert_string_equal(rendered.text, cases[i].text);
        assert_string_equal(rendered.subject, cases[i].subject);
        assert_null(rendered.html);
    }
    talloc_free(set);
}

static void test_choice_by_language(void **state)
{
    (void)state;
    struct template_set *set =
        open_good(NULL, FILES(BASICS, { "de/default.txt", "Vorgabe" }, { "de/default.subject", "x" },
                              { "en/user.locked.txt", "locked" }, { "de/user.created.txt", "angelegt" },
                              { "de/user.created.subject", "x" }, { "de/attributes", "mail = Adresse\n" },
                              { "en/attributes", "mail = address\nsn=last name\n" }));
    static const char *const german[] = { "DE-at", "de", "en", NULL }, *const french[] = { "fr", NULL };
    assert_string_equal(template_language(set, NULL, "user.created", NULL, german), "de");
    assert_string_equal(template_language(set, NULL, "user.created", NULL, english), "en");
    assert_string_equal(template_language(set, NULL, "user.locked", NULL, german), "en");
    assert_string_equal(template_language(set, NULL, "user.deleted", NULL, german), "de");
    assert_string_equal(template_language(set, "user.created", "user.deleted", NULL, french), "de");
    assert_string_equal(template_language(set, NULL, "user.deleted", NULL, french), "de");
    assert_string_equal(template_attribute_label(set, german, "MAIL"), "Adresse");
    assert_string_equal(template_attribute_label(set, german, "sn"), "last name");
    assert_null(template_attribute_label(set, german, "cn"));
    talloc_free(set);
}

static void test_escaping(void **state)
{
    (void)state;
    struct template_set *set =
        open_good(NULL, FILES(BASICS, { "en/user.locked.txt", "{{name}}|{{{name}}}|{{>p}}" },
                              { "en/user.locked.subject", "{{name}}" },
                              { "en/user.locked.html", "{{name}}|{{title}}|{{>p}}|{{>q}}" },
                              { "en/partials/p.txt", "a < b & {{name}}" }, { "en/partials/q.txt", "text" },
                              { "en/partials/q.html", "<b>" }));
    struct rendered rendered = render(set, "user.locked", NULL, "{\"name\": \"<i>\\\"'&\"}");
    assert_string_equal(rendered.subject, "<i>\"'&");
    assert_string_equal(rendered.text, "<i>\"'&|<i>\"'&|a < b & <i>\"'&\n");
    assert_string_equal(rendered.html, "&lt;i&gt;&quot;&#39;&amp;|&lt;i&gt;&quot;&#39;&amp;|"
                                       "a &lt; b &amp; &lt;i&gt;&quot;&#39;&amp;|<b>\n");
    talloc_free(set);
}

// A value is never read as a template.
static void test_values_are_not_templates(void **state)
{
    (void)state;
    struct template_set *set = open_good(NULL, FILES(BASICS, { "en/user.locked.txt", "{{name}}" }));
    struct rendered rendered =
        render(set, "user.locked", NULL, "{\"name\": \"{{mail}}{{>p}}\", \"mail\": \"secret\"}");
    assert_string_equal(rendered.text, "{{mail}}{{>p}}\n");
    talloc_free(set);
}

static void test_layout(void **state)
{
    (void)state;
    struct template_set *set = open_good(NULL, FILES(BASICS, { "en/user.locked.txt", "locked {{>who}}\n" },
        { "en/user.locked.html", "<p>{{title}}</p>\n" }, { "en/partials/who.txt", "{{name}}\n" },
        { "en/partials/layout.txt", "top\n{{>body}}\nbottom\n" },
        { "en/partials/layout.html", "<html>{{>body}}</html>\n" }));
    struct rendered rendered = render(set, "user.locked", NULL, "{\"event\": \"e\", \"name\": \"Anna\"}");
    assert_string_equal(rendered.text, "top\nlocked Anna\nbottom\n");
    assert_string_equal(rendered.html, "<html><p>e</p></html>\n");
    talloc_free(set);
}

static void test_sections_and_lines(void **state)
{
    (void)state;
    struct template_set *set = open_good(
        NULL, FILES(BASICS, { "en/user.locked.txt",
                              "{{! comment }}\r\n\r\n\r\nbegin\r\n{{#name}}\r\nname "
                              "{{name}}\r\n{{/name}}\r\n{{^mail}}no mail{{/mail}}\r\n"
                              "{{#is_owner}}owner{{/is_owner}}{{#dn}}dn{{/dn}}\r\n\r\n\r\n\r\n"
                              "{{#members}}\r\n- {{name}}{{#mail}} {{mail}}{{/mail}}\r\n{{/members}}\r\n-- "
                              "\r\n{{#dn}}x{{/dn}}\r\n\r\n" }));
    struct rendered rendered =
        render(set, "user.locked", NULL,
               "{\"name\": \"Anna\", \"mail\": \"\", \"is_owner\": false, \"dn\": null,"
               " \"members\": [{\"name\": \"Bo\", \"mail\": null}, {\"name\": \"Cy\", \"mail\": \"c@x\"}]}");
    assert_string_equal(rendered.text, "begin\nname Anna\nno mail\n\n- Bo\n- Cy c@x\n-- \n");
    talloc_free(set);
}

static void test_subject_is_one_line(void **state)
{
    (void)state;
    struct template_set *set = open_good(NULL, FILES(BASICS,
        { "en/user.locked.subject", "{{! note }}\n  a\n\n{{#is_owner}}x{{/is_owner}}\n  {{name}}  b\n" },
        { "en/user.locked.txt", "[{{title}}]" }));
    struct rendered rendered =
        render(set, "user.locked", NULL, "{\"name\": \"Anna\\r\\nBcc: x\\u0001\\u202e\"}");
    assert_string_equal(rendered.subject, "a Anna Bcc: x b");
    assert_string_equal(rendered.text, "[a Anna Bcc: x b]\n");
    char json[6000] = "{\"name\": \"";
    memset(json + strlen(json), 'x', 5000);
    strcat(json, "\"}");
    rendered = render(set, "user.locked", NULL, json);
    assert_true(strlen(rendered.subject) <= 243);
    talloc_free(set);
}

static void test_configured_subject(void **state)
{
    (void)state;
    struct template_set *set = open_good(NULL, FILES(BASICS));
    struct rendered rendered;
    struct error err;
    json_t *data = json_pack("{s:s, s:s}", "event", "e", "name", "Anna");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(template_render(set, set, NULL, "user.locked", NULL, english, "[{{name}}] {{title}}",
                                         data, &rendered, &err),
                         0);
        assert_string_equal(rendered.subject, "[Anna] e");
    }
    assert_int_equal(
        template_render(set, set, NULL, "user.locked", NULL, english, "{{nonsense}}", data, &rendered, &err),
        -1);
    assert_non_null(strstr(err.text, "nonsense"));
    json_decref(data);
    talloc_free(set);
}

// Lists within lists: the work is bounded, and the process lives.
static void test_work_is_bounded(void **state)
{
    (void)state;
    struct template_set *set = open_good(
        NULL, FILES(BASICS, { "en/user.locked.txt", "{{#items}}{{#items}}{{#items}}{{#items}}{{#items}}x{{/"
                                                    "items}}{{/items}}{{/items}}{{/items}}{{/items}}" }));
    json_t *data = json_object(), *items = json_array();
    struct rendered rendered;
    struct error err;
    for (int i = 0; i < 200; i++)
        json_array_append_new(items, json_object());
    json_object_set_new(data, "items", items);
    assert_int_equal(
        template_render(set, set, NULL, "user.locked", NULL, english, NULL, data, &rendered, &err), -1);
    assert_non_null(strstr(err.text, "too often"));
    json_decref(data);
    json_t *deep = json_object();
    for (int i = 0; i < 100; i++)
        deep = json_pack("{s:o}", "name", deep);
    assert_int_equal(
        template_render(set, set, NULL, "user.locked", NULL, english, NULL, deep, &rendered, &err), -1);
    assert_non_null(strstr(err.text, "deep"));
    json_decref(deep);
    talloc_free(set);
}

// --- the manual ----------------------------------------------------------------------------------------

// ldapnotify-templates(5) has every tag with its sentence, and no other.
static void test_manual(void **state)
{
    (void)state;
    const char *top = getenv("top_srcdir");
    char path[512], line[1024], tag[128];
    snprintf(path, sizeof path, "%s/doc/ldapnotify-templates.5", top ? top : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const struct template_tag *next = template_tags;
    bool listed = false;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, ".\\\" tags", 8) == 0)
            listed = strstr(line, "begin") != NULL;
        else if (listed && sscanf(line, ".B %127s", tag) == 1) {
            if (!next->name || strcmp(tag, next->name) != 0)
                fail_msg("the manual has \"%s\" where the table has \"%s\"", tag,
                         next->name ? next->name : "its end");
            assert_non_null(fgets(line, sizeof line, file));
            line[strcspn(line, "\n")] = '\0';
            assert_string_equal(line, next->help);
            next++;
        }
    }
    fclose(file);
    if (next->name)
        fail_msg("the manual lacks \"%s\"", next->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_no_tag_from_pieces),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_partials_do_not_explode),
        cmocka_unit_test(test_large_file),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_choice_by_role),
        cmocka_unit_test(test_choice_by_language),
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_values_are_not_templates),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_sections_and_lines),
        cmocka_unit_test(test_subject_is_one_line),
        cmocka_unit_test(test_configured_subject),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_manual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
