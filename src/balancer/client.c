/* Connections from clients: reading heads, pipelining, timeouts, closing. */
#include "balancer/connection.h"
#include "balancer/rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    NEW_TIMEOUT_MS = 60000, /* before the load balancer is known */
    LINGER_MS = 2000,
    REQUESTS_PER_TURN = 32, /* of one client that pipelines */
};

static struct counters *counters_of(const struct client *client)
{
    return &client->cell->threads[client->worker->index];
}

static void uncount_connection(struct client *client)
{
    if (!client->cell)
        return;
    counter_add(&counters_of(client)->active_connections, (uint64_t)-1);
    atomic_fetch_sub(&client->cell->uses, 1);
    client->cell = NULL;
}

void client_destroy(struct client *client)
{
    if (client->gone)
        return;
    client->gone = true;
    struct worker *worker = client->worker;
    if (client->exchange)
        exchange_abandon(client->exchange);
    loop_unwatch(worker->loop, &client->watch);
    transport_close(&client->transport);
    loop_timer_clear(worker->loop, &client->timer);
    list_remove(&client->link);
    client->acceptor->clients--;
    atomic_fetch_sub_explicit(&worker->client_count, 1, memory_order_relaxed);
    bytes_reset(&client->in);
    bytes_reset(&client->out);
    uncount_connection(client);
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

static int64_t idle_timeout_ms(const struct client *client)
{
    const struct endpoint *endpoint = client->acceptor->endpoint;
    return endpoint ? endpoint->listeners[0]->load_balancer->attributes.idle_timeout_ms
                    : NEW_TIMEOUT_MS;
}

/* The last bytes are out: close, or let the client read them first. */
static void finish_close(struct client *client)
{
    if (!client->linger || client->eof) {
        client_destroy(client);
        return;
    }
    transport_shutdown(&client->transport);
    client->lingering = true;
    bytes_reset(&client->in);
    client_touch(client, LINGER_MS);
}

static void close_after_output(struct client *client)
{
    client->closing = true;
    if (!bytes_size(&client->out))
        finish_close(client);
}

bool client_send(struct client *client, struct iovec *pieces, int count)
{
    if (client->cell) {
        size_t size = 0;
        for (int i = 0; i < count; i++)
            size += pieces[i].iov_len;
        counter_add(&counters_of(client)->processed_bytes, size);
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
    if (got > 0 && client->cell)
        counter_add(&counters_of(client)->processed_bytes, (uint64_t)got);
    return got;
}

/* ---- which listener a request is for ---- */

static bool is_allowed(const struct load_balancer *load_balancer, uint32_t address, uint16_t port)
{
    for (int i = 0; i < load_balancer->source_count; i++) {
        const struct allowed_source *source = &load_balancer->sources[i];
        if ((address & source->mask) == source->network && port >= source->port_from &&
            port <= source->port_to)
            return true;
    }
    return false;
}

static const struct listener *listener_by_host(const struct endpoint *endpoint, struct slice host)
{
    struct slice name = rules_host_name(host);
    for (int i = 0; i < endpoint->listener_count; i++) {
        const char *dns_name = endpoint->listeners[i]->load_balancer->dns_name;
        if (strlen(dns_name) == name.size && strncasecmp(dns_name, name.data, name.size) == 0)
            return endpoint->listeners[i];
    }
    return endpoint->listener_count == 1 ? endpoint->listeners[0] : NULL;
}

/*
 * The connection is the load balancer's, at one of its nodes. Nodes come and go while a connection
 * lasts, and on the host the next request may be for another load balancer.
 */
static void count_connection(struct client *client, const struct load_balancer *load_balancer,
                             int node)
{
    client->node = (uint16_t)(node >= 0 ? node : client->node % load_balancer->node_count);
    struct cell *cell = load_balancer->nodes[client->node].cell;
    if (client->cell == cell)
        return;
    uncount_connection(client);
    client->cell = cell;
    client->keep_alive_ms = load_balancer->attributes.client_keep_alive_ms;
    atomic_fetch_add(&cell->uses, 1);
    counter_add(&counters_of(client)->new_connections, 1);
    counter_add(&counters_of(client)->active_connections, 1);
}

/* NULL if there is none; on the host the peer may then have been made silent. */
static const struct listener *find_listener(struct client *client)
{
    const struct endpoint *endpoint = client->acceptor->endpoint;
    const struct http1_head *head = &client->worker->head;
    if (!endpoint)
        return NULL;
    const struct listener *listener = endpoint->listeners[0];
    if (endpoint->node < 0) {
        struct slice host = {"", 0};
        if (head->known.host >= 0)
            host = head->headers[head->known.host].value;
        listener = listener_by_host(endpoint, host);
        if (listener && !is_allowed(listener->load_balancer, client->address, listener->port)) {
            client->silent = true;
            return NULL;
        }
    }
    if (listener)
        count_connection(client, listener->load_balancer, endpoint->node);
    return listener;
}

/* ---- requests ---- */

/* An error in a head: AWS has no 431. */
static void refuse(struct client *client)
{
    int status = client->worker->head.error_status;
    find_listener(client);
    if (client->silent)
        return;
    client->linger = true;
    answer_error(client, status == 431 ? 400 : status);
}

/*
 * Parses one head from *data and starts its exchange. False if the head is not whole, or the
 * client is gone, silent or closing.
 */
static bool take_request(struct client *client, char **data, size_t *size, size_t seen)
{
    struct http1_head *head = &client->worker->head;
    int used = http1_parse_request(*data, *size, seen, head);
    if (used == HTTP1_MORE)
        return false;
    if (used == HTTP1_BAD) {
        *size = 0;
        refuse(client);
        return false;
    }
    if (!client->acceptor->endpoint) { /* the listener was deleted */
        client_destroy(client);
        return false;
    }
    const struct listener *listener = find_listener(client);
    *data += used;
    *size -= (size_t)used;
    if (!listener) {
        *size = 0;
        if (!client->silent)
            answer_error(client, 400);
        return false;
    }
    exchange_start(client, listener, data, size);
    return !client->gone && !client->closing && !client->exchange;
}

/* Requests that wait in client->in; `seen` bytes of it were looked at before. */
static void take_waiting(struct client *client, size_t seen)
{
    for (int count = 0; bytes_size(&client->in) && !client->exchange; count++) {
        if (count == REQUESTS_PER_TURN) {
            client_later(client);
            return;
        }
        char *data = bytes_at(&client->in);
        size_t size = bytes_size(&client->in), before = size;
        bool more = take_request(client, &data, &size, seen);
        if (client->gone)
            return;
        seen = 0;
        if (bytes_size(&client->in)) /* else it was dropped when the client was to be closed */
            bytes_consume(&client->in, before - size);
        if (!more)
            return;
    }
}

/* Reads into the hot buffer and parses there; keeps what is left over. */
static bool read_hot(struct client *client)
{
    struct worker *worker = client->worker;
    ssize_t got = client_receive(client, worker->hot, sizeof worker->hot);
    if (got <= 0)
        return false;
    char *data = worker->hot;
    size_t size = (size_t)got;
    int count = 0;
    while (size && take_request(client, &data, &size, 0) && ++count < REQUESTS_PER_TURN)
        ;
    if (client->gone || client->silent || client->closing || !size)
        return !client->gone;
    if (!bytes_append(&client->in, data, size)) {
        client_destroy(client);
        return false;
    }
    if (!client->exchange) {
        if (count == REQUESTS_PER_TURN)
            client_later(client);
        client_touch(client, idle_timeout_ms(client));
    }
    return true;
}

/* More of a head whose beginning waits in client->in. */
static bool read_more(struct client *client)
{
    enum { STEP = 4096 };
    size_t seen = bytes_size(&client->in);
    if (!bytes_reserve(&client->in, STEP)) {
        client_destroy(client);
        return false;
    }
    ssize_t got = client_receive(client, client->in.data + client->in.end, STEP);
    if (got <= 0)
        return false;
    client->in.end += (uint32_t)got;
    take_waiting(client, seen);
    return !client->gone;
}

/* The client closed its side while no exchange is there. */
static void on_client_end(struct client *client)
{
    if (bytes_size(&client->out))
        client->closing = true;
    else
        client_destroy(client);
}

static void discard(struct client *client)
{
    struct worker *worker = client->worker;
    for (int i = 0; i < 16; i++) {
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
    if (client->lingering || client->silent) {
        discard(client);
        return;
    }
    while (!client->gone && !client->closing && client->transport.readable && !client->exchange &&
           !client->silent && !bytes_size(&client->out))
        if (!(bytes_size(&client->in) ? read_more(client) : read_hot(client)))
            break;
    if (client->gone || client->closing)
        return;
    if (client->exchange)
        exchange_client_readable(client->exchange);
    else if (client->eof)
        on_client_end(client);
}

static void drained(struct client *client)
{
    if (client->closing)
        finish_close(client);
    else if (client->exchange)
        exchange_client_drained(client->exchange);
    else if (bytes_size(&client->in))
        take_waiting(client, 0);
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
        else if (flushed)
            drained(client);
    }
    if (!client->gone && client->transport.readable)
        advance(client);
}

void client_exchange_ended(struct client *client, bool keep_alive)
{
    client->exchange = NULL;
    if (client->gone)
        return;
    if (!keep_alive) {
        client->linger |= bytes_size(&client->in) > 0 || client->transport.readable;
        close_after_output(client);
        return;
    }
    client_touch(client, idle_timeout_ms(client));
    if (bytes_size(&client->in) || client->transport.readable || client->eof)
        client_later(client);
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
        if (!client->exchange && !client->lingering && !bytes_size(&client->out))
            take_waiting(client, 0);
        if (!client->gone && client->exchange && !bytes_size(&client->out))
            exchange_client_drained(client->exchange);
        if (!client->gone)
            advance(client);
        return;
    }
    if (client->lingering || client->closing || client->silent)
        client_destroy(client);
    else if (client->exchange)
        exchange_timed_out(client->exchange);
    else if (bytes_size(&client->in))
        answer_error(client, 408);
    else
        client_destroy(client);
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
    client->address = address;
    client->port = port;
    client->accepted_ms = loop_now_ms(worker->loop);
    client->keep_alive_ms = INT64_MAX;
    client->node = (uint16_t)worker_random(worker);
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
        count_connection(client, endpoint->listeners[0]->load_balancer, endpoint->node);
    client_touch(client, idle_timeout_ms(client));
}
