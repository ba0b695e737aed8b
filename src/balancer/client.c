/* Connections from clients, whatever is spoken on them: bytes, timeouts, closing. */
#include "balancer/client.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    NEW_TIMEOUT_MS = 60000, /* before the load balancer is known */
    LINGER_MS = 2000,
    DISCARDS_PER_TURN = 16,
};

void client_destroy(struct client *client)
{
    if (client->gone)
        return;
    client->gone = true;
    struct worker *worker = client->worker;
    client->protocol->abandon(client);
    loop_forget(worker->loop, &client->watch); /* the kernel does, when it is closed */
    transport_close(&client->transport);
    loop_timer_clear(worker->loop, &client->timer);
    list_remove(&client->link);
    client->acceptor->clients--;
    atomic_fetch_sub_explicit(&worker->client_count, 1, memory_order_relaxed);
    bytes_reset(&client->in);
    bytes_reset(&client->out);
    client_uncount(client);
    worker_bury(worker, &client->corpse);
}

void client_touch(struct client *client, int64_t timeout_ms)
{
    struct loop *loop = client->worker->loop;
    client->deadline_ms = loop_now_ms(loop) + timeout_ms;
    if (client->timer.heap_index < 0 || client->timer.due_ms > client->deadline_ms)
        loop_timer_set(loop, &client->timer, timeout_ms);
}

void client_later(struct client *client)
{
    client->resume = true;
    loop_timer_set(client->worker->loop, &client->timer, 0);
}

int64_t client_idle_timeout_ms(const struct client *client)
{
    const struct endpoint *endpoint = client->acceptor->endpoint;
    return endpoint ? endpoint->listeners[0]->load_balancer->attributes.idle_timeout_ms
                    : NEW_TIMEOUT_MS;
}

/* The last bytes are out: close, or let the client read them first. */
static void finish_close(struct client *client)
{
    if (!client->linger || client->eof) {
        transport_finish(&client->transport);
        client_destroy(client);
        return;
    }
    transport_shutdown(&client->transport);
    client->lingering = true;
    bytes_reset(&client->in);
    client_touch(client, LINGER_MS);
}

void client_close(struct client *client)
{
    client->closing = true;
    if (!bytes_size(&client->out))
        finish_close(client);
}

bool client_send(struct client *client, struct iovec *pieces, int count)
{
    if (client->peer.cell) {
        size_t size = 0;
        for (int i = 0; i < count; i++)
            size += pieces[i].iov_len;
        counter_add(&client_counters(client)->processed_bytes, size);
    }
    if (bytes_send(&client->out, &client->transport, pieces, count) == 0)
        return true;
    client_destroy(client);
    return false;
}

ssize_t client_receive(struct client *client, char *data, size_t size)
{
    if (client->eof)
        return 0;
    ssize_t got = transport_receive(&client->transport, data, size);
    client->eof = got == 0;
    if (got > 0 && client->peer.cell)
        counter_add(&client_counters(client)->processed_bytes, (uint64_t)got);
    return got;
}

static void discard(struct client *client)
{
    struct worker *worker = client->worker;
    for (int i = 0; i < DISCARDS_PER_TURN; i++) {
        ssize_t got = client_receive(client, worker->hot, sizeof worker->hot);
        if (got == 0) {
            client_destroy(client);
            return;
        }
        if (got < 0)
            return;
    }
    client_later(client);
}

/* Goes on reading, as far as what waits to be sent allows. */
static void advance(struct client *client)
{
    if (client->lingering || client->silent)
        discard(client);
    else if (!client->closing)
        client->protocol->readable(client);
}

static void on_event(struct loop_watch *watch, uint32_t events)
{
    struct client *client = watch->owner;
    if (events & EPOLLERR) {
        client_destroy(client);
        return;
    }
    transport_event(&client->transport, events);
    if ((events & EPOLLOUT) && bytes_size(&client->out)) {
        int flushed = bytes_flush(&client->out, &client->transport);
        if (flushed < 0)
            client_destroy(client);
        else if (flushed && client->closing)
            finish_close(client);
        else if (flushed)
            client->protocol->drained(client);
    }
    if (!client->gone && client->transport.readable)
        advance(client);
}

static void on_due(struct loop_timer *timer)
{
    struct client *client = timer->owner;
    struct loop *loop = client->worker->loop;
    int64_t left = client->deadline_ms - loop_now_ms(loop);
    if (client->resume || left > 0) {
        loop_timer_set(loop, timer, left > 0 ? left : 0);
        if (!client->resume)
            return;
        client->resume = false;
        if (!client->lingering)
            client->protocol->resumed(client);
        if (!client->gone)
            advance(client);
        return;
    }
    if (client->lingering || client->closing || client->silent)
        client_destroy(client);
    else
        client->protocol->timed_out(client);
}

static void release(struct corpse *corpse)
{
    free(container_of(corpse, struct client, corpse));
}

void client_accept(struct acceptor *acceptor, int fd, uint32_t address, uint16_t port)
{
    struct worker *worker = acceptor->worker;
    struct client *client = calloc(1, sizeof *client);
    struct err err;
    if (!client) {
        close(fd);
        return;
    }
    client->watch = (struct loop_watch){.fd = -1, .on_event = on_event, .owner = client};
    loop_timer_init(&client->timer, on_due, client);
    client->transport.fd = fd;
    client->corpse.release = release;
    client->worker = worker;
    client->acceptor = acceptor;
    client->peer.transport = &client->transport;
    client->peer.address = address;
    client->peer.port = port;
    client->peer.node = (uint16_t)worker_random(worker);
    client->peer.trace = worker_random(worker);
    client->accepted_ms = loop_now_ms(worker->loop);
    client->keep_alive_ms = INT64_MAX;
    if (acceptor->endpoint->tls)
        client_tls_begin(client);
    else
        client_http1_begin(client);
    if (loop_watch(worker->loop, &client->watch, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                   &err) < 0) {
        free(client);
        close(fd);
        return;
    }
    acceptor->clients++;
    atomic_fetch_add_explicit(&worker->client_count, 1, memory_order_relaxed);
    list_append(&worker->clients, &client->link);
    const struct endpoint *endpoint = acceptor->endpoint;
    if (endpoint->node >= 0)
        client_count(client, endpoint->listeners[0], endpoint->node);
    client_touch(client, client_idle_timeout_ms(client));
}
