// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "reader.h"

// What the option table cannot say of one option alone.

#define PROBLEM(reader, field, element, ...)                                                                 \
    reader_problem((reader), reader_origin((reader), (field), (element)), __VA_ARGS__)

static const char *domain_of(const char *address)
{
    const char *at = address ? strrchr(address, '@') : NULL;
    return at ? at + 1 : NULL;
}

// The domain of the first address that messages may come from. Without one nothing can be sent, only tried.
static const char *message_domain(const struct config *config)
{
    const char *domain = domain_of(config->mail.from);
    for (size_t i = 0; !domain && i < config->transport_count; i++)
        domain = domain_of(config->transports[i].from);
    for (size_t i = 0; !domain && i < config->directory_count; i++)
        domain = domain_of(config->directories[i].from);
    return domain ? domain : "ldapnotify.invalid";
}

void config_derive(struct reader *reader)
{
    struct config *config = reader->config;
    if (!config->control.socket && config->run_dir)
        config->control.socket = talloc_asprintf(config, "%s/control.sock", config->run_dir);
    if (!config->mail.message_domain)
        config->mail.message_domain = talloc_strdup(config, message_domain(config));
    if (!config->mail.list_id)
        config->mail.list_id = talloc_asprintf(config, "<ldapnotify.%s>", config->mail.message_domain);
    for (size_t i = 0; i < config->rule_count; i++)
        if (!config->rules[i].name)
            config->rules[i].name = talloc_asprintf(config->rules, "rule-%zu", i + 1);
}

// Elements of every list of groups begin with their name, but for subjects, which have none.
static void check_duplicates(struct reader *reader, const char *what, const void *elements, size_t count,
                             size_t size, size_t name_offset)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i; k++) {
            const void *element = at_offset(elements, i * size), *earlier = at_offset(elements, k * size);
            char *const *name = at_offset(element, name_offset);
            char *const *other = at_offset(earlier, name_offset);
            if (!*name || !*other || strcmp(*name, *other) != 0)
                continue;
            struct place place = reader_origin(reader, other, earlier);
            PROBLEM(reader, name, element, "there is a %s \"%s\" already, at %s:%u", what, *name, place.file,
                    place.line);
            break;
        }
}

static void check_order(struct reader *reader, const char *section, const char *less, const int64_t *low,
                        const char *more, const int64_t *high, const void *element)
{
    if (*low > *high)
        PROBLEM(reader, low, element, "%s.%s is longer than %s", section, less, more);
}

static void check_key_pair(struct reader *reader, const char *section, char *const *certificate,
                           char *const *key, const void *element)
{
    if (*certificate && !*key)
        PROBLEM(reader, certificate, element, "%s.tls_cert_file needs tls_key_file beside it", section);
    if (!*certificate && *key)
        PROBLEM(reader, key, element, "%s.tls_key_file needs tls_cert_file beside it", section);
}

static bool secret_is_given(const struct config_secret *secret)
{
    return secret->file || secret->environment || secret->credential;
}

static void check_transport(struct reader *reader, const struct config_transport *transport)
{
    bool smtp = transport->type == CONFIG_TRANSPORT_SMTP;
    if (smtp && !transport->hosts)
        PROBLEM(reader, transport, NULL,
                "transports.hosts is missing: type \"smtp\" needs a relay to send to");
    if (smtp && transport->path)
        PROBLEM(reader, &transport->path, transport, "transports.path is for type \"maildir\" only");
    if (!smtp && !transport->path)
        PROBLEM(reader, transport, NULL, "transports.path is missing: type \"maildir\" needs a folder");
    if (!smtp && transport->hosts)
        PROBLEM(reader, &transport->hosts, transport, "transports.hosts is for type \"smtp\" only");
    if (transport->user && !secret_is_given(&transport->password))
        PROBLEM(reader, &transport->user, transport,
                "transports.user needs a password: password_file, password_env or password_credential");
    if (!transport->user && secret_is_given(&transport->password))
        PROBLEM(reader, &transport->password, transport,
                "transports.user is missing: there is a password and nobody to log in");
    check_key_pair(reader, "transports", &transport->tls_cert_file, &transport->tls_key_file, transport);
    check_order(reader, "transports", "retry_first", &transport->retry_first, "retry_most",
                &transport->retry_most, transport);
    check_order(reader, "transports", "retry_first", &transport->retry_first, "lifetime",
                &transport->lifetime, transport);
}

static bool is_local(const struct config_directory *directory)
{
    for (size_t i = 0; i < directory->uri.count; i++)
        if (strncmp(directory->uri.items[i], "ldapi:", 6) != 0)
            return false;
    return true;
}

static void check_login(struct reader *reader, const struct config_directory *directory)
{
    bool password = secret_is_given(&directory->bind_password);
    switch (directory->auth) {
    case CONFIG_AUTH_SIMPLE:
        if (!directory->bind_dn)
            PROBLEM(reader, &directory->auth, directory,
                    "directories.bind_dn is missing: auth \"simple\" needs it and a password; for no login "
                    "at all write auth = \"anonymous\"");
        else if (!password)
            PROBLEM(reader, &directory->bind_dn, directory,
                    "directories.bind_dn needs a password: bind_password_file, bind_password_env or "
                    "bind_password_credential");
        return;
    case CONFIG_AUTH_EXTERNAL:
        if (!directory->tls_cert_file && !is_local(directory))
            PROBLEM(reader, &directory->auth, directory,
                    "directories.auth \"external\" needs tls_cert_file and tls_key_file, or an ldapi:// URI");
        break;
    default:
        break;
    }
    if (password)
        PROBLEM(reader, &directory->bind_password, directory,
                "directories.bind_password is for auth \"simple\" only");
    if (directory->bind_dn)
        PROBLEM(reader, &directory->bind_dn, directory, "directories.bind_dn is for auth \"simple\" only");
}

static void check_directory(struct reader *reader, const struct config_directory *directory)
{
    check_login(reader, directory);
    bool gssapi = directory->auth == CONFIG_AUTH_GSSAPI;
    if (directory->keytab && !gssapi)
        PROBLEM(reader, &directory->keytab, directory, "directories.keytab is for auth \"gssapi\" only");
    if (directory->principal && !gssapi)
        PROBLEM(reader, &directory->principal, directory,
                "directories.principal is for auth \"gssapi\" only");
    if (directory->principal && gssapi && !directory->keytab)
        PROBLEM(reader, &directory->principal, directory, "directories.principal needs keytab");
    check_key_pair(reader, "directories", &directory->tls_cert_file, &directory->tls_key_file, directory);
    check_order(reader, "directories", "reconnect_first", &directory->reconnect_first, "reconnect_most",
                &directory->reconnect_most, directory);
}

static bool has_admins(const struct config *config)
{
    bool everywhere = config->directory_count > 0;
    for (size_t i = 0; i < config->directory_count; i++)
        everywhere = everywhere && config->directories[i].admins.count > 0;
    return config->mail.admins.count > 0 || everywhere;
}

static void check_admins(struct reader *reader, const struct config_rule *rule, const char *name,
                         const struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], "admins") == 0 && !has_admins(reader->config))
            PROBLEM(reader, list, rule, "rules.%s names the role admins, but mail.admins is not set", name);
}

static const char *nearest_directory(TALLOC_CTX *ctx, const struct config *config, const char *name)
{
    const char **names = talloc_zero_array(ctx, const char *, config->directory_count + 1);
    for (size_t i = 0, count = 0; names && i < config->directory_count; i++)
        if (config->directories[i].name)
            names[count++] = config->directories[i].name;
    return names ? text_nearest(name, names) : NULL;
}

static const char *nearest_transport(TALLOC_CTX *ctx, const struct config *config, const char *name)
{
    const char **names = talloc_zero_array(ctx, const char *, config->transport_count + 1);
    for (size_t i = 0, count = 0; names && i < config->transport_count; i++)
        if (config->transports[i].name)
            names[count++] = config->transports[i].name;
    return names ? text_nearest(name, names) : NULL;
}

// A name that stands for nothing, with the nearest one that does.
static void unknown_reference(struct reader *reader, const void *field, const struct config_rule *rule,
                              const char *option, const char *name, const char *nearest)
{
    PROBLEM(reader, field, rule, "rules.%s: there is no \"%s\"%s%s%s", option, name,
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static void check_rule(struct reader *reader, const struct config_rule *rule)
{
    const struct config *config = reader->config;
    TALLOC_CTX *scratch = talloc_new(NULL);
    size_t positive = 0;
    for (size_t i = 0; i < rule->on.count; i++)
        positive += rule->on.items[i][0] != '!';
    if (rule->on.count > 0 && positive == 0)
        PROBLEM(reader, &rule->on, rule,
                "rules.on takes events out of nothing; begin with those that the rule is for, such "
                "as \"user.*\"");
    for (size_t i = 0; i < rule->directories.count; i++) {
        const char *name = rule->directories.items[i];
        if (!config_directory_find(config, name))
            unknown_reference(reader, &rule->directories, rule, "directories", name,
                              nearest_directory(scratch, config, name));
    }
    if (rule->transport && !config_transport_find(config, rule->transport))
        unknown_reference(reader, &rule->transport, rule, "transport", rule->transport,
                          nearest_transport(scratch, config, rule->transport));
    check_admins(reader, rule, "to", &rule->to);
    check_admins(reader, rule, "cc", &rule->cc);
    check_admins(reader, rule, "fallback", &rule->fallback);
    talloc_free(scratch);
}

// Every message needs a sender: of its transport, its directory, or of all mail.
static void check_sender(struct reader *reader)
{
    const struct config *config = reader->config;
    bool transports = config->transport_count > 0, directories = config->directory_count > 0;
    for (size_t i = 0; i < config->transport_count; i++)
        transports = transports && config->transports[i].from;
    for (size_t i = 0; i < config->directory_count; i++)
        directories = directories && config->directories[i].from;
    if (config->live && !config->mail.from && !transports && !directories)
        PROBLEM(reader, &config->live, NULL,
                "mail.from is missing: while live is true messages need a sender");
}

void config_check(struct reader *reader)
{
    const struct config *config = reader->config;
    check_duplicates(reader, "transport", config->transports, config->transport_count,
                     sizeof *config->transports, offsetof(struct config_transport, name));
    check_duplicates(reader, "directory", config->directories, config->directory_count,
                     sizeof *config->directories, offsetof(struct config_directory, name));
    check_duplicates(reader, "rule", config->rules, config->rule_count, sizeof *config->rules,
                     offsetof(struct config_rule, name));
    for (size_t i = 0; i < config->transport_count; i++)
        check_transport(reader, &config->transports[i]);
    for (size_t i = 0; i < config->directory_count; i++)
        check_directory(reader, &config->directories[i]);
    for (size_t i = 0; i < config->rule_count; i++)
        check_rule(reader, &config->rules[i]);
    if (config->directory_count == 0)
        PROBLEM(reader, config, NULL, "there are no directories: nothing to watch");
    if (config->rule_count > 0 && config->transport_count == 0)
        PROBLEM(reader, config->rules, NULL, "there are rules and no transports: messages have no way out");
    if (config->log.target == CONFIG_LOG_FILE && !config->log.file)
        PROBLEM(reader, &config->log.target, NULL, "log.file is missing: log.target is \"file\"");
    check_sender(reader);
}
