// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "config/options.h"

// The option table for people: the sample file, and the options in ldapnotify.conf(5).

#define WIDTH 100

// What the sample sets; everything else stands there as a comment.
static const struct setting {
    const char *section, *name, *value;
} sample_settings[] = {
    { "", "live", "false" },
    { "mail", "from", "\"no-reply@example.com\"" },
    { "mail", "from_name", "\"Example directory\"" },
    { "mail", "admins", "[ \"it@example.com\" ]" },
    { "transports", "name", "\"default\"" },
    { "transports", "hosts", "\"relay.example.com\"" },
    { "directories", "name", "\"corp\"" },
    { "directories", "uri", "[ \"ldaps://ldap1.example.com\", \"ldaps://ldap2.example.com\" ]" },
    { "directories", "base", "\"dc=example,dc=com\"" },
    { "directories", "bind_dn", "\"cn=ldapnotify,ou=services,dc=example,dc=com\"" },
    { "directories", "bind_password_file", "\"/etc/ldapnotify/corp.secret\"" },
};

static const char *const secret_help[][2] = {
    { "file", " It is the content of this file, which nobody but root and the daemon may read (chmod 600)." },
    { "env", " It is in this environment variable of the daemon." },
    { "credential", " It is this systemd credential (LoadCredential= in the unit)." },
};

static const char *sample_setting(const struct option_section *section, const char *name)
{
    for (size_t i = 0; i < sizeof sample_settings / sizeof *sample_settings; i++)
        if (strcmp(sample_settings[i].section, section->name) == 0 &&
            strcmp(sample_settings[i].name, name) == 0)
            return sample_settings[i].value;
    return NULL;
}

static bool is_set_in_sample(const struct option_section *section)
{
    for (size_t i = 0; i < sizeof sample_settings / sizeof *sample_settings; i++)
        if (strcmp(sample_settings[i].section, section->name) == 0)
            return true;
    return !section->list;
}

static char *quote(TALLOC_CTX *ctx, const char *text)
{
    char *quoted = talloc_strdup(ctx, "\"");
    for (; *text; text++)
        quoted = talloc_asprintf_append(quoted, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    return talloc_asprintf_append(quoted, "\"");
}

// The table's text of a value as it is written in a file; paths that depend on the build as usually
// installed.
static char *value_text(TALLOC_CTX *ctx, const struct option *option, const char *text)
{
    static const char built[] = SYSCONFDIR "/ldapnotify/";
    if (strncmp(text, built, sizeof built - 1) == 0)
        text = talloc_asprintf(ctx, "/etc/ldapnotify/%s", text + sizeof built - 1);
    switch (option->type) {
    case OPTION_BOOL:
    case OPTION_INT:
    case OPTION_MAP:
        return talloc_strdup(ctx, text);
    case OPTION_LIST:
        break;
    default:
        return quote(ctx, text);
    }
    if (*text == '[')
        return talloc_strdup(ctx, text);
    char *words = talloc_strdup(ctx, text), *list = talloc_strdup(ctx, "["), *rest = words;
    for (const char *word, *separator = " "; (word = strsep(&rest, " ")); separator = ", ")
        list = talloc_asprintf_append(list, "%s%s", separator, quote(ctx, word));
    return talloc_asprintf_append(list, " ]");
}

// What the table knows beside the help: "One of …. From … to …. Default: …."
static char *facts_text(TALLOC_CTX *ctx, const struct option *option)
{
    const char *before = option->type == OPTION_MAP ? " Roles: " : " One of ";
    char *facts = talloc_strdup(ctx, "");
    for (size_t i = 0; option->choices && option->choices[i]; i++)
        facts = talloc_asprintf_append(facts, "%s%s%s", i ? ", " : before, option->choices[i],
                                       option->choices[i + 1] ? "" : ".");
    if (option->type == OPTION_INT)
        facts = talloc_asprintf_append(facts, " From %lld to %lld.", option->least, option->most);
    if (option->type == OPTION_DURATION)
        facts =
            talloc_asprintf_append(facts, " From \"%s\" to \"%s\".", text_format_duration(ctx, option->least),
                                   text_format_duration(ctx, option->most));
    if (option->fallback)
        facts = talloc_asprintf_append(facts, " Default: %s.", value_text(ctx, option, option->fallback));
    else if (option->required)
        facts = talloc_asprintf_append(facts, " Required.");
    return facts;
}

// Words wrapped to WIDTH columns, each line after `prefix`.
static void put_wrapped(FILE *out, const char *prefix, const char *text)
{
    while (*text) {
        size_t room = WIDTH - strlen(prefix), length = strlen(text);
        if (length > room) {
            length = room;
            while (length > 0 && text[length] != ' ')
                length--;
            if (length == 0)
                length = strcspn(text, " ");
        }
        fprintf(out, "%s%.*s\n", prefix, (int)length, text);
        text += length;
        while (*text == ' ')
            text++;
    }
}

// `comment` stands before every line of a section that is a comment as a whole.
static void put_sample_option(FILE *out, const struct option_section *section, const char *comment,
                              const char *indent, const char *name, const char *help, const char *value,
                              bool wanted)
{
    char prefix[32];
    const char *set = sample_setting(section, name);
    snprintf(prefix, sizeof prefix, "%s%s// ", comment, indent);
    put_wrapped(out, prefix, help);
    fprintf(out, "%s%s%s%s = %s;\n", comment, indent, set || (wanted && *comment) ? "" : "#", name,
            set ? set : value);
}

static void put_sample_options(FILE *out, const struct option_section *section, const char *comment,
                               const char *indent)
{
    TALLOC_CTX *scratch = talloc_new(NULL);
    for (const struct option *option = section->options; option->name; option++) {
        char *facts = facts_text(scratch, option);
        const char *text = option->fallback ? option->fallback : option->example;
        char *value = value_text(scratch, option, text);
        if (option != section->options)
            fprintf(out, "%s\n", comment);
        if (option->type != OPTION_SECRET) {
            put_sample_option(out, section, comment, indent, option->name,
                              talloc_asprintf(scratch, "%s%s", option->help, facts), value, option->required);
            continue;
        }
        for (size_t i = 0; i < sizeof secret_help / sizeof *secret_help; i++) {
            char *name = talloc_asprintf(scratch, "%s_%s", option->name, secret_help[i][0]);
            char *help = talloc_asprintf(scratch, "%s%s", option->help, secret_help[i][1]);
            const char *shown = i == 0 ? value : i == 1 ? "\"LDAPNOTIFY_SECRET\"" : "\"secret\"";
            put_sample_option(out, section, comment, indent, name, help, shown, false);
        }
    }
    talloc_free(scratch);
}

static void put_sample_section(FILE *out, const struct option_section *section)
{
    const char *comment = is_set_in_sample(section) ? "" : "#";
    fprintf(out, "\n");
    put_wrapped(out, "// ", section->help);
    if (!*section->name) {
        fprintf(out, "\n");
        put_sample_options(out, section, "", "");
        return;
    }
    fprintf(out, "%s%s = %s\n", comment, section->name, section->list ? "(" : "{");
    if (section->list)
        fprintf(out, "%s  {\n", comment);
    put_sample_options(out, section, comment, section->list ? "    " : "  ");
    if (section->list)
        fprintf(out, "%s  }\n", comment);
    fprintf(out, "%s%s;\n", comment, section->list ? ")" : "}");
}

void config_write_sample(FILE *out)
{
    fputs("// ldapnotify.conf: what ldapnotifyd watches, and whom it tells. See ldapnotify.conf(5).\n"
          "//\n"
          "// Every option is here. Those that begin with # have the value that they show, or, where no\n"
          "// default is named, an example of one. After a change: ldapnotifyd -t looks for mistakes,\n"
          "// ldapnotifyctl reload applies it.\n"
          "//\n"
          "// To begin with, set the values that are not commented out, put the password into the file that\n"
          "// bind_password_file names (chmod 600), and watch for a while what would be sent. Then set\n"
          "// live = true.\n"
          "\n"
          "// The rules: which events matter, and to whom. The path is relative to this file.\n"
          "@include \"rules.conf\"\n",
          out);
    for (const struct option_section *section = option_sections; section->name; section++)
        put_sample_section(out, section);
}

// Text that roff(7) leaves alone, each sentence on its own line. No sentence of ours begins with a dot or an
// apostrophe.
static void put_roff(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strncmp(text, ". ", 2) == 0) {
            fputs(".\n", out);
            text++;
        } else {
            fputs(*text == '\\' ? "\\e" : (char[]){ *text, '\0' }, out);
        }
    }
}

static const char *type_words(enum option_type type)
{
    switch (type) {
    case OPTION_BOOL: return "true | false";
    case OPTION_INT: return "number";
    case OPTION_DURATION: return "\\(dqduration\\(dq";
    case OPTION_LIST: return "\"[ \\(dqstring\\(dq, ... ]\"";
    case OPTION_MAP: return "\"{ role = [ \\(dqattribute\\(dq, ... ]; }\"";
    case OPTION_STRING:
    case OPTION_CHOICE:
    case OPTION_SECRET: break;
    }
    return "\\(dqstring\\(dq";
}

static void put_manual_option(FILE *out, TALLOC_CTX *scratch, const struct option *option)
{
    fprintf(out, ".It Ic %s%s No = Ar %s\n", option->name, option->type == OPTION_SECRET ? "_file" : "",
            type_words(option->type));
    for (size_t i = 1; option->type == OPTION_SECRET && i < sizeof secret_help / sizeof *secret_help; i++)
        fprintf(out, ".It Ic %s_%s No = Ar \\(dqname\\(dq\n", option->name, secret_help[i][0]);
    put_roff(out, talloc_asprintf(scratch, "%s%s", option->help, facts_text(scratch, option)));
    if (option->type == OPTION_SECRET)
        fputs("\nSee\n.Sx SECRETS .", out);
    fputs("\n", out);
    if (option->example && option->type != OPTION_SECRET) {
        // One argument, in which quotation marks are written otherwise.
        fprintf(out, "Example:\n.Li \"%s = ", option->name);
        for (const char *at = value_text(scratch, option, option->example); *at; at++)
            fputs(*at == '"' ? "\\(dq" : *at == '\\' ? "\\e" : (char[]){ *at, '\0' }, out);
        fputs(";\"\n", out);
    }
}

void config_write_manual(FILE *out)
{
    TALLOC_CTX *scratch = talloc_new(NULL);
    for (const struct option_section *section = option_sections; section->name; section++) {
        if (!*section->name)
            fputs(".Ss Outside of all groups\n", out);
        else
            fprintf(out, ".Ss %s %s\n", section->list ? "The list" : "The group", section->name);
        put_roff(out, section->help);
        fputs("\n.Bl -tag -width Ds\n", out);
        for (const struct option *option = section->options; option->name; option++)
            put_manual_option(out, scratch, option);
        fputs(".El\n", out);
    }
    talloc_free(scratch);
}
