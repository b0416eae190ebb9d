// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONFIG_TREE_H
#define LDAPNOTIFY_CONFIG_TREE_H

// libconfig has a config_read() too. Ours is hidden from the dynamic linker (read.c) and theirs is never called.
#define config_read libconfig_config_read
#include <libconfig.h>
#undef config_read

#endif
