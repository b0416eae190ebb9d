// SPDX-License-Identifier: Apache-2.0
#include "smtp_session.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "smtp_connect.h"
#include "smtp_content.h"
#include "smtp_envelope.h"
#include "smtp_reply.h"

// Servers close idle connections after some minutes; a message a minute later is worth no connection of its
// own.
#define IDLE_MOST (30 * CLOCK_SECOND)
// Replies handled for one session before others have their turn.
#define REPLIES_PER_TURN 32

enum session_state {
    SESSION_CLOSED,
    SESSION_CONNECTING,
    SESSION_IDLE,
    SESSION_BUSY,
};
static const char *const state_names[] = { "closed", "connecting", "idle", "busy" };

static const enum smtp_step command_steps[] = {
    [SMTP_RESET] = SMTP_STEP_SENDER, [SMTP_MAIL] = SMTP_STEP_SENDER,     [SMTP_RCPT] = SMTP_STEP_RECIPIENT,
    [SMTP_DATA] = SMTP_STEP_DATA,    [SMTP_CONTENT] = SMTP_STEP_CONTENT, [SMTP_ABANDON] = SMTP_STEP_CONTENT,
};

struct smtp_session {
    struct event_base *base;
    struct curl_loop *loop;
    const struct config_transport *config;
    smtp_session_done_fn *done;
    void *context;

    enum session_state state;
    struct smtp_connect connect;
    const struct smtp_host *host;
    evutil_socket_t socket;
    unsigned connection; // number of it: tells whether a callback has replaced it
    int64_t messages;    // sent over this connection
    bool reset;          // RSET must come before the next MAIL
    struct event *readable, *writable, *timer, *soon;

    const struct smtp_envelope *envelope; // under way
    struct smtp_evidence evidence;
    bool failed; // evidence says why; what is still awaited only has to be drained
    char evidence_text[SMTP_REPLY_TEXT_SIZE];
    struct error err;

    enum smtp_command steps[4]; // to be sent, in order
    size_t step_count, step_next;
    enum smtp_command awaiting[5]; // sent, not answered
    size_t awaiting_count;
    char commands[2048];
    char *content;
    size_t content_size;
    const char *out; // goes out at the moment
    size_t out_left;
    struct smtp_reply reply;
};

static void session_flush(struct smtp_session *session);

static void session_become(struct smtp_session *session, enum session_state state)
{
    if (session->state == state)
        return;
    log_debug("smtp session", LOG_S("transport", session->config->name),
              LOG_S("host", session->host ? session->host->label : ""),
              LOG_S("was", state_names[session->state]), LOG_S("is", state_names[state]));
    session->state = state;
}

static void session_timer(struct smtp_session *session, int64_t wait)
{
    struct timeval after = { .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
    if (event_add(session->timer, &after) < 0)
        log_error("cannot set a timer", LOG_S("transport", session->config->name));
}

// --- closing -----------------------------------------------------------------------------------------

static void session_disconnect(struct smtp_session *session)
{
    if (session->state == SESSION_CLOSED)
        return;
    event_del(session->timer);
    if (session->readable)
        event_free(session->readable);
    if (session->writable)
        event_free(session->writable);
    session->readable = session->writable = NULL;
    curl_loop_remove(session->loop, session->connect.easy);
    session->out = NULL;
    session->out_left = 0;
    session->awaiting_count = 0;
    session_become(session, SESSION_CLOSED);
}

void smtp_session_close(struct smtp_session *session)
{
    if (session->state == SESSION_IDLE) {
        size_t sent;
        // A courtesy; nobody waits for the answer.
        (void)curl_easy_send(session->connect.easy, "QUIT\r\n", 6, &sent);
    }
    session_disconnect(session);
    session->envelope = NULL;
    event_del(session->soon);
}

static void session_finish(struct smtp_session *session)
{
    struct smtp_evidence evidence = session->evidence;
    struct smtp_verdict verdict = smtp_judge(&evidence);
    session->envelope = NULL;
    TALLOC_FREE(session->content);
    if (session->state == SESSION_BUSY) {
        int64_t most = session->config->messages_per_connection;
        session->messages++;
        session_become(session, SESSION_IDLE);
        if (!verdict.usable)
            session_disconnect(session);
        else if (most > 0 && session->messages >= most)
            smtp_session_close(session);
        else
            session_timer(session, IDLE_MOST);
    }
    session->done(session->context, session, &evidence);
}

// --- the transaction ---------------------------------------------------------------------------------

static void session_fail(struct smtp_session *session, enum smtp_step step, int code, const char *text)
{
    if (session->failed)
        return;
    session->failed = true;
    session->evidence.step = step;
    session->evidence.code = code;
    if (text) {
        snprintf(session->evidence_text, sizeof session->evidence_text, "%s", text);
        session->evidence.text = session->evidence_text;
    }
}

static void session_await(struct smtp_session *session, enum smtp_command command)
{
    session->awaiting[session->awaiting_count++] = command;
}

// Sends the next command, or all that are left where the server takes them together.
static void session_next(struct smtp_session *session)
{
    size_t used = 0;
    do {
        enum smtp_command command = session->steps[session->step_next++];
        used += smtp_command_write(command, session->envelope, &session->connect.features,
                                   session->commands + used, sizeof session->commands - used);
        session_await(session, command);
    } while (session->connect.features.pipelining && session->step_next < session->step_count);
    session->out = session->commands;
    session->out_left = used;
    session_flush(session);
}

static void session_send_content(struct smtp_session *session)
{
    session_await(session, SMTP_CONTENT);
    session->out = session->content;
    session->out_left = session->content_size;
    session_flush(session);
}

// RFC 2920 §3.1: a server may say 354 although it refused the only recipient; then a message without lines is
// sent.
static void session_abandon(struct smtp_session *session)
{
    session_await(session, SMTP_ABANDON);
    session->out = ".\r\n";
    session->out_left = 3;
    session_flush(session);
}

static void session_begin(struct smtp_session *session)
{
    static const enum smtp_command after_reset[] = { SMTP_RESET, SMTP_MAIL, SMTP_RCPT, SMTP_DATA };
    session_become(session, SESSION_BUSY);
    event_del(session->timer);
    session->failed = false;
    session->evidence = (struct smtp_evidence){ .step = SMTP_STEP_SENDER,
                                                .tls = session->config->tls,
                                                .reused = session->messages > 0 };
    session->evidence.refusal = smtp_envelope_refusal(session->envelope, &session->connect.features);
    if (session->evidence.refusal == SMTP_REFUSAL_NONE)
        session->content = smtp_content(session, session->envelope->bytes, session->envelope->length,
                                        &session->content_size);
    if (!session->content) {
        // Refused here, or no memory; never from inside smtp_session_send().
        session->failed = true;
        event_active(session->soon, EV_TIMEOUT, 0);
        return;
    }
    size_t skip = session->reset ? 0 : 1;
    session->reset = false;
    session->step_count = 4 - skip;
    session->step_next = 0;
    memcpy(session->steps, after_reset + skip, session->step_count * sizeof session->steps[0]);
    session->awaiting_count = 0;
    session->reply = (struct smtp_reply){ 0 };
    session_timer(session, session->config->send_timeout);
    session_next(session);
}

static void session_on_content_reply(struct smtp_session *session, int code)
{
    const char *text = session->reply.text;
    if (session->out_left > 0 && code / 100 == 2)
        code = 0; // an answer before the end of the question
    if (code / 100 != 2) {
        session_fail(session, SMTP_STEP_CONTENT, code, code ? text : NULL);
        return;
    }
    session->evidence.step = SMTP_STEP_DONE;
    session->evidence.code = code;
    snprintf(session->evidence_text, sizeof session->evidence_text, "%s", text);
    session->evidence.text = session->evidence_text;
}

// One reply to the oldest command that has none.
static void session_on_reply(struct smtp_session *session)
{
    int code = session->reply.code;
    bool good = code / 100 == 2;
    enum smtp_command command = session->awaiting[0];
    session->awaiting_count--;
    memmove(session->awaiting, session->awaiting + 1, session->awaiting_count * sizeof session->awaiting[0]);
    switch (command) {
    case SMTP_RESET:
        // A connection that cannot even be reset counts as one that was closed while idle.
        if (!good)
            session_fail(session, SMTP_STEP_SENDER, 0, NULL);
        break;
    case SMTP_MAIL:
    case SMTP_RCPT:
        if (!good)
            session_fail(session, command_steps[command], code, session->reply.text);
        break;
    case SMTP_DATA:
        if (code == 354 && session->failed)
            session_abandon(session);
        else if (code == 354)
            session_send_content(session);
        else
            session_fail(session, SMTP_STEP_DATA, code, session->reply.text);
        break;
    case SMTP_CONTENT:
        session_on_content_reply(session, code);
        break;
    case SMTP_ABANDON:
        break;
    }
    // RSET clears what a refused recipient or DATA has left behind.
    session->reset = session->failed;
}

// After a reply: is the transaction over, or what comes next?
static void session_go_on(struct smtp_session *session, int code)
{
    if (session->state != SESSION_BUSY)
        return;
    bool over = session->awaiting_count == 0 && (session->failed || session->evidence.step == SMTP_STEP_DONE);
    if (code == 421 || (over && session->out_left > 0)) {
        // The server closes; or it has answered in the middle of the message.
        session_disconnect(session);
        session_finish(session);
    } else if (over) {
        event_del(session->timer);
        session_finish(session);
    } else if (session->awaiting_count == 0) {
        session_next(session);
    }
}

// No reply will come any more.
static void session_lost(struct smtp_session *session, bool timed_out)
{
    if (session->state == SESSION_IDLE) {
        session_disconnect(session);
        return;
    }
    if (session->state != SESSION_BUSY)
        return;
    if (!session->failed && session->evidence.step != SMTP_STEP_DONE) {
        session->evidence.timed_out = timed_out;
        session_fail(session,
                     session->awaiting_count ? command_steps[session->awaiting[0]] : SMTP_STEP_SENDER, 0,
                     NULL);
    }
    session_disconnect(session);
    session_finish(session);
}

// --- octets ------------------------------------------------------------------------------------------

// 1: something was read and handled, 0: nothing there, -1: the connection is gone or was replaced.
static int session_read_some(struct smtp_session *session, unsigned *budget)
{
    char data[4096];
    size_t got = 0;
    CURLcode code = curl_easy_recv(session->connect.easy, data, sizeof data, &got);
    if (code == CURLE_AGAIN)
        return 0;
    if (code != CURLE_OK || got == 0 || session->state == SESSION_IDLE) {
        // Whatever a server says unasked, it is good-bye.
        session_lost(session, false);
        return -1;
    }
    unsigned connection = session->connection;
    for (size_t at = 0; at < got;) {
        size_t used = 0;
        int end = smtp_reply_feed(&session->reply, data + at, got - at, &used);
        at += used;
        if (end == 0)
            break;
        if (end < 0 || session->state != SESSION_BUSY || session->awaiting_count == 0) {
            session_lost(session, false);
            return -1;
        }
        session_on_reply(session);
        session_go_on(session, session->reply.code);
        if (session->connection != connection || session->state == SESSION_CLOSED)
            return -1;
        session->reply = (struct smtp_reply){ 0 };
        if (*budget > 0)
            --*budget;
    }
    return 1;
}

static void session_read(struct smtp_session *session)
{
    unsigned budget = REPLIES_PER_TURN;
    int more = 1;
    while (more > 0 && budget > 0)
        more = session_read_some(session, &budget);
    // TLS may hold octets that the descriptor does not show.
    if (more > 0)
        event_active(session->readable, EV_READ, 0);
    else if (more == 0 && session->out_left > 0)
        session_flush(session);
}

static void session_flush(struct smtp_session *session)
{
    while (session->out_left > 0) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(session->connect.easy, session->out, session->out_left, &sent);
        if (code == CURLE_AGAIN) {
            if (event_add(session->writable, NULL) < 0)
                log_error("cannot watch a socket", LOG_S("transport", session->config->name));
            return;
        }
        if (code != CURLE_OK) {
            // The server may have said why before it closed; that is read first, and the end after it.
            event_active(session->readable, EV_READ, 0);
            return;
        }
        session->out += sent;
        session->out_left -= sent;
    }
}

static void on_readable(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    session_read(context);
}

static void on_writable(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    session_flush(context);
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct smtp_session *session = context;
    if (session->state == SESSION_IDLE)
        smtp_session_close(session);
    else
        session_lost(session, true);
}

static void on_soon(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct smtp_session *session = context;
    if (session->envelope)
        session_finish(session);
}

// --- connecting --------------------------------------------------------------------------------------

static void on_connected(void *context, CURL *easy, CURLcode code)
{
    (void)easy;
    struct smtp_session *session = context;
    session->socket = -1;
    if (code == CURLE_OK)
        session->socket = smtp_connect_socket(&session->connect);
    if (session->socket >= 0) {
        session->readable =
            event_new(session->base, session->socket, EV_READ | EV_PERSIST, on_readable, session);
        session->writable = event_new(session->base, session->socket, EV_WRITE, on_writable, session);
    }
    session->evidence = (struct smtp_evidence){ 0 };
    if (code != CURLE_OK || session->socket < 0 || !session->readable || !session->writable
        || event_add(session->readable, NULL) < 0) {
        smtp_connect_evidence(&session->connect, code, &session->evidence);
        session_disconnect(session);
        session_finish(session);
        return;
    }
    if (session->config->user && !session->connect.logged_in) {
        session->evidence =
            (struct smtp_evidence){ .step = SMTP_STEP_LOGIN, .refusal = SMTP_REFUSAL_NO_LOGIN };
        session_disconnect(session);
        session_finish(session);
        return;
    }
    session->messages = 0;
    session->reset = false;
    session_begin(session);
}

static void session_connect(struct smtp_session *session, const struct smtp_host *host)
{
    session->host = host;
    session->connection++;
    session_become(session, SESSION_CONNECTING);
    if (smtp_connect_prepare(&session->connect, session->config, host, &session->err) == 0
        && curl_loop_add(session->loop, session->connect.easy, on_connected, session, &session->err) == 0)
        return;
    session_become(session, SESSION_CLOSED);
    session->evidence = (struct smtp_evidence){ .step = SMTP_STEP_CONNECT, .curl_words = session->err.text };
    event_active(session->soon, EV_TIMEOUT, 0);
}

void smtp_session_send(struct smtp_session *session, const struct smtp_host *host,
                       const struct smtp_envelope *envelope)
{
    if (session->state == SESSION_IDLE && session->host != host)
        smtp_session_close(session);
    session->envelope = envelope;
    if (session->state == SESSION_IDLE)
        session_begin(session);
    else
        session_connect(session, host);
}

bool smtp_session_connected(const struct smtp_session *session, const struct smtp_host *host)
{
    return (session->state == SESSION_IDLE || session->state == SESSION_BUSY)
           && (!host || session->host == host);
}

static int session_free(struct smtp_session *session)
{
    smtp_session_close(session);
    smtp_connect_close(&session->connect);
    if (session->timer)
        event_free(session->timer);
    if (session->soon)
        event_free(session->soon);
    return 0;
}

struct smtp_session *smtp_session_new(TALLOC_CTX *ctx, struct event_base *base, struct curl_loop *loop,
                                      const struct config_transport *config, smtp_session_done_fn *done,
                                      void *context, struct error *err)
{
    struct smtp_session *session = talloc_zero(ctx, struct smtp_session);
    if (!session)
        goto out_of_memory;
    session->base = base;
    session->loop = loop;
    session->config = config;
    session->done = done;
    session->context = context;
    session->timer = evtimer_new(base, on_timer, session);
    session->soon = evtimer_new(base, on_soon, session);
    if (!session->timer || !session->soon || smtp_connect_open(&session->connect) < 0)
        goto out_of_memory;
    talloc_set_destructor(session, session_free);
    return session;

out_of_memory:
    error_set(err, "out of memory");
    talloc_free(session);
    return NULL;
}
