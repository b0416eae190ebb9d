// SPDX-License-Identifier: Apache-2.0
// sink: an SMTP server that takes every message and says when. First it prints its port. It reads commands
// from standard input: "lines" (from now on "NANOSECONDS RECIPIENT" for each message), "quiet", "reset",
// "report" (prints "COUNT FIRST LAST OCTETS"). Times are CLOCK_MONOTONIC. It ends with its standard input.

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

struct sink {
    struct event_base *base;
    bool lines;
    int64_t count, first, last, octets;
};

struct client {
    struct sink *sink;
    bool data;
    char recipient[256];
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void say(struct bufferevent *stream, const char *words)
{
    bufferevent_write(stream, words, strlen(words));
}

static void message_taken(struct client *client, size_t length)
{
    struct sink *sink = client->sink;
    sink->last = now();
    if (sink->count++ == 0)
        sink->first = sink->last;
    sink->octets += (int64_t)length;
    if (sink->lines)
        printf("%" PRId64 " %s\n", sink->last, client->recipient);
}

static void command_taken(struct bufferevent *stream, struct client *client, const char *line)
{
    if (strncasecmp(line, "EHLO", 4) == 0) {
        say(stream, "250-sink\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250 8BITMIME\r\n");
    } else if (strncasecmp(line, "RCPT TO:<", 9) == 0) {
        snprintf(client->recipient, sizeof client->recipient, "%.*s", (int)strcspn(line + 9, ">"), line + 9);
        say(stream, "250 known\r\n");
    } else if (strncasecmp(line, "DATA", 4) == 0) {
        client->data = true;
        say(stream, "354 go on\r\n");
    } else if (strncasecmp(line, "QUIT", 4) == 0) {
        say(stream, "221 bye\r\n");
    } else {
        say(stream, "250 good\r\n");
    }
}

static void on_read(struct bufferevent *stream, void *context)
{
    struct client *client = context;
    struct evbuffer *input = bufferevent_get_input(stream);
    for (;;) {
        if (client->data) {
            struct evbuffer_ptr end = evbuffer_search(input, "\r\n.\r\n", 5, NULL);
            if (end.pos < 0)
                return;
            evbuffer_drain(input, (size_t)end.pos + 5);
            client->data = false;
            message_taken(client, (size_t)end.pos);
            say(stream, "250 taken\r\n");
            continue;
        }
        char *line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF);
        if (!line)
            return;
        command_taken(stream, client, line);
        free(line);
    }
}

static void on_end(struct bufferevent *stream, short what, void *context)
{
    (void)what;
    bufferevent_free(stream);
    free(context);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t socket, struct sockaddr *address,
                      int length, void *context)
{
    (void)address, (void)length;
    struct client *client = calloc(1, sizeof *client);
    struct bufferevent *stream =
        bufferevent_socket_new(evconnlistener_get_base(listener), socket, BEV_OPT_CLOSE_ON_FREE);
    int on = 1;
    if (!client || !stream)
        exit(1);
    client->sink = context;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bufferevent_setcb(stream, on_read, NULL, on_end, client);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
    say(stream, "220 sink\r\n");
}

static void on_command(evutil_socket_t socket, short what, void *context)
{
    (void)what;
    struct sink *sink = context;
    char text[256];
    ssize_t got = read(socket, text, sizeof text - 1);
    if (got <= 0) {
        event_base_loopbreak(sink->base);
        return;
    }
    text[got] = '\0';
    for (char *word = strtok(text, "\n"); word; word = strtok(NULL, "\n")) {
        if (strcmp(word, "lines") == 0)
            sink->lines = true;
        else if (strcmp(word, "quiet") == 0)
            sink->lines = false;
        else if (strcmp(word, "reset") == 0)
            sink->count = sink->first = sink->last = sink->octets = 0;
        else if (strcmp(word, "report") == 0)
            printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", sink->count, sink->first, sink->last,
                   sink->octets);
    }
}

int main(int argc, char **argv)
{
    struct sink sink = { .base = event_base_new() };
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(argc > 1 ? (uint16_t)atoi(argv[1]) : 0),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t length = sizeof address;
    struct evconnlistener *listener =
        evconnlistener_new_bind(sink.base, on_accept, &sink, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 1024,
                                (struct sockaddr *)&address, sizeof address);
    struct event *commands = event_new(sink.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_command, &sink);
    if (!listener || !commands
        || getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length) < 0) {
        perror("sink");
        return 1;
    }
    event_add(commands, NULL);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    // What one turn of the loop has to say goes out together, after the answers to the clients.
    while (event_base_loop(sink.base, EVLOOP_ONCE) == 0 && !event_base_got_break(sink.base))
        fflush(stdout);
    evconnlistener_free(listener);
    event_free(commands);
    event_base_free(sink.base);
    return 0;
}
