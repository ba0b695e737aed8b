/* HTTP/1 connections from clients: heads, pipelining, bodies in and responses out. */
#include "balancer/access_record.h"
#include "balancer/answer.h"
#include "balancer/client.h"
#include "balancer/desync.h"
#include "balancer/exchange.h"
#include "balancer/rewrite.h"

#include <string.h>

enum {
    REQUESTS_PER_TURN = 32, /* of one client that pipelines */
    MERGE_MAX = 4096,       /* a body up to this size is copied behind its head, and sent with it */
};

static struct client *client_of(const struct stream *stream)
{
    return container_of(stream, struct client, http1.stream);
}

/* ---- the stream ---- */

/* The client closed its side: of a tunnel, or in the middle of a body. */
static enum stream_news closed(struct http1_client *http1, struct piece *piece)
{
    if (!http1->tunnel)
        return STREAM_BROKEN;
    http1->body.done = true;
    *piece = (struct piece){.last = true};
    return STREAM_PIECE;
}

/* Counts what is sent, and sends it. */
static void send_pieces(struct client *client, struct iovec *pieces, int count)
{
    for (int i = 0; i < count; i++)
        client->http1.stream.sent_bytes += pieces[i].iov_len;
    client_send(client, pieces, count);
}

/* Decodes what came, into `piece`. Bytes behind the body are the next request's and stay. */
static enum stream_news decode(struct client *client, char *data, size_t size, struct piece *piece)
{
    struct http1_client *http1 = &client->http1;
    size_t used;
    ssize_t decoded = body_decode(&http1->body, data, size, &used);
    if (decoded < 0)
        return STREAM_BROKEN;
    http1->stream.received_bytes += used;
    *piece = body_piece(&http1->body, data, (size_t)decoded);
    if (http1->rest.data) {
        http1->rest.data += used;
        http1->rest.size -= used;
    } else if (bytes_size(&client->in)) {
        bytes_consume(&client->in, used);
    } else if (!bytes_append(&client->in, data + used, size - used)) {
        return STREAM_BROKEN;
    }
    return STREAM_PIECE;
}

static enum stream_news receive(struct stream *stream, struct piece *piece)
{
    struct client *client = client_of(stream);
    struct http1_client *http1 = &client->http1;
    char *hot = client->worker->hot;
    if (http1->body.done) {
        *piece = (struct piece){.last = true};
        return STREAM_PIECE;
    }
    if (http1->rest.data) /* only what came with the head: nothing may be received over it */
        return http1->rest.size ? decode(client, http1->rest.data, http1->rest.size, piece)
                                : STREAM_NOTHING;
    size_t waiting = bytes_size(&client->in);
    if (waiting) {
        if (waiting > HOT_SIZE)
            waiting = HOT_SIZE;
        memcpy(hot, bytes_at(&client->in), waiting);
        return decode(client, hot, waiting, piece);
    }
    ssize_t got = client_receive(client, hot, READ_SIZE);
    if (got == 0)
        return closed(http1, piece);
    return got < 0 ? STREAM_NOTHING : decode(client, hot, (size_t)got, piece);
}

/* At once, unless the body is on its way already. */
static void invite(struct stream *stream)
{
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct client *client = client_of(stream);
    if (client->http1.expects && !client->http1.body.done && !client->http1.rest.size)
        send_pieces(client, &(struct iovec){text, sizeof text - 1}, 1);
}

static void frame(struct stream *stream, const struct response *response, struct writer *head)
{
    struct client *client = client_of(stream);
    struct http1_client *http1 = &client->http1;
    if (response->tunnel) {
        http1->tunnel = true;
        http1->keep_alive = false;
        http1->chunked = false;
        body_start(&http1->body, HTTP1_BODY_UNTIL_CLOSE, 0);
        write_literal(head, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
        return;
    }
    /* Without a length an HTTP/1.0 client reads to the end. */
    bool until_close = response->streamed && http1->http10;
    http1->keep_alive &=
        http1->body.done && !response->close && !until_close && !stream->worker->stopping;
    http1->chunked = response->streamed && !until_close;
    client->linger |= response->own && !http1->keep_alive;
    if (http1->chunked) {
        write_literal(head, "Transfer-Encoding: chunked\r\n");
    } else if (response->has_length) {
        write_literal(head, "Content-Length: ");
        write_number(head, response->length);
        write_literal(head, "\r\n");
    }
    if (http1->keep_alive)
        write_literal(head, "Connection: keep-alive\r\n");
    else
        write_literal(head, "Connection: close\r\n");
}

/* To a client of HTTP/0.9: only the body. */
static void send_without_head(struct client *client, const struct piece *first)
{
    char line[24];
    struct iovec pieces[BODY_PIECES_MAX];
    int count = body_frame(false, first, line, pieces);
    if (count)
        send_pieces(client, pieces, count);
}

/* As one buffer if the piece is small. */
static void send_head(struct stream *stream, const struct writer *head, const struct piece *first)
{
    struct client *client = client_of(stream);
    char *start = stream->worker->scratch, *end = head->at;
    size_t room = (size_t)(start + SCRATCH_SIZE - end), size = 0;
    char line[24];
    struct iovec pieces[1 + BODY_PIECES_MAX];
    if (client->http1.http09) {
        send_without_head(client, first);
        return;
    }
    int count = body_frame(client->http1.chunked, first, line, pieces + 1);
    for (int i = 1; i <= count; i++)
        size += pieces[i].iov_len;
    if (size <= MERGE_MAX && size <= room) {
        for (int i = 1; i <= count; i++)
            end = mempcpy(end, pieces[i].iov_base, pieces[i].iov_len);
        count = 0;
    }
    pieces[0] = (struct iovec){start, (size_t)(end - start)};
    send_pieces(client, pieces, count + 1);
}

static void send_piece(struct stream *stream, const struct piece *piece)
{
    struct client *client = client_of(stream);
    char line[24];
    struct iovec pieces[BODY_PIECES_MAX];
    int count = body_frame(client->http1.chunked, piece, line, pieces);
    if (count)
        send_pieces(client, pieces, count);
    if (client->http1.tunnel && piece->last && !client->gone)
        transport_shutdown(&client->transport);
}

static bool is_full(const struct stream *stream)
{
    return bytes_size(&client_of(stream)->out) > 0;
}

static void end(struct stream *stream)
{
    struct client *client = client_of(stream);
    if (client->gone)
        return;
    body_finish(&client->http1.body);
    if (!client->http1.keep_alive) {
        client->linger |=
            !client->http1.body.done || bytes_size(&client->in) > 0 || client->transport.readable;
        client_close(client);
        return;
    }
    client_touch(client, client_idle_timeout_ms(client));
    if (bytes_size(&client->in) || client->transport.readable || client->eof)
        client_later(client);
}

static void cut(struct stream *stream)
{
    client_destroy(client_of(stream));
}

static void touch(struct stream *stream, int64_t timeout_ms)
{
    client_touch(client_of(stream), timeout_ms);
}

static void later(struct stream *stream)
{
    client_later(client_of(stream));
}

static const struct stream_ops stream_ops = {
    .piece_size_max = HOT_SIZE,
    .receive = receive,
    .invite = invite,
    .frame = frame,
    .send_head = send_head,
    .send = send_piece,
    .is_full = is_full,
    .end = end,
    .cut = cut,
    .touch = touch,
    .later = later,
};

/* ---- requests ---- */

/* `size` bytes were received. `listener` may be NULL. */
static void refuse(struct client *client, const struct listener *listener, size_t size, int status)
{
    struct stream *stream = &client->http1.stream;
    if (client->silent)
        return;
    client->http1.keep_alive = false;
    client->http1.http09 = client->worker->head.http09;
    stream->received_bytes = size;
    stream->sent_bytes = 0;
    answer_refusal(stream, listener, status);
    if (listener)
        access_record_refusal(stream, listener, status);
}

/* A head that cannot be framed or forwarded. */
static void refuse_head(struct client *client, size_t size)
{
    const struct listener *listener = client_find_listener(client);
    desync_count(&client->http1.stream, &client->worker->head);
    refuse(client, listener, size, desync_refusal(listener, &client->worker->head));
}

/* The request in worker->head; its body begins at *data. */
static void begin(struct client *client, const struct listener *listener, char **data, size_t *size)
{
    struct http1_client *http1 = &client->http1;
    const struct http1_head *head = &client->worker->head;
    int64_t age_ms = loop_now_ms(client->worker->loop) - client->accepted_ms;
    http1->http10 = head->minor_version == 0;
    http1->http09 = head->http09;
    http1->expects = head->expect_continue;
    http1->keep_alive =
        head->keep_alive && age_ms < client->keep_alive_ms && !client->worker->stopping;
    body_start(&http1->body, head->body, head->content_length);
    http1->rest.data = *data;
    http1->rest.size = *size;
    http1->stream.sent_bytes = 0;
    exchange_begin(&http1->stream, listener);
    *data = http1->rest.data;
    *size = http1->rest.size;
    http1->rest.data = NULL;
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
        refuse_head(client, *size);
        *size = 0;
        return false;
    }
    if (!client->acceptor->endpoint) { /* the listener was deleted */
        client_destroy(client);
        return false;
    }
    const struct listener *listener = client_find_listener(client);
    client->http1.stream.received_bytes = (size_t)used;
    *data += used;
    *size -= (size_t)used;
    if (!listener) {
        *size = 0;
        refuse(client, NULL, (size_t)used, 400);
        return false;
    }
    begin(client, listener, data, size);
    return !client->gone && !client->closing && !client->http1.stream.exchange;
}

/* Requests that wait in client->in; `seen` bytes of it were looked at before. */
static void take_waiting(struct client *client, size_t seen)
{
    for (int count = 0; bytes_size(&client->in) && !client->http1.stream.exchange; count++) {
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
    ssize_t got = client_receive(client, worker->hot, READ_SIZE);
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
    if (!client->http1.stream.exchange) {
        if (count == REQUESTS_PER_TURN)
            client_later(client);
        client_touch(client, client_idle_timeout_ms(client));
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

/* ---- the connection ---- */

/* The client closed its side while no exchange is there. */
static void on_client_end(struct client *client)
{
    if (bytes_size(&client->out))
        client->closing = true;
    else
        client_destroy(client);
}

static void readable(struct client *client)
{
    struct stream *stream = &client->http1.stream;
    while (!client->gone && !client->closing && client->transport.readable && !stream->exchange &&
           !client->silent && !bytes_size(&client->out))
        if (!(bytes_size(&client->in) ? read_more(client) : read_hot(client)))
            break;
    if (client->gone || client->closing)
        return;
    if (stream->exchange)
        exchange_stream_readable(stream->exchange);
    else if (client->eof && !client->resume) /* else requests may wait that came before the end */
        on_client_end(client);
}

static void drained(struct client *client)
{
    if (client->http1.stream.exchange)
        exchange_stream_drained(client->http1.stream.exchange);
    else if (bytes_size(&client->in))
        take_waiting(client, 0);
}

static void resumed(struct client *client)
{
    struct stream *stream = &client->http1.stream;
    if (!stream->exchange && !bytes_size(&client->out))
        take_waiting(client, 0);
    if (!client->gone && stream->exchange && !bytes_size(&client->out))
        exchange_stream_drained(stream->exchange);
}

/* The head does not come to its end: what there is of it says who sent it. */
static void time_out_head(struct client *client)
{
    http1_parse_request(bytes_at(&client->in), bytes_size(&client->in), 0, &client->worker->head);
    refuse(client, client_find_listener(client), bytes_size(&client->in), 408);
}

/* An idle connection is closed: nothing was cut. */
static void leave(struct client *client)
{
    transport_finish(&client->transport);
    client_destroy(client);
}

static void timed_out(struct client *client)
{
    if (client->http1.stream.exchange)
        exchange_timed_out(client->http1.stream.exchange);
    else if (bytes_size(&client->in))
        time_out_head(client);
    else
        leave(client);
}

static void dismiss(struct client *client)
{
    if (client->http1.stream.exchange)
        client->http1.keep_alive = false;
    else if (!client->closing)
        leave(client);
}

static void abandon(struct client *client)
{
    if (client->http1.stream.exchange)
        exchange_abandon(client->http1.stream.exchange);
    body_finish(&client->http1.body);
}

void client_http1_begin(struct client *client)
{
    static const struct client_protocol protocol = {
        .readable = readable,
        .drained = drained,
        .resumed = resumed,
        .timed_out = timed_out,
        .dismiss = dismiss,
        .abandon = abandon,
    };
    client->protocol = &protocol;
    client->http1.stream =
        (struct stream){.ops = &stream_ops, .worker = client->worker, .peer = &client->peer};
}
