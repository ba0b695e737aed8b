/*
 * Bytes to and from one connected, non-blocking socket that is watched edge-triggered: the plain
 * path is inline, so that it costs nothing but its system calls.
 *
 * `readable` remembers that there may be more to read, so nothing is ever re-armed: the owner
 * hands every event to transport_event() and reads while the flag is set.
 *
 * With TLS, what is received is plain, but what is sent goes on the wire as it is: whoever sends
 * must have sealed it (tls_seal() in tls.h). So what the socket did not take can wait and be sent
 * later like any other bytes.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct tls;

struct transport {
    int fd;
    struct tls *tls; /* NULL: plain */
    bool readable;   /* there may be bytes, or the end, to be received */
    bool hangup;     /* the peer closed its side, or it broke: read on until the end shows */
};

/* What epoll told of the socket. */
static inline void transport_event(struct transport *transport, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        transport->readable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        transport->hangup = true;
}

/* transport_receive() with TLS. */
ssize_t transport_receive_tls(struct transport *transport, void *data, size_t size);

/* Receives at most `size` bytes: their number, 0 at the end or if it is broken, -1 nothing yet. */
static inline ssize_t transport_receive(struct transport *transport, void *data, size_t size)
{
    if (!transport->readable)
        return -1;
    if (transport->tls)
        return transport_receive_tls(transport, data, size);
    ssize_t got;
    do
        got = recv(transport->fd, data, size, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) {
        transport->readable = false;
        return -1;
    }
    if (got > 0 && (size_t)got < size && !transport->hangup)
        transport->readable = false; /* the kernel tells when there is more */
    return got < 0 ? 0 : got;
}

/* The number of bytes that were taken, 0 while the socket is full; -1 (errno) if it is broken. */
static inline ssize_t transport_send(struct transport *transport, struct iovec *pieces, int count)
{
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
    ssize_t sent;
    do
        sent = count == 1 ? send(transport->fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL)
                          : sendmsg(transport->fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

/* Says, where TLS can say it, that all was sent: what is closed without it was cut. */
void transport_finish(struct transport *transport);
/* Tells the peer that no more will be sent; receiving goes on. */
void transport_shutdown(struct transport *transport);
/* Closes the socket, which must not be watched any more. */
void transport_close(struct transport *transport);
