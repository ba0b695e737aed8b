/* What nghttp2 tells of an HTTP/2 client, and what is too much of it. */
#include "balancer/client_http2.h"

enum {
    FRAME_HEAD_SIZE = 9,
    STREAMS_MAX = 128,
    REQUESTS_MAX = 10000,
    WINDOW_SIZE = 256 * 1024,  /* of a connection: what its requests' bodies may take of memory */
    FIELD_SIZE_MAX = 8 * 1024, /* compressed */
    /* Beside the bytes that come: */
    RESET_COST_BYTES = 2560,  /* a reset stream was work for nothing */
    CONTROL_COST_BYTES = 256, /* SETTINGS and PING want an answer */
    PAYLOAD_WORTH = 8,        /* a byte of payload pays for as many of frames */
    RESPONSE_WORTH_BYTES = 5120,
};

static struct http2_stream *find(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static bool is_request(const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user_data)
{
    struct http2_client *http2 = user_data;
    /* nghttp2 passes over priorities, since we said that there are none: over this, too. */
    if (hd->type == NGHTTP2_PRIORITY && !hd->stream_id)
        nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
    if (hd->type == NGHTTP2_RST_STREAM)
        http2_client_charge(http2, RESET_COST_BYTES);
    else if (hd->type == NGHTTP2_SETTINGS || hd->type == NGHTTP2_PING)
        http2_client_charge(http2, CONTROL_COST_BYTES);
    else if (hd->type == NGHTTP2_HEADERS)
        http2_budget_pay(&http2->budget, hd->length * PAYLOAD_WORTH);
    return 0;
}

/* ---- header blocks ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct http2_client *http2 = user_data;
    http2_block_reset(&http2->block);
    if (!is_request(frame))
        return 0;
    struct http2_stream *http2_stream = http2_stream_create(http2, frame->hd.stream_id);
    if (!http2_stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, http2_stream);
    return 0;
}

/* The least that a field takes in a block. */
static size_t compressed_size(const nghttp2_nv *value)
{
    uint8_t out[2 * HTTP1_LINE_SIZE_MAX];
    nghttp2_hd_deflater *deflater;
    if (nghttp2_hd_deflate_new(&deflater, 0) != 0)
        return SIZE_MAX;
    ssize_t size = nghttp2_hd_deflate_hd(deflater, out, sizeof out, value, 1);
    nghttp2_hd_deflate_del(deflater);
    return size < 0 ? SIZE_MAX : (size_t)size;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user_data)
{
    struct http2_client *http2 = user_data;
    nghttp2_nv field = {(uint8_t *)name, (uint8_t *)value, name_size, value_size,
                        NGHTTP2_NV_FLAG_NONE};
    (void)session, (void)frame, (void)flags;
    if (name_size + value_size > FIELD_SIZE_MAX && compressed_size(&field) > FIELD_SIZE_MAX) {
        http2_client_calm(http2);
        return 0;
    }
    http2_block_add(&http2->block, (struct slice){(const char *)name, name_size},
                    (struct slice){(const char *)value, value_size});
    return 0;
}

static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_size, const uint8_t *value,
                             size_t value_size, uint8_t flags, void *user_data)
{
    (void)name, (void)name_size, (void)value, (void)value_size, (void)flags, (void)user_data;
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                              NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* ---- whole frames ---- */

static bool is_old(const struct client *client)
{
    int64_t age_ms = loop_now_ms(client->worker->loop) - client->accepted_ms;
    return age_ms >= client->keep_alive_ms || client->worker->stopping ||
           !client->acceptor->endpoint;
}

static void take_request(struct http2_client *http2, struct http2_stream *http2_stream, bool last)
{
    struct client *client = http2->client;
    client_touch(client, client_idle_timeout_ms(client));
    if (++http2->requests >= REQUESTS_MAX || is_old(client))
        http2_client_leave(http2);
    http2_stream_begin(http2_stream, !last);
}

static void take_trailers(struct http2_client *http2, struct http2_stream *http2_stream)
{
    struct http1_header fields[HTTP2_FIELDS_MAX];
    char *text = http2->client->worker->scratch;
    int count = http2_block_fields(&http2->block, fields), size = HTTP2_MALFORMED;
    if (count >= 0)
        size = http2_trailers_text(fields, count, text, SCRATCH_SIZE);
    if (size < 0 || !bytes_append(&http2_stream->incoming.trailers, text, (size_t)size))
        nghttp2_submit_rst_stream(http2_session_of(http2), NGHTTP2_FLAG_NONE, http2_stream->id,
                                  NGHTTP2_PROTOCOL_ERROR);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct http2_client *http2 = user_data;
    struct http2_stream *http2_stream = find(session, frame->hd.stream_id);
    bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (!http2_stream || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return 0;
    http2_stream->incoming.whole |= last;
    if (is_request(frame))
        take_request(http2, http2_stream, last);
    else if (frame->hd.type == NGHTTP2_HEADERS)
        take_trailers(http2, http2_stream);
    if (frame->hd.type == NGHTTP2_HEADERS)
        http2_block_reset(&http2->block);
    if (last)
        http2_client_work(http2, http2_stream);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t size, void *user_data)
{
    struct http2_client *http2 = user_data;
    struct http2_stream *http2_stream = find(session, id);
    (void)flags;
    http2_budget_pay(&http2->budget, size * PAYLOAD_WORTH);
    bool unwanted = !http2_stream || (http2_stream->begun && !http2_stream->stream.exchange);
    if (unwanted) {
        nghttp2_session_consume(session, id, size);
        return 0;
    }
    http2_stream->stream.received_bytes += size;
    if (!bytes_append(&http2_stream->incoming.data, data, size))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    http2_client_work(http2, http2_stream);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user_data)
{
    struct http2_client *http2 = user_data;
    struct http2_stream *http2_stream = find(session, id);
    if (!http2_stream)
        return 0;
    if (error == NGHTTP2_NO_ERROR && http2_stream->outgoing.whole)
        http2_budget_pay(&http2->budget, RESPONSE_WORTH_BYTES);
    http2_stream_destroy(http2_stream);
    client_touch(http2->client, client_idle_timeout_ms(http2->client));
    return 0;
}

/*
 * An answer that did not wait for the whole request ends the stream: the rest is not wanted. A
 * stream that we had to reset for what the client did costs it what its own reset would.
 */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct http2_client *http2 = user_data;
    struct http2_stream *http2_stream = find(session, frame->hd.stream_id);
    bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (frame->hd.type == NGHTTP2_DATA)
        http2_budget_pay(&http2->budget, frame->hd.length);
    if (message && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && http2_stream &&
        !http2_stream->incoming.whole) {
        http2_stream->cut = true;
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                  NGHTTP2_NO_ERROR);
    }
    if (frame->hd.type == NGHTTP2_RST_STREAM && (!http2_stream || !http2_stream->cut))
        http2_client_charge(http2, RESET_COST_BYTES);
    return 0;
}

/* ---- the session ---- */

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
}

static bool say_settings(nghttp2_session *session)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP1_HEAD_SIZE_MAX},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof settings[0]) == 0 &&
           nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW_SIZE) == 0;
}

nghttp2_session *http2_session_create(struct http2_client *http2)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    nghttp2_session *session = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0) {
        set_callbacks(callbacks);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_max_outbound_ack(option, READ_SIZE / FRAME_HEAD_SIZE);
        session =
            http2_memory_session(&http2->client->worker->resting, true, callbacks, http2, option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    if (session && !say_settings(session)) {
        http2_memory_end(session);
        session = NULL;
    }
    return session;
}
