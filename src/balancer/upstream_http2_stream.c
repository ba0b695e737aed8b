/* One exchange's stream of an HTTP/2 connection to a target. */
#include "balancer/upstream_http2.h"

#include <stdlib.h>
#include <string.h>

static struct http2_upstream *stream_of(const struct upstream *upstream)
{
    return container_of(upstream, struct http2_upstream, upstream);
}

/* ---- the request ---- */

/* nghttp2 asks for at most `size` bytes of the request's body. */
static ssize_t on_body_wanted(nghttp2_session *session, int32_t id, uint8_t *data, size_t size,
                              uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
    struct http2_upstream *http2_upstream = nghttp2_session_get_stream_user_data(session, id);
    (void)source;
    if (!http2_upstream) /* its exchange is gone, and it was reset */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    struct http2_outgoing *outgoing = &http2_upstream->outgoing;
    bool was_full = http2_outgoing_is_full(outgoing);
    ssize_t taken = http2_outgoing_take(outgoing, session, id, data, size, flags);
    if (was_full && !http2_outgoing_is_full(outgoing))
        http2_link_work(user_data, http2_upstream);
    return taken;
}

/* The exchange hears of it later: it may be about to send. */
static void go_deaf(struct http2_upstream *http2_upstream)
{
    http2_upstream->upstream.deaf = http2_upstream->closed = true;
    http2_link_work(http2_upstream->http2_link, http2_upstream);
}

/* A target that does gRPC wants to hear that its trailers will be understood. */
static int add_te(const struct request *request, struct http1_header *fields, int count)
{
    if (request->grpc && count < HTTP2_FIELDS_MAX)
        fields[count++] = (struct http1_header){{"te", 2}, {"trailers", 8}};
    return count;
}

static void send_head(struct upstream *upstream, const struct piece *first)
{
    struct http2_upstream *http2_upstream = stream_of(upstream);
    struct http2_link *http2_link = http2_upstream->http2_link;
    struct http1_header fields[HTTP2_FIELDS_MAX];
    nghttp2_nv values[HTTP2_FIELDS_MAX];
    nghttp2_data_provider provider = {.read_callback = on_body_wanted};
    struct slice head = upstream->request->head;
    char *text = upstream->worker->scratch;
    bool bodiless = first->last && !first->size && !first->trailers.size;
    struct slice scheme = {"http", 4};
    if (http2_link->socket.transport.tls)
        scheme = (struct slice){"https", 5};
    memcpy(text, head.data, head.size);
    int count = http2_request_fields(text, head.size, scheme, fields);
    if (count < 0 || !http2_outgoing_append(&http2_upstream->outgoing, first)) {
        go_deaf(http2_upstream);
        return;
    }
    count = add_te(upstream->request, fields, count);
    http2_set_values(values, fields, count);
    http2_upstream->id =
        nghttp2_submit_request(http2_link_session(http2_link), NULL, values, (size_t)count,
                               bodiless ? NULL : &provider, http2_upstream);
    if (http2_upstream->id < 0)
        go_deaf(http2_upstream);
    http2_link_work(http2_link, NULL);
}

static void send_piece(struct upstream *upstream, const struct piece *piece)
{
    struct http2_upstream *http2_upstream = stream_of(upstream);
    if (!http2_outgoing_append(&http2_upstream->outgoing, piece)) {
        go_deaf(http2_upstream);
        return;
    }
    if (http2_upstream->closed)
        return;
    nghttp2_session_resume_data(http2_link_session(http2_upstream->http2_link), http2_upstream->id);
    http2_link_work(http2_upstream->http2_link, NULL);
}

static bool is_full(const struct upstream *upstream)
{
    return http2_outgoing_is_full(&stream_of(upstream)->outgoing);
}

/* ---- the response ---- */

void http2_upstream_take_head(struct http2_upstream *http2_upstream)
{
    struct http2_link *http2_link = http2_upstream->http2_link;
    struct http1_header fields[HTTP2_FIELDS_MAX];
    char *text = http2_link->worker->scratch;
    int count = http2_block_fields(&http2_link->block, fields), size = HTTP2_TOO_LARGE;
    http2_upstream->upstream.unproven = false;
    if (count >= 0)
        size = http2_response_text(fields, count, text, SCRATCH_SIZE);
    bool interim = size > 9 && text[9] == '1';
    if (interim)
        return;
    http2_upstream->bad = size < 0 || bytes_size(&http2_upstream->head) ||
                          http2_upstream->head_given ||
                          !bytes_append(&http2_upstream->head, text, (size_t)size);
}

void http2_upstream_take_trailers(struct http2_upstream *http2_upstream)
{
    struct http2_link *http2_link = http2_upstream->http2_link;
    struct http1_header fields[HTTP2_FIELDS_MAX];
    char *text = http2_link->worker->scratch;
    int count = http2_block_fields(&http2_link->block, fields), size = HTTP2_TOO_LARGE;
    if (count >= 0)
        size = http2_trailers_text(fields, count, text, SCRATCH_SIZE);
    http2_upstream->bad |=
        size < 0 || !bytes_append(&http2_upstream->incoming.trailers, text, (size_t)size);
}

static enum upstream_news receive_head(struct http2_upstream *http2_upstream, struct piece *piece)
{
    struct upstream *upstream = &http2_upstream->upstream;
    struct bytes *head = &http2_upstream->head;
    http2_upstream->head_given = true;
    if (http1_parse_response(bytes_at(head), bytes_size(head), 0, upstream->request->is_head,
                             &upstream->worker->head) <= 0)
        return UPSTREAM_BAD;
    if (!http2_incoming_next(&http2_upstream->incoming, piece))
        *piece = (struct piece){0};
    return UPSTREAM_HEAD;
}

static enum upstream_news receive(struct upstream *upstream, struct piece *piece)
{
    struct http2_upstream *http2_upstream = stream_of(upstream);
    struct http2_link *http2_link = http2_upstream->http2_link;
    enum upstream_news news = UPSTREAM_NOTHING;
    if (http2_upstream->bad)
        return UPSTREAM_BAD;
    if (!http2_upstream->head_given && bytes_size(&http2_upstream->head)) {
        news = receive_head(http2_upstream, piece);
    } else if (http2_upstream->head_given) {
        bytes_reset(&http2_upstream->head);
        if (http2_incoming_next(&http2_upstream->incoming, piece))
            news = UPSTREAM_PIECE;
    }
    if (news == UPSTREAM_NOTHING)
        return http2_upstream->closed ? UPSTREAM_ENDED : UPSTREAM_NOTHING;
    if (news != UPSTREAM_BAD && piece->size && !http2_upstream->closed) {
        nghttp2_session_consume_stream(http2_link_session(http2_link), http2_upstream->id,
                                       piece->size);
        http2_link_work(http2_link, NULL);
    }
    return news;
}

/* ---- its life ---- */

static void release(struct upstream *upstream, bool whole)
{
    struct http2_upstream *http2_upstream = stream_of(upstream);
    struct http2_link *http2_link = http2_upstream->http2_link;
    (void)whole;
    if (!upstream->exchange)
        return;
    upstream->exchange->upstream = NULL;
    upstream->exchange = NULL;
    if (!http2_link->dead && http2_upstream->id >= 0) {
        nghttp2_session_set_stream_user_data(http2_link_session(http2_link), http2_upstream->id,
                                             NULL);
        if (!http2_upstream->closed)
            nghttp2_submit_rst_stream(http2_link_session(http2_link), NGHTTP2_FLAG_NONE,
                                      http2_upstream->id, NGHTTP2_CANCEL);
        http2_link_work(http2_link, NULL);
    }
    list_remove(&upstream->link);
    bytes_reset(&http2_upstream->head);
    http2_incoming_reset(&http2_upstream->incoming);
    http2_outgoing_reset(&http2_upstream->outgoing);
    http2_link_leave(http2_link, http2_upstream);
    worker_bury(upstream->worker, &http2_upstream->corpse);
}

static void free_corpse(struct corpse *corpse)
{
    free(container_of(corpse, struct http2_upstream, corpse));
}

struct upstream *http2_upstream_create(struct http2_link *http2_link, struct exchange *exchange)
{
    static const struct upstream_ops ops = {
        .send_head = send_head,
        .send = send_piece,
        .is_full = is_full,
        .receive = receive,
        .release = release,
    };
    struct http2_upstream *http2_upstream = calloc(1, sizeof *http2_upstream);
    if (!http2_upstream)
        return NULL;
    struct upstream *upstream = &http2_upstream->upstream;
    upstream->ops = &ops;
    upstream->worker = http2_link->worker;
    upstream->target = http2_link->target;
    upstream->connected = http2_link->socket.connected;
    list_init(&upstream->link);
    http2_upstream->http2_link = http2_link;
    http2_upstream->id = -1;
    http2_upstream->corpse.release = free_corpse;
    list_init(&http2_upstream->ready);
    list_append(&http2_link->streams, &http2_upstream->link);
    http2_link->stream_count++;
    upstream_attach(upstream, exchange);
    return upstream;
}
