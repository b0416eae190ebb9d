// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONFIG_OPTIONS_H
#define LDAPNOTIFY_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

// The one table from which the configuration is read, checked, written, documented and tested.

enum option_type {
    OPTION_BOOL,
    OPTION_INT,      // int64_t with least and most
    OPTION_DURATION, // "5m"; int64_t milliseconds
    OPTION_STRING,   // char *
    OPTION_LIST,     // struct config_list; one string will do
    OPTION_CHOICE,   // int; one of `choices`
    OPTION_SECRET,   // struct config_secret; written NAME_file, NAME_env, NAME_credential
    OPTION_MAP,      // a group of lists: map = { owner = [ "managedBy" ]; }; `count_offset` too
};

// What a string must be, beyond being UTF-8, having no control characters and not being empty.
enum option_form {
    FORM_ANY, FORM_NAME, FORM_ADDRESS, FORM_FILTER, FORM_DN, FORM_URI, FORM_PATH, FORM_URL, FORM_EVENT,
    FORM_EVENTS, FORM_ROLE, FORM_FALLBACK, FORM_HOSTS, FORM_HOST, FORM_ATTRIBUTE, FORM_LANGUAGE, FORM_LIST_ID,
    FORM_TEMPLATE, FORM_SUBJECT, FORM_USER, FORM_PEER,
};

// Which workers are given the option (config_slice).
enum option_scope {
    SCOPE_ALL,
    SCOPE_DIRECTORY,  // access data: the directory's own workers
    SCOPE_TRANSPORT,  // access data: deliver
    SCOPE_CONTROL,    // the control worker
    SCOPE_SUPERVISOR, // none
};

struct option {
    const char *name;
    enum option_type type;
    size_t offset;
    size_t count_offset; // maps only
    enum option_form form;
    enum option_scope scope;
    const char *fallback; // default, without quotes; words of a list are separated by spaces. NULL: none
    long long least, most; // duration: milliseconds
    const char *const *choices; // ends with NULL; choice: the index is the value; string: one of these; map: its keys
    bool required;
    const char *example; // as `fallback`; for a map and for several words of a list as written in a file
    const char *help;    // one or two sentences, for the sample file and the man page
};

// A section is the top level (name ""), a group ("mail") or a list of groups ("directories").
struct option_section {
    const char *name;
    bool list;
    size_t offset;       // of the struct, or of the pointer to the array, in struct config
    size_t count_offset; // lists only
    size_t size;         // of one element
    const struct option *options; // ends with name NULL
    const char *help;
};

extern const struct option_section option_sections[]; // ends with name NULL

#endif
