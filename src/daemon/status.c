// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "member.h"

char *supervisor_summary(TALLOC_CTX *ctx, const struct supervisor *supervisor)
{
    size_t counts[MEMBER_STOPPED + 1] = { 0 }, all = 0;
    for (const struct member *member = supervisor->members; member; member = member->next) {
        counts[member->state]++;
        all++;
    }
    char *summary = talloc_asprintf(ctx, "%zu worker%s", all, all == 1 ? "" : "s");
    const char *separator = ": ";
    for (size_t state = 0; summary && state <= MEMBER_STOPPED; state++) {
        if (!counts[state])
            continue;
        summary = talloc_asprintf_append(summary, "%s%zu %s", separator, counts[state],
                                         member_state_name((enum member_state)state));
        separator = ", ";
    }
    return summary;
}

// A worker's words may quote what came from outside.
static void set_text(json_t *object, const char *key, const char *value)
{
    char *clean = value ? text_clean(NULL, value, strlen(value), 1024) : NULL;
    if (clean)
        json_object_set_new(object, key, json_string(clean));
    talloc_free(clean);
}

static json_t *member_status(const struct member *member, bool with_status)
{
    char since[CLOCK_TEXT_SIZE];
    json_t *object = json_pack("{s:s, s:s, s:I, s:i, s:s}", "name", member->name, "state",
                               member_state_name(member->state), "pid", (json_int_t)member->pid, "restarts",
                               (int)member->restarts, "since", clock_to_iso(member->since, since));
    if (!object)
        return NULL;
    if (member->state == MEMBER_BLOCKING)
        set_text(object, "blocking", member->blocking_what);
    set_text(object, "fatal", member->fatal);
    set_text(object, "last_end", member->trouble);
    json_t *own = with_status && member->status ? json_loads(member->status, 0, NULL) : NULL;
    json_object_set_new(object, "status", own ? own : json_null());
    return object;
}

json_t *supervisor_status(const struct supervisor *supervisor, bool with_status)
{
    json_t *workers = json_array();
    json_t *status = json_pack("{s:b, s:o}", "ok", 1, "workers", workers);
    for (const struct member *member = supervisor->members; status && member; member = member->next)
        json_array_append_new(workers, member_status(member, with_status));
    if (status && supervisor->settings.describe)
        supervisor->settings.describe(supervisor->settings.context, status);
    return status;
}
