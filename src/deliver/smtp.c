// SPDX-License-Identifier: Apache-2.0
#include "deliver/smtp.h"

#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "mail/message.h"
#include "smtp_session.h"

// A relay that takes fewer connections than we were told gets fewer for this long.
#define FEWER_CONNECTIONS_FOR CLOCK_MINUTE

struct job {
    struct smtp_transport *transport;
    const struct message *message;
    struct smtp_envelope envelope;
    bool *tried; // per host
    size_t host;
    bool again; // the one retry after a stale connection is used up
    struct transport_result result;
    struct job *next; // in parked or finished
};

struct slot {
    struct smtp_transport *transport;
    struct smtp_session *session;
    struct job *job; // NULL: free
};

struct job_list {
    struct job *first, **last;
};

struct smtp_transport {
    const struct transport_ops *ops;
    const struct config_transport *config;
    struct curl_loop *loop;
    struct event *soon;
    transport_done_fn *done;
    void *context;
    struct smtp_hosts hosts;
    struct slot *slots;
    size_t slot_count, busy, parked_count;
    size_t slots_most;        // of them to be used at the moment
    int64_t fewer_until;      // monotonic; 0: all may be used
    struct job_list parked;   // wait for a connection that exists
    struct job_list finished; // without having gone anywhere; to be told from the loop
    int64_t next_allowed;     // monotonic: the rate limit's next place
};

static struct smtp_transport *self(struct transport *transport)
{
    return (struct smtp_transport *)transport;
}

static void job_push(struct job_list *list, struct job *job)
{
    job->next = NULL;
    if (!list->first)
        list->last = &list->first;
    *list->last = job;
    list->last = &job->next;
}

static struct job *job_pop(struct job_list *list)
{
    struct job *job = list->first;
    if (job)
        list->first = job->next;
    return job;
}

// --- ends of a job -----------------------------------------------------------------------------------

static void job_tell(struct job *job)
{
    struct smtp_transport *transport = job->transport;
    transport->done(transport->context, job->message->id, &job->result);
    talloc_free(job);
}

static void on_soon(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct smtp_transport *transport = context;
    struct job *job;
    while ((job = job_pop(&transport->finished)))
        job_tell(job);
}

static void job_finish_later(struct job *job, enum transport_outcome outcome, const char *words)
{
    job->result = (struct transport_result){ .outcome = outcome, .reply = words, .step = SMTP_STEP_RESOLVE };
    job_push(&job->transport->finished, job);
    event_active(job->transport->soon, EV_TIMEOUT, 0);
}

// --- beginnings --------------------------------------------------------------------------------------

static void slot_send(struct slot *slot, struct job *job)
{
    slot->job = job;
    slot->transport->busy++;
    smtp_session_send(slot->session, &slot->transport->hosts.items[job->host], &job->envelope);
}

// Free slots: best one that is connected to the host, then one that is not connected at all.
static struct slot *slot_choose(struct smtp_transport *transport, const struct smtp_host *host)
{
    struct slot *best = NULL;
    int best_fit = -1;
    for (size_t i = 0; i < transport->slot_count; i++) {
        struct slot *slot = &transport->slots[i];
        if (slot->job)
            continue;
        int fit = smtp_session_connected(slot->session, host)    ? 2
                  : !smtp_session_connected(slot->session, NULL) ? 1
                                                                 : 0;
        if (fit > best_fit) {
            best = slot;
            best_fit = fit;
        }
    }
    return best;
}

static size_t slots_most(struct smtp_transport *transport)
{
    if (transport->fewer_until && clock_monotonic() >= transport->fewer_until) {
        transport->fewer_until = 0;
        transport->slots_most = transport->slot_count;
    }
    return transport->slots_most;
}

// False: no host is left.
static bool job_dispatch(struct job *job)
{
    struct smtp_transport *transport = job->transport;
    int host = smtp_hosts_next(&transport->hosts, job->tried, clock_monotonic());
    if (host < 0)
        return false;
    job->host = (size_t)host;
    struct slot *slot = slot_choose(transport, &transport->hosts.items[host]);
    if (slot && transport->busy < slots_most(transport)) {
        slot_send(slot, job);
    } else {
        job_push(&transport->parked, job);
        transport->parked_count++;
    }
    return true;
}

static void parked_dispatch(struct smtp_transport *transport)
{
    while (transport->parked.first && transport->busy < slots_most(transport)) {
        struct job *job = job_pop(&transport->parked);
        transport->parked_count--;
        if (!job_dispatch(job))
            job_finish_later(job, TRANSPORT_DOWN, "no host is left to try");
    }
}

// --- what a session says -----------------------------------------------------------------------------

static size_t connected_count(const struct smtp_transport *transport, const struct smtp_host *host)
{
    size_t count = 0;
    for (size_t i = 0; i < transport->slot_count; i++)
        count += smtp_session_connected(transport->slots[i].session, host);
    return count;
}

// A host that refuses one more connection while others work is not out of order: it takes no more of them.
static bool job_waits_for_connection(struct job *job, const struct smtp_evidence *evidence)
{
    struct smtp_transport *transport = job->transport;
    if (evidence->step > SMTP_STEP_LOGIN)
        return false;
    size_t connected = connected_count(transport, &transport->hosts.items[job->host]);
    if (connected == 0)
        return false;
    log_info("the relay takes no more connections", LOG_S("transport", transport->config->name),
             LOG_S("host", transport->hosts.items[job->host].label), LOG_I("connections", connected));
    transport->slots_most = connected;
    transport->fewer_until = clock_monotonic() + FEWER_CONNECTIONS_FOR;
    job_push(&transport->parked, job);
    transport->parked_count++;
    return true;
}

static void job_conclude(struct job *job, const struct smtp_evidence *evidence,
                         const struct smtp_verdict *verdict)
{
    const struct smtp_host *host = &job->transport->hosts.items[job->host];
    char *words = verdict->outcome == TRANSPORT_ACCEPTED ? talloc_strdup(job, evidence->text)
                                                         : smtp_explain(job, evidence, host->label);
    if (job->result.reply && words)
        words = talloc_asprintf(job, "%s; %s", job->result.reply, words);
    job->result = (struct transport_result){ .outcome = verdict->outcome,
                                             .code = evidence->code,
                                             .reply = words,
                                             .host = host->label,
                                             .step = (int)evidence->step };
}

static void on_session_done(void *context, struct smtp_session *session, const struct smtp_evidence *evidence)
{
    (void)session;
    struct slot *slot = context;
    struct smtp_transport *transport = slot->transport;
    struct job *job = slot->job;
    struct smtp_verdict verdict = smtp_judge(evidence);
    slot->job = NULL;
    transport->busy--;

    if (verdict.again && !job->again) {
        job->again = true;
        log_debug("the relay had closed an idle connection", LOG_S("transport", transport->config->name),
                  LOG_I("message", job->message->id));
        slot_send(slot, job);
        return;
    }
    if (verdict.host_failed && job_waits_for_connection(job, evidence)) {
        parked_dispatch(transport);
        return;
    }
    if (verdict.outcome == TRANSPORT_ACCEPTED)
        job->result = (struct transport_result){ 0 };
    job_conclude(job, evidence, &verdict);
    if (verdict.host_failed) {
        log_warning("a relay failed", LOG_S("transport", transport->config->name),
                    LOG_S("host", transport->hosts.items[job->host].label),
                    LOG_S("step", smtp_step_name(evidence->step)), LOG_S("error", job->result.reply));
        smtp_hosts_failed(&transport->hosts, job->host, clock_monotonic(), backoff_random());
        job->tried[job->host] = true;
        if (job_dispatch(job))
            return;
    } else if (evidence->code) {
        smtp_hosts_worked(&transport->hosts, job->host);
    }
    parked_dispatch(transport);
    job_tell(job);
}

// --- operations --------------------------------------------------------------------------------------

static size_t smtp_room(struct transport *base)
{
    struct smtp_transport *transport = self(base);
    size_t taken = transport->busy + transport->parked_count;
    size_t most = slots_most(transport);
    size_t room = taken < most ? most - taken : 0;
    if (room > 0 && transport->config->messages_per_minute > 0)
        room = transport->next_allowed <= clock_monotonic() ? 1 : 0;
    return room;
}

static int64_t smtp_wait(struct transport *base)
{
    struct smtp_transport *transport = self(base);
    int64_t now = clock_monotonic();
    if (transport->config->messages_per_minute > 0 && transport->next_allowed > now)
        return transport->next_allowed - now;
    return transport->fewer_until > now ? transport->fewer_until - now : 0;
}

// One message every so often: servers count over any minute, so a saved-up burst would exceed their limit. A
// place missed because the loop was late is made good, up to a tenth of a second.
static void rate_take(struct smtp_transport *transport)
{
    int64_t per_minute = transport->config->messages_per_minute;
    if (per_minute <= 0)
        return;
    int64_t now = clock_monotonic(), interval = (CLOCK_MINUTE + per_minute - 1) / per_minute;
    int64_t earliest = now - (interval < CLOCK_SECOND / 10 ? CLOCK_SECOND / 10 : 0);
    if (transport->next_allowed < earliest)
        transport->next_allowed = earliest;
    transport->next_allowed += interval;
}

static int smtp_send(struct transport *base, const struct message *message, struct error *err)
{
    struct smtp_transport *transport = self(base);
    struct job *job = talloc_zero(transport, struct job);
    if (job)
        job->tried = talloc_zero_array(job, bool, transport->hosts.count);
    if (!job || !job->tried) {
        talloc_free(job);
        return error_set(err, "out of memory");
    }
    job->transport = transport;
    job->message = message;
    struct error address;
    const char *from = message->envelope_from ? message->envelope_from : "";
    job->envelope = (struct smtp_envelope){
        .from = *from ? mail_wire_address(job, from, &address) : "",
        .to = mail_wire_address(job, message->recipient, &address),
        .bytes = message->bytes,
        .length = message->length,
    };
    rate_take(transport);
    if (!job->envelope.from || !job->envelope.to)
        job_finish_later(job, TRANSPORT_PERMANENT, talloc_strdup(job, address.text));
    else if (!job_dispatch(job))
        job_finish_later(job, TRANSPORT_DOWN, "no host is left to try");
    return 0;
}

static int transport_free(struct smtp_transport *transport)
{
    for (size_t i = 0; i < transport->slot_count; i++)
        TALLOC_FREE(transport->slots[i].session);
    if (transport->soon)
        event_free(transport->soon);
    return 0;
}

static void smtp_close(struct transport *base)
{
    talloc_free(self(base));
}

static struct transport *smtp_open(TALLOC_CTX *ctx, struct event_base *base,
                                   const struct config_transport *config, transport_done_fn *done,
                                   void *context, struct error *err)
{
    struct smtp_transport *transport = talloc_zero(ctx, struct smtp_transport);
    if (!transport) {
        error_set(err, "out of memory");
        return NULL;
    }
    talloc_set_destructor(transport, transport_free);
    transport->ops = &transport_smtp;
    transport->config = config;
    transport->done = done;
    transport->context = context;
    transport->soon = evtimer_new(base, on_soon, transport);
    transport->loop = curl_loop_new(transport, base, err);
    if (!transport->soon || !transport->loop
        || smtp_hosts_parse(transport, config->hosts, smtp_default_port(config->tls), &transport->hosts, err)
               < 0)
        goto failed;
    size_t count = config->connections > 0 ? (size_t)config->connections : 1;
    transport->slots = talloc_zero_array(transport, struct slot, count);
    if (!transport->slots) {
        error_set(err, "out of memory");
        goto failed;
    }
    for (; transport->slot_count < count; transport->slot_count++) {
        struct slot *slot = &transport->slots[transport->slot_count];
        slot->transport = transport;
        slot->session =
            smtp_session_new(transport, base, transport->loop, config, on_session_done, slot, err);
        if (!slot->session)
            goto failed;
    }
    transport->slots_most = count;
    return (struct transport *)transport;

failed:
    talloc_free(transport);
    return NULL;
}

const struct transport_ops transport_smtp = {
    .name = "smtp",
    .open = smtp_open,
    .room = smtp_room,
    .wait = smtp_wait,
    .send = smtp_send,
    .close = smtp_close,
};
