// SPDX-License-Identifier: Apache-2.0
#include "config/options.h"

#include "base/clock.h"
#include "config/config.h"

#define AT(structure, field) .offset = offsetof(struct structure, field)

static const char *const log_targets[] = { "auto", "stderr", "syslog", "journal", "file", NULL };
static const char *const log_levels[] = { "error", "warning", "notice", "info", "debug", NULL };
static const char *const tls_modes[] = { "none", "starttls", "implicit", NULL };
static const char *const directory_tls_modes[] = { "none", "starttls", NULL };
static const char *const tls_versions[] = { "1.2", "1.3", NULL };
static const char *const auth_methods[] = { "simple", "external", "gssapi", "anonymous", NULL };
static const char *const transport_types[] = { "smtp", "maildir", NULL };
static const char *const sources[] = { "auto", "syncrepl", NULL };
static const char *const flavours[] = { "auto", "openldap", "rfc2307", "389ds", "ad", NULL };
static const char *const flavour_roles[] = {
    "member", "owner", "manager", "locked_time", "password_time", "password_reset", "password_policy",
    "lockout_duration", "uid", "name", "language", "modifier", "creator", "csn", NULL,
};

#define DAYS(n) ((n) * (long long)CLOCK_DAY)
#define COUNT_MOST 1000000000

static const struct option top_options[] = {
    { .name = "live", .type = OPTION_BOOL, AT(config, live), .fallback = "false",
      .help = "Whether messages leave the machine. While false (a trial) everything is decided, rendered into a "
              "Maildir below state_dir and listed, and nothing is sent." },
    { .name = "user", .type = OPTION_STRING, AT(config, user), .form = FORM_USER, .fallback = "ldapnotify",
      .help = "The account that the workers run as when the daemon is started by root." },
    { .name = "group", .type = OPTION_STRING, AT(config, group), .form = FORM_USER, .example = "ldapnotify",
      .help = "The group that the workers run as. Left out, it is the primary group of that user." },
    { .name = "state_dir", .type = OPTION_STRING, AT(config, state_dir), .form = FORM_PATH,
      .fallback = "/var/lib/ldapnotify",
      .help = "Where the stores are kept: what is known of each directory, and the messages that wait. It must "
              "survive a restart of the machine, and belongs into the backup." },
    { .name = "run_dir", .type = OPTION_STRING, AT(config, run_dir), .form = FORM_PATH, .fallback = "/run/ldapnotify",
      .help = "Where sockets are made. It may be empty after a restart of the machine." },
    { .name = "pid_file", .type = OPTION_STRING, AT(config, pid_file), .form = FORM_PATH, .scope = SCOPE_SUPERVISOR,
      .example = "/run/ldapnotify/ldapnotifyd.pid",
      .help = "A file for the process number of the daemon, for init scripts. Left out, a daemon in the background has "
              "ldapnotifyd.pid in the system's own place (/run), and one in the foreground has none; systemd needs none." },
    { .name = "template_dir", .type = OPTION_STRING, AT(config, template_dir), .form = FORM_PATH,
      .fallback = SYSCONFDIR "/ldapnotify/templates",
      .help = "Where the templates of the messages are: one folder for each language." },
    { .name = NULL },
};

static const struct option log_options[] = {
    { .name = "target", .type = OPTION_CHOICE, AT(config_log, target), .choices = log_targets, .fallback = "auto",
      .help = "Where log lines go. auto is the journal when systemd has started the daemon, standard error when it runs "
              "in the foreground, and syslog otherwise." },
    { .name = "file", .type = OPTION_STRING, AT(config_log, file), .form = FORM_PATH,
      .example = "/var/log/ldapnotify.log",
      .help = "The file for target = \"file\". It is opened again by itself when it was moved away, so logrotate needs "
              "no signal." },
    { .name = "level", .type = OPTION_CHOICE, AT(config_log, level), .choices = log_levels, .fallback = "info",
      .help = "The least important lines that are still written; debug tells what every decision was made from." },
    { .name = NULL },
};

static const struct option mail_options[] = {
    { .name = "from", .type = OPTION_STRING, AT(config_mail, from), .form = FORM_ADDRESS,
      .example = "no-reply@example.com",
      .help = "The address that messages come from. Needed before live may be true." },
    { .name = "from_name", .type = OPTION_STRING, AT(config_mail, from_name), .example = "Example directory",
      .help = "The name shown beside that address." },
    { .name = "envelope_from", .type = OPTION_STRING, AT(config_mail, envelope_from), .form = FORM_ADDRESS,
      .example = "bounces@example.com",
      .help = "The address that bounces go to; have somebody or something read it. Left out, it is from." },
    { .name = "reply_to", .type = OPTION_STRING, AT(config_mail, reply_to), .form = FORM_ADDRESS,
      .example = "helpdesk@example.com", .help = "The address that answers go to. Left out, they go to from." },
    { .name = "admins", .type = OPTION_LIST, AT(config_mail, admins), .form = FORM_ADDRESS, .example = "it@example.com",
      .help = "Who hears of the system itself (a directory that refuses the login, a storm that was held back), and who "
              "is meant by the role admins in rules." },
    { .name = "password_portal_url", .type = OPTION_STRING, AT(config_mail, password_portal_url), .form = FORM_URL,
      .example = "https://password.example.com/",
      .help = "Where people change their password; messages about locks and passwords link to it." },
    { .name = "action_url", .type = OPTION_STRING, AT(config_mail, action_url), .form = FORM_URL,
      .example = "https://directory.example.com/", .help = "Where people look at groups and accounts; messages link to it." },
    { .name = "redirect_to", .type = OPTION_STRING, AT(config_mail, redirect_to), .form = FORM_ADDRESS,
      .example = "test@example.com",
      .help = "For tests: every message goes to this address instead of its recipient, who is named in the header "
              "X-LdapNotify-Intended-For." },
    { .name = "message_domain", .type = OPTION_STRING, AT(config_mail, message_domain), .form = FORM_HOST,
      .example = "example.com", .help = "The right side of every Message-ID. Left out, it is the domain of from." },
    { .name = "list_id", .type = OPTION_STRING, AT(config_mail, list_id), .form = FORM_LIST_ID,
      .example = "<ldapnotify.example.com>",
      .help = "The header List-Id (RFC 2919), by which people sort these messages. Left out, it is ldapnotify and "
              "message_domain." },
    { .name = "language", .type = OPTION_STRING, AT(config_mail, language), .form = FORM_LANGUAGE, .fallback = "en",
      .help = "The language for recipients whose entry names none." },
    { .name = "digest_wait", .type = OPTION_DURATION, AT(config_mail, digest_wait), .fallback = "0", .most = DAYS(30),
      .help = "How long news for one recipient is gathered into one message, counted from the first; 0 sends each at "
              "once. Opposite changes within that time cancel each other." },
    { .name = "max_event_age", .type = OPTION_DURATION, AT(config_mail, max_event_age), .fallback = "3d",
      .most = DAYS(3650),
      .help = "News older than this when it could be sent is kept in the history and not sent any more; 0 sends however "
              "old it is." },
    { .name = NULL },
};

static const struct option storm_options[] = {
    { .name = "per_transaction", .type = OPTION_INT, AT(config_storm, per_transaction), .fallback = "500",
      .most = COUNT_MOST,
      .help = "A rule that would make more notifications than this out of one batch of changes is held back until an "
              "administrator releases or discards them (ldapnotifyctl storm); 0 sets no limit." },
    { .name = "per_minute", .type = OPTION_INT, AT(config_storm, per_minute), .fallback = "1000", .most = COUNT_MOST,
      .help = "The same for one rule within any 60 seconds; 0 sets no limit." },
    { .name = NULL },
};

static const struct option control_options[] = {
    { .name = "socket", .type = OPTION_STRING, AT(config_control, socket), .form = FORM_PATH, .scope = SCOPE_CONTROL,
      .example = "/run/ldapnotify/control.sock",
      .help = "The Unix socket that ldapnotifyctl talks to. Left out, it is control.sock in run_dir." },
    { .name = "operators", .type = OPTION_LIST, AT(config_control, operators), .form = FORM_PEER, .scope = SCOPE_CONTROL,
      .example = "[ \"alice\", \"@directory-admins\" ]",
      .help = "Users and @groups of this machine who may look at everything and give commands. root and the daemon's own "
              "user always may." },
    { .name = "readers", .type = OPTION_LIST, AT(config_control, readers), .form = FORM_PEER, .scope = SCOPE_CONTROL,
      .example = "nagios", .help = "Users and @groups of this machine who may look, and change nothing." },
    { .name = NULL },
};

static const struct option transport_options[] = {
    { .name = "name", .type = OPTION_STRING, AT(config_transport, name), .form = FORM_NAME, .required = true,
      .example = "default", .help = "What rules and listings call it: small letters, digits and hyphens." },
    { .name = "type", .type = OPTION_CHOICE, AT(config_transport, type), .choices = transport_types, .fallback = "smtp",
      .help = "smtp gives messages to a mail relay; maildir writes them into a folder." },
    { .name = "hosts", .type = OPTION_STRING, AT(config_transport, hosts), .form = FORM_HOSTS, .scope = SCOPE_TRANSPORT,
      .example = "relay1.example.com;relay2.example.com:587",
      .help = "Mail relays, separated by semicolons and tried in this order, each with its port if that is not 25 (465 "
              "with tls = \"implicit\"). IPv6 addresses are written in brackets." },
    { .name = "tls", .type = OPTION_CHOICE, AT(config_transport, tls), .choices = tls_modes, .scope = SCOPE_TRANSPORT,
      .fallback = "starttls",
      .help = "starttls goes on only if the relay agrees to encrypt; implicit encrypts from the first octet (port 465); "
              "none sends in the clear." },
    { .name = "tls_verify", .type = OPTION_BOOL, AT(config_transport, tls_verify), .scope = SCOPE_TRANSPORT,
      .fallback = "true", .help = "Whether the relay's certificate must be valid and bear its name." },
    { .name = "tls_ca_file", .type = OPTION_STRING, AT(config_transport, tls_ca_file), .form = FORM_PATH,
      .scope = SCOPE_TRANSPORT, .example = "/etc/ssl/certs/example-ca.pem",
      .help = "Certificates (PEM) of the authorities to trust. Left out, those of the system are trusted." },
    { .name = "tls_cert_file", .type = OPTION_STRING, AT(config_transport, tls_cert_file), .form = FORM_PATH,
      .scope = SCOPE_TRANSPORT, .example = "/etc/ldapnotify/relay.crt",
      .help = "The certificate (PEM) to show to the relay. Needs tls_key_file." },
    { .name = "tls_key_file", .type = OPTION_STRING, AT(config_transport, tls_key_file), .form = FORM_PATH,
      .scope = SCOPE_TRANSPORT, .example = "/etc/ldapnotify/relay.key",
      .help = "The private key (PEM) of that certificate. The daemon's user must be able to read it." },
    { .name = "tls_min_version", .type = OPTION_CHOICE, AT(config_transport, tls_min_version), .choices = tls_versions,
      .scope = SCOPE_TRANSPORT, .fallback = "1.2", .help = "The oldest version of TLS to accept." },
    { .name = "user", .type = OPTION_STRING, AT(config_transport, user), .scope = SCOPE_TRANSPORT,
      .example = "ldapnotify@example.com", .help = "The name to log in with at the relay. Left out, there is no login." },
    { .name = "password", .type = OPTION_SECRET, AT(config_transport, password), .scope = SCOPE_TRANSPORT,
      .example = "/etc/ldapnotify/relay.secret", .help = "The password that belongs to user." },
    { .name = "helo", .type = OPTION_STRING, AT(config_transport, helo), .form = FORM_HOST, .scope = SCOPE_TRANSPORT,
      .example = "directory.example.com",
      .help = "The name by which the daemon greets the relay. Left out, it is the name of this machine." },
    { .name = "connect_timeout", .type = OPTION_DURATION, AT(config_transport, connect_timeout),
      .scope = SCOPE_TRANSPORT, .fallback = "30s", .least = CLOCK_SECOND, .most = CLOCK_HOUR,
      .help = "How long a connection and its TLS may take before the next host is tried." },
    { .name = "send_timeout", .type = OPTION_DURATION, AT(config_transport, send_timeout), .scope = SCOPE_TRANSPORT,
      .fallback = "5m", .least = CLOCK_SECOND, .most = CLOCK_HOUR,
      .help = "How long one message may take from the connection to the relay's last word." },
    { .name = "connections", .type = OPTION_INT, AT(config_transport, connections), .scope = SCOPE_TRANSPORT,
      .fallback = "4", .least = 1, .most = 1000,
      .help = "At most so many connections at once. Microsoft 365 allows 3." },
    { .name = "messages_per_connection", .type = OPTION_INT, AT(config_transport, messages_per_connection),
      .scope = SCOPE_TRANSPORT, .fallback = "0", .most = COUNT_MOST,
      .help = "A connection is closed after so many messages; 0 sets no limit." },
    { .name = "messages_per_minute", .type = OPTION_INT, AT(config_transport, messages_per_minute),
      .scope = SCOPE_TRANSPORT, .fallback = "0", .most = COUNT_MOST,
      .help = "At most so many messages in any 60 seconds; 0 sets no limit. Microsoft 365 allows 30." },
    { .name = "retry_first", .type = OPTION_DURATION, AT(config_transport, retry_first), .scope = SCOPE_TRANSPORT,
      .fallback = "1m", .least = CLOCK_SECOND, .most = DAYS(1),
      .help = "The wait after the first attempt that failed for a time; it doubles with each one." },
    { .name = "retry_most", .type = OPTION_DURATION, AT(config_transport, retry_most), .scope = SCOPE_TRANSPORT,
      .fallback = "1h", .least = CLOCK_SECOND, .most = DAYS(7), .help = "The longest wait between two attempts." },
    { .name = "lifetime", .type = OPTION_DURATION, AT(config_transport, lifetime), .scope = SCOPE_TRANSPORT,
      .fallback = "2d", .least = CLOCK_MINUTE, .most = DAYS(30),
      .help = "A message that has not been accepted after this long has failed for good." },
    { .name = "path", .type = OPTION_STRING, AT(config_transport, path), .form = FORM_PATH, .scope = SCOPE_TRANSPORT,
      .example = "/var/lib/ldapnotify/outgoing",
      .help = "The folder for type = \"maildir\". It is made if its parent exists." },
    { .name = "from", .type = OPTION_STRING, AT(config_transport, from), .form = FORM_ADDRESS,
      .example = "directory@example.org", .help = "Instead of the one in mail, for messages that go this way." },
    { .name = "from_name", .type = OPTION_STRING, AT(config_transport, from_name), .example = "Directory of Example",
      .help = "Instead of the one in mail." },
    { .name = "envelope_from", .type = OPTION_STRING, AT(config_transport, envelope_from), .form = FORM_ADDRESS,
      .example = "bounces@example.org", .help = "Instead of the one in mail." },
    { .name = "reply_to", .type = OPTION_STRING, AT(config_transport, reply_to), .form = FORM_ADDRESS,
      .example = "helpdesk@example.org", .help = "Instead of the one in mail." },
    { .name = "redirect_to", .type = OPTION_STRING, AT(config_transport, redirect_to), .form = FORM_ADDRESS,
      .example = "test@example.org", .help = "Instead of the one in mail." },
    { .name = "password_portal_url", .type = OPTION_STRING, AT(config_transport, password_portal_url),
      .form = FORM_URL, .example = "https://password.example.org/", .help = "Instead of the one in mail." },
    { .name = "action_url", .type = OPTION_STRING, AT(config_transport, action_url), .form = FORM_URL,
      .example = "https://directory.example.org/", .help = "Instead of the one in mail." },
    { .name = "digest_wait", .type = OPTION_DURATION, AT(config_transport, digest_wait), .most = DAYS(30),
      .example = "5m", .help = "Instead of the one in mail or of the directory." },
    { .name = NULL },
};

static const struct option directory_options[] = {
    { .name = "name", .type = OPTION_STRING, AT(config_directory, name), .form = FORM_NAME, .required = true,
      .example = "corp",
      .help = "What rules, listings and the numbers of events (corp-1842) call it: small letters, digits and hyphens, at "
              "most 32. A new name is a new directory: it starts from nothing." },
    { .name = "uri", .type = OPTION_LIST, AT(config_directory, uri), .form = FORM_URI, .scope = SCOPE_DIRECTORY,
      .required = true, .example = "[ \"ldaps://ldap1.example.com\", \"ldaps://ldap2.example.com\" ]",
      .help = "Servers that hold the same data, tried in this order: ldaps://HOST, ldap://HOST or ldapi://%2Frun%2Fslapd%2Fldapi, "
              "with :PORT where it is not the usual one." },
    { .name = "base", .type = OPTION_STRING, AT(config_directory, base), .form = FORM_DN, .required = true,
      .example = "dc=example,dc=com", .help = "The entry below which everything is watched." },
    { .name = "filter", .type = OPTION_STRING, AT(config_directory, filter), .form = FORM_FILTER,
      .fallback = "(objectClass=*)",
      .help = "Which entries are watched (RFC 4515). People whom a message may concern must be among them, for their "
              "addresses are taken from there." },
    { .name = "auth", .type = OPTION_CHOICE, AT(config_directory, auth), .choices = auth_methods,
      .scope = SCOPE_DIRECTORY, .fallback = "simple",
      .help = "How to log in: simple with bind_dn and a password; external by the TLS certificate, or by the user on "
              "ldapi; gssapi with Kerberos; or anonymous." },
    { .name = "bind_dn", .type = OPTION_STRING, AT(config_directory, bind_dn), .form = FORM_DN, .scope = SCOPE_DIRECTORY,
      .example = "cn=ldapnotify,ou=services,dc=example,dc=com",
      .help = "Who logs in. It must be able to read every entry that matters, and the server must set no size or time "
              "limit for it; it needs no right to write." },
    { .name = "bind_password", .type = OPTION_SECRET, AT(config_directory, bind_password), .scope = SCOPE_DIRECTORY,
      .example = "/etc/ldapnotify/corp.secret", .help = "The password that belongs to bind_dn." },
    { .name = "sasl_authzid", .type = OPTION_STRING, AT(config_directory, sasl_authzid), .scope = SCOPE_DIRECTORY,
      .example = "dn:cn=ldapnotify,ou=services,dc=example,dc=com",
      .help = "With external or gssapi: whom to act as, if not oneself." },
    { .name = "sasl_realm", .type = OPTION_STRING, AT(config_directory, sasl_realm), .scope = SCOPE_DIRECTORY,
      .example = "EXAMPLE.COM", .help = "With gssapi: the realm, if not the usual one." },
    { .name = "keytab", .type = OPTION_STRING, AT(config_directory, keytab), .form = FORM_PATH,
      .scope = SCOPE_DIRECTORY, .example = "/etc/ldapnotify/ldapnotify.keytab",
      .help = "With gssapi: the key table to get tickets from. The daemon's user must be able to read it." },
    { .name = "principal", .type = OPTION_STRING, AT(config_directory, principal), .scope = SCOPE_DIRECTORY,
      .example = "ldapnotify/directory.example.com@EXAMPLE.COM",
      .help = "With gssapi: which principal of the key table to be. Left out, it is the first one." },
    { .name = "tls", .type = OPTION_CHOICE, AT(config_directory, tls), .choices = directory_tls_modes,
      .scope = SCOPE_DIRECTORY, .fallback = "starttls",
      .help = "For ldap:// only: starttls goes on only if the server agrees to encrypt; none sends everything, the password "
              "too, in the clear. ldaps:// is always encrypted, ldapi:// never." },
    { .name = "tls_verify", .type = OPTION_BOOL, AT(config_directory, tls_verify), .scope = SCOPE_DIRECTORY,
      .fallback = "true", .help = "Whether the server's certificate must be valid and bear its name." },
    { .name = "tls_ca_file", .type = OPTION_STRING, AT(config_directory, tls_ca_file), .form = FORM_PATH,
      .scope = SCOPE_DIRECTORY, .example = "/etc/ssl/certs/example-ca.pem",
      .help = "Certificates (PEM) of the authorities to trust. Left out, those of ldap.conf(5) or of the system are "
              "trusted." },
    { .name = "tls_cert_file", .type = OPTION_STRING, AT(config_directory, tls_cert_file), .form = FORM_PATH,
      .scope = SCOPE_DIRECTORY, .example = "/etc/ldapnotify/corp.crt",
      .help = "The certificate (PEM) to show to the server. Needs tls_key_file." },
    { .name = "tls_key_file", .type = OPTION_STRING, AT(config_directory, tls_key_file), .form = FORM_PATH,
      .scope = SCOPE_DIRECTORY, .example = "/etc/ldapnotify/corp.key",
      .help = "The private key (PEM) of that certificate. The daemon's user must be able to read it." },
    { .name = "tls_min_version", .type = OPTION_CHOICE, AT(config_directory, tls_min_version), .choices = tls_versions,
      .scope = SCOPE_DIRECTORY, .fallback = "1.2", .help = "The oldest version of TLS to accept." },
    { .name = "connect_timeout", .type = OPTION_DURATION, AT(config_directory, connect_timeout),
      .scope = SCOPE_DIRECTORY, .fallback = "10s", .least = CLOCK_SECOND, .most = CLOCK_HOUR,
      .help = "How long a connection, its TLS and the login may take before the next server is tried." },
    { .name = "operation_timeout", .type = OPTION_DURATION, AT(config_directory, operation_timeout),
      .scope = SCOPE_DIRECTORY, .fallback = "30s", .least = CLOCK_SECOND, .most = CLOCK_HOUR,
      .help = "How long the server may take to answer one small question." },
    { .name = "probe_interval", .type = OPTION_DURATION, AT(config_directory, probe_interval), .scope = SCOPE_DIRECTORY,
      .fallback = "60s", .most = DAYS(1),
      .help = "How often a silent server is asked whether it is still there and has told us everything; 0 never asks." },
    { .name = "keepalive_idle", .type = OPTION_DURATION, AT(config_directory, keepalive_idle), .scope = SCOPE_DIRECTORY,
      .fallback = "60s", .most = CLOCK_HOUR,
      .help = "After this silence TCP looks whether the other side is there, so that firewalls do not forget the "
              "connection; 0 leaves it to the system. Whole seconds." },
    { .name = "keepalive_interval", .type = OPTION_DURATION, AT(config_directory, keepalive_interval),
      .scope = SCOPE_DIRECTORY, .fallback = "15s", .least = CLOCK_SECOND, .most = CLOCK_HOUR,
      .help = "The wait between two such looks. Whole seconds." },
    { .name = "keepalive_probes", .type = OPTION_INT, AT(config_directory, keepalive_probes), .scope = SCOPE_DIRECTORY,
      .fallback = "4", .least = 1, .most = 100, .help = "After so many looks without an answer the connection is lost." },
    { .name = "reconnect_first", .type = OPTION_DURATION, AT(config_directory, reconnect_first),
      .scope = SCOPE_DIRECTORY, .fallback = "1s", .least = 100, .most = CLOCK_HOUR,
      .help = "The wait after all servers have failed once; it doubles with each round." },
    { .name = "reconnect_most", .type = OPTION_DURATION, AT(config_directory, reconnect_most), .scope = SCOPE_DIRECTORY,
      .fallback = "5m", .least = CLOCK_SECOND, .most = DAYS(1), .help = "The longest wait between two rounds." },
    { .name = "source", .type = OPTION_STRING, AT(config_directory, source), .choices = sources, .fallback = "auto",
      .help = "How changes reach us. auto takes the best way that the server offers, and stays with it." },
    { .name = "flavour", .type = OPTION_STRING, AT(config_directory, flavour), .choices = flavours, .fallback = "auto",
      .help = "Which attribute means what. auto looks at what the server says of itself." },
    { .name = "map", .type = OPTION_MAP, AT(config_directory, map),
      .count_offset = offsetof(struct config_directory, map_count), .form = FORM_ATTRIBUTE, .choices = flavour_roles,
      .example = "{ owner = [ \"owner\", \"managedBy\" ]; }",
      .help = "Replaces the attributes of single roles of the flavour." },
    { .name = "user_filter", .type = OPTION_STRING, AT(config_directory, user_filter), .form = FORM_FILTER,
      .example = "(objectClass=inetOrgPerson)", .help = "Which entries are users. Left out, the flavour knows." },
    { .name = "group_filter", .type = OPTION_STRING, AT(config_directory, group_filter), .form = FORM_FILTER,
      .example = "(objectClass=groupOfNames)", .help = "Which entries are groups. Left out, the flavour knows." },
    { .name = "disabled_when", .type = OPTION_STRING, AT(config_directory, disabled_when), .form = FORM_FILTER,
      .example = "(employeeStatus=left)",
      .help = "Which users are disabled: this makes user.disabled and user.enabled, and disabled people are told nothing. "
              "Left out, the flavour knows." },
    { .name = "mail_attributes", .type = OPTION_LIST, AT(config_directory, mail_attributes), .form = FORM_ATTRIBUTE,
      .fallback = "mail", .help = "Where addresses are found; the first attribute that holds one is taken." },
    { .name = "watch_attributes", .type = OPTION_LIST, AT(config_directory, watch_attributes), .form = FORM_ATTRIBUTE,
      .fallback = "displayName mail telephoneNumber mobile title ou description",
      .help = "Changes of these make user.modified and group.modified. No attribute with passwords can be among them." },
    { .name = "default_password_policy", .type = OPTION_STRING, AT(config_directory, default_password_policy),
      .form = FORM_DN, .example = "cn=default,ou=policies,dc=example,dc=com",
      .help = "The password policy for users whose entry names none. It tells how long a lock lasts." },
    { .name = "resync_transaction", .type = OPTION_INT, AT(config_directory, resync_transaction), .fallback = "1000",
      .least = 1, .most = 1000000,
      .help = "When much has changed at once, so many entries are taken over in one transaction of the store." },
    { .name = "admins", .type = OPTION_LIST, AT(config_directory, admins), .form = FORM_ADDRESS,
      .example = "ldap-team@example.com", .help = "Instead of those in mail, for what concerns this directory." },
    { .name = "from", .type = OPTION_STRING, AT(config_directory, from), .form = FORM_ADDRESS,
      .example = "corp@example.com", .help = "Instead of the one in mail, for news of this directory." },
    { .name = "from_name", .type = OPTION_STRING, AT(config_directory, from_name), .example = "Corporate directory",
      .help = "Instead of the one in mail." },
    { .name = "reply_to", .type = OPTION_STRING, AT(config_directory, reply_to), .form = FORM_ADDRESS,
      .example = "ldap-team@example.com", .help = "Instead of the one in mail." },
    { .name = "language", .type = OPTION_STRING, AT(config_directory, language), .form = FORM_LANGUAGE, .example = "de",
      .help = "Instead of the one in mail." },
    { .name = "password_portal_url", .type = OPTION_STRING, AT(config_directory, password_portal_url),
      .form = FORM_URL, .example = "https://password.example.com/corp", .help = "Instead of the one in mail." },
    { .name = "action_url", .type = OPTION_STRING, AT(config_directory, action_url), .form = FORM_URL,
      .example = "https://directory.example.com/corp", .help = "Instead of the one in mail." },
    { .name = "digest_wait", .type = OPTION_DURATION, AT(config_directory, digest_wait), .most = DAYS(30),
      .example = "5m", .help = "Instead of the one in mail." },
    { .name = "max_event_age", .type = OPTION_DURATION, AT(config_directory, max_event_age), .most = DAYS(3650),
      .example = "1d", .help = "Instead of the one in mail." },
    { .name = NULL },
};

static const struct option rule_options[] = {
    { .name = "name", .type = OPTION_STRING, AT(config_rule, name), .form = FORM_NAME, .example = "members",
      .help = "What listings and silences call it: small letters, digits and hyphens, at most 32. Left out, it is "
              "rule-1, rule-2 and so on, by position." },
    { .name = "enabled", .type = OPTION_BOOL, AT(config_rule, enabled), .fallback = "true",
      .help = "Whether the rule counts at all." },
    { .name = "on", .type = OPTION_LIST, AT(config_rule, on), .form = FORM_EVENTS, .required = true,
      .example = "[ \"group.member.*\", \"!group.member.removed\" ]",
      .help = "The events that it is for. * stands for anything, and a leading ! takes events out again." },
    { .name = "directories", .type = OPTION_LIST, AT(config_rule, directories), .form = FORM_NAME, .example = "corp",
      .help = "The directories that it is for. Left out, all of them." },
    { .name = "where", .type = OPTION_STRING, AT(config_rule, where), .form = FORM_FILTER,
      .example = "(!(cn=test-*))",
      .help = "Only events of entries that match this filter (RFC 4515), before or after the change." },
    { .name = "base", .type = OPTION_STRING, AT(config_rule, base), .form = FORM_DN,
      .example = "ou=groups,dc=example,dc=com", .help = "Only events of this entry and those below it." },
    { .name = "to", .type = OPTION_LIST, AT(config_rule, to), .form = FORM_ROLE, .required = true,
      .example = "[ \"member\", \"owner\" ]",
      .help = "Whom to tell: roles (member, owner, manager, user, actor, admins), attr:NAME for the people or addresses in "
              "an attribute of the entry, or an address." },
    { .name = "cc", .type = OPTION_LIST, AT(config_rule, cc), .form = FORM_ROLE, .example = "manager",
      .help = "Who else is told, each in a message of their own. That nobody in cc can be reached is no reason for "
              "fallback." },
    { .name = "fallback", .type = OPTION_LIST, AT(config_rule, fallback), .form = FORM_FALLBACK, .example = "admins",
      .help = "Whom to tell when a role in to reaches nobody: roles or addresses." },
    { .name = "transport", .type = OPTION_STRING, AT(config_rule, transport), .form = FORM_NAME, .example = "default",
      .help = "The way out. Left out, it is the first of the transports." },
    { .name = "template", .type = OPTION_STRING, AT(config_rule, template), .form = FORM_TEMPLATE,
      .example = "group.member.added.vip", .help = "The template to use instead of the one that belongs to event and role." },
    { .name = "language", .type = OPTION_STRING, AT(config_rule, language), .form = FORM_LANGUAGE, .example = "en",
      .help = "The language for everybody whom this rule tells, whatever their entry says." },
    { .name = "digest_wait", .type = OPTION_DURATION, AT(config_rule, digest_wait), .most = DAYS(30), .example = "5m",
      .help = "Instead of the one of the transport, the directory or mail." },
    { .name = "max_event_age", .type = OPTION_DURATION, AT(config_rule, max_event_age), .most = DAYS(3650),
      .example = "2h", .help = "Instead of the one of the directory or mail." },
    { .name = NULL },
};

static const struct option subject_options[] = {
    { .name = "event", .type = OPTION_STRING, AT(config_subject, event), .form = FORM_EVENT, .required = true,
      .example = "group.member.added", .help = "The event." },
    { .name = "role", .type = OPTION_STRING, AT(config_subject, role), .form = FORM_ROLE, .example = "owner",
      .help = "Only for recipients in this role. Left out, any." },
    { .name = "language", .type = OPTION_STRING, AT(config_subject, language), .form = FORM_LANGUAGE, .example = "en",
      .help = "Only in this language. Left out, any." },
    { .name = "subject", .type = OPTION_STRING, AT(config_subject, subject), .form = FORM_SUBJECT, .required = true,
      .example = "{{group_name}}: {{member_name}} is a member now",
      .help = "The subject, with the same tags as templates have." },
    { .name = NULL },
};

#define GROUP(field, structure, table) \
    .name = #field, .offset = offsetof(struct config, field), .size = sizeof(struct structure), .options = table
#define LIST(field, count, structure, table) \
    GROUP(field, structure, table), .list = true, .count_offset = offsetof(struct config, count)

const struct option_section option_sections[] = {
    { .name = "", .size = sizeof(struct config), .options = top_options, .help = "What concerns the daemon as a whole." },
    { GROUP(log, config_log, log_options), .help = "The log." },
    { GROUP(mail, config_mail, mail_options),
      .help = "What all messages have in common. Rules, transports and directories may say otherwise, in this order of "
              "precedence." },
    { GROUP(storm, config_storm, storm_options),
      .help = "The storm breaker, which keeps a mistake in a directory from becoming thousands of messages." },
    { GROUP(control, config_control, control_options), .help = "Who may talk to the daemon by ldapnotifyctl." },
    { LIST(transports, transport_count, config_transport, transport_options), .help = "The ways out for messages." },
    { LIST(directories, directory_count, config_directory, directory_options), .help = "The directories to watch." },
    { LIST(rules, rule_count, config_rule, rule_options), .help = "Which events matter, and to whom." },
    { LIST(subjects, subject_count, config_subject, subject_options),
      .help = "Subjects to use instead of those of the templates. The first that fits is taken." },
    { .name = NULL },
};
