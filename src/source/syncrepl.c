// SPDX-License-Identifier: Apache-2.0
// Content synchronisation (RFC 4533) in the mode refreshAndPersist. Here are the search, the draining of its
// messages on the loop and their decoding; sync_machine.c says what they mean.
#include <event2/event.h>
#include <ldap.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/schema.h"
#include "source/cookie.h"
#include "source/source.h"
#include "sync_control.h"
#include "sync_machine.h"

#define TURN_TIME 50 // milliseconds; somebody else on the loop may be waiting

// Without a wake-up, in case something waits inside libldap after all.
static const struct timeval look_again = { .tv_sec = 1 };

struct source {
    const struct source_ops *ops;
    const struct source_sink *sink;
    const struct view *view;
    struct session *session;
    struct sync_machine *machine;
    LDAP *ld;
    int message_id;
    struct event *readable;
    struct event *again;
    bool reference_logged;
};

static const LDAPControl *control_find(LDAPControl **controls, const char *oid)
{
    for (size_t i = 0; controls && controls[i]; i++) {
        if (strcmp(controls[i]->ldctl_oid, oid) == 0)
            return controls[i];
    }
    return NULL;
}

// The Sync State control of an entry. Its cookie is copied to `ctx`, for libldap's controls go at once.
static int syncrepl_state(TALLOC_CTX *ctx, struct source *source, LDAPMessage *message,
                          struct sync_state_value *value, struct error *err)
{
    LDAPControl **controls = NULL;
    int result = -1;

    if (ldap_get_entry_controls(source->ld, message, &controls) != LDAP_SUCCESS) {
        error_set(err, "the server sent an entry with unreadable controls");
        goto done;
    }
    const LDAPControl *control = control_find(controls, SYNC_STATE_OID);
    if (!control) {
        error_set(
            err,
            "the server sent an entry without Sync State control: it does not do syncrepl for this base; "
            "load the overlay syncprov on the database, or choose another source");
        goto done;
    }
    result = sync_state_decode((const uint8_t *)control->ldctl_value.bv_val, control->ldctl_value.bv_len,
                               value, err);
    if (result == 0 && value->cookie.data)
        value->cookie.data = talloc_memdup(ctx, value->cookie.data, value->cookie.length);
done:
    ldap_controls_free(controls);
    return result;
}

static int syncrepl_entry(struct source *source, LDAPMessage *message, struct error *err)
{
    TALLOC_CTX *scratch = talloc_new(source);
    struct sync_state_value value = { .cookie = { .data = NULL } };
    struct entry *entry = NULL;
    int result;

    if (syncrepl_state(scratch, source, message, &value, err) < 0)
        goto outside;
    if (value.state != SYNC_STATE_PRESENT && value.state != SYNC_STATE_DELETE) {
        entry = session_decode_entry(scratch, source->ld, message, source->view->attributes, err);
        if (!entry)
            goto outside;
        entry->uuid = value.uuid; // not the attribute: other servers' entryUUID is not what they sync by
    }
    result = sync_machine_entry(source->machine, &value, entry, err);
    talloc_free(scratch);
    return result;

outside:
    talloc_free(scratch);
    return sync_machine_fail(source->machine, SOURCE_UNSUPPORTED);
}

static int syncrepl_intermediate(struct source *source, LDAPMessage *message, struct error *err)
{
    struct sync_info_value value;
    struct berval *data = NULL;
    char *oid = NULL;
    int result = 0;

    if (ldap_parse_intermediate(source->ld, message, &oid, &data, NULL, 0) != LDAP_SUCCESS) {
        error_set(err, "the server sent an unreadable intermediate response");
        return sync_machine_fail(source->machine, SOURCE_UNSUPPORTED);
    }
    if (!oid || strcmp(oid, SYNC_INFO_OID) != 0) {
        log_debug("intermediate response left out", LOG_S("oid", oid));
    } else if (sync_info_decode(data ? (const uint8_t *)data->bv_val : NULL, data ? data->bv_len : 0, &value,
                                err) < 0) {
        result = sync_machine_fail(source->machine, SOURCE_UNSUPPORTED);
    } else {
        result = sync_machine_info(source->machine, &value, err);
    }
    ldap_memfree(oid);
    ber_bvfree(data);
    return result;
}

static int syncrepl_done(struct source *source, LDAPMessage *message, struct error *err)
{
    int code = LDAP_OTHER;
    char *words;
    int result;

    if (sync_machine_checkpoint(source->machine, err) < 0)
        return -1;
    if (ldap_parse_result(source->ld, message, &code, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
        code = LDAP_DECODING_ERROR;
    source->message_id = -1; // nothing left to abandon
    words = code == LDAP_SUCCESS ? talloc_strdup(source, "success, though the search was to go on")
                                 : session_explain(source, source->ld, code);
    result = sync_machine_done(source->machine, code, words, err);
    talloc_free(words);
    return result;
}

static int syncrepl_message(struct source *source, LDAPMessage *message, struct error *err)
{
    switch (ldap_msgtype(message)) {
    case LDAP_RES_SEARCH_ENTRY:
        return syncrepl_entry(source, message, err);
    case LDAP_RES_INTERMEDIATE:
        return syncrepl_intermediate(source, message, err);
    case LDAP_RES_SEARCH_RESULT:
        return syncrepl_done(source, message, err);
    case LDAP_RES_SEARCH_REFERENCE:
        if (!source->reference_logged)
            log_info("continuation references are not followed", LOG_S("uri", session_uri(source->session)));
        source->reference_logged = true;
        return 0;
    default:
        error_set(err, "the server answered a search with message type 0x%x",
                  (unsigned)ldap_msgtype(message));
        return sync_machine_fail(source->machine, SOURCE_UNSUPPORTED);
    }
}

static int syncrepl_lost(struct source *source, struct error *err)
{
    int code = LDAP_SERVER_DOWN;
    char *words;

    ldap_get_option(source->ld, LDAP_OPT_RESULT_CODE, &code);
    if (code == LDAP_BUSY || code == LDAP_TIMEOUT)
        return 0;
    // What came before the connection broke is whole.
    if (sync_machine_checkpoint(source->machine, err) < 0)
        return -1;
    words = session_explain(source, source->ld, code);
    error_set(err, "the connection to %s broke while waiting for changes: %s", session_uri(source->session),
              words);
    talloc_free(words);
    return sync_machine_fail(source->machine, SOURCE_LOST);
}

// Reads what is there, within one turn's budget. 1 when more may be there, 0 when drained, -1 on failure.
static int syncrepl_drain(struct source *source, struct error *err)
{
    int64_t until = clock_monotonic() + TURN_TIME;

    for (int i = 0; i < SOURCE_BATCH; i++) {
        struct timeval zero = { .tv_sec = 0 };
        LDAPMessage *message = NULL;
        int type = ldap_result(source->ld, source->message_id, LDAP_MSG_ONE, &zero, &message);
        if (type == 0)
            return 0;
        if (type < 0)
            return syncrepl_lost(source, err);
        int result = syncrepl_message(source, message, err);
        ldap_msgfree(message);
        if (result < 0)
            return -1;
        if (clock_monotonic() >= until)
            return 1;
    }
    return 1;
}

static void syncrepl_quiet(struct source *source)
{
    if (source->readable)
        event_free(source->readable);
    if (source->again)
        event_free(source->again);
    source->readable = source->again = NULL;
}

// A timer and not event_active(), which would keep the other events of this loop waiting.
static void syncrepl_wake(struct source *source)
{
    static const struct timeval at_once = { .tv_sec = 0 };
    if (source->again)
        event_add(source->again, &at_once);
}

static void syncrepl_turn(evutil_socket_t descriptor, short what, void *context)
{
    struct source *source = context;
    struct error err = { .code = 0 };
    int state = syncrepl_drain(source, &err);

    (void)descriptor;
    (void)what;
    if (state >= 0 && sync_machine_checkpoint(source->machine, &err) < 0)
        state = -1;
    if (state > 0) {
        // One turn per round of the loop: the descriptor, still readable, would bring a second one.
        event_del(source->readable);
        syncrepl_wake(source);
    } else if (state == 0) {
        event_add(source->readable, &look_again);
    } else {
        syncrepl_quiet(source);
        source->sink->failed(source->sink->context, sync_machine_failure(source->machine), &err);
    }
}

static int syncrepl_destroy(struct source *source)
{
    syncrepl_quiet(source);
    // A session that was closed took the operation with it.
    if (source->message_id >= 0 && session_handle(source->session) == source->ld)
        ldap_abandon_ext(source->ld, source->message_id, NULL, NULL);
    return 0;
}

// ApacheDS ends its refresh with a new cookie and no other word.
static bool server_closes_by_cookie(const struct session *session)
{
    const char *vendor =
        entry_text(session_root_dse(session), schema_canonical("vendorName", strlen("vendorName")));
    return vendor && strstr(vendor, "Apache") != NULL;
}

static int syncrepl_search(struct source *source, const char *cookie, struct error *err)
{
    static char no_attributes[] = LDAP_NO_ATTRS;
    static char *nothing[] = { no_attributes, NULL };
    static char sync_oid[] = SYNC_REQUEST_OID, manage_oid[] = LDAP_CONTROL_MANAGEDSAIT;
    const struct view *view = source->view;
    uint8_t *value;
    size_t length;

    sync_request_encode(source, SYNC_REFRESH_AND_PERSIST, cookie, &value, &length);
    LDAPControl sync = { .ldctl_oid = sync_oid,
                         .ldctl_value = { .bv_val = (char *)value, .bv_len = length },
                         .ldctl_iscritical = 1 };
    // Without it the first referral entry breaks the refresh.
    LDAPControl manage = { .ldctl_oid = manage_oid, .ldctl_iscritical = 0 };
    LDAPControl *controls[] = { &sync, &manage, NULL };
    int result = ldap_search_ext(source->ld, view->base, LDAP_SCOPE_SUBTREE, view->filter,
                                 view->attribute_count > 0 ? (char **)view->attributes : nothing, 0, controls,
                                 NULL, NULL, LDAP_NO_LIMIT, &source->message_id);
    talloc_free(value);
    if (result == LDAP_SUCCESS)
        return 0;
    source->message_id = -1;
    char *words = session_explain(source, source->ld, result);
    error_set(err, "the syncrepl search could not be sent to %s: %s", session_uri(source->session), words);
    talloc_free(words);
    return -1;
}

static struct source *syncrepl_start(TALLOC_CTX *ctx, struct event_base *loop, struct session *session,
                                     const struct view *view, const char *cookie,
                                     const struct source_sink *sink, struct error *err)
{
    struct source *source = talloc_zero(ctx, struct source);

    *source = (struct source){ .ops = &source_syncrepl,
                               .sink = sink,
                               .view = view,
                               .session = session,
                               .ld = session_handle(session),
                               .message_id = -1 };
    char *sent = cookie_to_send(source, cookie);
    source->machine = sync_machine_new(source, sink, sent, server_closes_by_cookie(session));
    talloc_set_destructor(source, syncrepl_destroy);
    if (syncrepl_search(source, sent, err) < 0)
        goto failed;
    source->readable =
        event_new(loop, session_descriptor(session), EV_READ | EV_PERSIST, syncrepl_turn, source);
    source->again = evtimer_new(loop, syncrepl_turn, source);
    if (!source->readable || !source->again || event_add(source->readable, &look_again) < 0) {
        error_set(err, "the syncrepl search could not be put on the event loop");
        goto failed;
    }
    log_debug("syncrepl search sent", LOG_S("uri", session_uri(session)), LOG_S("cookie", sent));
    syncrepl_wake(source);
    return source;

failed:
    talloc_free(source);
    return NULL;
}

static int syncrepl_is_behind(const char *cookie, const struct attribute *context_csn)
{
    if (!cookie_is_sound(cookie) || !context_csn || context_csn->count == 0)
        return -1;
    const char **csns = talloc_array(NULL, const char *, context_csn->count);
    for (size_t i = 0; i < context_csn->count; i++)
        csns[i] = context_csn->values[i].data;
    bool behind = cookie_is_behind(cookie, csns, context_csn->count);
    talloc_free(csns);
    return behind;
}

static char *syncrepl_went_back(TALLOC_CTX *ctx, const char *ours, const char *theirs)
{
    char *sid = cookie_regression(ctx, ours, theirs);
    char *words = sid ? talloc_asprintf(ctx, "the CSN of sid %s went back or is missing", sid) : NULL;
    talloc_free(sid);
    return words;
}

const struct source_ops source_syncrepl = {
    .name = "syncrepl",
    .start = syncrepl_start,
    .cookie_is_sound = cookie_is_sound,
    .is_behind = syncrepl_is_behind,
    .went_back = syncrepl_went_back,
    .wake = syncrepl_wake,
};
