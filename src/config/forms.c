// SPDX-License-Identifier: Apache-2.0
#include "forms.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char *const role_words[] = { "member", "owner", "manager", "user", "actor", "admins", NULL };

static bool is_of(const char *text, size_t length, const char *allowed)
{
    return length > 0 && strspn(text, allowed) >= length;
}

static bool is_name(const char *text)
{
    size_t length = strlen(text);
    return length <= 32 && text[0] != '-' && is_of(text, length, "abcdefghijklmnopqrstuvwxyz" DIGITS "-");
}

// A host name, an IPv4 address, or an IPv6 address in brackets, and a port where `port` says so.
static bool is_host(const char *text, size_t length, bool port)
{
    if (length > 0 && *text == '[') {
        const char *end = memchr(text, ']', length);
        if (!end || !memchr(text, ':', (size_t)(end - text)) ||
            !is_of(text + 1, (size_t)(end - text) - 1, DIGITS "abcdefABCDEF:.%"))
            return false;
        length -= (size_t)(end + 1 - text);
        text = end + 1;
        if (length == 0)
            return true;
    } else {
        const char *colon = memchr(text, ':', length);
        size_t host = colon ? (size_t)(colon - text) : length;
        // An internationalised name goes to the wire in A-labels; here it may be as people write it.
        for (size_t i = 0; i < host; i++)
            if (!isalnum((unsigned char)text[i]) && (unsigned char)text[i] < 0x80 && !strchr("-._", text[i]))
                return false;
        if (host == 0 || *text == '-' || *text == '.' || host > 253)
            return false;
        if (!colon)
            return true;
        length -= host;
        text = colon;
    }
    if (!port || length < 2 || length > 6 || *text != ':' || !is_of(text + 1, length - 1, DIGITS))
        return false;
    long number = strtol(text + 1, NULL, 10);
    return number >= 1 && number <= 65535;
}

static bool is_hosts(const char *text)
{
    for (;;) {
        size_t length = strcspn(text, ";");
        if (!is_host(text, length, true))
            return false;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

// ldapurl = scheme "://" [host [":" port]] ["/"] (RFC 4516 §2); a dn, attributes and filter have their own
// options.
static bool is_uri(const char *text)
{
    bool socket = strncmp(text, "ldapi://", 8) == 0;
    if (!socket && strncmp(text, "ldap://", 7) != 0 && strncmp(text, "ldaps://", 8) != 0)
        return false;
    const char *host = strstr(text, "://") + 3;
    size_t length = strlen(host);
    if (length > 0 && host[length - 1] == '/')
        length--;
    if (socket) // the path of the socket, with its slashes as %2F
        return length == 0 || is_of(host, length, LETTERS DIGITS "%-._~");
    return is_host(host, length, true);
}

static bool is_url(const char *text)
{
    size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
    size_t host = strcspn(text + scheme, "/?#");
    return scheme && is_host(text + scheme, host, true) && !strpbrk(text, " \"<>\\^`|");
}

// attributedescription = descr / numericoid, and options (RFC 4512 §2.5).
static bool is_attribute(const char *text)
{
    size_t length = strlen(text);
    if (isalpha((unsigned char)*text))
        return is_of(text, length, LETTERS DIGITS "-;");
    return isdigit((unsigned char)*text) && is_of(text, length, DIGITS ".") && strchr(text, '.') &&
           text[length - 1] != '.' && !strstr(text, "..");
}

// langtag, well-formed enough to be a folder's name (RFC 5646 §2.1).
static bool is_language(const char *text)
{
    for (bool first = true;; first = false) {
        size_t length = strcspn(text, "-");
        if (length < (first ? 2 : 1) || length > 8 || !is_of(text, length, first ? LETTERS : LETTERS DIGITS))
            return false;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

// Names from a directory may hold spaces, backslashes and more; these never are in one (passwd(5), group(5)).
static bool is_account(const char *text)
{
    return *text && *text != '-' && !strpbrk(text, ":,/@");
}

static bool is_peer(const char *text)
{
    return *text == '@' ? text[1] && !strpbrk(text + 1, ":,/")
                        : *text && *text != '-' && !strpbrk(text, ":,/");
}

static int hook(int (*check)(const char *, struct error *), const char *text, const char *before,
                struct error *err)
{
    if (!check || check(text, err) == 0)
        return 0;
    return error_prepend(err, "%s", before);
}

static int check_event(const char *text, const struct config_checks *checks, struct error *err)
{
    if (!is_of(text, strlen(text), "abcdefghijklmnopqrstuvwxyz.*-_" DIGITS))
        return error_set(err, "is no event, such as \"group.member.added\" or \"group.*\"");
    return hook(checks->event, text, "is no event: ", err);
}

static int check_role(const char *text, bool fallback, const struct config_checks *checks, struct error *err)
{
    for (const char *const *word = role_words; *word; word++)
        if (strcmp(text, *word) == 0)
            return 0;
    if (text_is_address(text))
        return 0;
    if (!fallback && strncmp(text, "attr:", 5) == 0) {
        if (!is_attribute(text + 5))
            return error_set(err, "names no attribute after \"attr:\"");
        return hook(checks->attribute, text + 5, "is of no use: ", err);
    }
    const char *nearest = text_nearest(text, role_words);
    if (nearest)
        return error_set(err, "is no role; did you mean \"%s\"?", nearest);
    return error_set(err, "is neither a role (member, owner, manager, user, actor, admins)%s nor an address",
                     fallback ? "" : ", \"attr:NAME\"");
}

static int demand(bool fits, struct error *err, const char *words)
{
    return fits ? 0 : error_set(err, "%s", words);
}

int form_check(enum option_form form, const char *text, const struct config_checks *checks, struct error *err)
{
    static const struct config_checks none;
    if (!checks)
        checks = &none;
    size_t length = strlen(text);
    switch (form) {
    case FORM_ANY:
        return 0;
    case FORM_NAME:
        return demand(is_name(text), err, "is no name: 1 to 32 small letters, digits and hyphens");
    case FORM_ADDRESS:
        return demand(text_is_address(text), err, "is no mail address, such as \"it@example.com\"");
    case FORM_FILTER:
        return hook(checks->filter, text, "is no filter (RFC 4515): ", err);
    case FORM_DN:
        return hook(checks->dn, text, "is no DN (RFC 4514): ", err);
    case FORM_URI:
        return demand(
            is_uri(text), err,
            "is no LDAP URI: ldaps://HOST, ldap://HOST:PORT or ldapi://%2Fpath%2Fof%2Fsocket, with nothing "
            "behind it; the base has an option of its own");
    case FORM_PATH:
        return demand(*text == '/', err, "is no absolute path; it must begin with /");
    case FORM_URL:
        return demand(is_url(text), err, "is no URL, such as \"https://password.example.com/\"");
    case FORM_EVENTS:
        return check_event(text + (*text == '!'), checks, err);
    case FORM_EVENT:
        return strcmp(text, "digest") == 0 ? 0 : check_event(text, checks, err);
    case FORM_ROLE:
        return check_role(text, false, checks, err);
    case FORM_FALLBACK:
        return check_role(text, true, checks, err);
    case FORM_HOSTS:
        return demand(
            is_hosts(text), err,
            "is no list of hosts, such as \"relay1.example.com;relay2.example.com:587;[2001:db8::1]:25\"");
    case FORM_HOST:
        return demand(is_host(text, length, false), err, "is no host or domain name");
    case FORM_ATTRIBUTE:
        if (!is_attribute(text))
            return error_set(err, "is no attribute; each is asked for by its name, never by \"*\" or \"+\"");
        return hook(checks->attribute, text, "is of no use: ", err);
    case FORM_LANGUAGE:
        return demand(is_language(text), err, "is no language, such as \"en\" or \"de-AT\"");
    case FORM_LIST_ID:
        return demand(length > 2 && text[0] == '<' && text[length - 1] == '>' &&
                          is_host(text + 1, length - 2, false) && strchr(text, '.'),
                      err, "is no list identifier, such as \"<ldapnotify.example.com>\" (RFC 2919)");
    case FORM_TEMPLATE:
        return demand(*text != '.' && is_of(text, length, LETTERS DIGITS "._-"), err,
                      "is no name of a template: letters, digits, dots, hyphens and underscores");
    case FORM_SUBJECT:
        return hook(checks->subject, text, "is no subject: ", err);
    case FORM_USER:
        return demand(is_account(text), err, "is no name of an account");
    case FORM_PEER:
        return demand(is_peer(text), err, "is no name of a user or, with \"@\" before it, of a group");
    }
    return error_set(err, "has a form that nobody knows");
}
