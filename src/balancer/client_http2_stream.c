/* One stream of an HTTP/2 client: a request in, its response out. */
#include "balancer/access_record.h"
#include "balancer/answer.h"
#include "balancer/client_http2.h"
#include "balancer/desync.h"
#include "balancer/rewrite.h"

#include <stdlib.h>

static struct http2_stream *stream_of(const struct stream *stream)
{
    return container_of(stream, struct http2_stream, stream);
}

/* ---- the request ---- */

static enum stream_news receive(struct stream *stream, struct piece *piece)
{
    struct http2_stream *http2_stream = stream_of(stream);
    struct http2_client *http2 = http2_stream->http2;
    if (!http2_incoming_next(&http2_stream->incoming, piece))
        return STREAM_NOTHING;
    if (piece->size) {
        nghttp2_session_consume(http2_session_of(http2), http2_stream->id, piece->size);
        http2_client_work(http2, NULL);
    }
    return STREAM_PIECE;
}

/* AWS neither answers nor forwards Expect of HTTP/2. */
static void invite(struct stream *stream)
{
    (void)stream;
}

/* ---- the response ---- */

static void cut(struct stream *stream)
{
    struct http2_stream *http2_stream = stream_of(stream);
    struct http2_client *http2 = http2_stream->http2;
    if (stream->exchange)
        exchange_abandon(stream->exchange);
    if (http2->client->gone || http2_stream->cut)
        return;
    http2_stream->cut = true;
    nghttp2_submit_rst_stream(http2_session_of(http2), NGHTTP2_FLAG_NONE, http2_stream->id,
                              NGHTTP2_INTERNAL_ERROR);
    http2_client_work(http2, NULL);
}

static void frame(struct stream *stream, const struct response *response, struct writer *head)
{
    if (response->has_length) {
        write_literal(head, "Content-Length: ");
        write_number(head, response->length);
        write_literal(head, "\r\n");
    }
    if (response->close)
        http2_client_leave(stream_of(stream)->http2);
}

/* nghttp2 asks for at most `size` bytes of the response's body. */
static ssize_t on_body_wanted(nghttp2_session *session, int32_t id, uint8_t *data, size_t size,
                              uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
    struct http2_stream *http2_stream = source->ptr;
    struct http2_outgoing *outgoing = &http2_stream->outgoing;
    (void)user_data;
    bool was_full = http2_outgoing_is_full(outgoing);
    ssize_t taken = http2_outgoing_take(outgoing, session, id, data, size, flags);
    if (was_full && !http2_outgoing_is_full(outgoing))
        http2_client_work(http2_stream->http2, http2_stream);
    return taken;
}

static void send_head(struct stream *stream, const struct writer *head, const struct piece *first)
{
    struct http2_stream *http2_stream = stream_of(stream);
    struct http1_header fields[HTTP2_FIELDS_MAX];
    nghttp2_nv values[HTTP2_FIELDS_MAX];
    nghttp2_data_provider provider = {{.ptr = http2_stream}, on_body_wanted};
    char *text = stream->worker->scratch;
    bool bodiless = first->last && !first->size && !first->trailers.size;
    int count = http2_response_fields(text, (size_t)(head->at - text), fields);
    if (count < 0 || !http2_outgoing_append(&http2_stream->outgoing, first)) {
        cut(stream);
        return;
    }
    http2_set_values(values, fields, count);
    stream->sent_bytes += (size_t)(head->at - text) + first->size;
    if (nghttp2_submit_response(http2_session_of(http2_stream->http2), http2_stream->id, values,
                                (size_t)count, bodiless ? NULL : &provider) != 0)
        cut(stream);
    http2_client_work(http2_stream->http2, NULL);
}

static void send_piece(struct stream *stream, const struct piece *piece)
{
    struct http2_stream *http2_stream = stream_of(stream);
    stream->sent_bytes += piece->size;
    if (!http2_outgoing_append(&http2_stream->outgoing, piece)) {
        cut(stream);
        return;
    }
    nghttp2_session_resume_data(http2_session_of(http2_stream->http2), http2_stream->id);
    http2_client_work(http2_stream->http2, NULL);
}

static bool is_full(const struct stream *stream)
{
    return http2_outgoing_is_full(&stream_of(stream)->outgoing);
}

/* ---- time ---- */

static void touch(struct stream *stream, int64_t timeout_ms)
{
    struct http2_stream *http2_stream = stream_of(stream);
    struct loop *loop = stream->worker->loop;
    http2_stream->deadline_ms = loop_now_ms(loop) + timeout_ms;
    if (http2_stream->timer.heap_index < 0 ||
        http2_stream->timer.due_ms > http2_stream->deadline_ms)
        loop_timer_set(loop, &http2_stream->timer, timeout_ms);
}

static void later(struct stream *stream)
{
    struct http2_stream *http2_stream = stream_of(stream);
    http2_client_work(http2_stream->http2, http2_stream);
}

/* What is left to be sent must go within the idle timeout. */
static void end(struct stream *stream)
{
    struct client *client = stream_of(stream)->http2->client;
    if (!client->gone)
        touch(stream, client_idle_timeout_ms(client));
}

static void on_due(struct loop_timer *timer)
{
    struct http2_stream *http2_stream = timer->owner;
    struct stream *stream = &http2_stream->stream;
    struct loop *loop = stream->worker->loop;
    int64_t left = http2_stream->deadline_ms - loop_now_ms(loop);
    if (left > 0)
        loop_timer_set(loop, timer, left);
    else if (stream->exchange)
        exchange_timed_out(stream->exchange);
    else
        cut(stream);
}

/* ---- its life ---- */

static const struct stream_ops ops = {
    .http2 = true,
    .piece_size_max = HTTP2_OUTGOING_MAX,
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

static void release(struct corpse *corpse)
{
    free(container_of(corpse, struct http2_stream, corpse));
}

struct http2_stream *http2_stream_create(struct http2_client *http2, int32_t id)
{
    struct client *client = http2->client;
    struct http2_stream *http2_stream = calloc(1, sizeof *http2_stream);
    if (!http2_stream)
        return NULL;
    http2_stream->stream =
        (struct stream){.ops = &ops, .worker = client->worker, .peer = &client->peer};
    http2_stream->http2 = http2;
    http2_stream->id = id;
    http2_stream->corpse.release = release;
    list_init(&http2_stream->ready);
    list_append(&http2->streams, &http2_stream->link);
    loop_timer_init(&http2_stream->timer, on_due, http2_stream);
    touch(&http2_stream->stream, client_idle_timeout_ms(client));
    return http2_stream;
}

void http2_stream_destroy(struct http2_stream *http2_stream)
{
    struct http2_client *http2 = http2_stream->http2;
    struct worker *worker = http2_stream->stream.worker;
    if (http2_stream->stream.exchange)
        exchange_abandon(http2_stream->stream.exchange);
    if (!http2->client->gone)
        nghttp2_session_consume_connection(http2_session_of(http2),
                                           bytes_size(&http2_stream->incoming.data));
    loop_timer_clear(worker->loop, &http2_stream->timer);
    list_remove(&http2_stream->link);
    list_remove(&http2_stream->ready);
    bytes_reset(&http2_stream->head);
    http2_incoming_reset(&http2_stream->incoming);
    http2_outgoing_reset(&http2_stream->outgoing);
    worker_bury(worker, &http2_stream->corpse);
}

void http2_stream_begin(struct http2_stream *http2_stream, bool body_follows)
{
    struct http2_client *http2 = http2_stream->http2;
    struct http1_header fields[HTTP2_FIELDS_MAX];
    char *text = http2->client->worker->scratch;
    int count = http2_block_fields(&http2->block, fields), size = HTTP2_TOO_LARGE;
    if (count >= 0)
        size = http2_request_text(fields, count, body_follows, text, SCRATCH_SIZE);
    if (size == HTTP2_MALFORMED) {
        http2_stream->begun = true; /* there is nothing to begin */
        nghttp2_submit_rst_stream(http2_session_of(http2), NGHTTP2_FLAG_NONE, http2_stream->id,
                                  NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    if (size > 0) /* as text: only HPACK knows what it was on the wire */
        http2_stream->stream.received_bytes += (size_t)size;
    if (size == HTTP2_TOO_LARGE || !bytes_append(&http2_stream->head, text, (size_t)size))
        http2_stream->refusal = 400;
    http2_client_work(http2, http2_stream);
}

static void refuse(struct http2_stream *http2_stream, const struct listener *listener, int status)
{
    struct stream *stream = &http2_stream->stream;
    answer_refusal(stream, listener, status);
    if (listener)
        access_record_refusal(stream, listener, status);
}

/* The request in http2_stream->head, or an answer to what is none. */
static void begin(struct http2_stream *http2_stream)
{
    struct client *client = http2_stream->http2->client;
    struct http1_head *head = &client->worker->head;
    struct bytes text = http2_stream->head;
    int status = http2_stream->refusal;
    http2_stream->begun = true;
    http2_stream->head = (struct bytes){0};
    int used =
        http1_parse_request(bytes_size(&text) ? bytes_at(&text) : "", bytes_size(&text), 0, head);
    const struct listener *listener = client_find_listener(client);
    if (!status && used <= 0)
        status = desync_refusal(listener, head);
    if (client->silent)
        cut(&http2_stream->stream);
    else if (listener && !status)
        exchange_begin(&http2_stream->stream, listener);
    else
        refuse(http2_stream, listener, status ? status : 400);
    bytes_reset(&text);
}

void http2_stream_attend(struct http2_stream *http2_stream)
{
    struct stream *stream = &http2_stream->stream;
    if (!http2_stream->begun) {
        begin(http2_stream);
        return;
    }
    if (stream->exchange && !is_full(stream))
        exchange_stream_drained(stream->exchange);
    if (stream->exchange)
        exchange_stream_readable(stream->exchange);
}
