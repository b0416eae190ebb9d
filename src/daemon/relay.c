// SPDX-License-Identifier: Apache-2.0
#include "build_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "member.h"

// Commands go from control to the worker that owns what they change; answers go back to whoever asked, and to
// nobody else: the forwarded frame carries a number of ours.

#define PENDING_MOST 256
#define PENDING_LIMIT (2 * CLOCK_MINUTE)

static void relay_send(struct member *asker, uint32_t request, const char *text, size_t length)
{
    struct error err = { 0 };
    if (!asker->queue ||
        channel_queue_send(asker->queue, &(struct frame){ .type = FRAME_REPLY, .request = request }, text,
                           length, &err) < 0)
        log_warning("answer lost", LOG_S("worker", asker->name), LOG_E(&err));
}

// Consumes `reply`. False when it is too long for a frame.
static bool relay_send_json(struct member *asker, uint32_t request, json_t *reply)
{
    char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
    size_t length = text ? strlen(text) : 0;
    bool fits = text && length <= FRAME_PAYLOAD_MOST;
    if (fits)
        relay_send(asker, request, text, length);
    free(text);
    json_decref(reply);
    return fits;
}

static void relay_error(struct member *asker, uint32_t request, const char *words)
{
    relay_send_json(asker, request, json_pack("{s:b, s:s}", "ok", 0, "error", words));
}

static void supervisor_command(struct member *asker, uint32_t request, const json_t *command)
{
    const struct supervisor_settings *settings = &asker->supervisor->settings;
    const char *name = json_string_value(json_object_get(command, "command"));
    const char *who = json_string_value(json_object_get(command, "who"));
    struct error err = { 0 };
    if (name && strcmp(name, "status") == 0) {
        if (!relay_send_json(asker, request, supervisor_status(asker->supervisor, true)) &&
            !relay_send_json(asker, request, supervisor_status(asker->supervisor, false)))
            relay_error(asker, request, "the status is too long");
    } else if (name && strcmp(name, "reload") == 0) {
        if (settings->reload(settings->context, who ? who : "unknown", &err) < 0)
            relay_error(asker, request, err.text);
        else
            relay_send_json(asker, request, json_pack("{s:b}", "ok", 1));
    } else {
        relay_error(asker, request, "the supervisor knows the commands status and reload only");
    }
}

static void relay_forward(struct member *asker, struct member *asked, const struct frame *frame)
{
    struct supervisor *supervisor = asker->supervisor;
    struct error err = { 0 };
    struct pending *pending = talloc_zero(supervisor, struct pending);
    if (!pending) {
        relay_error(asker, frame->request, "out of memory");
        return;
    }
    *pending = (struct pending){ .id = ++supervisor->last_id,
                                 .request = frame->request,
                                 .asker = asker,
                                 .asked = asked,
                                 .since = clock_monotonic(),
                                 .next = supervisor->pending };
    struct frame header = *frame;
    header.request = pending->id;
    if (channel_queue_send(asked->queue, &header, frame->payload, frame->length, &err) < 0) {
        talloc_free(pending);
        relay_error(asker, frame->request, err.text);
        return;
    }
    supervisor->pending = pending;
    supervisor->pending_count++;
}

static bool member_takes_commands(const struct member *member)
{
    return member->queue && (member->state == MEMBER_STARTING || member->state == MEMBER_RUNNING ||
                             member->state == MEMBER_BLOCKING);
}

void relay_command(struct member *asker, const struct frame *frame)
{
    char words[FRAME_PEER_SIZE + 80];
    uint32_t request = frame->request;
    if (asker->duty != DUTY_CONTROL) {
        log_warning("a worker that may not gives commands", LOG_S("worker", asker->name),
                    LOG_S("to", frame->peer));
        return;
    }
    if (strcmp(frame->peer, "supervisor") == 0) {
        json_t *command = json_loadb(frame->payload, frame->length, 0, NULL);
        supervisor_command(asker, request, command);
        json_decref(command);
        return;
    }
    struct member *asked = member_find(asker->supervisor, frame->peer);
    if (!asked)
        snprintf(words, sizeof words, "there is no worker \"%s\" here", frame->peer);
    else if (!member_takes_commands(asked))
        snprintf(words, sizeof words, "%s is not running (%s)", asked->name, member_state_name(asked->state));
    else if (asker->supervisor->pending_count >= PENDING_MOST)
        snprintf(words, sizeof words, "too many commands wait for an answer");
    else {
        relay_forward(asker, asked, frame);
        return;
    }
    relay_error(asker, request, words);
}

static void pending_drop(struct supervisor *supervisor, struct pending **link)
{
    struct pending *pending = *link;
    *link = pending->next;
    supervisor->pending_count--;
    talloc_free(pending);
}

void relay_reply(struct member *asked, const struct frame *frame)
{
    struct supervisor *supervisor = asked->supervisor;
    for (struct pending **link = &supervisor->pending; *link; link = &(*link)->next) {
        if ((*link)->id != frame->request || (*link)->asked != asked)
            continue;
        relay_send((*link)->asker, (*link)->request, frame->payload, frame->length);
        pending_drop(supervisor, link);
        return;
    }
    log_debug("answer that nobody waits for", LOG_S("worker", asked->name));
}

void relay_forget(struct member *member)
{
    struct supervisor *supervisor = member->supervisor;
    char words[FRAME_PEER_SIZE + 80];
    snprintf(words, sizeof words, "%s ended before it answered", member->name);
    for (struct pending **link = &supervisor->pending; *link;) {
        if ((*link)->asker != member && (*link)->asked != member) {
            link = &(*link)->next;
            continue;
        }
        if ((*link)->asker != member)
            relay_error((*link)->asker, (*link)->request, words);
        pending_drop(supervisor, link);
    }
}

// A worker that waits may know better after a reload, though its own part is the same: the password may have been
// mended on the other side.
void relay_retry(struct member *member)
{
    static const char command[] = "{\"command\":\"retry\"}";
    struct error err = { 0 };
    if (member_takes_commands(member) &&
        channel_queue_send(member->queue, &(struct frame){ .type = FRAME_COMMAND }, command, sizeof command - 1, &err) < 0)
        log_warning("a worker could not be told of the reload", LOG_S("worker", member->name), LOG_E(&err));
}

void relay_expire(struct supervisor *supervisor)
{
    int64_t now = clock_monotonic();
    for (struct pending **link = &supervisor->pending; *link;) {
        if (now - (*link)->since < PENDING_LIMIT) {
            link = &(*link)->next;
            continue;
        }
        relay_error((*link)->asker, (*link)->request, "there was no answer in time");
        pending_drop(supervisor, link);
    }
}
