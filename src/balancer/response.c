/* The second half of an exchange: the target's response on its way to the client. */
#include "balancer/connection.h"
#include "balancer/exchange_internal.h"
#include "balancer/rewrite.h"
#include "os/clock.h"

#include <string.h>

enum {
    PUMPS_PER_TURN = 8,
    MERGE_MAX = 4096, /* a body up to this size is copied behind its head, and sent with it */
};

static void bad_response(struct exchange *exchange)
{
    upstream_destroy(exchange->upstream);
    answer_error(exchange->client, 502);
}

static void count_response(struct exchange *exchange, int status)
{
    struct counters *counters = &exchange->cell->threads[exchange->client->worker->index];
    if (status / 100 < 6)
        counter_add(&counters->target_status[status / 100], 1);
    traffic_response_time(counters, (uint64_t)(clock_mono_us() - exchange->sent_us));
}

/* How the body is framed towards the client; without a length an HTTP/1.0 client reads to the end.
 */
static enum response_framing frame_response(struct exchange *exchange,
                                            const struct http1_head *head)
{
    bool length = head->known.content_length >= 0 && head->status != 204;
    if (head->body == HTTP1_BODY_NONE || head->body == HTTP1_BODY_LENGTH)
        return length ? RESPONSE_LENGTH : RESPONSE_PLAIN;
    if (exchange->http10) {
        exchange->keep_alive = false;
        return RESPONSE_PLAIN;
    }
    exchange->response_chunked = true;
    return RESPONSE_CHUNKED;
}

/* Sends pieces[1..1+count) with the head in scratch before them, as one buffer if they are small.
 */
static bool send_with_head(struct client *client, char *head_end, struct iovec *pieces, int count)
{
    struct worker *worker = client->worker;
    size_t body_size = 0;
    for (int i = 1; i <= count; i++)
        body_size += pieces[i].iov_len;
    if (body_size <= MERGE_MAX) {
        for (int i = 1; i <= count; i++)
            head_end = mempcpy(head_end, pieces[i].iov_base, pieces[i].iov_len);
        count = 0;
    }
    pieces[0] = (struct iovec){worker->scratch, (size_t)(head_end - worker->scratch)};
    return client_send(client, pieces, count + 1);
}

/* Frames and sends decoded bytes, after the head if head_end is set. Ends the exchange if done. */
static void deliver(struct exchange *exchange, char *data, size_t size, char *head_end)
{
    struct client *client = exchange->client;
    size_t used;
    char line[24];
    struct iovec pieces[1 + BODY_PIECES_MAX];
    ssize_t decoded = body_decode(&exchange->from_target, data, size, &used);
    if (decoded < 0) {
        client_destroy(client);
        return;
    }
    exchange->close_target |= used < size; /* bytes after the end: whose would they be? */
    int count = body_frame(exchange->response_chunked, data, (size_t)decoded,
                           exchange->from_target.done, line, pieces + 1);
    bool alive = true;
    if (head_end)
        alive = send_with_head(client, head_end, pieces, count);
    else if (count)
        alive = client_send(client, pieces + 1, count);
    if (alive && exchange->from_target.done)
        exchange_end(exchange);
}

static void begin_response(struct exchange *exchange, char *data, size_t size)
{
    struct worker *worker = exchange->client->worker;
    const struct http1_head *head = &worker->head;
    struct writer writer = {worker->scratch, worker->scratch + SCRATCH_SIZE - MERGE_MAX, false};
    count_response(exchange, head->status);
    enum response_framing framing = frame_response(exchange, head);
    exchange->keep_alive &= exchange->from_client.done && !worker->stopping;
    exchange->close_target |= !head->keep_alive;
    rewrite_response(&writer, head, framing, false, exchange->keep_alive, worker_date(worker));
    body_start(&exchange->from_target, head->body, head->content_length);
    exchange->state = EXCHANGE_RESPONDING;
    exchange_forget_head(exchange);
    deliver(exchange, data, size, writer.at);
}

/* From here on bytes go both ways as they come. */
static void begin_tunnel(struct exchange *exchange, char *data, size_t size)
{
    struct client *client = exchange->client;
    struct worker *worker = client->worker;
    struct writer writer = {worker->scratch, worker->scratch + SCRATCH_SIZE - MERGE_MAX, false};
    count_response(exchange, 101);
    rewrite_response(&writer, &worker->head, RESPONSE_PLAIN, true, true, worker_date(worker));
    body_start(&exchange->from_client, HTTP1_BODY_UNTIL_CLOSE, 0);
    body_start(&exchange->from_target, HTTP1_BODY_UNTIL_CLOSE, 0);
    exchange->state = EXCHANGE_TUNNEL;
    exchange->keep_alive = false;
    exchange->close_target = true;
    exchange_forget_head(exchange);
    deliver(exchange, data, size, writer.at);
    if (exchange->state == EXCHANGE_TUNNEL)
        exchange_client_readable(exchange);
}

/*
 * Heads of interim responses are passed over. `seen` bytes were looked at before. Returns how
 * many bytes are not used: the beginning of a head; the exchange may be over.
 */
static size_t read_head(struct exchange *exchange, char *data, size_t size, size_t seen)
{
    struct http1_head *head = &exchange->client->worker->head;
    for (;;) {
        int used = http1_parse_response(data, size, seen, exchange->head_request, head);
        if (used == HTTP1_MORE)
            return size;
        bool switching = used > 0 && head->status == 101;
        if (used == HTTP1_BAD || (switching && !exchange->upgrade)) {
            bad_response(exchange);
            return 0;
        }
        data += used;
        size -= (size_t)used;
        seen = 0;
        if (switching)
            begin_tunnel(exchange, data, size);
        else if (head->status >= 200)
            begin_response(exchange, data, size);
        else if (size)
            continue;
        return 0;
    }
}

/* A head that did not come in one piece waits in upstream->in. */
static void take_head(struct exchange *exchange, char *data, size_t size)
{
    struct upstream *upstream = exchange->upstream;
    size_t seen = bytes_size(&upstream->in);
    if (!seen) {
        size_t left = read_head(exchange, data, size, 0);
        if (left && !bytes_append(&upstream->in, data + size - left, left))
            bad_response(exchange);
        return;
    }
    if (!bytes_append(&upstream->in, data, size)) {
        bad_response(exchange);
        return;
    }
    struct bytes whole = upstream->in; /* the exchange may drop the upstream meanwhile */
    upstream->in = (struct bytes){0};
    size_t left = read_head(exchange, bytes_at(&whole), bytes_size(&whole), seen);
    if (!left) {
        bytes_reset(&whole);
        return;
    }
    bytes_consume(&whole, bytes_size(&whole) - left);
    upstream->in = whole;
}

/* The target closed its side, or the connection broke. */
static void target_ended(struct exchange *exchange)
{
    struct client *client = exchange->client;
    if (exchange->state == EXCHANGE_SENT) {
        exchange_target_failed(exchange);
    } else if (exchange->state == EXCHANGE_TUNNEL) {
        exchange->target_eof = true;
        exchange->upstream->transport.readable = false;
        if (exchange->client_eof)
            client_destroy(client);
        else
            transport_shutdown(&client->transport);
    } else if (exchange->from_target.kind == HTTP1_BODY_UNTIL_CLOSE) {
        exchange->from_target.done = exchange->close_target = true;
        char line[24];
        struct iovec pieces[BODY_PIECES_MAX];
        int count = body_frame(exchange->response_chunked, NULL, 0, true, line, pieces);
        if (!count || client_send(client, pieces, count))
            exchange_end(exchange);
    } else {
        client_destroy(client); /* cut short: the client must see that it is not whole */
    }
}

void exchange_target_readable(struct exchange *exchange)
{
    struct client *client = exchange->client;
    char *hot = client->worker->hot;
    for (int i = 0; exchange->state != EXCHANGE_ENDED && !bytes_size(&client->out); i++) {
        if (exchange->state < EXCHANGE_SENT || exchange->target_eof)
            return;
        if (i == PUMPS_PER_TURN) {
            client_later(client);
            return;
        }
        ssize_t got = upstream_receive(exchange->upstream, hot, HOT_SIZE);
        if (got < 0)
            return;
        client_touch(client, exchange->load_balancer->attributes.idle_timeout_ms);
        if (got == 0) {
            target_ended(exchange);
            return;
        }
        if (exchange->state == EXCHANGE_SENT)
            take_head(exchange, hot, (size_t)got);
        else
            deliver(exchange, hot, (size_t)got, NULL);
    }
}

void exchange_client_drained(struct exchange *exchange)
{
    if (exchange->upstream)
        exchange_target_readable(exchange);
}
