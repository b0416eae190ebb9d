// SPDX-License-Identifier: Apache-2.0
#include "send.h"

#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "deliver/smtp.h"
#include "outcome.h"

// Claimed at once: enough to keep every connection busy without asking the store for each message.
#define CLAIM_MOST 128
// Longer than anything a claimed message may have to wait for. After a crash leases are taken back at once
// anyway.
#define LEASE (2 * CLOCK_HOUR)
#define BLOCKED_RETRY (5 * CLOCK_SECOND)
#define PAUSE_FIRST (5 * CLOCK_SECOND)
#define STORE_RETRY_FIRST CLOCK_SECOND
#define STORE_RETRY_MOST CLOCK_MINUTE

// Claimed together; goes when the last of them is recorded.
struct batch {
    struct message *messages;
    size_t count, next; // handed over up to `next`
    size_t unrecorded;
};

struct flight {
    int64_t message;
    struct batch *batch;
    struct message *it;
};

// A result on its way into the store.
struct result {
    struct batch *batch;
    struct message *it;
    enum transport_outcome outcome;
    bool given_back; // nothing was tried: not worth a line in the log
};

struct sender {
    struct event_base *base;
    struct delivery_store *store;
    const struct config_transport *config;
    struct transport *transport; // NULL: cannot be opened
    struct batch *batch;         // being handed over, or NULL
    struct flight *flights;
    size_t flight_count;
    struct result *results;
    size_t result_count;
    struct event *flush, *timer;
    bool stopping;
    bool pumping;
    // One message goes first where it is not known whether the transport works.
    bool probing;
    unsigned pauses;         // in a row
    int64_t paused_until;    // 0: not paused
    unsigned store_failures; // in a row
    char *problem;           // of the transport, NULL: none
};

static void sender_pump(struct sender *sender);

const char *sender_name(const struct sender *sender)
{
    return sender->config->name;
}

static void sender_set_timer(struct sender *sender, int64_t wait)
{
    if (wait < 1)
        wait = 1;
    struct timeval after = { .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
    if (event_add(sender->timer, &after) < 0)
        log_error("cannot set a timer", LOG_S("transport", sender->config->name));
}

// --- results into the store --------------------------------------------------------------------------

// The one stable line of a delivery.
static void result_log(struct sender *sender, const struct result *result)
{
    const struct message *message = result->it;
    TALLOC_CTX *ctx = talloc_new(NULL);
    struct event_list list = { 0 };
    struct error err;
    char *events = talloc_strdup(ctx, "");
    if (delivery_store_events_of(sender->store, ctx, message->id, &list, &err) < 0)
        list.count = 0;
    for (size_t i = 0; i < list.count && events; i++)
        events = talloc_asprintf_append(events, "%s%s", i ? "," : "", event_id(ctx, list.items[i]));
    log_write(message->state == MESSAGE_DEAD ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "delivery",
              log_fields(LOG_I("message", message->id), LOG_S("message_id", message->message_id),
                         LOG_S("directory", message->directory), LOG_S("events", events),
                         LOG_S("recipient", message->recipient), LOG_S("transport", message->transport),
                         LOG_S("host", message->host),
                         LOG_S("outcome", outcome_word(message, result->outcome)),
                         LOG_I("code", message->code), LOG_I("delay_ms", clock_now() - message->created),
                         LOG_I("attempts", message->attempts), LOG_S("reply", message->reply)));
    talloc_free(ctx);
}

static void batch_unref(struct batch *batch)
{
    if (--batch->unrecorded == 0)
        talloc_free(batch);
}

static int results_record(struct sender *sender, struct error *err)
{
    struct message *messages = talloc_array(NULL, struct message, sender->result_count);
    if (!messages)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < sender->result_count; i++)
        messages[i] = *sender->results[i].it;
    int result = delivery_store_record(sender->store, messages, sender->result_count, err);
    talloc_free(messages);
    return result;
}

static void sender_flush(struct sender *sender)
{
    struct error err;
    if (sender->result_count == 0)
        return;
    if (results_record(sender, &err) < 0) {
        // Kept here until the store takes them; nothing new is claimed meanwhile.
        int64_t wait =
            backoff_wait(++sender->store_failures, STORE_RETRY_FIRST, STORE_RETRY_MOST, backoff_random());
        log_error("results cannot be recorded", LOG_S("transport", sender->config->name),
                  LOG_I("results", sender->result_count), LOG_I("retry_ms", wait), LOG_E(&err));
        sender_set_timer(sender, wait);
        return;
    }
    sender->store_failures = 0;
    for (size_t i = 0; i < sender->result_count; i++) {
        if (!sender->results[i].given_back)
            result_log(sender, &sender->results[i]);
        batch_unref(sender->results[i].batch);
    }
    sender->result_count = 0;
}

static void on_flush(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct sender *sender = context;
    sender_flush(sender);
    sender_pump(sender);
}

static void result_add(struct sender *sender, struct batch *batch, struct message *it,
                       enum transport_outcome outcome, bool given_back)
{
    if (talloc_array_length(sender->results) == sender->result_count) {
        size_t room = sender->result_count ? 2 * sender->result_count : CLAIM_MOST;
        struct result *results = talloc_realloc(sender, sender->results, struct result, room);
        if (!results) {
            // The lease brings it back; it may then be told twice.
            log_error("out of memory; a result is lost", LOG_I("message", it->id));
            batch_unref(batch);
            return;
        }
        sender->results = results;
    }
    sender->results[sender->result_count++] =
        (struct result){ .batch = batch, .it = it, .outcome = outcome, .given_back = given_back };
    // Together with all others of this turn of the loop.
    event_active(sender->flush, EV_TIMEOUT, 0);
}

static void batch_give_back(struct sender *sender)
{
    struct batch *batch = sender->batch;
    sender->batch = NULL;
    if (!batch)
        return;
    while (batch->next < batch->count) {
        struct message *message = &batch->messages[batch->next++];
        message->state = MESSAGE_QUEUED;
        result_add(sender, batch, message, TRANSPORT_DOWN, true);
    }
}

// --- what the transport says -------------------------------------------------------------------------

static void sender_pause(struct sender *sender, const struct transport_result *result, int64_t now)
{
    TALLOC_FREE(sender->problem);
    sender->problem = talloc_strdup(sender, result->reply ? result->reply : "the transport is down");
    if (sender->paused_until > now)
        return; // several messages under way have met the same trouble
    // Refused logins may lock the account.
    bool login = result->step == SMTP_STEP_LOGIN;
    int64_t first =
        login || sender->config->retry_first < PAUSE_FIRST ? sender->config->retry_first : PAUSE_FIRST;
    int64_t wait = backoff_wait(++sender->pauses, first, sender->config->retry_most, backoff_random());
    sender->paused_until = now + wait;
    sender->probing = true;
    log_warning("the transport is down", LOG_S("transport", sender->config->name), LOG_I("retry_ms", wait),
                LOG_S("error", sender->problem));
    batch_give_back(sender);
}

static void sender_works(struct sender *sender)
{
    if (sender->pauses > 0)
        log_notice("the transport works again", LOG_S("transport", sender->config->name));
    sender->pauses = 0;
    sender->paused_until = 0;
    sender->probing = false;
    TALLOC_FREE(sender->problem);
}

static void on_done(void *context, int64_t id, const struct transport_result *result)
{
    struct sender *sender = context;
    size_t at = 0;
    while (at < sender->flight_count && sender->flights[at].message != id)
        at++;
    if (at == sender->flight_count)
        return;
    struct flight flight = sender->flights[at];
    sender->flights[at] = sender->flights[--sender->flight_count];

    int64_t now = clock_now();
    if (result->outcome == TRANSPORT_DOWN)
        sender_pause(sender, result, now);
    else
        sender_works(sender);
    struct transport_result copy = *result;
    copy.reply = result->reply ? talloc_strdup(flight.batch, result->reply) : NULL;
    copy.host = result->host ? talloc_strdup(flight.batch, result->host) : NULL;
    outcome_apply(flight.it, &copy, sender->config, now, sender->paused_until, backoff_random());
    result_add(sender, flight.batch, flight.it, result->outcome, false);
    sender_pump(sender);
}

// --- handing over ------------------------------------------------------------------------------------

static bool sender_claim(struct sender *sender, int64_t now)
{
    struct error err;
    struct batch *batch = talloc_zero(sender, struct batch);
    if (!batch)
        return false;
    // With a rate limit a larger batch would only sit here.
    size_t limit = sender->probing || sender->config->messages_per_minute > 0 ? 1 : CLAIM_MOST;
    if (delivery_store_claim(sender->store, batch, sender->config->name, now, now + LEASE, limit,
                             &batch->messages, &batch->count, &err)
        < 0) {
        int64_t wait =
            backoff_wait(++sender->store_failures, STORE_RETRY_FIRST, STORE_RETRY_MOST, backoff_random());
        log_error("messages cannot be claimed", LOG_S("transport", sender->config->name),
                  LOG_I("retry_ms", wait), LOG_E(&err));
        sender_set_timer(sender, wait);
        talloc_free(batch);
        return false;
    }
    sender->store_failures = 0;
    if (batch->count == 0) {
        talloc_free(batch);
        return false;
    }
    batch->unrecorded = batch->count;
    sender->batch = batch;
    return true;
}

static void message_expire(struct sender *sender, struct batch *batch, struct message *message, int64_t now)
{
    message->state = MESSAGE_DEAD;
    message->finished = now;
    if (!message->reply)
        message->reply = "it could not be sent within its lifetime";
    result_add(sender, batch, message, TRANSPORT_TEMPORARY, false);
}

static void sender_hand_over(struct sender *sender, int64_t now)
{
    struct error err;
    struct batch *batch = sender->batch;
    struct message *message = &batch->messages[batch->next++];
    if (batch->next == batch->count)
        sender->batch = NULL;
    if (outcome_is_expired(message, now)) {
        message_expire(sender, batch, message, now);
        return;
    }
    struct flight *flights = talloc_realloc(sender, sender->flights, struct flight, sender->flight_count + 1);
    if (flights)
        sender->flights = flights;
    if (!flights || transport_send(sender->transport, message, &err) < 0) {
        struct transport_result result = { .outcome = TRANSPORT_TEMPORARY,
                                           .reply =
                                               flights ? talloc_strdup(batch, err.text) : "out of memory" };
        outcome_apply(message, &result, sender->config, now, 0, backoff_random());
        result_add(sender, batch, message, result.outcome, false);
        return;
    }
    sender->flights[sender->flight_count++] =
        (struct flight){ .message = message->id, .batch = batch, .it = message };
}

// When is there something to do without anybody calling?
static void sender_schedule(struct sender *sender, int64_t now)
{
    struct error err;
    int64_t when = 0;
    if (sender->paused_until > now) {
        sender_set_timer(sender, sender->paused_until - now);
        return;
    }
    if (sender->batch) {
        int64_t wait = transport_wait(sender->transport);
        if (wait > 0)
            sender_set_timer(sender, wait);
        return;
    }
    if (delivery_store_next_attempt(sender->store, sender->config->name, &when, &err) < 0) {
        log_error("the queue cannot be read", LOG_S("transport", sender->config->name), LOG_E(&err));
        sender_set_timer(sender, STORE_RETRY_FIRST);
        return;
    }
    if (when == 0)
        return;
    int64_t room_in = transport_room(sender->transport) > 0 ? 0 : transport_wait(sender->transport);
    if (when <= now && room_in == 0) {
        // Every place is taken and the next done() goes on; or it waits for an older message, which
        // another transport may have.
        if (!sender_is_busy(sender))
            sender_set_timer(sender, BLOCKED_RETRY);
        return;
    }
    sender_set_timer(sender, when - now > room_in ? when - now : room_in);
}

static void sender_pump(struct sender *sender)
{
    int64_t now = clock_now();
    if (!sender->transport || sender->stopping || sender->pumping || sender->store_failures > 0)
        return;
    // The clock was set back: no pause is longer than this.
    if (sender->paused_until > now + sender->config->retry_most)
        sender->paused_until = now + sender->config->retry_most;
    sender->pumping = true;
    bool more = true;
    while (more && sender->paused_until <= now && sender->store_failures == 0
           && transport_room(sender->transport) > 0 && !(sender->probing && sender->flight_count > 0)) {
        more = sender->batch || sender_claim(sender, now);
        if (more)
            sender_hand_over(sender, now);
    }
    if (sender->store_failures == 0)
        sender_schedule(sender, now);
    sender->pumping = false;
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct sender *sender = context;
    sender->store_failures = sender->result_count > 0 ? sender->store_failures : 0;
    sender_flush(sender);
    sender_pump(sender);
}

void sender_wake(struct sender *sender)
{
    sender_pump(sender);
}

void sender_try_now(struct sender *sender)
{
    sender->paused_until = 0;
    sender_pump(sender);
}

void sender_stop(struct sender *sender)
{
    sender->stopping = true;
    batch_give_back(sender);
}

bool sender_is_busy(const struct sender *sender)
{
    return sender->flight_count > 0 || sender->result_count > 0;
}

json_t *sender_status(const struct sender *sender)
{
    bool paused = sender->paused_until > clock_now();
    json_t *json = json_pack("{s:s, s:s, s:I}", "name", sender->config->name, "state",
                             !sender->transport ? "failed"
                             : paused           ? "paused"
                                                : "ok",
                             "in_flight", (json_int_t)sender->flight_count);
    if (json && sender->problem)
        json_object_set_new(json, "problem", json_string(sender->problem));
    if (json && paused)
        json_object_set_new(json, "until", json_integer(sender->paused_until));
    return json;
}

static int sender_free(struct sender *sender)
{
    if (sender->transport)
        transport_close(sender->transport);
    if (sender->flush)
        event_free(sender->flush);
    if (sender->timer)
        event_free(sender->timer);
    return 0;
}

struct sender *sender_new(TALLOC_CTX *ctx, struct event_base *base, struct delivery_store *store,
                          const struct config_transport *config, struct error *err)
{
    struct sender *sender = talloc_zero(ctx, struct sender);
    if (!sender)
        goto out_of_memory;
    talloc_set_destructor(sender, sender_free);
    sender->base = base;
    sender->store = store;
    sender->config = config;
    sender->probing = true;
    sender->flush = evtimer_new(base, on_flush, sender);
    sender->timer = evtimer_new(base, on_timer, sender);
    if (!sender->flush || !sender->timer)
        goto out_of_memory;
    struct error open_err;
    sender->transport = transport_open(sender, base, config, on_done, sender, &open_err);
    if (!sender->transport) {
        log_error("a transport cannot be opened; its messages stay queued", LOG_S("transport", config->name),
                  LOG_E(&open_err));
        sender->problem = talloc_strdup(sender, open_err.text);
    }
    return sender;

out_of_memory:
    error_set(err, "out of memory");
    talloc_free(sender);
    return NULL;
}
