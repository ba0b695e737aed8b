/* HTTP/1 connections to targets: made, used for one exchange after the other, closed. */
#include "balancer/target_socket.h"
#include "balancer/upstream_internal.h"
#include "os/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IDLE_MAX = 1024,
    HELD_BODY_SIZE_MAX = 1460, /* a response with so much body, or less, begins when it is whole */
};

struct http1_upstream {
    struct upstream upstream;
    struct target_socket socket;
    struct corpse corpse;
    int64_t idle_since_ms;
    struct bytes in;  /* the beginning of a head; then the head, until the next piece */
    struct bytes out; /* not taken by the socket yet */
    struct body_reader body;
    bool chunked;    /* the request's body */
    bool held;       /* the final head is in `in`, but not yet its short body */
    bool responding; /* the final head was read: `body` follows */
    bool tunnel;     /* after 101 */
    bool close;      /* the response said so, or it is not certain where it ended */
};

static struct http1_upstream *http1_of(const struct upstream *upstream)
{
    return container_of(upstream, struct http1_upstream, upstream);
}

static struct target_thread *thread_of(const struct http1_upstream *http1)
{
    return &http1->upstream.target->threads[http1->upstream.worker->index];
}

static void destroy(struct http1_upstream *http1)
{
    struct upstream *upstream = &http1->upstream;
    if (!target_socket_is_open(&http1->socket))
        return;
    if (!upstream->exchange)
        thread_of(http1)->idle_count--;
    else
        upstream->exchange->upstream = NULL;
    upstream->exchange = NULL;
    target_socket_close(&http1->socket, upstream->worker);
    list_remove(&upstream->link);
    bytes_reset(&http1->in);
    bytes_reset(&http1->out);
    body_finish(&http1->body);
    worker_bury(upstream->worker, &http1->corpse);
}

/* ---- requests ---- */

/* The target takes no more; it may have answered before (or it never will: then that shows). */
static void go_deaf(struct http1_upstream *http1)
{
    http1->upstream.deaf = http1->close = true;
    bytes_reset(&http1->out);
    transport_event(&http1->socket.transport, EPOLLHUP);
    exchange_upstream_deaf(http1->upstream.exchange);
}

static void send_pieces(struct http1_upstream *http1, struct iovec *pieces, int count)
{
    if (count && bytes_send(&http1->out, &http1->socket.transport, pieces, count) < 0)
        go_deaf(http1);
}

static void send_head(struct upstream *upstream, const struct piece *first)
{
    struct http1_upstream *http1 = http1_of(upstream);
    struct slice head = upstream->request->head;
    char line[24];
    struct iovec pieces[1 + BODY_PIECES_MAX] = {{(char *)head.data, head.size}};
    http1->chunked = upstream->request->streamed;
    send_pieces(http1, pieces, 1 + body_frame(http1->chunked, first, line, pieces + 1));
}

static void send_piece(struct upstream *upstream, const struct piece *piece)
{
    struct http1_upstream *http1 = http1_of(upstream);
    char line[24];
    struct iovec pieces[BODY_PIECES_MAX];
    send_pieces(http1, pieces, body_frame(http1->chunked, piece, line, pieces));
    if (http1->tunnel && piece->last)
        transport_shutdown(&http1->socket.transport);
}

static bool is_full(const struct upstream *upstream)
{
    return bytes_size(&http1_of(upstream)->out) > 0;
}

/* ---- responses ---- */

static enum upstream_news take_body(struct http1_upstream *http1, char *data, size_t size,
                                    struct piece *piece)
{
    size_t used;
    ssize_t decoded = body_decode(&http1->body, data, size, &used);
    if (decoded < 0)
        return UPSTREAM_BAD;
    http1->close |= used < size; /* bytes after the end: whose would they be? */
    *piece = body_piece(&http1->body, data, (size_t)decoded);
    return UPSTREAM_PIECE;
}

/* A short body is waited for: if it does not come whole, the client can still be told so. */
static bool is_worth_waiting(const struct http1_head *head, size_t size)
{
    return head->body == HTTP1_BODY_LENGTH && head->content_length <= HELD_BODY_SIZE_MAX &&
           size < head->content_length;
}

/*
 * Heads of interim responses are passed over. `seen` bytes were looked at before. With
 * UPSTREAM_NOTHING, the last *left bytes are the beginning of a head.
 */
static enum upstream_news read_head(struct http1_upstream *http1, char *data, size_t size,
                                    size_t seen, size_t *left, struct piece *piece)
{
    const struct request *request = http1->upstream.request;
    struct http1_head *head = &http1->upstream.worker->head;
    do {
        int used = http1_parse_response(data, size, seen, request->is_head, head);
        *left = size;
        if (used == HTTP1_MORE)
            return UPSTREAM_NOTHING;
        http1->tunnel = used > 0 && head->status == 101;
        if (used == HTTP1_BAD || (http1->tunnel && !request->upgrade))
            return UPSTREAM_BAD;
        data += used;
        size -= (size_t)used;
        seen = 0;
    } while (head->status < 200 && !http1->tunnel);
    http1->held = !http1->tunnel && is_worth_waiting(head, size);
    if (http1->held) {
        if (!http1->upstream.exchange->responded_us)
            http1->upstream.exchange->responded_us = clock_mono_us();
        return UPSTREAM_NOTHING;
    }
    *left = 0;
    http1->responding = true;
    http1->close |= !head->keep_alive || http1->tunnel;
    http1->chunked &= !http1->tunnel;
    body_start(&http1->body, http1->tunnel ? HTTP1_BODY_UNTIL_CLOSE : head->body,
               head->content_length);
    return take_body(http1, data, size, piece) == UPSTREAM_BAD ? UPSTREAM_BAD : UPSTREAM_HEAD;
}

/* A head that did not come in one piece waits in http1->in. */
static enum upstream_news take_head(struct http1_upstream *http1, char *data, size_t size,
                                    struct piece *piece)
{
    size_t seen = bytes_size(&http1->in), left = 0;
    if (seen && !bytes_append(&http1->in, data, size))
        return UPSTREAM_BAD;
    if (seen) {
        data = bytes_at(&http1->in);
        size = bytes_size(&http1->in);
    }
    enum upstream_news news = read_head(http1, data, size, http1->held ? 0 : seen, &left, piece);
    if (news != UPSTREAM_NOTHING)
        return news;
    if (seen)
        bytes_consume(&http1->in, size - left);
    else if (!bytes_append(&http1->in, data + size - left, left))
        return UPSTREAM_BAD;
    return UPSTREAM_NOTHING;
}

/* The target closed its side, or the connection broke. */
static enum upstream_news take_end(struct http1_upstream *http1, struct piece *piece)
{
    if (http1->held)
        return UPSTREAM_SHORT;
    if (!http1->responding || http1->body.kind != HTTP1_BODY_UNTIL_CLOSE)
        return UPSTREAM_ENDED;
    http1->socket.transport.readable = false;
    http1->close = http1->body.done = true;
    *piece = (struct piece){.last = true};
    return UPSTREAM_PIECE;
}

static enum upstream_news receive(struct upstream *upstream, struct piece *piece)
{
    struct http1_upstream *http1 = http1_of(upstream);
    char *hot = upstream->worker->hot;
    size_t size_max = upstream->exchange->stream->ops->piece_size_max;
    for (;;) {
        ssize_t got =
            transport_receive(&http1->socket.transport, hot, size_max ? size_max : READ_SIZE);
        if (got < 0)
            return UPSTREAM_NOTHING;
        if (got == 0)
            return take_end(http1, piece);
        upstream->unproven = false;
        if (http1->responding) {
            bytes_reset(&http1->in);
            return take_body(http1, hot, (size_t)got, piece);
        }
        enum upstream_news news = take_head(http1, hot, (size_t)got, piece);
        if (news != UPSTREAM_NOTHING)
            return news;
    }
}

/* ---- connections ---- */

static void on_connected(struct target_socket *target_socket)
{
    struct http1_upstream *http1 = container_of(target_socket, struct http1_upstream, socket);
    http1->upstream.connected = true;
    exchange_connected(http1->upstream.exchange);
}

static void on_reached(struct target_socket *target_socket)
{
    struct http1_upstream *http1 = container_of(target_socket, struct http1_upstream, socket);
    http1->upstream.reached = true;
    exchange_reached(http1->upstream.exchange);
}

static void on_failed(struct target_socket *target_socket)
{
    struct http1_upstream *http1 = container_of(target_socket, struct http1_upstream, socket);
    exchange_connect_failed(http1->upstream.exchange, 502);
}

/*
 * Whether an idle connection has ended or speaks: whatever it says, it is not an answer. An event
 * alone does not tell: it may be of bytes that were read with those before them.
 */
static bool is_over(struct transport *transport, uint32_t events)
{
    char byte;
    transport->readable = false;
    return (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ||
           recv(transport->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

static void on_event(struct target_socket *target_socket, uint32_t events)
{
    struct http1_upstream *http1 = container_of(target_socket, struct http1_upstream, socket);
    struct upstream *upstream = &http1->upstream;
    if (!upstream->exchange) {
        if (is_over(&target_socket->transport, events))
            destroy(http1);
        return;
    }
    if ((events & EPOLLOUT) && bytes_size(&http1->out)) {
        int flushed = bytes_flush(&http1->out, &target_socket->transport);
        if (flushed < 0)
            go_deaf(http1);
        else if (flushed)
            exchange_upstream_drained(upstream->exchange);
    }
    if (target_socket_is_open(target_socket) && upstream->exchange &&
        target_socket->transport.readable)
        exchange_upstream_readable(upstream->exchange);
}

/* Keeps the connection for the next exchange if there is room and the target is still wanted. */
static void release(struct upstream *upstream, bool whole)
{
    struct http1_upstream *http1 = http1_of(upstream);
    struct target_thread *thread = thread_of(http1);
    const struct transport *transport = &http1->socket.transport;
    bool surplus = transport->readable; /* what else may be there is no answer to the next one */
    if (!whole || http1->close || thread->gone || transport->hangup || surplus ||
        thread->idle_count >= IDLE_MAX) {
        destroy(http1);
        return;
    }
    upstream->exchange->upstream = NULL;
    upstream->exchange = NULL;
    upstream->request = NULL;
    bytes_reset(&http1->in);
    body_finish(&http1->body);
    http1->responding = http1->held = false;
    http1->idle_since_ms = loop_now_ms(upstream->worker->loop);
    list_remove(&upstream->link);
    list_prepend(&thread->idle, &upstream->link);
    thread->idle_count++;
}

static const struct upstream_ops ops = {
    .send_head = send_head,
    .send = send_piece,
    .is_full = is_full,
    .receive = receive,
    .release = release,
};

struct upstream *upstream_http1_take(struct worker *worker, struct target *target,
                                     struct exchange *exchange)
{
    struct target_thread *thread = &target->threads[worker->index];
    struct upstream *upstream = NULL;
    while (!upstream && !list_empty(&thread->idle)) {
        upstream = container_of(thread->idle.next, struct upstream, link);
        bool tls = http1_of(upstream)->socket.transport.tls != NULL;
        if (tls != (exchange->group->tls != NULL)) { /* the group changed its protocol */
            destroy(http1_of(upstream));
            upstream = NULL;
        }
    }
    if (!upstream)
        return NULL;
    list_remove(&upstream->link);
    thread->idle_count--;
    upstream->unproven = true;
    upstream_attach(upstream, exchange);
    return upstream;
}

static void free_corpse(struct corpse *corpse)
{
    free(container_of(corpse, struct http1_upstream, corpse));
}

struct upstream *upstream_http1_connect(struct worker *worker, struct target *target, int fd,
                                        struct exchange *exchange)
{
    static const struct target_socket_ops socket_ops = {
        .reached = on_reached,
        .connected = on_connected,
        .failed = on_failed,
        .event = on_event,
    };
    const struct target_route route = {
        .address = target->address,
        .port = target->port,
        .tls = exchange->group->tls,
        .session = &target->threads[worker->index].session,
    };
    struct http1_upstream *http1 = calloc(1, sizeof *http1);
    if (!http1) {
        close(fd);
        return NULL;
    }
    http1->socket.ops = &socket_ops;
    if (!target_socket_connect(&http1->socket, worker, &route, fd)) {
        free(http1);
        return NULL;
    }
    http1->corpse.release = free_corpse;
    http1->upstream.ops = &ops;
    http1->upstream.worker = worker;
    http1->upstream.target = target;
    list_init(&http1->upstream.link);
    upstream_attach(&http1->upstream, exchange);
    return &http1->upstream;
}

void upstream_http1_close_idle(struct worker *worker, struct target *target, int64_t before_ms)
{
    list_each_safe (upstream, &target->threads[worker->index].idle, struct upstream, link)
        if (http1_of(upstream)->idle_since_ms <= before_ms)
            destroy(http1_of(upstream));
}
