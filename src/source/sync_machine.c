// SPDX-License-Identifier: Apache-2.0
#include "sync_machine.h"

#include <ldap.h>
#include <string.h>

#include "base/log.h"
#include "directory/schema.h"
#include "source/cookie.h"

enum phase { PHASE_ASKED, PHASE_REFRESHING, PHASE_DELETING, PHASE_PERSISTING, PHASE_FAILED };

struct sync_machine {
    const struct source_sink *sink;
    enum phase phase;
    enum source_failure failure;
    char *sent;   // NULL: everything was asked for
    char *cookie; // to resume with; NULL while there is none
    bool closes_by_cookie;
    const char *csn_name; // canonical
    bool present_listed;  // the server named entries as present
    bool present_closed;  // … and said that these were all
    bool cookie_ignored;  // an entry came that is older than our cookie
    bool open;            // something since the last checkpoint
    bool cookie_warned;
};

static const char *phase_name(enum phase phase)
{
    static const char *const names[] = { "asked", "refreshing", "deleting", "persisting", "failed" };
    return names[phase];
}

static void machine_enter(struct sync_machine *machine, enum phase phase)
{
    log_debug("syncrepl state", LOG_S("from", phase_name(machine->phase)), LOG_S("to", phase_name(phase)));
    machine->phase = phase;
}

int sync_machine_fail(struct sync_machine *machine, enum source_failure failure)
{
    machine->failure = failure;
    machine_enter(machine, PHASE_FAILED);
    return -1;
}

bool sync_machine_has_failed(const struct sync_machine *machine)
{
    return machine->phase == PHASE_FAILED;
}

enum source_failure sync_machine_failure(const struct sync_machine *machine)
{
    return machine->failure;
}

struct sync_machine *sync_machine_new(TALLOC_CTX *ctx, const struct source_sink *sink, const char *sent,
                                      bool closes_by_cookie)
{
    struct sync_machine *machine = talloc_zero(ctx, struct sync_machine);

    machine->sink = sink;
    machine->sent = sent ? talloc_strdup(machine, sent) : NULL;
    machine->cookie = sent ? talloc_strdup(machine, sent) : NULL;
    machine->closes_by_cookie = closes_by_cookie;
    machine->csn_name = schema_canonical("entryCSN", strlen("entryCSN"));
    return machine;
}

static int sink_result(struct sync_machine *machine, int result)
{
    return result == 0 ? 0 : sync_machine_fail(machine, SOURCE_SINK);
}

static bool machine_is_refreshing(const struct sync_machine *machine)
{
    return machine->phase == PHASE_REFRESHING || machine->phase == PHASE_DELETING;
}

static int machine_begin(struct sync_machine *machine, struct error *err)
{
    if (machine->phase != PHASE_ASKED)
        return 0;
    machine_enter(machine, PHASE_REFRESHING);
    return sink_result(machine, machine->sink->refresh_begin(
                                    machine->sink->context,
                                    machine->sent ? SOURCE_REFRESH_CHANGES : SOURCE_REFRESH_WHOLE, err));
}

// A cookie may be any octets; an empty one says nothing.
static char *cookie_text(TALLOC_CTX *ctx, const struct sync_octets *cookie)
{
    if (!cookie->data || cookie->length == 0)
        return NULL;
    return talloc_strndup(ctx, (const char *)cookie->data, cookie->length);
}

static void machine_absorb(struct sync_machine *machine, const char *theirs)
{
    if (!theirs)
        return;
    char *merged = cookie_merge(machine, machine->cookie, theirs);
    if (!merged && !machine->cookie_warned) {
        machine->cookie_warned = true;
        log_warning("the server's sync cookie is not understood; after a reconnect everything is read again",
                    LOG_S("cookie", theirs));
    }
    if (!merged || (machine->cookie && strcmp(merged, machine->cookie) == 0)) {
        talloc_free(merged);
        return;
    }
    talloc_free(machine->cookie);
    machine->cookie = merged;
    machine->open = true;
}

static void machine_absorb_octets(struct sync_machine *machine, const struct sync_octets *cookie)
{
    char *theirs = cookie_text(NULL, cookie);
    machine_absorb(machine, theirs);
    talloc_free(theirs);
}

static const char *machine_cookie(const struct sync_machine *machine)
{
    return machine->cookie ? machine->cookie : "";
}

// Why implied deletes are not to be believed, or NULL. `theirs`: the cookie that closes the refresh, or NULL.
static char *machine_doubt(TALLOC_CTX *ctx, const struct sync_machine *machine, const char *theirs)
{
    char *sid;

    if (machine->present_listed && !machine->present_closed)
        return talloc_strdup(ctx, "the list of present entries was not closed");
    if (!machine->sent)
        return NULL;
    if (!theirs)
        return talloc_strdup(ctx, "the server closed its refresh without a cookie");
    sid = cookie_regression(ctx, machine->sent, theirs);
    return sid ? talloc_asprintf(ctx, "the CSN of sid %s went back or is missing", sid) : NULL;
}

static int machine_end_refresh(struct sync_machine *machine, const char *theirs, struct error *err)
{
    bool implied =
        !machine->sent || machine->cookie_ignored || machine->present_listed || machine->present_closed;
    TALLOC_CTX *scratch = talloc_new(NULL);
    char *doubt = implied ? machine_doubt(scratch, machine, theirs) : NULL;
    enum source_sweep sweep = implied && !doubt ? SOURCE_SWEEP_UNMENTIONED : SOURCE_SWEEP_NO;
    int result;

    machine_absorb(machine, theirs);
    if (machine->cookie_ignored)
        log_notice("the server could not use the cookie and sent everything", LOG_S("cookie", machine->sent));
    if (doubt)
        log_warning("deletes that the refresh implies are not believed", LOG_S("reason", doubt));
    machine_enter(machine, PHASE_PERSISTING);
    machine->open = false;
    result = sink_result(machine, machine->sink->refresh_end(machine->sink->context, sweep,
                                                             machine_cookie(machine), doubt, err));
    talloc_free(scratch);
    return result;
}

// refreshPresent, refreshDelete: the end of a phase, and perhaps of the refresh.
static int machine_end_phase(struct sync_machine *machine, const struct sync_info_value *value,
                             struct error *err)
{
    char *theirs;
    int result = 0;

    if (machine->phase == PHASE_PERSISTING) {
        log_debug("the server ended its refresh a second time");
        machine_absorb_octets(machine, &value->cookie);
        return 0;
    }
    if (value->kind == SYNC_INFO_REFRESH_PRESENT)
        machine->present_closed = true;
    theirs = cookie_text(NULL, &value->cookie);
    if (!value->refresh_done) {
        machine_absorb(machine, theirs);
        if (machine->phase == PHASE_REFRESHING)
            machine_enter(machine, PHASE_DELETING);
    } else if (machine->cookie_ignored && !theirs) {
        error_set(err, "the server could not use the cookie \"%s\", sent everything and gave no new one",
                  machine->sent);
        result = sync_machine_fail(machine, SOURCE_REFUSED);
    } else {
        result = machine_end_refresh(machine, theirs, err);
    }
    talloc_free(theirs);
    return result;
}

static int machine_new_cookie(struct sync_machine *machine, const struct sync_info_value *value,
                              struct error *err)
{
    int result = 0;

    if (machine->closes_by_cookie && machine_is_refreshing(machine)) {
        char *theirs = cookie_text(NULL, &value->cookie);
        result = machine_end_refresh(machine, theirs, err);
        talloc_free(theirs);
    } else {
        machine_absorb_octets(machine, &value->cookie);
    }
    return result;
}

static int machine_gone(struct sync_machine *machine, const struct uuid *uuids, size_t count,
                        struct error *err)
{
    if (count == 0)
        return 0;
    machine->open = true;
    return sink_result(machine, machine->sink->gone(machine->sink->context, uuids, count, err));
}

static int machine_present(struct sync_machine *machine, const struct uuid *uuids, size_t count,
                           struct error *err)
{
    if (!machine_is_refreshing(machine)) {
        log_debug("the server named entries as present outside its refresh", LOG_I("count", count));
        return 0;
    }
    machine->present_listed = true;
    if (count == 0)
        return 0;
    return sink_result(machine, machine->sink->present(machine->sink->context, uuids, count, err));
}

static int machine_set(struct sync_machine *machine, const struct sync_info_value *value, struct error *err)
{
    struct uuid *uuids = sync_info_uuids(NULL, value);
    int result = value->refresh_deletes ? machine_gone(machine, uuids, value->count, err)
                                        : machine_present(machine, uuids, value->count, err);

    talloc_free(uuids);
    if (result == 0)
        machine_absorb_octets(machine, &value->cookie);
    return result;
}

int sync_machine_info(struct sync_machine *machine, const struct sync_info_value *value, struct error *err)
{
    if (machine_begin(machine, err) < 0)
        return -1;
    switch (value->kind) {
    case SYNC_INFO_NEW_COOKIE:
        return machine_new_cookie(machine, value, err);
    case SYNC_INFO_REFRESH_DELETE:
    case SYNC_INFO_REFRESH_PRESENT:
        return machine_end_phase(machine, value, err);
    case SYNC_INFO_ID_SET:
        return machine_set(machine, value, err);
    }
    return 0;
}

static void machine_check_csn(struct sync_machine *machine, const struct entry *entry)
{
    if (!machine->sent || machine->cookie_ignored || machine->closes_by_cookie ||
        !machine_is_refreshing(machine))
        return;
    const struct attribute *csn = entry_attribute(entry, machine->csn_name);
    if (csn && csn->count > 0)
        machine->cookie_ignored = cookie_is_past(machine->sent, csn->values[0].data, csn->values[0].length);
}

static int machine_changed(struct sync_machine *machine, struct entry *entry, struct error *err)
{
    // A knowledge reference (RFC 3296) that ManageDsaIT lets us see is nobody's user or group.
    if (entry_has_class(entry, "referral")) {
        log_info("referral entry left out", LOG_S("dn", entry->dn));
        return machine_gone(machine, &entry->uuid, 1, err);
    }
    machine_check_csn(machine, entry);
    machine->open = true;
    return sink_result(machine, machine->sink->entry(machine->sink->context, entry, err));
}

int sync_machine_entry(struct sync_machine *machine, const struct sync_state_value *value,
                       struct entry *entry, struct error *err)
{
    int result = 0;

    if (machine_begin(machine, err) < 0)
        return -1;
    switch (value->state) {
    case SYNC_STATE_PRESENT:
        result = machine_present(machine, &value->uuid, 1, err);
        break;
    case SYNC_STATE_DELETE:
        result = machine_gone(machine, &value->uuid, 1, err);
        break;
    case SYNC_STATE_ADD:
    case SYNC_STATE_MODIFY:
    case SYNC_STATE_RENAME:
        result = machine_changed(machine, entry, err);
        break;
    }
    if (result == 0)
        machine_absorb_octets(machine, &value->cookie);
    return result;
}

int sync_machine_checkpoint(struct sync_machine *machine, struct error *err)
{
    if (machine->phase != PHASE_PERSISTING || !machine->open)
        return 0;
    machine->open = false;
    return sink_result(machine,
                       machine->sink->checkpoint(machine->sink->context, machine_cookie(machine), err));
}

static enum source_failure machine_failure_of(const struct sync_machine *machine, int result)
{
    bool persisting = machine->phase == PHASE_PERSISTING;

    switch (result) {
    case LDAP_SYNC_REFRESH_REQUIRED:
        return SOURCE_REFUSED;
    case LDAP_UNWILLING_TO_PERFORM: // "consumer state is newer than provider!"
        return machine->sent || persisting ? SOURCE_REFUSED : SOURCE_UNSUPPORTED;
    case LDAP_TIMELIMIT_EXCEEDED:
    case LDAP_SIZELIMIT_EXCEEDED:
    case LDAP_ADMINLIMIT_EXCEEDED:
        return SOURCE_LIMIT;
    case LDAP_SUCCESS: // nothing that persists ends well
        return persisting ? SOURCE_LOST : SOURCE_UNSUPPORTED;
    case LDAP_PROTOCOL_ERROR:
    case LDAP_UNAVAILABLE_CRITICAL_EXTENSION:
        return SOURCE_UNSUPPORTED;
    default:
        return SOURCE_LOST;
    }
}

int sync_machine_done(struct sync_machine *machine, int result, const char *words, struct error *err)
{
    enum source_failure failure = machine_failure_of(machine, result);

    switch (failure) {
    case SOURCE_REFUSED:
        error_set(err, "the server refuses the sync cookie: %s; everything is read again", words);
        break;
    case SOURCE_LIMIT:
        error_set(err,
                  "the server cut the refresh short: %s; lift the limits for the bind DN (OpenLDAP: "
                  "limits dn.exact=... size=unlimited time=unlimited)",
                  words);
        break;
    case SOURCE_UNSUPPORTED:
        error_set(err,
                  "the server does not answer syncrepl as in RFC 4533: %s; load the overlay syncprov on the "
                  "database, or choose another source",
                  words);
        break;
    default:
        error_set(err, "the server ended the syncrepl search: %s", words);
        break;
    }
    return sync_machine_fail(machine, failure);
}
