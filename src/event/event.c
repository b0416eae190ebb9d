// SPDX-License-Identifier: Apache-2.0
#include "event/event.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *event_origin_name(enum event_origin origin)
{
    static const char *const names[] = {
        [ORIGIN_UNKNOWN] = "unknown",
        [ORIGIN_OPERATOR] = "operator",
        [ORIGIN_SELF] = "self",
        [ORIGIN_IMPORT] = "import",
    };
    return names[origin];
}

const char *event_cause_name(enum event_cause cause)
{
    static const char *const names[] = {
        [CAUSE_NONE] = "", [CAUSE_UNKNOWN] = "unknown", [CAUSE_ADMIN] = "admin",
        [CAUSE_FAILED_LOGINS] = "failed_logins", [CAUSE_EXPIRY] = "expiry",
    };
    return names[cause];
}

struct directory_event *event_list_add(struct event_list *list, TALLOC_CTX *ctx, enum event_type type)
{
    size_t room = list->items ? talloc_get_size(list->items) / sizeof *list->items : 0;
    if (list->count == room) {
        struct directory_event **items = talloc_realloc(ctx, list->items, struct directory_event *, room ? room * 2 : 4);
        if (!items)
            return NULL;
        list->items = items;
    }
    struct directory_event *event = talloc_zero(ctx, struct directory_event);
    if (!event)
        return NULL;
    event->type = type;
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a full list has just grown
    list->items[list->count++] = event;
    return event;
}

char *event_id(TALLOC_CTX *ctx, const struct directory_event *event)
{
    return talloc_asprintf(ctx, "%s-%lld", event->directory, (long long)event->sequence);
}

int event_id_parse(TALLOC_CTX *ctx, const char *text, char **directory, int64_t *sequence, struct error *err)
{
    // Names of directories may hold '-' themselves: the number follows the last one.
    const char *dash = strrchr(text, '-');
    char *end = NULL;
    errno = 0;
    long long number = dash && isdigit((unsigned char)dash[1]) ? strtoll(dash + 1, &end, 10) : 0;
    if (number < 1 || errno || *end || dash == text)
        return error_set(err, "\"%.80s\" is no event id; write directory and number, such as \"corp-1842\"",
                         text);
    *directory = talloc_strndup(ctx, text, (size_t)(dash - text));
    *sequence = number;
    return 0;
}

void event_forget_actor(struct directory_event *event)
{
    event->actor = (struct party){ .dn = NULL };
    event->origin = ORIGIN_UNKNOWN;
}
