// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONFIG_CONFIG_H
#define LDAPNOTIFY_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <talloc.h>

#include "base/error.h"

// The configuration as plain data. One talloc tree owned by whoever read it; nothing in it changes
// after it was read. Times are milliseconds, sizes octets. Strings that were not given are NULL unless
// the option table has a default. The option table (config/options.h) says what each field means.

// A list of strings; `items` ends with NULL.
struct config_list {
    char **items;
    size_t count;
};

enum config_tls { CONFIG_TLS_NONE, CONFIG_TLS_STARTTLS, CONFIG_TLS_IMPLICIT };
enum config_auth { CONFIG_AUTH_SIMPLE, CONFIG_AUTH_EXTERNAL, CONFIG_AUTH_GSSAPI, CONFIG_AUTH_ANONYMOUS };
enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum config_transport_type { CONFIG_TRANSPORT_SMTP, CONFIG_TRANSPORT_MAILDIR };
enum config_log_target { CONFIG_LOG_AUTO, CONFIG_LOG_STDERR, CONFIG_LOG_SYSLOG, CONFIG_LOG_JOURNAL, CONFIG_LOG_FILE };

// Where a secret comes from; at most one of file, environment, credential is given. `value` is filled by
// config_load_secrets() or from a slice; it is never read from or written to a configuration file.
struct config_secret {
    char *file;        // regular file, not readable by others; a trailing newline is dropped
    char *environment; // name of a variable of the supervisor
    char *credential;  // name below $CREDENTIALS_DIRECTORY (systemd)
    char *value;
};

struct config_log {
    int target; // enum config_log_target
    char *file;
    int level; // enum log_level
};

struct config_mail {
    char *from, *from_name, *envelope_from, *reply_to;
    struct config_list admins;
    char *password_portal_url, *action_url;
    char *redirect_to;
    char *message_domain; // right side of Message-ID; default: domain of `from`
    char *list_id;        // RFC 2919; default "<ldapnotify.DOMAIN>"
    char *language;       // default "en"
    int64_t digest_wait;
    int64_t max_event_age;
};

struct config_transport {
    char *name;
    int type; // enum config_transport_type
    // smtp
    char *hosts; // "relay1;relay2:2525;[::1]:25", tried in order
    int tls;     // enum config_tls
    bool tls_verify;
    char *tls_ca_file, *tls_cert_file, *tls_key_file;
    int tls_min_version; // enum config_tls_version
    char *user;
    struct config_secret password; // password_file, password_env, password_credential
    char *helo;
    int64_t connect_timeout, send_timeout;
    int64_t connections;             // at most, per transport
    int64_t messages_per_connection; // 0: no limit
    int64_t messages_per_minute;     // 0: no limit
    int64_t retry_first, retry_most, lifetime;
    // maildir
    char *path;
    // overrides of `mail`; NULL or -1: inherit
    char *from, *from_name, *envelope_from, *reply_to, *redirect_to, *password_portal_url, *action_url;
    int64_t digest_wait;
};

// Overrides one role of a flavour: role = "owner", attributes = [ "managedBy" ].
struct config_map {
    char *role;
    struct config_list attributes;
};

struct config_directory {
    char *name; // [a-z0-9-]{1,32}: it is part of event ids and file names
    struct config_list uri;
    char *base, *filter; // filter default "(objectClass=*)"
    int auth;            // enum config_auth
    char *bind_dn;
    struct config_secret bind_password; // bind_password_file, _env, _credential
    char *sasl_authzid, *sasl_realm, *keytab, *principal;
    int tls; // none or starttls for ldap:// ; ldaps:// is implicit by itself
    bool tls_verify;
    char *tls_ca_file, *tls_cert_file, *tls_key_file;
    int tls_min_version;
    int64_t connect_timeout, operation_timeout, probe_interval;
    int64_t keepalive_idle, keepalive_interval, keepalive_probes; // ms, ms, count
    int64_t reconnect_first, reconnect_most;
    char *source;  // "auto", "syncrepl"
    char *flavour; // "auto" or a name of flavour_find()
    struct config_map *map;
    size_t map_count;
    char *user_filter, *group_filter, *disabled_when; // RFC 4515; NULL: the flavour's
    struct config_list mail_attributes;               // in order of preference; default mail
    struct config_list watch_attributes;              // user.modified and group.modified
    char *default_password_policy;                    // DN
    int64_t resync_transaction;                       // entries per transaction of a big refresh
    // overrides of `mail`; NULL, empty or -1: inherit
    struct config_list admins;
    char *from, *from_name, *reply_to, *language, *password_portal_url, *action_url;
    int64_t digest_wait, max_event_age;
};

struct config_rule {
    char *name; // default "rule-N" by position
    bool enabled;
    struct config_list on;          // event names, "*" as wildcard; "!user.locked" takes one out again
    struct config_list directories; // empty: all
    char *where, *base;
    struct config_list to, cc; // roles, "attr:NAME", addresses
    struct config_list fallback; // told instead when a role of `to` reaches nobody; roles or addresses
    char *transport, *template, *language;
    int64_t digest_wait, max_event_age; // -1: inherit
};

struct config_subject {
    char *event, *role, *language, *subject; // role and language NULL: any
};

struct config_storm {
    int64_t per_transaction; // notifications of one rule in one transaction; 0: no limit
    int64_t per_minute;      // notifications of one rule in any 60 s
};

struct config_control {
    char *socket; // default RUN_DIR/control.sock
    struct config_list operators, readers; // user names, "@group"; root and the daemon's user always may
};

struct config {
    bool live;
    char *user, *group, *state_dir, *run_dir, *pid_file, *template_dir;
    struct config_log log;
    struct config_mail mail;
    struct config_storm storm;
    struct config_control control;
    struct config_transport *transports;
    size_t transport_count;
    struct config_directory *directories;
    size_t directory_count;
    struct config_rule *rules;
    size_t rule_count;
    struct config_subject *subjects;
    size_t subject_count;
    char *path; // the file it was read from
};

// What other rooms know about strings of the configuration; each returns 0, or -1 with `err` saying what is
// wrong with the text. A NULL member, or no table at all, leaves that check out.
struct config_checks {
    int (*filter)(const char *text, struct error *err);    // RFC 4515
    int (*dn)(const char *text, struct error *err);        // RFC 4514
    int (*attribute)(const char *text, struct error *err); // may it be asked for at all?
    int (*event)(const char *pattern, struct error *err);  // "group.*"; a leading "!" is taken off before
    int (*subject)(const char *text, struct error *err);   // Mustache
};

// Reads and checks PATH and all that it includes: unknown keys (with the nearest known one), wrong types,
// ranges, control characters, duplicate names, references to transports that do not exist, filters and
// DNs that do not parse (`checks`, may be NULL). On failure returns NULL; `err` holds the first problem as
// "FILE:LINE: words". Every problem, the first one too, is given to `problem` (may be NULL). Secrets are
// not loaded.
typedef void config_problem_fn(void *context, const char *text);
struct config *config_read(TALLOC_CTX *ctx, const char *path, const struct config_checks *checks,
                           config_problem_fn *problem, void *context, struct error *err) MUST_CHECK;

// Fills every config_secret.value. Refuses a file that others can read ("chmod 600 …"). A failure leaves those
// that were read before it in place.
int config_load_secrets(struct config *config, struct error *err) MUST_CHECK;

// The part of the configuration that one worker may see, as text for config_read_slice(), with secrets.
//   watch NAME: no other directory, no rule that is for other directories only, no access data of transports
//   deliver:    everything but directories' access data and secrets
//   control:    no access data, no secrets
//   lifecycle NAME: as watch
// Two slices are equal byte for byte if and only if the worker need not be replaced. Owned by `ctx`; NULL when
// memory runs out. Both the text and a secret's value are wiped when they are freed.
enum config_slice { CONFIG_SLICE_WATCH, CONFIG_SLICE_DELIVER, CONFIG_SLICE_CONTROL, CONFIG_SLICE_LIFECYCLE };
char *config_slice(TALLOC_CTX *ctx, const struct config *config, enum config_slice slice, const char *name);
struct config *config_read_slice(TALLOC_CTX *ctx, const char *text, struct error *err) MUST_CHECK;

// The shipped ldapnotify.conf, and the list of options for ldapnotify.conf(5) in mdoc, both from the option table.
void config_write_sample(FILE *out);
void config_write_manual(FILE *out);

const struct config_directory *config_directory_find(const struct config *config, const char *name);
const struct config_transport *config_transport_find(const struct config *config, const char *name);
// The transport of a rule: its own, else the first one; NULL if there is none at all.
const struct config_transport *config_rule_transport(const struct config *config,
                                                     const struct config_rule *rule);

// Precedence rule, transport, directory, mail. `rule` and `transport` may be NULL.
int64_t config_digest_wait(const struct config *config, const struct config_rule *rule,
                           const struct config_transport *transport, const struct config_directory *directory);
int64_t config_max_event_age(const struct config *config, const struct config_rule *rule,
                             const struct config_directory *directory);

#endif
