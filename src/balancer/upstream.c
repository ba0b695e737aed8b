/* Connections to targets: made, kept for the next exchange, closed. */
#include "balancer/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum { IDLE_MAX = 1024, UNACKNOWLEDGED_MS = 10000 };

static struct target_thread *thread_of(const struct upstream *upstream)
{
    return &upstream->target->threads[upstream->worker->index];
}

void upstream_destroy(struct upstream *upstream)
{
    if (upstream->watch.fd < 0)
        return;
    if (!upstream->exchange)
        thread_of(upstream)->idle_count--;
    else
        upstream->exchange->upstream = NULL;
    upstream->exchange = NULL;
    loop_unwatch(upstream->worker->loop, &upstream->watch);
    transport_close(&upstream->transport);
    list_remove(&upstream->link);
    bytes_reset(&upstream->in);
    worker_bury(upstream->worker, &upstream->corpse);
}

static void on_connect_event(struct upstream *upstream, uint32_t events)
{
    int number = 0;
    socklen_t size = sizeof number;
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        return;
    getsockopt(upstream->watch.fd, SOL_SOCKET, SO_ERROR, &number, &size);
    if (number) {
        exchange_connect_failed(upstream->exchange, 502);
        return;
    }
    upstream->connected = true;
    exchange_connected(upstream->exchange);
}

static void on_event(struct loop_watch *watch, uint32_t events)
{
    struct upstream *upstream = watch->owner;
    if (!upstream->exchange) { /* idle: whatever it says, it is not an answer */
        upstream_destroy(upstream);
        return;
    }
    if (!upstream->connected) {
        on_connect_event(upstream, events);
        if (watch->fd < 0 || !upstream->connected || !upstream->exchange)
            return;
    }
    transport_event(&upstream->transport, events);
    if (events & EPOLLOUT)
        exchange_target_writable(upstream->exchange);
    if (watch->fd >= 0 && upstream->exchange && upstream->transport.readable)
        exchange_target_readable(upstream->exchange);
}

static void activate(struct upstream *upstream, struct exchange *exchange)
{
    upstream->exchange = exchange;
    exchange->upstream = upstream;
    list_append(&thread_of(upstream)->active, &upstream->link);
}

struct upstream *upstream_take_idle(struct worker *worker, struct target *target,
                                    struct exchange *exchange)
{
    struct target_thread *thread = &target->threads[worker->index];
    if (list_empty(&thread->idle))
        return NULL;
    struct upstream *upstream = container_of(thread->idle.next, struct upstream, link);
    list_remove(&upstream->link);
    thread->idle_count--;
    upstream->reused = true;
    activate(upstream, exchange);
    return upstream;
}

static void release(struct corpse *corpse)
{
    free(container_of(corpse, struct upstream, corpse));
}

struct upstream *upstream_connect(struct worker *worker, struct target *target, int fd,
                                  struct exchange *exchange)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(target->port),
                                  .sin_addr.s_addr = htonl(target->address)};
    int on = 1, unacknowledged_ms = UNACKNOWLEDGED_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
    struct upstream *upstream = NULL;
    struct err err;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS)
        upstream = calloc(1, sizeof *upstream);
    if (upstream) {
        upstream->watch = (struct loop_watch){.fd = -1, .on_event = on_event, .owner = upstream};
        upstream->transport.fd = fd;
        upstream->corpse.release = release;
    }
    if (!upstream || loop_watch(worker->loop, &upstream->watch, fd,
                                EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &err) < 0) {
        free(upstream);
        close(fd);
        return NULL;
    }
    upstream->worker = worker;
    upstream->target = target;
    list_init(&upstream->link);
    activate(upstream, exchange);
    return upstream;
}

ssize_t upstream_receive(struct upstream *upstream, char *data, size_t size)
{
    return transport_receive(&upstream->transport, data, size);
}

void upstream_keep(struct upstream *upstream)
{
    struct target_thread *thread = thread_of(upstream);
    if (thread->gone || upstream->transport.hangup || thread->idle_count >= IDLE_MAX ||
        bytes_size(&upstream->in)) {
        upstream_destroy(upstream);
        return;
    }
    upstream->exchange->upstream = NULL;
    upstream->exchange = NULL;
    upstream->transport.readable = false;
    upstream->idle_since_ms = loop_now_ms(upstream->worker->loop);
    list_remove(&upstream->link);
    list_prepend(&thread->idle, &upstream->link);
    thread->idle_count++;
}

void upstream_close_idle(struct worker *worker, struct target *target, int64_t before_ms)
{
    list_each_safe (upstream, &target->threads[worker->index].idle, struct upstream, link)
        if (upstream->idle_since_ms <= before_ms)
            upstream_destroy(upstream);
}
