// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <event2/event.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/dn.h"

// The source reads from the same connection: it may have taken our answer off the socket into libldap's queue, of which
// no event tells. So we look from time to time while a probe is out.
static const struct timeval look_again = { .tv_usec = 50000 };

struct waiter {
    void (*answer)(void *context, int behind);
    void *context;
    struct waiter *next;
};

// The source may have read our answer into libldap's queue, and then nothing wakes us for it: look every so often.
#define LOOK_EVERY 20

struct probe {
    const struct config_directory *directory;
    struct session *session;
    struct source *source;
    const struct source_ops *ops;
    struct pipeline *pipeline;
    void (*failed)(void *context, enum source_failure failure, const struct error *err);
    void *context;
    char *context_dn; // the naming context above our base
    struct event *read_event, *look_timer, *interval_timer, *answer_timer;
    int message; // in flight, 0: none
    int behind;
    struct waiter *waiters;
};

static void probe_arm(struct event *timer, int64_t wait)
{
    struct timeval when = { .tv_sec = (time_t)(wait / 1000), .tv_usec = (suseconds_t)(wait % 1000 * 1000) };
    event_add(timer, &when);
}

// contextCSN lives at the root of the database (RFC 4533 leaves this to the server; OpenLDAP keeps it there).
static char *probe_context_dn(TALLOC_CTX *ctx, const struct session *session, const char *base)
{
    const struct attribute *contexts = entry_attribute(session_root_dse(session), "namingContexts");
    char *normal_base = dn_normalize(ctx, base, strlen(base), NULL);
    const char *best = NULL;
    for (size_t i = 0; normal_base && contexts && i < contexts->count; i++) {
        const struct value *value = &contexts->values[i];
        char *normal = dn_normalize(ctx, value->data, value->length, NULL);
        if (normal && dn_is_within(normal_base, normal) && (!best || value->length > strlen(best)))
            best = value->data;
        talloc_free(normal);
    }
    talloc_free(normal_base);
    return talloc_strdup(ctx, best ? best : base);
}

static void probe_answered(struct probe *probe, int behind)
{
    probe->behind = behind;
    struct waiter *waiters = probe->waiters;
    probe->waiters = NULL;
    while (waiters) {
        struct waiter *waiter = waiters;
        waiters = waiter->next;
        waiter->answer(waiter->context, behind);
        talloc_free(waiter);
    }
}

static void probe_judge(struct probe *probe, LDAPMessage *chain)
{
    int behind = -1;
    LDAP *ld = session_handle(probe->session);
    LDAPMessage *first = ldap_first_entry(ld, chain);
    if (first) {
        struct error err;
        struct entry *entry = session_decode_entry(probe, ld, first, NULL, &err);
        const struct attribute *csns = entry_attribute(entry, "contextCSN");
        const char *cookie = pipeline_state(probe->pipeline)->cookie;
        if (csns && cookie && probe->ops->is_behind)
            behind = probe->ops->is_behind(cookie, csns);
        talloc_free(entry);
    }
    probe_answered(probe, behind);
}

// No answer is awaited any more.
static void probe_quiet(struct probe *probe)
{
    probe->message = 0;
    event_del(probe->read_event);
    event_del(probe->look_timer);
    event_del(probe->answer_timer);
}

static void probe_fail(struct probe *probe, const char *text)
{
    struct error err;
    error_set(&err, "%s", text);
    probe_quiet(probe);
    event_del(probe->interval_timer);
    probe->failed(probe->context, SOURCE_LOST, &err);
}

// With a zero timeout libldap gives 0 after each PDU that does not yet complete the chain by itself, even when the
// chain is complete now: the answer (entry, perhaps a reference, done) needs one look more than it has PDUs.
static int probe_result(struct probe *probe, LDAPMessage **chain)
{
    int type = 0;
    for (int looks = 0; type == 0 && looks < 4; looks++) {
        struct timeval now = { 0 };
        type = ldap_result(session_handle(probe->session), probe->message, LDAP_MSG_ALL, &now, chain);
    }
    return type;
}

static void probe_on_read(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct probe *probe = context;
    if (!probe->message)
        return;
    LDAPMessage *chain = NULL;
    int type = probe_result(probe, &chain);
    // We may have read messages of the source into libldap's queue; nothing else would wake it for them.
    probe->ops->wake(probe->source);
    if (type == 0) {
        probe_arm(probe->look_timer, LOOK_EVERY);
        return;
    }
    probe_quiet(probe);
    if (type < 0) {
        probe_fail(probe, "the connection was lost (the probe got no answer)");
        return;
    }
    probe_judge(probe, chain);
    ldap_msgfree(chain);
}

static void probe_on_silence(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    probe_fail(context, "the server does not answer the probe; the connection is taken for dead");
}

static void probe_send(struct probe *probe)
{
    static char context_csn[] = "contextCSN";
    char *attributes[] = { context_csn, NULL };
    if (probe->message)
        return;
    int message = 0;
    int result = ldap_search_ext(session_handle(probe->session), probe->context_dn, LDAP_SCOPE_BASE, "(objectClass=*)",
                                 attributes, 0, NULL, NULL, NULL, 1, &message);
    if (result == LDAP_BUSY)
        return; // the socket is full; the next interval will do
    if (result != LDAP_SUCCESS) {
        probe_fail(probe, "the connection was lost (the probe could not be sent)");
        return;
    }
    probe->message = message;
    event_add(probe->read_event, &look_again);
    probe_arm(probe->look_timer, LOOK_EVERY);
    probe_arm(probe->answer_timer, probe->directory->operation_timeout);
}

static void probe_on_interval(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor, (void)what;
    struct probe *probe = context;
    probe_arm(probe->interval_timer, probe->directory->probe_interval);
    probe_send(probe);
}

static int probe_destroy(struct probe *probe)
{
    event_free(probe->read_event);
    event_free(probe->look_timer);
    event_free(probe->interval_timer);
    event_free(probe->answer_timer);
    probe_answered(probe, -1);
    return 0;
}

struct probe *probe_new(TALLOC_CTX *ctx, struct event_base *loop, const struct config_directory *directory,
                        struct session *session, struct source *source, const struct source_ops *ops,
                        struct pipeline *pipeline,
                        void (*failed)(void *context, enum source_failure failure, const struct error *err), void *context)
{
    struct probe *probe = talloc_zero(ctx, struct probe);
    probe->directory = directory;
    probe->session = session;
    probe->source = source;
    probe->ops = ops;
    probe->pipeline = pipeline;
    probe->failed = failed;
    probe->context = context;
    probe->behind = -1;
    probe->context_dn = probe_context_dn(probe, session, directory->base);
    probe->read_event = event_new(loop, session_descriptor(session), EV_READ | EV_PERSIST, probe_on_read, probe);
    probe->look_timer = evtimer_new(loop, probe_on_read, probe);
    probe->interval_timer = evtimer_new(loop, probe_on_interval, probe);
    probe->answer_timer = evtimer_new(loop, probe_on_silence, probe);
    probe_arm(probe->interval_timer, directory->probe_interval);
    talloc_set_destructor(probe, probe_destroy);
    return probe;
}

void probe_now(struct probe *probe)
{
    event_active(probe->interval_timer, EV_TIMEOUT, 0);
}

int probe_behind(const struct probe *probe)
{
    return probe->behind;
}

void probe_ask(struct probe *probe, void (*answer)(void *context, int behind), void *context)
{
    struct waiter *waiter = talloc(probe, struct waiter);
    *waiter = (struct waiter){ .answer = answer, .context = context, .next = probe->waiters };
    probe->waiters = waiter;
    if (!probe->message)
        probe_send(probe);
}
