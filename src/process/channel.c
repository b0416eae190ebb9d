// SPDX-License-Identifier: Apache-2.0
#include "process/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// Room for a few of the largest frames; the kernel may grant less, which only makes EAGAIN come sooner.
#define CHANNEL_BUFFER (1024 * 1024)

int channel_pair(int descriptors[2], struct error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, descriptors) < 0)
        return error_set_code(err, errno, "making a socket pair: %s", strerror(errno));
    int size = CHANNEL_BUFFER;
    for (int i = 0; i < 2; i++)
        if (setsockopt(descriptors[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
            (void)setsockopt(descriptors[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return 0;
}

int channel_send(int descriptor, const struct frame *header, const void *payload, size_t length,
                 struct error *err)
{
    if (length > FRAME_PAYLOAD_MOST)
        return error_set_code(err, EMSGSIZE,
                              "a message of %zu octets is too long for the channel (at most %zu)", length,
                              FRAME_PAYLOAD_MOST);
    struct frame copy = *header;
    copy.length = (uint32_t)length;
    copy.peer[FRAME_PEER_SIZE - 1] = '\0';
    struct iovec parts[2] = { { &copy, FRAME_HEADER }, { (void *)(uintptr_t)payload, length } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = length ? 2 : 1 };
    ssize_t sent;
    do
        sent = sendmsg(descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    if (errno == EAGAIN || errno == ENOBUFS)
        return error_set_code(err, EAGAIN, "the other process does not read its messages");
    return error_set_code(err, errno, "the other process is gone (%s)", strerror(errno));
}

static int frame_check(const struct frame *frame, size_t received, struct error *err)
{
    if (received < FRAME_HEADER || received - FRAME_HEADER != frame->length)
        return error_set_code(err, EBADMSG, "a message of %zu octets is not whole", received);
    if (frame->type < FRAME_HEARTBEAT || frame->type > FRAME_FATAL)
        return error_set_code(err, EBADMSG, "a message has the unknown type %u", frame->type);
    if (!memchr(frame->peer, '\0', sizeof frame->peer))
        return error_set_code(err, EBADMSG, "a message names no peer");
    return 0;
}

int channel_receive(int descriptor, struct frame **frame, struct error *err)
{
    static union {
        struct frame frame;
        char octets[FRAME_HEADER + FRAME_PAYLOAD_MOST];
    } buffer;
    *frame = NULL;
    ssize_t received;
    do // MSG_TRUNC makes the kernel say the true length of a packet that did not fit
        received = recv(descriptor, &buffer, sizeof buffer.octets, MSG_DONTWAIT | MSG_TRUNC);
    while (received < 0 && errno == EINTR);
    if (received < 0 && errno == EAGAIN)
        return 0;
    if (received < 0)
        return error_set_code(err, errno, "reading the channel: %s", strerror(errno));
    if (received == 0)
        return error_set_code(err, EPIPE, "the other process is gone");
    if ((size_t)received > sizeof buffer.octets)
        return error_set_code(err, EBADMSG, "a message of %zd octets is too long", received);
    if (frame_check(&buffer.frame, (size_t)received, err) < 0)
        return -1;
    *frame = &buffer.frame;
    return 0;
}
