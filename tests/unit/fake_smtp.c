// SPDX-License-Identifier: Apache-2.0
#include "fake_smtp.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_connection {
    struct fake_smtp *fake;
    struct bufferevent *stream;
    struct fake_connection *next;
    bool auth, content, has_mail, has_rcpt;
};

static void connection_free(struct fake_connection *connection)
{
    struct fake_connection **at = &connection->fake->connectees;
    while (*at != connection)
        at = &(*at)->next;
    *at = connection->next;
    connection->fake->open--;
    bufferevent_free(connection->stream);
    free(connection);
}

static void on_flushed(struct bufferevent *stream, void *context)
{
    (void)stream;
    connection_free(context);
}

static void on_gone(struct bufferevent *stream, short what, void *context)
{
    (void)stream;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        connection_free(context);
}

static void say(struct fake_connection *connection, const char *text)
{
    struct evbuffer *out = bufferevent_get_output(connection->stream);
    for (const char *line = text; line;) {
        size_t length = strcspn(line, "\n");
        evbuffer_add(out, line, length);
        evbuffer_add(out, "\r\n", 2);
        line = line[length] ? line + length + 1 : NULL;
    }
}

static void hang_up(struct fake_connection *connection)
{
    bufferevent_disable(connection->stream, EV_READ);
    bufferevent_setcb(connection->stream, NULL, on_flushed, on_gone, connection);
    if (evbuffer_get_length(bufferevent_get_output(connection->stream)) == 0)
        connection_free(connection);
}

// 1: answered with success, 0: with something else, -1: nothing more is to be read.
static int answer(struct fake_connection *connection, enum fake_stage stage, const char *usual)
{
    struct fake_smtp *fake = connection->fake;
    const char *text = fake->reply[stage] ? fake->reply[stage] : usual;
    bool scripted = fake->reply[stage] != NULL;
    if (scripted && fake->times[stage] > 0 && --fake->times[stage] == 0)
        fake->reply[stage] = NULL;
    if (strcmp(text, FAKE_SILENT) == 0) {
        bufferevent_disable(connection->stream, EV_READ);
        return -1;
    }
    if (strcmp(text, FAKE_CUT) == 0) {
        hang_up(connection);
        return -1;
    }
    say(connection, text);
    if (strncmp(text, "421", 3) == 0) {
        hang_up(connection);
        return -1;
    }
    return text[0] == '2' || text[0] == '3';
}

static int on_ehlo(struct fake_connection *connection)
{
    const char *features = connection->fake->features ? connection->fake->features : "PIPELINING\n8BITMIME";
    char text[1024] = "250-fake.example.com";
    for (const char *at = features; *at;) {
        size_t length = strcspn(at, "\n");
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "\n250-%.*s", (int)length, at);
        at += length + (at[length] == '\n');
    }
    snprintf(text + strlen(text), sizeof text - strlen(text), "\n250 HELP");
    return answer(connection, FAKE_EHLO, text);
}

static int on_command(struct fake_connection *connection, const char *line)
{
    struct fake_smtp *fake = connection->fake;
    int good;
    if (strncasecmp(line, "EHLO", 4) == 0 || strncasecmp(line, "HELO", 4) == 0)
        return on_ehlo(connection);
    if (connection->auth) {
        connection->auth = false;
        return answer(connection, FAKE_AUTH, "235 2.7.0 welcome");
    }
    if (strcasecmp(line, "AUTH PLAIN") == 0) {
        connection->auth = true;
        say(connection, "334 ");
        return 1;
    }
    if (strncasecmp(line, "RSET", 4) == 0) {
        fake->resets++;
        connection->has_mail = connection->has_rcpt = false;
        say(connection, "250 2.0.0 reset");
        return 1;
    }
    if (strncasecmp(line, "MAIL FROM:", 10) == 0) {
        fake->mails++;
        snprintf(fake->last_mail, sizeof fake->last_mail, "%s", line + 10);
        if (connection->has_mail) {
            say(connection, "503 5.5.1 nested MAIL");
            return 0;
        }
        good = answer(connection, FAKE_MAIL, "250 2.1.0 sender ok");
        if (good > 0)
            connection->has_mail = true;
        return good;
    }
    if (strncasecmp(line, "RCPT TO:", 8) == 0) {
        fake->rcpts++;
        snprintf(fake->last_rcpt, sizeof fake->last_rcpt, "%s", line + 8);
        if (!connection->has_mail) {
            say(connection, "503 5.5.1 MAIL first");
            return 0;
        }
        good = answer(connection, FAKE_RCPT, "250 2.1.5 recipient ok");
        if (good > 0)
            connection->has_rcpt = true;
        return good;
    }
    if (strncasecmp(line, "DATA", 4) == 0) {
        if (!connection->has_rcpt && !fake->reply[FAKE_DATA]) {
            say(connection, "503 5.5.1 RCPT first");
            return 0;
        }
        good = answer(connection, FAKE_DATA, "354 go ahead");
        if (good > 0)
            connection->content = true;
        return good;
    }
    if (strncasecmp(line, "QUIT", 4) == 0) {
        fake->quits++;
        say(connection, "221 2.0.0 bye");
        hang_up(connection);
        return -1;
    }
    say(connection, "500 5.5.2 what?");
    return 0;
}

// False: more is needed, or the connection is closed.
static bool on_content(struct fake_connection *connection, struct evbuffer *in)
{
    struct fake_smtp *fake = connection->fake;
    bool empty = evbuffer_get_length(in) >= 3 && memcmp(evbuffer_pullup(in, 3), ".\r\n", 3) == 0;
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n.\r\n", 5, NULL);
    if (!empty && end.pos < 0)
        return false;
    size_t size = empty ? 3 : (size_t)end.pos + 5;
    free(fake->last_content);
    fake->last_content = malloc(size + 1);
    evbuffer_remove(in, fake->last_content, size);
    fake->last_content[size] = '\0';
    fake->last_content_size = size;
    connection->content = connection->has_rcpt = connection->has_mail = false;
    int good = answer(connection, FAKE_CONTENT, "250 2.0.0 queued as FAKE1");
    if (good > 0)
        fake->accepted++;
    if (good >= 0 && fake->cut_after_content) {
        hang_up(connection);
        return false;
    }
    return good >= 0;
}

static void on_octets(struct bufferevent *stream, void *context)
{
    struct fake_connection *connection = context;
    struct evbuffer *in = bufferevent_get_input(stream);
    for (;;) {
        if (connection->content) {
            if (!on_content(connection, in))
                return;
            continue;
        }
        char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF_STRICT);
        if (!line)
            return;
        int good = on_command(connection, line);
        free(line);
        if (good < 0)
            return;
    }
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t descriptor, struct sockaddr *address,
                      int length, void *context)
{
    (void)listener;
    (void)address;
    (void)length;
    struct fake_smtp *fake = context;
    struct fake_connection *connection = calloc(1, sizeof *connection);
    connection->fake = fake;
    connection->next = fake->connectees;
    fake->connectees = connection;
    fake->connections++;
    fake->open++;
    if (fake->open > fake->most_open)
        fake->most_open = fake->open;
    connection->stream = bufferevent_socket_new(fake->base, descriptor, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(connection->stream, on_octets, NULL, on_gone, connection);
    bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
    answer(connection, FAKE_GREETING, "220 fake.example.com ESMTP");
}

void fake_smtp_open(struct fake_smtp *fake, struct event_base *base)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    memset(fake, 0, sizeof *fake);
    fake->base = base;
    fake->listener =
        evconnlistener_new_bind(base, on_accept, fake, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1,
                                (struct sockaddr *)&address, sizeof address);
    if (!fake->listener
        || getsockname(evconnlistener_get_fd(fake->listener), (struct sockaddr *)&address, &length) < 0)
        abort();
    fake->port = ntohs(address.sin_port);
}

void fake_smtp_hang_up(struct fake_smtp *fake, const char *line)
{
    for (struct fake_connection *connection = fake->connectees, *next; connection; connection = next) {
        next = connection->next;
        if (line)
            say(connection, line);
        hang_up(connection);
    }
}

void fake_smtp_stop_listening(struct fake_smtp *fake)
{
    if (fake->listener)
        evconnlistener_free(fake->listener);
    fake->listener = NULL;
}

void fake_smtp_close(struct fake_smtp *fake)
{
    fake_smtp_stop_listening(fake);
    while (fake->connectees)
        connection_free(fake->connectees);
    free(fake->last_content);
    fake->last_content = NULL;
}
