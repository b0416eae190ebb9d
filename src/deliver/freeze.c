// SPDX-License-Identifier: Apache-2.0
#include "queue_impl.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/message.h"
#include "mail/render.h"
#include "maildir.h"

// More than anybody reads in one mail; the rest goes into the next.
#define DIGEST_MOST 200
#define FREEZE_TRANSACTION 50
#define POSTPONE CLOCK_MINUTE

// A bundle on its way to become one message.
struct freezing {
    struct queue *queue;
    TALLOC_CTX *ctx;
    int64_t now;
    struct waiting *items;
    size_t count;
    struct queue_directory *directory; // NULL: not in the configuration any more
    const struct config_transport *transport;
    struct recipient recipient;
    struct message message;
};

// What the message is made of and is not yet in struct message.
struct headers {
    const char *from, *from_name, *reply_to, *list_id;
    const char **events;
};

static int drop(struct freezing *f, const struct waiting *item, const char *reason, struct error *err)
{
    log_info("notification dropped", LOG_S("directory", item->directory),
             LOG_I("event", item->event->sequence), LOG_S("recipient", f->recipient.address),
             LOG_S("reason", reason));
    return delivery_store_set_state(f->queue->store, item->id, NOTIFICATION_DROPPED, reason, err);
}

static int drop_all(struct freezing *f, const char *reason, struct error *err)
{
    for (size_t i = 0; i < f->count; i++)
        if (drop(f, &f->items[i], reason, err) < 0)
            return -1;
    f->count = 0;
    return 0;
}

static int drop_stale(struct freezing *f, struct error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        int64_t expires = f->items[i].notification.expires;
        if (expires == 0 || expires > f->now)
            f->items[kept++] = f->items[i];
        else if (drop(f, &f->items[i], "older than max_event_age", err) < 0)
            return -1;
    }
    f->count = kept;
    return 0;
}

// --- the recipient as the directory has it now -------------------------------------------------------

static int flavour_load(struct queue_directory *directory, TALLOC_CTX *ctx, struct queue *queue,
                        struct error *err)
{
    if (directory->flavour)
        return 0;
    struct source_state *state;
    if (directory_store_state(directory->store, ctx, &state, err) < 0)
        return -1;
    const char *name = directory->config->flavour;
    if (!name || strcmp(name, "auto") == 0)
        name = state && state->flavour ? state->flavour : "openldap";
    directory->flavour = flavour_new(queue, name, directory->config, err);
    if (!directory->flavour)
        return -1;
    directory_store_flavour(directory->store, directory->flavour);
    return 0;
}

// *reason NULL: may be told. -1: the directory's store cannot be read now.
static int recipient_refresh(struct freezing *f, const char **reason, bool *disabled, struct error *err)
{
    struct queue_directory *directory = f->directory;
    struct entry *entry;
    bool former = false;
    *reason = NULL;
    *disabled = false;
    if (uuid_is_null(&f->recipient.uuid))
        return 0;
    struct error open_err;
    if (queue_directory_open(f->queue, directory, &open_err) < 0) {
        *err = open_err;
        // Its mirror will not come back by waiting: what is known from the time of the event is used.
        return open_err.code == STORE_ABSENT || open_err.code == STORE_DAMAGED ? 0 : -1;
    }
    if (flavour_load(directory, f->ctx, f->queue, err) < 0
        || directory_store_by_uuid(directory->store, f->ctx, &f->recipient.uuid, &entry, &former, err) < 0) {
        queue_directory_close(directory);
        return -1;
    }
    if (!entry || former)
        return 0; // gone: the last address is kept
    *disabled = directory->flavour->disabled_when && filter_matches(directory->flavour->disabled_when, entry);
    f->recipient.address = flavour_address(f->ctx, directory->config, entry);
    f->recipient.dn = entry->dn;
    f->recipient.name = flavour_display_name(f->ctx, directory->flavour, entry);
    f->recipient.language = flavour_text(directory->flavour, ROLE_LANGUAGE, entry);
    if (!f->recipient.address)
        *reason = "the recipient has no mail address any more";
    return 0;
}

// Somebody whose account is disabled hears of that account only, as when the event was decided on.
static int drop_for_disabled(struct freezing *f, struct error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct directory_event *event = f->items[i].event;
        if (strcmp(event_kind(event->type)->object, "user") == 0
            && uuid_equal(&event->entry.uuid, &f->recipient.uuid))
            f->items[kept++] = f->items[i];
        else if (drop(f, &f->items[i], "the recipient's account has been disabled since", err) < 0)
            return -1;
    }
    f->count = kept;
    return 0;
}

// One directory's trouble is neither the recipient's nor the other directories': the bundle waits.
static int postpone_all(struct freezing *f, const struct error *why, struct error *err)
{
    log_warning("notifications wait for the directory's store", LOG_S("directory", f->items[0].directory),
                LOG_I("notifications", f->count), LOG_E(why));
    for (size_t i = 0; i < f->count; i++)
        if (delivery_store_postpone(f->queue->store, f->items[i].id, f->now + POSTPONE, err) < 0)
            return -1;
    f->count = 0;
    return 0;
}

// --- the message -------------------------------------------------------------------------------------

static const char *first_of(const char *a, const char *b, const char *c)
{
    return a ? a : b ? b : c;
}

static const char *domain_of(const char *address)
{
    const char *at = address ? strrchr(address, '@') : NULL;
    return at ? at + 1 : "localhost";
}

// Precedence: transport, directory, mail.
static int freeze_headers(struct freezing *f, struct headers *headers, struct error *err)
{
    const struct config_mail *mail = &f->queue->config->mail;
    const struct config_transport *transport = f->transport;
    const struct config_directory *directory = f->directory->config;
    const char *from = first_of(transport ? transport->from : NULL, directory->from, mail->from);
    // Only in a trial: something must stand there.
    headers->from = from ? from : "ldapnotify@localhost";
    headers->from_name =
        first_of(transport ? transport->from_name : NULL, directory->from_name, mail->from_name);
    headers->reply_to = first_of(transport ? transport->reply_to : NULL, directory->reply_to, mail->reply_to);
    const char *domain = mail->message_domain ? mail->message_domain : domain_of(headers->from);
    headers->list_id = mail->list_id ? mail->list_id : talloc_asprintf(f->ctx, "<ldapnotify.%s>", domain);
    headers->events = talloc_zero_array(f->ctx, const char *, f->count + 1);
    if (!headers->list_id || !headers->events)
        return error_set(err, "out of memory");

    struct message *message = &f->message;
    const char *redirect = first_of(transport ? transport->redirect_to : NULL, mail->redirect_to, NULL);
    message->envelope_from =
        first_of(transport ? transport->envelope_from : NULL, mail->envelope_from, headers->from);
    message->recipient = redirect ? redirect : f->recipient.address;
    message->intended = redirect ? f->recipient.address : NULL;
    message->recipient_name = f->recipient.name;
    for (size_t i = 0; i < f->count; i++) {
        const char *id = event_id(f->ctx, f->items[i].event);
        headers->events[i] =
            talloc_asprintf(f->ctx, "%s; id=%s", event_kind(f->items[i].event->type)->name, id);
        if (i == 0 && id)
            message->message_id = mail_message_id(f->ctx, id, domain);
        if (!headers->events[i])
            return error_set(err, "out of memory");
    }
    return message->message_id ? 0 : error_set(err, "out of memory");
}

static int freeze_compose(struct freezing *f, struct error *err)
{
    struct headers headers = { 0 };
    struct rendered rendered;
    struct message *message = &f->message;
    struct render_item *items = talloc_zero_array(f->ctx, struct render_item, f->count);
    if (!items)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < f->count; i++)
        items[i] = (struct render_item){ .event = f->items[i].event,
                                         .notification = &f->items[i].notification,
                                         .folded = f->items[i].folded };
    const struct render_context context = {
        .config = f->queue->config,
        .directory = f->directory->config,
        .transport = f->transport,
        .templates = f->queue->templates,
        .recipient = f->recipient,
        .now = f->now,
    };
    if (render_items(f->ctx, &context, items, f->count, &rendered, err) < 0
        || freeze_headers(f, &headers, err) < 0)
        return -1;
    const struct mail_parts parts = {
        .from = headers.from,
        .from_name = headers.from_name,
        .reply_to = headers.reply_to,
        .to = message->recipient,
        .to_name = message->recipient_name,
        .subject = rendered.subject,
        .text = rendered.text,
        .html = rendered.html,
        .message_id = message->message_id,
        .list_id = headers.list_id,
        .intended = message->intended,
        .events = headers.events,
        .date = f->now,
    };
    uint8_t *bytes;
    if (mail_compose(f->ctx, &parts, &bytes, &message->length, err) < 0)
        return -1;
    message->bytes = bytes;
    message->subject = rendered.subject;
    return 0;
}

// A message is worth sending as long as one of its news is not stale.
static int64_t freeze_expiry(const struct freezing *f)
{
    int64_t latest = 0;
    for (size_t i = 0; i < f->count; i++) {
        int64_t expires = f->items[i].notification.expires;
        if (expires == 0) {
            latest = 0;
            break;
        }
        if (expires > latest)
            latest = expires;
    }
    int64_t lifetime = f->transport ? f->transport->lifetime : 0;
    int64_t end = lifetime > 0 ? f->now + lifetime : 0;
    return latest == 0 ? end : end == 0 || latest < end ? latest : end;
}

static int freeze_keep(struct freezing *f, struct error *err)
{
    struct message *message = &f->message;
    bool trial = queue_is_trial(f->queue);
    message->directory = f->items[0].directory;
    message->transport = f->transport ? f->transport->name : f->items[0].notification.transport;
    message->created = message->next_attempt = f->now;
    message->expires = freeze_expiry(f);
    message->state = trial ? MESSAGE_TRIAL : MESSAGE_QUEUED;
    if (trial) {
        message->finished = f->now;
        if (maildir_write(f->queue->trial_path, message, err) < 0)
            return -1;
    }
    if (delivery_store_freeze(f->queue->store, message, f->items, f->count, err) < 0)
        return -1;
    log_write(trial ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, trial ? "delivery" : "message frozen",
              log_fields(LOG_I("message", message->id), LOG_S("message_id", message->message_id),
                         LOG_S("directory", message->directory), LOG_I("notifications", f->count),
                         LOG_S("recipient", message->recipient), LOG_S("transport", message->transport),
                         LOG_S("outcome", trial ? "trial" : "queued")));
    return 0;
}

// 0: the bundle has become a message, was dropped or waits. -1: the store or the trial Maildir failed; nothing is
// lost.
static int freeze_bundle(struct freezing *f, struct error *err)
{
    const struct notification *first = &f->items[0].notification;
    struct error words;
    const char *reason;
    f->recipient = first->recipient;
    f->directory = queue_directory_find(f->queue, f->items[0].directory);
    if (!f->directory)
        return drop_all(f, "its directory is not in the configuration any more", err);
    if (drop_stale(f, err) < 0)
        return -1;
    if (f->count == 0)
        return 0;
    bool disabled;
    if (recipient_refresh(f, &reason, &disabled, &words) < 0)
        return postpone_all(f, &words, err);
    if (disabled && drop_for_disabled(f, err) < 0)
        return -1;
    if (f->count == 0)
        return 0;
    if (!reason && !f->recipient.address)
        reason = "the recipient has no mail address";
    if (reason)
        return drop_all(f, reason, err);
    f->transport = first->transport ? config_transport_find(f->queue->config, first->transport) : NULL;
    if (!f->transport && f->queue->config->transport_count > 0)
        f->transport = &f->queue->config->transports[0];
    if (freeze_compose(f, &words) < 0) {
        // It would fail in the same way for ever and hold up everybody else.
        log_error("a message cannot be made", LOG_S("directory", f->items[0].directory),
                  LOG_I("event", f->items[0].event->sequence), LOG_S("recipient", f->recipient.address),
                  LOG_E(&words));
        return drop_all(f, talloc_asprintf(f->ctx, "no message could be made of it: %s", words.text), err);
    }
    return freeze_keep(f, err);
}

int queue_freeze_some(struct queue *queue, int64_t now, size_t limit, size_t *frozen, struct error *err)
{
    *frozen = 0;
    if (delivery_store_begin(queue->store, err) < 0)
        return -1;
    while (*frozen < limit) {
        struct freezing f = { .queue = queue, .ctx = talloc_new(NULL), .now = now };
        int result = delivery_store_bundle(queue->store, f.ctx, now, DIGEST_MOST, &f.items, &f.count, err);
        bool none = result == 0 && f.count == 0;
        if (result == 0 && !none)
            result = freeze_bundle(&f, err);
        talloc_free(f.ctx);
        if (result < 0) {
            delivery_store_rollback(queue->store);
            *frozen = 0;
            return -1;
        }
        if (none)
            break;
        ++*frozen;
    }
    return delivery_store_commit(queue->store, err);
}

int queue_freeze_due(struct queue *queue, int64_t now, struct error *err)
{
    size_t frozen = FREEZE_TRANSACTION;
    while (frozen == FREEZE_TRANSACTION)
        if (queue_freeze_some(queue, now, FREEZE_TRANSACTION, &frozen, err) < 0)
            return -1;
    return 0;
}
