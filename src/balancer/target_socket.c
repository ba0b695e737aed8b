#include "balancer/target_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { UNACKNOWLEDGED_MS = 10000 };

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
    target_socket->connected = true;
    target_socket->ops->connected(target_socket);
}

static void on_event(struct loop_watch *watch, uint32_t events)
{
    struct target_socket *target_socket = watch->owner;
    if (!target_socket->connected) {
        on_connect_event(target_socket, events);
        if (!target_socket_is_open(target_socket) || !target_socket->connected)
            return;
    }
    transport_event(&target_socket->transport, events);
    target_socket->ops->event(target_socket, events);
}

bool target_socket_connect(struct target_socket *target_socket, struct worker *worker,
                           const struct target *target, int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(target->port),
                                  .sin_addr.s_addr = htonl(target->address)};
    int on = 1, unacknowledged_ms = UNACKNOWLEDGED_MS;
    struct err err;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
    target_socket->watch =
        (struct loop_watch){.fd = -1, .on_event = on_event, .owner = target_socket};
    target_socket->transport.fd = fd;
    if ((connect(fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) ||
        loop_watch(worker->loop, &target_socket->watch, fd,
                   EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &err) < 0) {
        close(fd);
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
