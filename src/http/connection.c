/* One client: its requests are read, handed over and answered one after another. */
#include "http/server_internal.h"

#include "base/cleanup.h"
#include "os/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_SIZE = 16 * 1024,
    SEAL_SIZE = 64 * 1024,
    DRAIN_MAX = 64 * 1024 * 1024,
    DRAIN_MS = 2000
};

static void connection_run(struct http_exchange *exchange);

/* --- states --- */

static int timeout_of(const struct http_exchange *exchange)
{
    const struct http_server_options *options = &exchange->server->options;
    switch (exchange->state) {
    case EXCHANGE_HANDSHAKE:
        return options->head_timeout_ms;
    case EXCHANGE_HEAD:
        return exchange->in.size ? options->head_timeout_ms : options->idle_timeout_ms;
    case EXCHANGE_BODY:
    case EXCHANGE_WRITING:
        return options->body_timeout_ms;
    case EXCHANGE_DRAINING:
        return DRAIN_MS;
    default:
        return 0;
    }
}

static void set_timer(struct http_exchange *exchange)
{
    int timeout_ms = timeout_of(exchange);
    if (timeout_ms > 0)
        loop_timer_set(exchange->server->loop, &exchange->timer, timeout_ms);
    else
        loop_timer_clear(exchange->server->loop, &exchange->timer);
}

/* Moves to a state, with its timeout and the events it waits for. */
static void enter(struct http_exchange *exchange, enum exchange_state state)
{
    exchange->state = state;
    if (exchange->lost)
        return;
    set_timer(exchange);
    uint32_t events = state == EXCHANGE_WRITING                                 ? EPOLLOUT
                      : state == EXCHANGE_ANSWERING || state == EXCHANGE_CLOSED ? 0
                                                                                : EPOLLIN;
    struct err ignored;
    if (loop_modify(exchange->server->loop, &exchange->watch, events, &ignored) < 0)
        exchange->state = EXCHANGE_CLOSED;
}

static void reset_for_next(struct http_exchange *exchange)
{
    buf_reset(&exchange->head_bytes);
    buf_reset(&exchange->body);
    buf_reset(&exchange->out);
    exchange->head = (struct http1_head){0};
    exchange->chunked = (struct http1_chunked){0};
    exchange->out_at = exchange->seen = 0;
    enter(exchange, EXCHANGE_HEAD);
}

/* --- bytes on the wire --- */

/* Appends bytes to `wire` as they are sent: sealed, with TLS. */
static void seal(struct http_exchange *exchange, const char *data, size_t size, struct buf *wire)
{
    struct iovec sealed;
    if (!exchange->transport.tls) {
        buf_append(wire, data, size);
        return;
    }
    for (size_t at = 0, part; at < size && !wire->failed; at += part) {
        part = size - at < SEAL_SIZE ? size - at : SEAL_SIZE;
        struct iovec piece = {(void *)(uintptr_t)(data + at), part};
        if (tls_seal(&exchange->transport, &piece, 1, &sealed))
            buf_append(wire, sealed.iov_base, sealed.iov_len);
        else
            wire->failed = true;
    }
}

/* Sends a few bytes, for which an idle socket has room. False if it has not. */
static bool send_at_once(struct http_exchange *exchange, const void *data, size_t size)
{
    struct iovec piece = {(void *)(uintptr_t)data, size};
    return !size || transport_send(&exchange->transport, &piece, 1) == (ssize_t)size;
}

/* --- refusing --- */

static void refuse(struct http_exchange *exchange, int status)
{
    struct http_server *server = exchange->server;
    exchange->refused = true;
    enter(exchange, EXCHANGE_ANSWERING);
    if (server->options.on_refused)
        server->options.on_refused(exchange, status, server->owner);
    else
        http_respond(exchange, status, "", "", 0);
}

/* --- reading --- */

static void say_go_on(struct http_exchange *exchange)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    auto_buf wire = {0};
    seal(exchange, go_on, sizeof(go_on) - 1, &wire);
    if (wire.failed || !send_at_once(exchange, wire.data, wire.size))
        exchange->state = EXCHANGE_CLOSED;
}

static void begin_body(struct http_exchange *exchange)
{
    const struct http1_head *head = &exchange->head;
    size_t limit = exchange->server->options.body_size_max;
    if (head->body == HTTP1_BODY_LENGTH && head->content_length > limit) {
        refuse(exchange, 413);
        return;
    }
    exchange->body.size_limit = limit;
    bool has_body = head->body == HTTP1_BODY_CHUNKED ||
                    (head->body == HTTP1_BODY_LENGTH && head->content_length > 0);
    if (has_body && head->expect_continue && exchange->in.size == 0)
        say_go_on(exchange);
    enter(exchange, EXCHANGE_BODY);
}

/* Returns false if more bytes are needed. */
static bool read_head(struct http_exchange *exchange)
{
    struct buf *in = &exchange->in;
    int size = in->size ? http1_parse_request(in->data, in->size, exchange->seen, &exchange->head)
                        : HTTP1_MORE;
    if (size == HTTP1_MORE) {
        exchange->seen = in->size;
        return false;
    }
    if (size < 0) {
        int status = exchange->head.error_status ? exchange->head.error_status : 400;
        exchange->head = (struct http1_head){0};
        refuse(exchange, status);
        return true;
    }
    /* `in` moves while the body arrives: the head gets bytes of its own to point into. */
    buf_append(&exchange->head_bytes, in->data, (size_t)size);
    buf_consume(in, (size_t)size);
    if (exchange->head_bytes.failed) {
        exchange->state = EXCHANGE_CLOSED;
        return true;
    }
    http1_parse_request(exchange->head_bytes.data, exchange->head_bytes.size, 0, &exchange->head);
    exchange->keep_alive = exchange->head.keep_alive;
    if (exchange->head.malformed || exchange->head.classification >= HTTP1_AMBIGUOUS)
        refuse(exchange, 400);
    else
        begin_body(exchange);
    return true;
}

static void hand_over(struct http_exchange *exchange)
{
    enter(exchange, EXCHANGE_ANSWERING);
    exchange->server->options.on_request(exchange, exchange->server->owner);
}

static bool read_sized_body(struct http_exchange *exchange, uint64_t wanted)
{
    size_t missing = (size_t)wanted - exchange->body.size;
    size_t size = exchange->in.size < missing ? exchange->in.size : missing;
    if (size) {
        buf_append(&exchange->body, exchange->in.data, size);
        buf_consume(&exchange->in, size);
    }
    return exchange->body.size == wanted;
}

/* Returns true when the body is whole or was refused. */
static bool read_chunked_body(struct http_exchange *exchange)
{
    const char *data = exchange->in.data;
    size_t size = exchange->in.size;
    while (size > 0 && !exchange->chunked.done) {
        struct slice piece = {0};
        size_t before = size;
        if (http1_chunked_next(&exchange->chunked, &data, &size, &piece) < 0) {
            refuse(exchange, 400);
            return true;
        }
        buf_append(&exchange->body, piece.data, piece.size);
        if (exchange->body.failed)
            return false;
        if (size == before && piece.size == 0)
            break;
    }
    buf_consume(&exchange->in, exchange->in.size - size);
    return exchange->chunked.done;
}

/* Returns false if more bytes are needed. */
static bool read_body(struct http_exchange *exchange)
{
    const struct http1_head *head = &exchange->head;
    bool whole = head->body == HTTP1_BODY_LENGTH ? read_sized_body(exchange, head->content_length)
                 : head->body == HTTP1_BODY_CHUNKED ? read_chunked_body(exchange)
                                                    : true;
    if (exchange->body.failed && exchange->state == EXCHANGE_BODY)
        refuse(exchange, 413);
    else if (!whole)
        return false;
    if (exchange->state == EXCHANGE_BODY)
        hand_over(exchange);
    return true;
}

/* --- writing --- */

static void finish_answer(struct http_exchange *exchange)
{
    if (exchange->keep_alive && !exchange->refused) {
        reset_for_next(exchange);
    } else if (exchange->refused) {
        transport_shutdown(&exchange->transport);
        buf_reset(&exchange->in);
        enter(exchange, EXCHANGE_DRAINING);
    } else {
        exchange->state = EXCHANGE_CLOSED;
    }
}

/* Returns false if the socket is full. */
static bool write_answer(struct http_exchange *exchange)
{
    while (exchange->out_at < exchange->out.size) {
        struct iovec piece = {exchange->out.data + exchange->out_at,
                              exchange->out.size - exchange->out_at};
        ssize_t size = transport_send(&exchange->transport, &piece, 1);
        if (size == 0)
            return false;
        if (size < 0) {
            exchange->state = EXCHANGE_CLOSED;
            return true;
        }
        exchange->out_at += (size_t)size;
    }
    finish_answer(exchange);
    return true;
}

void http_respond(struct http_exchange *exchange, int status, const char *headers, const void *body,
                  size_t body_size)
{
    auto_buf out = {0};
    const char *server_name = exchange->server->options.server_name;
    bool is_head =
        exchange->head.method.size == 4 && memcmp(exchange->head.method.data, "HEAD", 4) == 0;
    char date[30];
    http1_date(clock_wall_ms() / 1000, date);
    exchange->keep_alive = exchange->keep_alive && !exchange->refused;
    buf_printf(&out, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s%s%s", status, http1_reason(status), date,
               server_name ? "Server: " : "", server_name ? server_name : "",
               server_name ? "\r\n" : "", headers);
    buf_printf(&out, "Content-Length: %zu\r\nConnection: %s\r\n\r\n", body_size,
               exchange->keep_alive ? "keep-alive" : "close");
    if (!is_head)
        buf_append(&out, body, body_size);
    if (exchange->transport.tls && !exchange->lost) {
        seal(exchange, out.data, out.size, &exchange->out);
    } else {
        exchange->out = out;
        out = (struct buf){0};
    }
    bool failed = out.failed || exchange->out.failed || exchange->lost;
    enter(exchange, failed ? EXCHANGE_CLOSED : EXCHANGE_WRITING);
    if (!exchange->running)
        connection_run(exchange);
}

/* --- the loop's side --- */

/* The client is gone. An exchange that the owner has lives on until it is answered. */
static void connection_lost(struct http_exchange *exchange)
{
    if (exchange->state != EXCHANGE_ANSWERING) {
        exchange->state = EXCHANGE_CLOSED;
        return;
    }
    exchange->lost = true;
    loop_unwatch(exchange->server->loop, &exchange->watch);
}

static void drain(struct http_exchange *exchange)
{
    exchange->drained += exchange->in.size;
    buf_clear(&exchange->in);
    if (exchange->drained > DRAIN_MAX)
        exchange->state = EXCHANGE_CLOSED;
}

/* Returns false if there is nothing more at hand. */
static bool receive_once(struct http_exchange *exchange)
{
    if (!buf_reserve(&exchange->in, READ_SIZE)) {
        exchange->state = EXCHANGE_CLOSED;
        return false;
    }
    ssize_t size =
        transport_receive(&exchange->transport, exchange->in.data + exchange->in.size, READ_SIZE);
    if (size == 0)
        connection_lost(exchange);
    if (size <= 0)
        return false;
    exchange->in.size += (size_t)size;
    exchange->in.data[exchange->in.size] = 0;
    if (exchange->state == EXCHANGE_DRAINING)
        drain(exchange);
    return exchange->state != EXCHANGE_CLOSED;
}

/*
 * What TLS has taken from the socket, epoll tells nobody of: with it, all is taken at once.
 * Without, the rest may wait in the socket.
 */
static void receive(struct http_exchange *exchange)
{
    bool was_idle = exchange->in.size == 0;
    size_t most = 2 * exchange->server->options.body_size_max + READ_SIZE;
    exchange->transport.readable = true;
    while (receive_once(exchange) && exchange->transport.tls && exchange->transport.readable &&
           exchange->in.size <= most)
        ;
    if (exchange->transport.tls && exchange->in.size > most)
        exchange->state = EXCHANGE_CLOSED; /* far more than it may send before we answer */
    if (exchange->state == EXCHANGE_HEAD && was_idle && exchange->in.size)
        set_timer(exchange); /* the head's time runs from its first byte */
}

/* Returns false if more bytes are needed. */
static bool shake_hands(struct http_exchange *exchange)
{
    struct iovec wire;
    if (!exchange->transport.readable)
        return false;
    enum tls_progress progress = tls_handshake(&exchange->transport, &wire);
    bool sent = send_at_once(exchange, wire.iov_base, wire.iov_len);
    if (!sent || progress == TLS_FAILED)
        exchange->state = EXCHANGE_CLOSED;
    if (exchange->state == EXCHANGE_HANDSHAKE && progress == TLS_DONE) {
        enter(exchange, EXCHANGE_HEAD);
        if (exchange->transport.readable)
            receive(exchange); /* a request that came with the end of the handshake */
    }
    return progress != TLS_WAITING || !sent;
}

/* Goes on as far as the bytes at hand allow; frees a connection that is at its end. */
static void connection_run(struct http_exchange *exchange)
{
    bool progress = true;
    exchange->running = true;
    while (progress) {
        switch (exchange->state) {
        case EXCHANGE_HANDSHAKE:
            progress = shake_hands(exchange);
            break;
        case EXCHANGE_HEAD:
            progress = read_head(exchange);
            break;
        case EXCHANGE_BODY:
            progress = read_body(exchange);
            break;
        case EXCHANGE_WRITING:
            progress = write_answer(exchange);
            break;
        case EXCHANGE_ANSWERING:
        case EXCHANGE_DRAINING:
        case EXCHANGE_CLOSED:
            progress = false;
            break;
        }
    }
    exchange->running = false;
    if (exchange->state == EXCHANGE_CLOSED)
        connection_free(exchange);
}

static void on_connection(struct loop_watch *watch, uint32_t events)
{
    struct http_exchange *exchange = watch->owner;
    bool reading = exchange->state == EXCHANGE_HEAD || exchange->state == EXCHANGE_BODY ||
                   exchange->state == EXCHANGE_DRAINING;
    transport_event(&exchange->transport, events);
    if (reading && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        receive(exchange);
    else if (exchange->state != EXCHANGE_HANDSHAKE && (events & (EPOLLHUP | EPOLLERR)))
        connection_lost(exchange);
    connection_run(exchange);
}

static void on_timeout(struct loop_timer *timer)
{
    struct http_exchange *exchange = timer->owner;
    bool half = (exchange->state == EXCHANGE_HEAD && exchange->in.size > 0) ||
                exchange->state == EXCHANGE_BODY;
    exchange->running = true; /* connection_run() is below */
    if (half)
        refuse(exchange, 408);
    else
        exchange->state = EXCHANGE_CLOSED;
    connection_run(exchange);
}

void connection_start(struct http_server *server, int fd, struct sockaddr_in peer)
{
    struct err ignored;
    struct http_exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange) {
        close(fd);
        return;
    }
    exchange->server = server;
    exchange->transport.fd = fd;
    exchange->state = server->options.tls ? EXCHANGE_HANDSHAKE : EXCHANGE_HEAD;
    exchange->peer = peer;
    exchange->watch = (struct loop_watch){.fd = -1, .on_event = on_connection, .owner = exchange};
    loop_timer_init(&exchange->timer, on_timeout, exchange);
    bool begun = !server->options.tls || tls_accept(&exchange->transport, server->options.tls,
                                                    server->options.find_tls, server->owner);
    if (!begun || loop_watch(server->loop, &exchange->watch, fd, EPOLLIN, &ignored) < 0) {
        transport_close(&exchange->transport);
        free(exchange);
        return;
    }
    list_append(&server->connections, &exchange->link);
    server->connection_count++;
    set_timer(exchange);
}

void connection_free(struct http_exchange *exchange)
{
    struct http_server *server = exchange->server;
    loop_timer_clear(server->loop, &exchange->timer);
    loop_unwatch(server->loop, &exchange->watch);
    transport_close(&exchange->transport);
    list_remove(&exchange->link);
    buf_reset(&exchange->in);
    buf_reset(&exchange->head_bytes);
    buf_reset(&exchange->body);
    buf_reset(&exchange->out);
    free(exchange);
    server->connection_count--;
    server_update_accepting(server);
}
