// SPDX-License-Identifier: Apache-2.0
#include "maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/uuid.h"
#include "deliver/smtp.h"

// --- one message -------------------------------------------------------------------------------------

static int directory_make(const char *path, struct error *err)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return error_set_code(err, errno, "cannot make the directory %s: %s", path, strerror(errno));
}

static int maildir_make(TALLOC_CTX *ctx, const char *path, struct error *err)
{
    static const char *const parts[] = { "tmp", "new", "cur" };
    if (directory_make(path, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = talloc_asprintf(ctx, "%s/%s", path, parts[i]);
        if (!part)
            return error_set(err, "out of memory");
        if (directory_make(part, err) < 0)
            return -1;
    }
    return 0;
}

// Unique for ever, on any number of machines: the time for the order, a random UUID for the rest.
static char *maildir_name(TALLOC_CTX *ctx)
{
    struct timeval now;
    struct uuid uuid;
    char text[UUID_TEXT_SIZE];
    gettimeofday(&now, NULL);
    uuid_random(&uuid);
    return talloc_asprintf(ctx, "%lld.M%06ldP%ld.%s", (long long)now.tv_sec, (long)now.tv_usec,
                           (long)getpid(), uuid_format(&uuid, text));
}

static bool has_line_break(const char *text)
{
    return text && strpbrk(text, "\r\n") != NULL;
}

static char *maildir_text(TALLOC_CTX *ctx, const struct message *message, size_t *length)
{
    const char *from = message->envelope_from ? message->envelope_from : "";
    const char *to = message->recipient ? message->recipient : "";
    if (has_line_break(from) || has_line_break(to))
        from = to = "";
    char *text = talloc_asprintf(ctx, "Return-Path: <%s>\nDelivered-To: %s\n", from, to);
    if (!text)
        return NULL;
    size_t used = strlen(text);
    text = talloc_realloc(ctx, text, char, used + message->length + 1);
    if (!text)
        return NULL;
    for (size_t i = 0; i < message->length; i++)
        if (message->bytes[i] != '\r' || i + 1 == message->length || message->bytes[i + 1] != '\n')
            text[used++] = (char)message->bytes[i];
    *length = used;
    return text;
}

static int file_fill(int descriptor, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(descriptor, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        data += written;
        length -= (size_t)written;
    }
    return fsync(descriptor);
}

// The new name must survive a power cut as the content does.
static int directory_sync(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return -1;
    int result = fsync(descriptor);
    close(descriptor);
    return result;
}

static int file_place(const char *temporary, const char *final, const char *directory, const char *text,
                      size_t length, struct error *err)
{
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return error_set_code(err, errno, "cannot create %s: %s", temporary, strerror(errno));
    const char *what = "write";
    int result = file_fill(descriptor, text, length), saved = errno;
    if (close(descriptor) < 0 && result == 0) {
        result = -1;
        saved = errno;
    }
    if (result == 0) {
        what = "rename";
        result = rename(temporary, final);
        if (result == 0)
            result = directory_sync(directory);
        saved = errno;
    }
    if (result == 0)
        return 0;
    unlink(temporary);
    return error_set_code(err, saved, "cannot %s %s: %s", what, temporary, strerror(saved));
}

int maildir_write(const char *path, const struct message *message, struct error *err)
{
    int result = -1;
    TALLOC_CTX *ctx = talloc_new(NULL);
    size_t length = 0;
    char *name = maildir_name(ctx);
    char *text = maildir_text(ctx, message, &length);
    char *temporary = talloc_asprintf(ctx, "%s/tmp/%s", path, name);
    char *directory = talloc_asprintf(ctx, "%s/new", path);
    char *final = talloc_asprintf(ctx, "%s/new/%s", path, name);
    if (!name || !text || !temporary || !directory || !final) {
        error_set(err, "out of memory");
        goto done;
    }
    result = file_place(temporary, final, directory, text, length, err);
    if (result < 0 && err && err->code == ENOENT && maildir_make(ctx, path, err) == 0)
        result = file_place(temporary, final, directory, text, length, err);

done:
    if (result < 0)
        error_prepend(err, "Maildir %s: ", path);
    talloc_free(ctx);
    return result;
}

// --- the transport -----------------------------------------------------------------------------------

// Written at once, told in the next turn of the loop; so many before others have theirs.
#define MAILDIR_ROOM 16

struct maildir_transport {
    const struct transport_ops *ops;
    const struct config_transport *config;
    transport_done_fn *done;
    void *context;
    struct event *soon;
    size_t count;
    struct {
        int64_t message;
        int failed;
        struct error err;
    } results[MAILDIR_ROOM];
};

static struct maildir_transport *self(struct transport *transport)
{
    return (struct maildir_transport *)transport;
}

static void on_soon(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct maildir_transport *transport = context;
    // done() may send again: the place is free before it is told.
    while (transport->count > 0) {
        transport->count--;
        int64_t message = transport->results[transport->count].message;
        bool failed = transport->results[transport->count].failed < 0;
        struct error err = transport->results[transport->count].err;
        struct transport_result result = {
            .outcome = failed ? TRANSPORT_TEMPORARY : TRANSPORT_ACCEPTED,
            .reply = failed ? err.text : "written",
            .host = transport->config->path,
            .step = failed ? SMTP_STEP_CONTENT : SMTP_STEP_DONE,
        };
        transport->done(transport->context, message, &result);
    }
}

static int maildir_free(struct maildir_transport *transport)
{
    if (transport->soon)
        event_free(transport->soon);
    return 0;
}

static struct transport *maildir_open(TALLOC_CTX *ctx, struct event_base *loop,
                                      const struct config_transport *config, transport_done_fn *done,
                                      void *context, struct error *err)
{
    if (!config->path) {
        error_set(err, "a transport of type \"maildir\" needs path");
        return NULL;
    }
    struct maildir_transport *transport = talloc_zero(ctx, struct maildir_transport);
    if (transport) {
        talloc_set_destructor(transport, maildir_free);
        transport->ops = &transport_maildir;
        transport->config = config;
        transport->done = done;
        transport->context = context;
        transport->soon = evtimer_new(loop, on_soon, transport);
    }
    if (!transport || !transport->soon) {
        talloc_free(transport);
        error_set(err, "out of memory");
        return NULL;
    }
    return (struct transport *)transport;
}

static size_t maildir_room(struct transport *transport)
{
    return MAILDIR_ROOM - self(transport)->count;
}

static int64_t maildir_wait(struct transport *transport)
{
    (void)transport;
    return 0;
}

static int maildir_send(struct transport *base, const struct message *message, struct error *err)
{
    struct maildir_transport *transport = self(base);
    if (transport->count == MAILDIR_ROOM)
        return error_set(err, "there is no room for a message");
    size_t at = transport->count++;
    transport->results[at].message = message->id;
    transport->results[at].failed =
        maildir_write(transport->config->path, message, &transport->results[at].err);
    event_active(transport->soon, EV_TIMEOUT, 0);
    return 0;
}

static void maildir_close(struct transport *transport)
{
    talloc_free(self(transport));
}

const struct transport_ops transport_maildir = {
    .name = "maildir",
    .open = maildir_open,
    .room = maildir_room,
    .wait = maildir_wait,
    .send = maildir_send,
    .close = maildir_close,
};
