// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_TESTS_SCRIPTED_SERVER_H
#define LDAPNOTIFY_TESTS_SCRIPTED_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// An LDAP server on loopback, in a process of its own, that answers binds and base searches, and plays a list
// of steps as the answer to the first subtree search. It says on a pipe what it was asked.

enum step_kind {
    STEP_END,
    STEP_ENTRY,        // state, id, dn, attributes, cookie
    STEP_PLAIN_ENTRY,  // without control
    STEP_EMPTY_ENTRY,  // without even a DN
    STEP_STATE_OCTETS, // an entry whose Sync State value is `text` of `count` octets
    STEP_NEW_COOKIE,   // cookie
    STEP_DELETE,       // refreshDelete: cookie, more
    STEP_PRESENT,      // refreshPresent: cookie, more
    STEP_SET_PRESENT,  // ids, cookie
    STEP_SET_DELETE,
    STEP_INFO_OCTETS,  // Sync Info value `text` of `count` octets
    STEP_INTERMEDIATE, // an intermediate response of OID `text`
    STEP_REFERENCE,    // to `text`
    STEP_DONE,         // result code `count`, words `text`
    STEP_OCTETS,       // on the wire: `text` of `count` octets
    STEP_MANY,         // `count` entries in persist, ids counting up, cookie in the last
    STEP_GROUP,        // one entry with `count` members
    STEP_REQUEST,      // waits for another search, plays the rest, answers that search
    STEP_CLOSE,
};

struct step {
    enum step_kind kind;
    int state;
    unsigned char id; // the UUID's last octet; the others are 0
    const char *dn;
    const char *attributes; // "cn=a\0cn=b\0mail=m\0"
    const char *cookie;     // NULL: none
    bool more;              // refreshDone FALSE
    const char *ids;        // octets, ending with '\0'
    const char *text;
    size_t count;
};

struct scripted_server {
    pid_t pid;
    int port;
    int said; // the server's words: "search cookie=… manage=… scope=… attributes=…\n", "abandon\n"
};

// `vendor`: the rootDSE's vendorName, or NULL. `chunk`: octets per write, 0: all steps in one.
void scripted_server_start(struct scripted_server *server, const struct step *steps, const char *vendor,
                           size_t chunk);
// Waits for its next line; owned by the caller (free).
char *scripted_server_line(struct scripted_server *server);
void scripted_server_stop(struct scripted_server *server);

#endif
