// SPDX-License-Identifier: Apache-2.0
#include "daemon/checks.h"

#include <string.h>

#include "directory/dn.h"
#include "directory/filter.h"
#include "directory/schema.h"
#include "event/event.h"
#include "mail/template.h"

static int check_filter(const char *text, struct error *err)
{
    struct filter *filter = filter_parse(NULL, text, err);
    talloc_free(filter);
    return filter ? 0 : -1;
}

static int check_dn(const char *text, struct error *err)
{
    char *normal = dn_normalize(NULL, text, strlen(text), err);
    talloc_free(normal);
    return normal ? 0 : -1;
}

static int check_attribute(const char *text, struct error *err)
{
    if (schema_is_secret(schema_canonical(text, strlen(text))))
        return error_set(err, "%s holds passwords or keys and is never asked for", text);
    return 0;
}

static int check_event(const char *pattern, struct error *err)
{
    if (!event_pattern_is_known(pattern))
        return error_set(err, "there is no event \"%s\"", pattern);
    return 0;
}

const struct config_checks daemon_checks = {
    .filter = check_filter,
    .dn = check_dn,
    .attribute = check_attribute,
    .event = check_event,
    .subject = template_check,
};
