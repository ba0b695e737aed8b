#include "balancer/target_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { UNACKNOWLEDGED_MS = 10000 };

/* What a client says in a handshake fits into a fresh socket, or something is wrong. */
static void shake_hands(struct target_socket *target_socket)
{
    struct iovec wire;
    enum tls_progress progress = tls_handshake(&target_socket->transport, &wire);
    bool sent = !wire.iov_len ||
                transport_send(&target_socket->transport, &wire, 1) == (ssize_t)wire.iov_len;
    if (progress == TLS_FAILED || !sent) {
        target_socket->ops->failed(target_socket);
    } else if (progress == TLS_DONE) {
        target_socket->connected = true;
        target_socket->ops->connected(target_socket);
    }
}

static void on_connect_event(struct target_socket *target_socket, uint32_t events)
{
    int number = 0;
    socklen_t size = sizeof number;
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        return;
    getsockopt(target_socket->watch.fd, SOL_SOCKET, SO_ERROR, &number, &size);
    if (number) {
        target_socket->ops->failed(target_socket);
        return;
    }
    target_socket->reached = true;
    if (!target_socket->transport.tls) {
        target_socket->connected = true;
        target_socket->ops->connected(target_socket);
        return;
    }
    target_socket->ops->reached(target_socket);
    shake_hands(target_socket);
}

static void on_event(struct loop_watch *watch, uint32_t events)
{
    struct target_socket *target_socket = watch->owner;
    bool reached = target_socket->reached;
    if (reached)
        transport_event(&target_socket->transport, events);
    if (!reached)
        on_connect_event(target_socket, events);
    else if (!target_socket->connected)
        shake_hands(target_socket);
    if (!target_socket_is_open(target_socket) || !target_socket->connected)
        return;
    if (!reached)
        transport_event(&target_socket->transport, events);
    target_socket->ops->event(target_socket, events);
}

bool target_socket_connect(struct target_socket *target_socket, struct worker *worker,
                           const struct target_route *route, int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(route->port),
                                  .sin_addr.s_addr = htonl(route->address)};
    int on = 1, unacknowledged_ms = UNACKNOWLEDGED_MS;
    struct err err;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
    target_socket->watch =
        (struct loop_watch){.fd = -1, .on_event = on_event, .owner = target_socket};
    target_socket->transport.fd = fd;
    if (route->tls && !tls_connect(&target_socket->transport, worker->tls, route->tls, route->http2,
                                   route->session)) {
        close(fd);
        errno = ENOMEM;
        return false;
    }
    if ((connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) ||
        loop_watch(worker->loop, &target_socket->watch, fd,
                   EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &err) < 0) {
        int number = errno;
        transport_close(&target_socket->transport);
        errno = number;
        return false;
    }
    return true;
}

void target_socket_close(struct target_socket *target_socket, struct worker *worker)
{
    if (!target_socket_is_open(target_socket))
        return;
    loop_unwatch(worker->loop, &target_socket->watch);
    transport_close(&target_socket->transport);
}
