/* HTTP/2 connections to targets: made, shared by exchanges, closed. */
#include "balancer/upstream_http2.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READS_PER_TURN = 16, STREAMS_MAX = 1000, FRAME_SIZE_MAX = 16384 + 9 };

static void bury(struct http2_link *http2_link)
{
    loop_timer_clear(http2_link->worker->loop, &http2_link->work);
    http2_memory_end(http2_link_session(http2_link));
    http2_block_reset(&http2_link->block);
    worker_bury(http2_link->worker, &http2_link->corpse);
}

/* Closes the socket; what is left for the exchanges stays with their streams. */
static void close_link(struct http2_link *http2_link)
{
    if (http2_link->dead)
        return;
    http2_link->dead = true;
    target_socket_close(&http2_link->socket, http2_link->worker);
    list_remove(&http2_link->link);
    bytes_reset(&http2_link->out);
    list_each (stream, &http2_link->streams, struct http2_upstream, link)
        stream->closed = true;
    if (!http2_link->stream_count)
        bury(http2_link);
}

static bool is_wanted(const struct http2_link *http2_link)
{
    const struct target_thread *thread = &http2_link->target->threads[http2_link->worker->index];
    return http2_link->socket.connected && !thread->gone && !list_empty(&http2_link->link);
}

void http2_link_retire(struct http2_link *http2_link)
{
    list_remove(&http2_link->link);
}

void http2_link_leave(struct http2_link *http2_link, struct http2_upstream *http2_upstream)
{
    list_remove(&http2_upstream->link);
    list_remove(&http2_upstream->ready);
    if (--http2_link->stream_count)
        return;
    http2_link->idle_since_ms = loop_now_ms(http2_link->worker->loop);
    if (http2_link->dead)
        bury(http2_link);
    else if (!is_wanted(http2_link))
        http2_link_work(http2_link, NULL); /* not here: nghttp2 may be the caller */
}

/* ---- output ---- */

static bool send_frames(struct http2_link *http2_link, const void *data, size_t size)
{
    return bytes_send(&http2_link->out, &http2_link->socket.transport,
                      &(struct iovec){(void *)data, size}, 1) == 0;
}

/* Frames are gathered: many streams' in one system call. False if the connection broke. */
static bool flush(struct http2_link *http2_link)
{
    char *scratch = http2_link->worker->scratch;
    size_t used = 0;
    const uint8_t *data;
    ssize_t size = 0;
    while (!bytes_size(&http2_link->out)) {
        size = nghttp2_session_mem_send(http2_link_session(http2_link), &data);
        bool fits = size > 0 && (size_t)size <= SCRATCH_SIZE - used;
        if (fits) {
            memcpy(scratch + used, data, (size_t)size);
            used += (size_t)size;
        }
        if (used && (size <= 0 || !fits || used > SCRATCH_SIZE - FRAME_SIZE_MAX)) {
            if (!send_frames(http2_link, scratch, used))
                return false;
            used = 0;
        }
        if (size <= 0)
            break;
        if (!fits && !send_frames(http2_link, data, (size_t)size))
            return false;
    }
    return size >= 0;
}

/* ---- exchanges ---- */

/* All that wait or read hear that there is something: the end, if nothing else. */
static void tell_all(struct http2_link *http2_link)
{
    list_each_safe (stream, &http2_link->streams, struct http2_upstream, link)
        exchange_upstream_readable(stream->upstream.exchange);
}

/* The connection broke or ended. The last stream that goes frees it. */
static void fail(struct http2_link *http2_link)
{
    bool streams = http2_link->stream_count > 0;
    close_link(http2_link);
    if (streams)
        tell_all(http2_link);
}

static void attend(struct http2_link *http2_link)
{
    if (list_empty(&http2_link->ready))
        return;
    struct list ready =
        http2_link->ready; /* what becomes ready meanwhile waits for the next turn */
    ready.next->prev = ready.prev->next = &ready;
    list_init(&http2_link->ready);
    while (!list_empty(&ready)) {
        struct http2_upstream *stream = container_of(ready.next, struct http2_upstream, ready);
        struct exchange *exchange = stream->upstream.exchange;
        list_remove(&stream->ready);
        if (!http2_outgoing_is_full(&stream->outgoing) && !stream->closed)
            exchange_upstream_drained(exchange);
        if (exchange->upstream == &stream->upstream)
            exchange_upstream_readable(exchange);
    }
}

/* Receives and sends as much as there is. */
static void go_on(struct http2_link *http2_link)
{
    struct transport *transport = &http2_link->socket.transport;
    char *hot = http2_link->worker->hot;
    for (int i = 0; i < READS_PER_TURN && transport->readable; i++) {
        ssize_t got = transport_receive(transport, hot, READ_SIZE);
        if (got < 0)
            break;
        if (got == 0 || nghttp2_session_mem_recv(http2_link_session(http2_link), (uint8_t *)hot,
                                                 (size_t)got) < 0) {
            fail(http2_link);
            return;
        }
        attend(http2_link);
        if (http2_link->dead)
            return;
    }
    if (!flush(http2_link) || (!nghttp2_session_want_read(http2_link_session(http2_link)) &&
                               !nghttp2_session_want_write(http2_link_session(http2_link))))
        fail(http2_link);
    else if (!http2_link->stream_count && !is_wanted(http2_link))
        close_link(http2_link);
    else if (transport->readable)
        http2_link_work(http2_link, NULL);
}

static void on_work(struct loop_timer *timer)
{
    struct http2_link *http2_link = timer->owner;
    attend(http2_link);
    if (http2_link->dead)
        return;
    if (http2_link->socket.connected)
        go_on(http2_link);
    else if (!http2_link->stream_count)
        close_link(http2_link);
}

void http2_link_work(struct http2_link *http2_link, struct http2_upstream *ready)
{
    if (ready && list_empty(&ready->ready))
        list_append(&http2_link->ready, &ready->ready);
    if (http2_link->work.heap_index < 0)
        loop_timer_set(http2_link->worker->loop, &http2_link->work, 0);
}

/* ---- the socket ---- */

static struct http2_link *link_of(struct target_socket *target_socket)
{
    return container_of(target_socket, struct http2_link, socket);
}

static void on_reached(struct target_socket *target_socket)
{
    list_each (stream, &link_of(target_socket)->streams, struct http2_upstream, link) {
        stream->upstream.reached = true;
        exchange_reached(stream->upstream.exchange);
    }
}

static void on_failed(struct target_socket *target_socket)
{
    struct http2_link *http2_link = link_of(target_socket);
    bool streams = http2_link->stream_count > 0;
    close_link(http2_link);
    if (!streams)
        return;
    list_each_safe (stream, &http2_link->streams, struct http2_upstream, link)
        exchange_connect_failed(stream->upstream.exchange, 502);
}

static void on_connected(struct target_socket *target_socket)
{
    struct http2_link *http2_link = link_of(target_socket);
    if (target_socket->transport.tls && !tls_is_http2(&target_socket->transport)) {
        on_failed(target_socket);
        return;
    }
    list_each (stream, &http2_link->streams, struct http2_upstream, link)
        stream->upstream.connected = true;
    list_each_safe (stream, &http2_link->streams, struct http2_upstream, link)
        exchange_connected(stream->upstream.exchange);
    http2_link_work(http2_link, NULL);
}

static void on_event(struct target_socket *target_socket, uint32_t events)
{
    struct http2_link *http2_link = link_of(target_socket);
    if ((events & EPOLLOUT) && bytes_size(&http2_link->out) &&
        bytes_flush(&http2_link->out, &target_socket->transport) < 0)
        fail(http2_link);
    else
        go_on(http2_link);
}

/* ---- taking one ---- */

struct upstream *upstream_http2_take(struct worker *worker, struct target *target,
                                     struct exchange *exchange)
{
    list_each (http2_link, &target->threads[worker->index].shared, struct http2_link, link) {
        uint32_t most = nghttp2_session_get_remote_settings(
            http2_link_session(http2_link), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
        bool tls = http2_link->socket.transport.tls != NULL;
        if (tls != (exchange->group->tls != NULL) || http2_link->stream_count >= STREAMS_MAX ||
            (uint32_t)http2_link->stream_count >= most ||
            !nghttp2_session_check_request_allowed(http2_link_session(http2_link)))
            continue;
        struct upstream *upstream = http2_upstream_create(http2_link, exchange);
        if (upstream)
            upstream->unproven = upstream->connected;
        return upstream;
    }
    return NULL;
}

static void release(struct corpse *corpse)
{
    free(container_of(corpse, struct http2_link, corpse));
}

static struct http2_link *create(struct worker *worker, struct target *target)
{
    static const struct target_socket_ops socket_ops = {
        .reached = on_reached,
        .connected = on_connected,
        .failed = on_failed,
        .event = on_event,
    };
    struct http2_link *http2_link = calloc(1, sizeof *http2_link);
    if (!http2_link)
        return NULL;
    http2_link->worker = worker;
    http2_link->target = target;
    http2_link->socket.watch.fd = -1;
    http2_link->socket.ops = &socket_ops;
    http2_link->corpse.release = release;
    list_init(&http2_link->link);
    list_init(&http2_link->streams);
    list_init(&http2_link->ready);
    loop_timer_init(&http2_link->work, on_work, http2_link);
    http2_link->session = http2_link_create_session(http2_link);
    if (!http2_link->session) {
        free(http2_link);
        return NULL;
    }
    return http2_link;
}

struct upstream *upstream_http2_connect(struct worker *worker, struct target *target, int fd,
                                        struct exchange *exchange)
{
    const struct target_route route = {
        .address = target->address,
        .port = target->port,
        .tls = exchange->group->tls,
        .http2 = true,
        .session = &target->threads[worker->index].session,
    };
    struct http2_link *http2_link = create(worker, target);
    if (!http2_link) {
        close(fd);
        return NULL;
    }
    struct upstream *upstream = NULL;
    if (target_socket_connect(&http2_link->socket, worker, &route, fd))
        upstream = http2_upstream_create(http2_link, exchange);
    if (upstream)
        list_prepend(&target->threads[worker->index].shared, &http2_link->link);
    else
        close_link(http2_link);
    return upstream;
}

void upstream_http2_close_idle(struct worker *worker, struct target *target, int64_t before_ms)
{
    list_each_safe (http2_link, &target->threads[worker->index].shared, struct http2_link, link)
        if (!http2_link->stream_count && http2_link->idle_since_ms <= before_ms)
            close_link(http2_link);
}
