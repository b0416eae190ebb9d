// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_SOURCE_LDIF_VALUES_H
#define LDAPNOTIFY_SOURCE_LDIF_VALUES_H

#include <stdbool.h>

#include "directory/entry.h"

// Changing an entry's values in place, compared as a server would (schema_syntax). All names are canonical.

struct attribute *entry_find(struct entry *entry, const char *name); // NULL when there is none
bool attribute_has(const struct attribute *attribute, const struct value *value); // NULL has nothing
void entry_drop(struct entry *entry, const char *name);
// False when it was not there.
bool entry_drop_value(struct entry *entry, const char *name, const struct value *value);
void entry_set(struct entry *entry, const char *name, const char *text);

#endif
