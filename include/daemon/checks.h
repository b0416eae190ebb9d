// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_DAEMON_CHECKS_H
#define LDAPNOTIFY_DAEMON_CHECKS_H

#include "config/config.h"

// What the rooms below know about strings of the configuration, for config_read(): filters, DNs, attributes, events,
// subjects. For every program that reads a configuration file.
extern const struct config_checks daemon_checks;

#endif
