// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "config/options.h"
#include "config_fixture.h"

// Stands for the rooms that know: what begins with "bad" is bad.
static int check_bad(const char *text, struct error *err)
{
    return strstr(text, "bad") ? error_set(err, "the check says no") : 0;
}

static const struct config_checks checks = {
    .filter = check_bad, .dn = check_bad, .attribute = check_bad, .event = check_bad, .subject = check_bad,
};

#define DIRECTORY                                                                                                      \
    "directories = ( { name = \"corp\"; uri = \"ldaps://ldap.example.com\"; base = \"dc=example\"; "                    \
    "bind_dn = \"cn=x\"; bind_password_env = \"PASSWORD\"; } );\n"
#define TRANSPORT "transports = ( { name = \"default\"; hosts = \"relay.example.com\"; } );\n"
#define RULE(more) "rules = ( { on = \"group.*\"; to = \"member\"; " more " } );\n"
#define GOOD DIRECTORY TRANSPORT RULE("")
#define IN_DIRECTORY(more)                                                                                             \
    "directories = ( { name = \"corp\"; uri = \"ldaps://ldap.example.com\"; base = \"dc=example\"; auth = "             \
    "\"anonymous\";\n" more " } );\n" TRANSPORT
#define IN_TRANSPORT(more) DIRECTORY "transports = ( { name = \"default\"; hosts = \"relay\";\n" more " } );\n"

// One problem: its line and a part of its text. Files are read as "main.conf".
static const struct {
    const char *text;
    unsigned line;
    const char *problem;
} bad_files[] = {
    // Names
    { "mail = { form = \"a@b\"; };\n" GOOD, 1, "mail.form is no known option; did you mean \"from\"?" },
    { GOOD "\n\nlvie = true;\n", 6, "lvie is no known option; did you mean \"live\"?" },
    { GOOD "transport = ();\n", 4, "transport is no known option; did you mean \"transports\"?" },
    { GOOD "mail = { live = true; };\n", 4, "mail.live is no known option; it belongs to the top" },
    { GOOD "hosts = \"x\";\n", 4, "hosts is no known option; transports has one of this name" },
    { IN_DIRECTORY("bind_password = \"x\";"), 2, "directories.bind_password is no known option; did you mean \"bind_password_env\"" },
    { IN_DIRECTORY("bind_password_value = \"x\";"), 2, "directories.bind_password_value is no known option" },
    { GOOD "mail.from = \"a@b\";\n", 4, "mail.from: names hold no dots; write GROUP = { NAME = …; };" },
    // Types
    { GOOD "live = \"true\";\n", 4, "live must be true or false, without quotes, not a string" },
    { GOOD "live = 1;\n", 4, "live must be true or false, without quotes, not a number" },
    { GOOD "mail = { digest_wait = 5; };\n", 4, "mail.digest_wait must be a duration in quotes, with its unit, such as \"5m\", not a number" },
    { GOOD "mail = { digest_wait = \"5\"; };\n", 4, "mail.digest_wait: \"5\" is no duration" },
    { GOOD "mail = { digest_wait = \"31d\"; };\n", 4, "mail.digest_wait: \"31d\" is out of range; it may be from \"0\" to \"30d\"" },
    { GOOD "mail = { from = [ \"a@b.c\" ]; };\n", 4, "mail.from must be a string in double quotes, not a list [ … ]" },
    { GOOD "mail = ( );\n", 4, "mail must be a group { … }, not a list ( … )" },
    { DIRECTORY "transports = { name = \"x\"; };\n", 2, "transports must be a list of groups" },
    { DIRECTORY "transports = ( \"x\" );\n", 2, "transports must be a list of groups" },
    { GOOD "storm = { per_minute = \"5\"; };\n", 4, "storm.per_minute must be a whole number, without quotes, not a string" },
    { GOOD "storm = { per_minute = 1.5; };\n", 4, "storm.per_minute must be a whole number" },
    { GOOD "mail = { admins = [ 1, 2 ]; };\n", 4, "mail.admins must be a list of strings" },
    { GOOD "mail = { admins = { }; };\n", 4, "mail.admins must be a list of strings" },
    { GOOD "log = { level = \"loud\"; };\n", 4, "log.level: \"loud\" is no known value; take \"error\", \"warning\", \"notice\", \"info\" or \"debug\"" },
    { GOOD "log = { level = \"inof\"; };\n", 4, "log.level: \"inof\" is no known value; did you mean \"info\"?" },
    { IN_DIRECTORY("source = \"dirsync\";"), 2, "directories.source: \"dirsync\" is no known value" },
    { IN_DIRECTORY("map = { ovner = \"managedBy\"; };"), 2, "directories.map: \"ovner\" is no role of a flavour; did you mean \"owner\"?" },
    { IN_DIRECTORY("map = [ \"owner\" ];"), 2, "directories.map must be a group of lists" },
    { IN_DIRECTORY("map = { owner = \"*\"; };"), 2, "directories.map.owner: \"*\" is no attribute" },
    // Ranges
    { IN_TRANSPORT("connections = 0;"), 3, "transports.connections: 0 is out of range; it may be from 1 to 1000" },
    { GOOD "storm = { per_minute = -1; };\n", 4, "storm.per_minute: -1 is out of range" },
    { GOOD "storm = { per_minute = 5000000000; };\n", 4, "5000000000 is too large a number" },
    { GOOD "storm = { per_minute = 5000000000L; };\n", 4, "storm.per_minute: 5000000000 is out of range" },
    { GOOD "storm = { per_minute = 0xFFFFFFFF; };\n", 4, "0xFFFFFFFF is too large a number" },
    { GOOD "storm = { per_minute = 99999999999999999999L; };\n", 4, "99999999999999999999L is too large a number" },
    { GOOD "mail = { digest_wait = 5m; };\n", 4, "5m is no number; durations are strings, such as \"5m\"" },
    // Strings
    { IN_DIRECTORY("bind_dn = \"CORP\\new\";"), 2, "\"\\n\" in a string is a control character, which no option takes; for a backslash write two" },
    { IN_DIRECTORY("bind_dn = \"CORP\\smith\";"), 2, "\"\\s\" in a string means nothing; for a backslash write two" },
    { IN_DIRECTORY("bind_dn = \"a\\x07\";"), 2, "\"\\x07\" in a string is a control character" },
    { IN_DIRECTORY("bind_dn = \"a\\x0\";"), 2, "\"\\x\" in a string must be followed by two hexadecimal digits" },
    { IN_DIRECTORY("bind_dn = \"a\\x00\";"), 2, "is a control character" },
    { GOOD "mail = { from_name = \"a\xc2\x85\"; };\n", 4, "mail.from_name holds a control character" },
    { GOOD "mail = { from_name = \"a\\xff\"; };\n", 4, "mail.from_name is not UTF-8" },
    { GOOD "mail = { from_name = \"a\tb\"; };\n", 4, "control character (0x09) in this string: a tab" },
    { GOOD "mail = { from_name = \"a\x1b[m\"; };\n", 4, "control character (0x1b) in this string" },
    { GOOD "mail = { from_name = \"two\nlines\"; };\n", 4, "this string is not closed on its line" },
    { GOOD "mail = { from_name = \"Zo\xeb\"; };\n", 4, "this line is not UTF-8" },
    { GOOD "mail = { from_name = \"\"; };\n", 4, "mail.from_name is empty; leave it out instead" },
    { GOOD "mail = { from_name = 'x'; };\n", 4, "strings are written in double quotes" },
    { GOOD "mail = { from_name = \xe2\x80\x9cx\xe2\x80\x9d; };\n", 4, "typographic quotation mark" },
    { GOOD "\x01", 4, "a control character does not belong here" },
    { GOOD "a = $x;\n", 4, "\"$\" does not belong here" },
    // Neighbouring strings
    { DIRECTORY TRANSPORT "rules = ( { on = \"user.*\"; to = [ \"member\" \"owner\" ]; } );\n", 3,
      "a comma is missing before \"owner\": neighbouring strings would become one; write a comma between" },
    { GOOD "mail = { admins = [ \"a@b.c\", // first\n \"d@e.f\" /* second\n */\n # third\n\"g@h.i\" ]; };\n", 8, "a comma is missing before \"g@h.i\"" },
    { GOOD "mail = { admins = ( \"a@b.c\" \"d@e.f\" ); };\n", 4, "a comma is missing before \"d@e.f\"" },
    { IN_DIRECTORY("mail_attributes = \"mail\" \"other\";"), 2, "a comma is missing before \"other\"" },
    { IN_DIRECTORY("map = { owner = \"owner\" \"managedBy\"; };"), 2, "a comma is missing before \"managedBy\"" },
    // Brackets and separators
    { GOOD "mail = { from = \"a@b.c\";\n", 4, "this { is not closed" },
    { GOOD "mail = { admins = [ \"a@b.c\" ; };\n", 4, "this } does not close the [ of " },
    { GOOD "};\n", 4, "this } closes nothing" },
    { GOOD "mail = { admins = [ \"a@b.c\", ]; };\n", 4, "nothing follows the comma before this ]; take the comma out" },
    { GOOD "/* never\n closed\n", 4, "this /* comment is not closed" },
    { GOOD "((((((((((((((((((((", 4, "brackets are nested too deeply" },
    { GOOD "live true;\n", 4, "syntax error" },
    { GOOD "live = true;\nlive = false;\n", 5, "duplicate setting name: this is given for the second time" },
    { GOOD "mail = { admins = [ \"a@b.c\", 3 ]; };\n", 4, "mismatched element type in array: the members of [ … ] must all be strings" },
    // Forms
    { GOOD "mail = { from = \"nobody\"; };\n", 4, "mail.from: \"nobody\" is no mail address" },
    { GOOD "mail = { admins = [ \"a@b.c\", \"no one@x\" ]; };\n", 4, "mail.admins: \"no one@x\" is no mail address" },
    { GOOD "mail = { action_url = \"javascript:1\"; };\n", 4, "mail.action_url: \"javascript:1\" is no URL" },
    { GOOD "mail = { action_url = \"https://\"; };\n", 4, "is no URL" },
    { GOOD "mail = { language = \"../x\"; };\n", 4, "mail.language: \"../x\" is no language" },
    { GOOD "mail = { message_domain = \"a b\"; };\n", 4, "is no host or domain name" },
    { GOOD "mail = { list_id = \"ldapnotify.example.com\"; };\n", 4, "is no list identifier, such as \"<ldapnotify.example.com>\"" },
    { GOOD "state_dir = \"var/lib\";\n", 4, "state_dir: \"var/lib\" is no absolute path" },
    { GOOD "user = \"a:b\";\n", 4, "user: \"a:b\" is no name of an account" },
    { GOOD "control = { operators = \"@\"; };\n", 4, "is no name of a user or, with \"@\" before it, of a group" },
    { IN_DIRECTORY("filter = \"(bad\";"), 2, "directories.filter: \"(bad\" is no filter (RFC 4515): the check says no" },
    { IN_DIRECTORY("default_password_policy = \"bad\";"), 2, "\"bad\" is no DN (RFC 4514): the check says no" },
    { IN_DIRECTORY("watch_attributes = [ \"cn\", \"badPassword\" ];"), 2, "\"badPassword\" is of no use: the check says no" },
    { IN_DIRECTORY("watch_attributes = \"*\";"), 2, "\"*\" is no attribute; each is asked for by its name, never by \"*\" or \"+\"" },
    { IN_DIRECTORY("mail_attributes = \"+\";"), 2, "\"+\" is no attribute" },
    { DIRECTORY TRANSPORT "rules = ( { on = \"Group.added\"; to = \"member\"; } );\n", 3, "rules.on: \"Group.added\" is no event, such as" },
    { DIRECTORY TRANSPORT "rules = ( { on = \"group.bad\"; to = \"member\"; } );\n", 3, "rules.on: \"group.bad\" is no event: the check says no" },
    { DIRECTORY TRANSPORT "rules = ( { on = \"!user.*\"; to = \"member\"; } );\n", 3, "rules.on takes events out of nothing" },
    { DIRECTORY TRANSPORT "rules = ( { on = \"user.*\"; to = \"membr\"; } );\n", 3, "rules.to: \"membr\" is no role; did you mean \"member\"?" },
    { DIRECTORY TRANSPORT "rules = ( { on = \"user.*\"; to = \"registrar-office\"; } );\n", 3, "is neither a role (member, owner, manager, user, actor, admins), \"attr:NAME\" nor an address" },
    { DIRECTORY TRANSPORT "rules = ( { on = \"user.*\"; to = \"attr:\"; } );\n", 3, "names no attribute after \"attr:\"" },
    { DIRECTORY TRANSPORT "rules = ( { on = \"user.*\"; to = \"attr:badPassword\"; } );\n", 3, "is of no use: the check says no" },
    { DIRECTORY TRANSPORT RULE("fallback = \"attr:mail\";"), 3, "rules.fallback: \"attr:mail\" is neither a role" },
    { GOOD "subjects = ( { event = \"!group.*\"; subject = \"x\"; } );\n", 4, "subjects.event: \"!group.*\" is no event" },
    { GOOD "subjects = ( { event = \"group.created\"; subject = \"{{bad\"; } );\n", 4, "is no subject: the check says no" },
    // What belongs together
    { TRANSPORT, 1, "there are no directories: nothing to watch" },
    { DIRECTORY RULE(""), 2, "there are rules and no transports" },
    { "live = true;\n" GOOD, 1, "mail.from is missing: while live is true messages need a sender" },
    { GOOD "log = {\n target = \"file\"; };\n", 5, "log.file is missing" },
    { TRANSPORT "directories = (\n { uri = \"ldap://a\"; base = \"dc=x\"; auth = \"anonymous\"; } );\n", 3, "directories.name is missing" },
    { TRANSPORT "directories = ( { name = \"a\"; base = \"dc=x\"; auth = \"anonymous\"; } );\n", 2, "directories.uri is missing" },
    { TRANSPORT "directories = ( { name = \"a\"; uri = [ ]; base = \"dc=x\"; auth = \"anonymous\"; } );\n", 2, "directories.uri is empty" },
    { TRANSPORT "directories = ( { name = \"a\"; uri = \"ldap://a\"; auth = \"anonymous\"; } );\n", 2, "directories.base is missing" },
    { TRANSPORT "directories = ( { name = \"a\"; uri = \"ldap://a\"; base = \"dc=x\"; } );\n", 2, "directories.bind_dn is missing: auth \"simple\" needs it and a password; for no login at all write auth = \"anonymous\"" },
    { TRANSPORT "directories = ( { name = \"a\"; uri = \"ldap://a\"; base = \"dc=x\";\n bind_dn = \"cn=x\"; } );\n", 3, "directories.bind_dn needs a password: bind_password_file" },
    { IN_DIRECTORY("bind_password_env = \"X\";"), 2, "directories.bind_password is for auth \"simple\" only" },
    { IN_DIRECTORY("bind_dn = \"cn=x\";"), 2, "directories.bind_dn is for auth \"simple\" only" },
    { IN_DIRECTORY("keytab = \"/x\";"), 2, "directories.keytab is for auth \"gssapi\" only" },
    { IN_DIRECTORY("principal = \"x\";"), 2, "directories.principal is for auth \"gssapi\" only" },
    { IN_DIRECTORY("tls_cert_file = \"/x\";"), 2, "directories.tls_cert_file needs tls_key_file" },
    { IN_DIRECTORY("tls_key_file = \"/x\";"), 2, "directories.tls_key_file needs tls_cert_file" },
    { IN_DIRECTORY("reconnect_first = \"10m\";"), 2, "directories.reconnect_first is longer than reconnect_most" },
    { TRANSPORT "directories = ( { name = \"a\"; uri = \"ldap://a\"; base = \"dc=x\";\n auth = \"external\"; } );\n", 3, "auth \"external\" needs tls_cert_file" },
    { DIRECTORY TRANSPORT "rules = ( { on = \"user.*\"; } );\n", 3, "rules.to is missing" },
    { DIRECTORY TRANSPORT RULE("directories = [ \"corp\",\n \"corb\" ];"), 3, "rules.directories: there is no \"corb\"; did you mean \"corp\"?" },
    { DIRECTORY TRANSPORT RULE("\ntransport = \"defualt\";"), 4, "rules.transport: there is no \"defualt\"; did you mean \"default\"?" },
    { DIRECTORY TRANSPORT RULE("fallback = \"admins\";"), 3, "rules.fallback names the role admins, but mail.admins is not set" },
    { DIRECTORY TRANSPORT "rules = ( { name = \"a\"; on = \"user.*\"; to = \"user\"; },\n { name = \"a\"; on = \"user.*\"; to = \"user\"; } );\n", 4, "there is a rule \"a\" already, at " },
    { DIRECTORY TRANSPORT "rules = ( { name = \"rule-2\"; on = \"user.*\"; to = \"user\"; },\n { on = \"user.*\"; to = \"user\"; } );\n", 4, "there is a rule \"rule-2\" already, at " },
    { DIRECTORY "transports = ( { name = \"a\"; hosts = \"x\"; },\n { name = \"a\"; hosts = \"x\"; } );\n", 3, "there is a transport \"a\" already, at " },
    { DIRECTORY "transports = ( { name = \"a\"; } );\n", 2, "transports.hosts is missing" },
    { DIRECTORY "transports = ( { name = \"a\"; type = \"maildir\"; } );\n", 2, "transports.path is missing" },
    { DIRECTORY "transports = ( { name = \"a\"; type = \"maildir\"; path = \"/x\"; hosts = \"x\"; } );\n", 2, "transports.hosts is for type \"smtp\" only" },
    { IN_TRANSPORT("path = \"/x\";"), 3, "transports.path is for type \"maildir\" only" },
    { IN_TRANSPORT("user = \"x\";"), 3, "transports.user needs a password: password_file" },
    { IN_TRANSPORT("password_env = \"X\";"), 3, "transports.user is missing" },
    { IN_TRANSPORT("user = \"x\"; password_env = \"X\"; password_file = \"/x\";"), 3, "the secret is given in two ways" },
    { IN_TRANSPORT("user = \"x\"; password_file = \"x\";"), 3, "\"x\" is no absolute path" },
    { IN_TRANSPORT("user = \"x\"; password_credential = \"../x\";"), 3, "must be a name, without \"/\"" },
    { IN_TRANSPORT("retry_first = \"2h\";"), 3, "transports.retry_first is longer than retry_most" },
    { IN_TRANSPORT("lifetime = \"30s\";"), 3, "out of range; it may be from \"1m\" to \"30d\"" },
    // Includes
    { GOOD "@include \"none.conf\"\n", 4, "@include: opening " },
    { GOOD "@include \"/\"\n", 4, "@include: / is no regular file" },
    { GOOD "@include \"*.conf\"\n", 4, "it takes one file, no pattern" },
    { GOOD "@include none.conf\n", 4, "@include must be followed by a file name in double quotes" },
    { GOOD "@include \"main.conf\"\n", 4, "includes itself" },
    { GOOD "@includ \"main.conf\"\n", 4, "\"@\" does not belong here" },
};

static struct fixture fixture;

static void test_bad_files(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        const char *path = fixture_text(&fixture, "main.conf", bad_files[i].text);
        struct error err = { 0 };
        struct config *config = config_read(NULL, path, &checks, NULL, NULL, &err);
        char where[600];
        snprintf(where, sizeof where, "%s:%u: ", path, bad_files[i].line);
        if (config || strncmp(err.text, where, strlen(where)) != 0 || !strstr(err.text, bad_files[i].problem)) {
            print_error("%s\n  expected %s… %s\n  got      %s\n", bad_files[i].text, where, bad_files[i].problem,
                        config ? "no problem" : err.text);
            wrong++;
        }
        talloc_free(config);
    }
    assert_int_equal(wrong, 0);
}

// Values that have a form: those that are taken, and those that are not.
static const struct {
    const char *option;
    bool transport; // of a transport, else of a directory
    const char *good[12], *bad[16];
} forms[] = {
    { "uri", false,
      { "ldap://a", "ldaps://ldap.example.com/", "ldap://127.0.0.1:389", "ldaps://[2001:db8::1]:636/", "ldap://[::1]",
        "ldapi://", "ldapi:///", "ldapi://%2Frun%2Fslapd%2Fldapi", "ldap://xn--bcher-kva.example:3389" },
      { "ldap.example.com", "http://a", "ldap://", "ldap:///", "ldap://a/dc=x", "ldap://a:0", "ldap://a:65536", "ldap://a:",
        "ldap://a:x", "ldap://[::1", "ldap://[]", "ldap://a b", "ldaps://a/?cn", "ldapi:///run/x", "LDAP//a" } },
    { "hosts", true,
      { "relay", "relay1;relay2:2525;[::1]:25", "192.0.2.1:25", "[2001:db8::1]", "relay.example.com:587" },
      { "relay1;", ";relay1", "relay1,relay2", "relay1; relay2", "relay:0", "relay:99999", "::1", "[::1]25", "smtp://relay",
        "-relay", "a:b:c" } },
    { "name", true, { "a", "a-1", "0", "abcdefghijklmnopqrstuvwxyz012345" },
      { "A", "-a", "a b", "a.b", "a/b", "abcdefghijklmnopqrstuvwxyz0123456", "\xc3\xa4" } },
    { "language", false, { "en", "de-AT", "zh-Hant-TW" }, { "e", "en_US", "en-", "-en", "englishlanguage", "en/../x" } },
    { "mail_attributes", false, { "mail", "x-mail", "cn;lang-de", "1.2.840.113556.1.4.1" },
      { "*", "+", "1", "1..2", "1.2.", "ma il", "mail=x", "@x" } },
    { "action_url", true, { "https://a/", "http://a:8080/x?y=z#q", "https://[::1]/" },
      { "https:/a", "ftp://a/", "https://a b/", "https:///x", "//a" } },
};

static struct config *read_value(const char *option, bool transport, const char *value)
{
    char text[1024];
    snprintf(text, sizeof text, "directories = ( { name = \"corp\"; base = \"dc=x\"; auth = \"anonymous\"; %s%s %s%s%s } );\n"
                                "transports = ( { type = \"smtp\"; %s%s %s%s%s } );\n",
             strcmp(option, "uri") == 0 ? "" : "uri = \"ldap://a\";", "", transport ? "" : option, transport ? "" : " = ",
             transport ? "" : value, strcmp(option, "hosts") == 0 ? "" : "hosts = \"a\";",
             strcmp(option, "name") == 0 ? "" : "name = \"a\";", transport ? option : "", transport ? " = " : "",
             transport ? value : "");
    struct error err;
    return config_read(NULL, fixture_text(&fixture, "main.conf", text), NULL, NULL, NULL, &err);
}

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (int bad = 0; bad < 2; bad++)
            for (const char *const *value = bad ? forms[i].bad : forms[i].good; *value; value++) {
                char quoted[300];
                snprintf(quoted, sizeof quoted, "\"%s\";", *value);
                struct config *config = read_value(forms[i].option, forms[i].transport, quoted);
                if ((config == NULL) != bad)
                    fail_msg("%s = %s was %s", forms[i].option, quoted, config ? "taken" : "refused");
                talloc_free(config);
            }
}

struct problems {
    size_t count;
    char first[256];
};

static void count_problem(void *context, const char *text)
{
    struct problems *problems = context;
    if (problems->count++ == 0)
        snprintf(problems->first, sizeof problems->first, "%s", text);
}

static void test_all_problems(void **state)
{
    (void)state;
    struct problems problems = { 0 };
    struct error err;
    const char *path = fixture_text(&fixture, "main.conf",
                                    "lvie = true;\nmail = { from = 3; };\nstorm = { per_minute = -1; };\n" GOOD);
    assert_null(config_read(NULL, path, &checks, count_problem, &problems, &err));
    assert_int_equal(problems.count, 3);
    assert_string_equal(problems.first, err.text);

    problems = (struct problems){ 0 };
    path = fixture_text(&fixture, "main.conf", "mail = {\n");
    assert_null(config_read(NULL, path, &checks, count_problem, &problems, &err));
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.first, err.text);
    assert_null(config_read(NULL, path, NULL, NULL, NULL, NULL));
}

static void test_not_a_file(void **state)
{
    (void)state;
    struct error err;
    char path[300];
    snprintf(path, sizeof path, "%s/missing.conf", fixture.path);
    assert_null(config_read(NULL, path, NULL, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "missing.conf: No such file or directory"));
    snprintf(path, sizeof path, "%s/pipe", fixture.path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(config_read(NULL, path, NULL, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "is no regular file"));
    assert_null(config_read(NULL, fixture_write(&fixture, "nul.conf", "live = \0true;\n", 14), NULL, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "nul.conf:1: there is a NUL octet in it"));
}

// Includes are relative to the including file, at every depth and from any working directory; lines are theirs.
static void test_includes(void **state)
{
    (void)state;
    struct error err;
    fixture_text(&fixture, "d/inner/rules.conf", "// rules\nrules = (\n@include \"one.conf\"\n);\n");
    fixture_text(&fixture, "d/inner/one.conf", "{ name = \"one\"; on = \"group.*\"; to = \"member\"; }");
    fixture_text(&fixture, "d/outer.conf", "@include \"inner/rules.conf\"\n" TRANSPORT);
    const char *path = fixture_text(&fixture, "main.conf", "@include \"d/outer.conf\"  // after\n" DIRECTORY);
    assert_int_equal(chdir("/"), 0);
    struct config *config = config_read(NULL, path, &checks, NULL, NULL, &err);
    if (!config)
        fail_msg("%s", err.text);
    assert_int_equal(config->rule_count, 1);
    assert_string_equal(config->rules[0].name, "one");
    assert_string_equal(config->path, path);
    talloc_free(config);

    // The problem is in the innermost file, with its own line, and behind an include the outer file's lines go on.
    fixture_text(&fixture, "d/inner/one.conf", "{ name = \"one\";\n on = \"group.*\";\n\n too = \"member\"; }");
    assert_null(config_read(NULL, path, &checks, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "/d/inner/one.conf:4: rules.too is no known option; did you mean \"to\"?"));
    fixture_text(&fixture, "d/inner/one.conf", "");
    path = fixture_text(&fixture, "main.conf", "@include \"d/outer.conf\"\n\nlvie = true;\n" DIRECTORY);
    assert_null(config_read(NULL, path, &checks, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "/main.conf:3: lvie"));

    // What is not closed in the included file is that file's fault.
    fixture_text(&fixture, "d/inner/one.conf", "{ name = \"one;\n");
    assert_null(config_read(NULL, path, &checks, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "/d/inner/one.conf:1: this string is not closed"));

    fixture_text(&fixture, "d/inner/one.conf", "@include \"../outer.conf\"\n");
    assert_null(config_read(NULL, path, &checks, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "/d/inner/one.conf:1: @include: "));
    assert_non_null(strstr(err.text, "outer.conf includes itself"));

    // An absolute name stays what it is.
    char text[600];
    snprintf(text, sizeof text, DIRECTORY "@include \"%s/transport.conf\"\n", fixture.path);
    fixture_text(&fixture, "transport.conf", TRANSPORT);
    config = config_read(NULL, fixture_text(&fixture, "main.conf", text), NULL, NULL, NULL, &err);
    assert_non_null(config);
    assert_int_equal(config->transport_count, 1);
    talloc_free(config);
}

static void test_include_depth(void **state)
{
    (void)state;
    struct error err;
    char name[32], text[256];
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "deep%d.conf", i);
        snprintf(text, sizeof text, "@include \"deep%d.conf\"\n", i + 1);
        fixture_text(&fixture, name, text);
    }
    snprintf(text, sizeof text, "%s/deep0.conf", fixture.path);
    assert_null(config_read(NULL, text, NULL, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "deep10.conf:1: files are included more than 10 deep"));
}

// Forms that must be taken: a byte order mark, DOS lines, comments of all kinds, neighbouring strings outside of lists.
static void test_good_text(void **state)
{
    (void)state;
    struct error err;
    const char *path = fixture_text(&fixture, "main.conf",
                                    "\xef\xbb\xbf# one\r\n// two \"\r\n/* three { \r\n */ live = false;\r\n"
                                    "mail = { from_name = \"Zo\xc3\xab \" \r\n \"\\\"\\\\CORP\\x41\"; "
                                    "action_url = \"https://a/#b//c\"; admins: [ \"a@b.c\" , \"d@e.f\" ], };" DIRECTORY TRANSPORT
                                    "rules = ( { on = ( \"user.*\", \"!user.modified\" ); cc = [ ]; to = \"attr:owner;binary\"; } );");
    struct config *config = config_read(NULL, path, &checks, NULL, NULL, &err);
    if (!config)
        fail_msg("%s", err.text);
    assert_string_equal(config->mail.from_name, "Zo\xc3\xab \"\\CORPA");
    assert_string_equal(config->mail.action_url, "https://a/#b//c");
    assert_int_equal(config->mail.admins.count, 2);
    assert_string_equal(config->mail.admins.items[1], "d@e.f");
    assert_null(config->mail.admins.items[2]);
    assert_int_equal(config->rules[0].on.count, 2);
    assert_int_equal(config->rules[0].cc.count, 0);
    talloc_free(config);
}

static void test_defaults(void **state)
{
    (void)state;
    struct error err;
    struct config *config = config_read(NULL, fixture_text(&fixture, "main.conf", GOOD), &checks, NULL, NULL, &err);
    if (!config)
        fail_msg("%s", err.text);
    const struct config_transport *transport = config_transport_find(config, "default");
    const struct config_directory *directory = config_directory_find(config, "corp");
    assert_false(config->live);
    assert_string_equal(config->user, "ldapnotify");
    assert_null(config->group);
    assert_string_equal(config->state_dir, "/var/lib/ldapnotify");
    assert_string_equal(config->control.socket, "/run/ldapnotify/control.sock");
    assert_string_equal(config->template_dir, SYSCONFDIR "/ldapnotify/templates");
    assert_int_equal(config->log.target, CONFIG_LOG_AUTO);
    assert_int_equal(config->log.level, 3);
    assert_string_equal(config->mail.language, "en");
    assert_string_equal(config->mail.message_domain, "ldapnotify.invalid");
    assert_string_equal(config->mail.list_id, "<ldapnotify.ldapnotify.invalid>");
    assert_int_equal(config->mail.max_event_age, 3 * CLOCK_DAY);
    assert_int_equal(config->storm.per_transaction, 500);
    assert_int_equal(config->storm.per_minute, 1000);
    assert_int_equal(transport->tls, CONFIG_TLS_STARTTLS);
    assert_true(transport->tls_verify);
    assert_int_equal(transport->tls_min_version, CONFIG_TLS_1_2);
    assert_int_equal(transport->connect_timeout, 30 * CLOCK_SECOND);
    assert_int_equal(transport->send_timeout, 5 * CLOCK_MINUTE);
    assert_int_equal(transport->connections, 4);
    assert_int_equal(transport->retry_first, CLOCK_MINUTE);
    assert_int_equal(transport->retry_most, CLOCK_HOUR);
    assert_int_equal(transport->lifetime, 2 * CLOCK_DAY);
    assert_int_equal(transport->digest_wait, -1);
    assert_int_equal(directory->auth, CONFIG_AUTH_SIMPLE);
    assert_int_equal(directory->tls, CONFIG_TLS_STARTTLS);
    assert_true(directory->tls_verify);
    assert_string_equal(directory->filter, "(objectClass=*)");
    assert_string_equal(directory->source, "auto");
    assert_string_equal(directory->flavour, "auto");
    assert_string_equal(directory->mail_attributes.items[0], "mail");
    assert_int_equal(directory->mail_attributes.count, 1);
    assert_int_equal(directory->watch_attributes.count, 7);
    assert_int_equal(directory->resync_transaction, 1000);
    assert_int_equal(directory->keepalive_idle, CLOCK_MINUTE);
    assert_int_equal(directory->keepalive_interval, 15 * CLOCK_SECOND);
    assert_int_equal(directory->keepalive_probes, 4);
    assert_int_equal(directory->reconnect_first, CLOCK_SECOND);
    assert_int_equal(directory->reconnect_most, 5 * CLOCK_MINUTE);
    assert_int_equal(directory->max_event_age, -1);
    assert_true(config->rules[0].enabled);
    assert_string_equal(config->rules[0].name, "rule-1");
    assert_ptr_equal(config_rule_transport(config, &config->rules[0]), transport);
    assert_null(config_directory_find(config, "none"));
    assert_null(config_transport_find(config, "none"));
    talloc_free(config);
}

static void test_derived(void **state)
{
    (void)state;
    struct error err;
    const char *text = "live = true; run_dir = \"/x\"; mail = { from = \"a@example.org\"; };\n" GOOD;
    struct config *config = config_read(NULL, fixture_text(&fixture, "main.conf", text), &checks, NULL, NULL, &err);
    assert_non_null(config);
    assert_string_equal(config->control.socket, "/x/control.sock");
    assert_string_equal(config->mail.message_domain, "example.org");
    assert_string_equal(config->mail.list_id, "<ldapnotify.example.org>");
    talloc_free(config);
}

static void test_precedence(void **state)
{
    (void)state;
    struct config config = { .mail = { .digest_wait = 1, .max_event_age = 10 } };
    struct config_directory directory = { .digest_wait = -1, .max_event_age = -1 };
    struct config_transport transport = { .digest_wait = -1 };
    struct config_rule rule = { .digest_wait = -1, .max_event_age = -1 };
    assert_int_equal(config_digest_wait(&config, NULL, NULL, NULL), 1);
    assert_int_equal(config_digest_wait(&config, &rule, &transport, &directory), 1);
    assert_int_equal(config_max_event_age(&config, &rule, &directory), 10);
    directory.digest_wait = 2;
    directory.max_event_age = 20;
    assert_int_equal(config_digest_wait(&config, &rule, &transport, &directory), 2);
    assert_int_equal(config_max_event_age(&config, &rule, &directory), 20);
    transport.digest_wait = 3;
    assert_int_equal(config_digest_wait(&config, &rule, &transport, &directory), 3);
    rule.digest_wait = 0;
    rule.max_event_age = 0;
    assert_int_equal(config_digest_wait(&config, &rule, &transport, &directory), 0);
    assert_int_equal(config_max_event_age(&config, &rule, &directory), 0);
    assert_null(config_rule_transport(&config, &rule));
}

// The table itself: help and defaults that could be read from a file, and names that exist once in their section.
static void test_table(void **state)
{
    (void)state;
    for (const struct option_section *section = option_sections; section->name; section++) {
        assert_non_null(section->help);
        for (const struct option *option = section->options; option->name; option++) {
            if (!option->help || !*option->help || option->help[strlen(option->help) - 1] != '.')
                fail_msg("%s.%s: its help is no sentence", section->name, option->name);
            if (!option->fallback && !option->example)
                fail_msg("%s.%s has neither default nor example", section->name, option->name);
            if (option->fallback && option->required)
                fail_msg("%s.%s is required and has a default", section->name, option->name);
            if ((option->type == OPTION_BOOL || option->type == OPTION_CHOICE) && !option->fallback)
                fail_msg("%s.%s needs a default", section->name, option->name);
            if (option->type == OPTION_DURATION && option->most == 0)
                fail_msg("%s.%s has no range", section->name, option->name);
            if (option->offset >= section->size)
                fail_msg("%s.%s lies outside its struct", section->name, option->name);
            for (const struct option *other = option + 1; other->name; other++)
                if (strcmp(option->name, other->name) == 0 || option->offset == other->offset)
                    fail_msg("%s.%s and %s are the same", section->name, option->name, other->name);
            int64_t duration;
            struct error err;
            if (option->type == OPTION_DURATION && option->fallback &&
                (text_parse_duration(option->fallback, &duration, &err) < 0 || duration < option->least ||
                 duration > option->most))
                fail_msg("%s.%s: default %s", section->name, option->name, option->fallback);
        }
    }
}

static int begin(void **state)
{
    (void)state;
    fixture_begin(&fixture);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_end(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),         cmocka_unit_test(test_defaults),   cmocka_unit_test(test_derived),
        cmocka_unit_test(test_bad_files),     cmocka_unit_test(test_forms),      cmocka_unit_test(test_all_problems),
        cmocka_unit_test(test_not_a_file),    cmocka_unit_test(test_includes),   cmocka_unit_test(test_include_depth),
        cmocka_unit_test(test_good_text),     cmocka_unit_test(test_precedence),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
