// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "directory/flavour.h"
#include "directory/session.h"
#include "local.h"

// Looks at a server and prints a configuration that works for it, in trial mode, with what its administrator has to do.

#define SYNC_REQUEST_OID "1.3.6.1.4.1.4203.1.9.1.1" // RFC 4533 §2.2

static const char *pick_base(const struct session *session, const char *wanted)
{
    const struct attribute *contexts = entry_attribute(session_root_dse(session), "namingContexts");
    if (wanted)
        return wanted;
    for (size_t i = 0; contexts && i < contexts->count; i++) {
        const char *context = contexts->values[i].data;
        if (strncasecmp(context, "cn=", 3) != 0) // cn=config, cn=accesslog, cn=monitor
            return context;
    }
    return NULL;
}

// A libconfig string: quotes and backslashes escaped.
static char *quote(TALLOC_CTX *ctx, const char *text)
{
    char *quoted = talloc_strdup(ctx, "\"");
    for (; *text; text++)
        quoted = talloc_asprintf_append(quoted, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    return talloc_strdup_append(quoted, "\"");
}

// The lines about TLS that this server needs; what is not printed has its default.
static char *describe_tls(TALLOC_CTX *ctx, const struct config_directory *directory)
{
    char *lines = talloc_strdup(ctx, "");
    bool by_scheme = strncmp(directory->uri.items[0], "ldap://", 7) != 0; // ldaps:// and ldapi:// say it themselves
    if (!by_scheme && directory->tls == CONFIG_TLS_STARTTLS)
        lines = talloc_strdup_append(lines, "    tls = \"starttls\";\n");
    else if (!by_scheme)
        lines = talloc_strdup_append(lines, "    tls = \"none\";  // CHANGE: the password crosses the network in the clear\n");
    if (directory->tls_ca_file)
        lines = talloc_asprintf_append(lines, "    tls_ca_file = %s;\n", quote(ctx, directory->tls_ca_file));
    return lines;
}

static void print_configuration(struct invocation *invocation, const struct config_directory *directory, const char *base,
                                const char *dn, const char *flavour)
{
    TALLOC_CTX *ctx = invocation->ctx;
    const char *secret = directory->bind_password.file ? directory->bind_password.file : SYSCONFDIR "/ldapnotify/main.secret";
    printf("// For %s (%s). Save it as " SYSCONFDIR "/ldapnotify/ldapnotify.conf, then:\n"
           "//   ldapnotifyd -t                  checks it\n"
           "//   ldapnotifyctl test-directory    connects and says what the account sees\n"
           "// Nothing is sent while live is false: messages go to the folder trial in state_dir.\n"
           "live = false;\n\n"
           "mail = {\n"
           "  from = \"no-reply@example.com\";            // CHANGE: the sender\n"
           "  from_name = \"Directory\";\n"
           "  admins = [ \"root@example.com\" ];          // CHANGE: who looks after this service\n"
           "};\n\n"
           "transports = (\n"
           "  { name = \"default\"; type = \"smtp\"; hosts = \"localhost\"; tls = \"none\"; }  // CHANGE: your relay\n"
           ");\n\n"
           "directories = (\n"
           "  { name = \"main\";\n    uri = [ %s ];\n    base = %s;\n    flavour = \"%s\";\n    bind_dn = %s;\n"
           "    bind_password_file = %s;  // mode 0600, owned by ldapnotify\n%s  }\n);\n\n"
           "@include \"rules.conf\"\n",
           directory->uri.items[0], flavour, quote(ctx, directory->uri.items[0]), quote(ctx, base), flavour, quote(ctx, dn),
           quote(ctx, secret), describe_tls(ctx, directory));
}

// Comments, for cn=config; ldapmodify takes them as they are once the slashes are gone.
static void print_server_advice(const char *base, const char *dn, bool has_sync)
{
    if (!has_sync)
        printf("\n// This server does not offer content synchronisation (RFC 4533). On OpenLDAP load the overlay syncprov\n"
               "// on the database of %s:\n"
               "//   dn: cn=module{0},cn=config\n"
               "//   changetype: modify\n"
               "//   add: olcModuleLoad\n"
               "//   olcModuleLoad: syncprov\n"
               "//\n"
               "//   dn: olcOverlay=syncprov,olcDatabase={1}mdb,cn=config\n"
               "//   changetype: add\n"
               "//   objectClass: olcSyncProvConfig\n"
               "//   olcOverlay: syncprov\n"
               "//   olcSpCheckpoint: 100 5\n"
               "//   olcSpSessionlog: 10000\n",
               base);
    printf("\n// The account must be able to read every entry that matters, without a limit. On OpenLDAP, before the rules\n"
           "// that are there:\n"
           "//   dn: olcDatabase={1}mdb,cn=config\n"
           "//   changetype: modify\n"
           "//   add: olcLimits\n"
           "//   olcLimits: dn.exact=\"%s\" size=unlimited time=unlimited\n"
           "//   -\n"
           "//   add: olcAccess\n"
           "//   olcAccess: {0}to attrs=userPassword by dn.exact=\"%s\" none by * break\n"
           "//   olcAccess: {1}to * by dn.exact=\"%s\" read by * break\n",
           dn, dn, dn);
}

static int look_at(struct invocation *invocation, struct config_directory *directory, const char *wanted_base)
{
    struct error err = { 0 };
    struct session *session = session_new(invocation->ctx, directory, NULL);
    if (session_open(session, &err) < 0)
        return complain(EXIT_FAILED, "%s", err.text);
    const char *base = pick_base(session, wanted_base);
    if (!base) {
        session_close(session);
        return complain(EXIT_FAILED, "the server names no naming context to anonymous readers; say --base DN");
    }
    const char *dn = directory->bind_dn ? directory->bind_dn : talloc_asprintf(invocation->ctx, "cn=ldapnotify,%s", base);
    print_configuration(invocation, directory, base, dn, flavour_detect(session_root_dse(session)));
    print_server_advice(base, dn, session_supports(session, SYNC_REQUEST_OID));
    session_close(session);
    return EXIT_DONE;
}

// The reader's words without the place in the text that we have made up ourselves.
static const char *bare_words(const char *text)
{
    static const char section[] = "directories.";
    const char *found = strstr(text, section);
    return found ? found + strlen(section) : text;
}

static int run_init(struct invocation *invocation)
{
    const char *bind_dn = option_value(invocation, "--bind-dn"), *file = option_value(invocation, "--password-file");
    const char *base = option_value(invocation, "--base"), *ca = option_value(invocation, "--ca-file");
    bool starttls = option_flag(invocation, "--starttls");
    const char *uri = next_word(invocation);
    if (!uri || !bind_dn != !file)
        return usage(&command_init);
    if (words_done(invocation, &command_init) != EXIT_DONE)
        return EXIT_USAGE;

    // The reader of configurations knows what a URI and a secret must look like.
    TALLOC_CTX *ctx = invocation->ctx;
    struct error err = { 0 };
    char *text = talloc_asprintf(ctx, "directories = ( { name = \"main\"; uri = %s; base = %s; auth = \"%s\"; tls = \"%s\";",
                                 quote(ctx, uri), quote(ctx, base ? base : "dc=example"), bind_dn ? "simple" : "anonymous",
                                 starttls ? "starttls" : "none");
    if (bind_dn)
        text = talloc_asprintf_append(text, " bind_dn = %s; bind_password_file = %s;", quote(ctx, bind_dn), quote(ctx, file));
    if (ca)
        text = talloc_asprintf_append(text, " tls_ca_file = %s;", quote(ctx, ca));
    text = talloc_strdup_append(text, " } );");
    struct config *config = config_read_slice(ctx, text, &err);
    if (!config || config_load_secrets(config, &err) < 0)
        return complain(EXIT_USAGE, "%s", bare_words(err.text));
    return look_at(invocation, &config->directories[0], base);
}

const struct command command_init = {
    "init", "URI [--base DN] [--bind-dn DN --password-file FILE] [--starttls] [--ca-file FILE]",
    "Looks at a server and prints a working configuration for it.", run_init
};
