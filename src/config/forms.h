// SPDX-License-Identifier: Apache-2.0
#ifndef LDAPNOTIFY_CONFIG_FORMS_H
#define LDAPNOTIFY_CONFIG_FORMS_H

#include "base/error.h"
#include "config/config.h"
#include "config/options.h"

// Is `text` what an option of this form takes? `err` says what it should be: "is no address, such as …".
int form_check(enum option_form form, const char *text, const struct config_checks *checks,
               struct error *err) MUST_CHECK;

#endif
