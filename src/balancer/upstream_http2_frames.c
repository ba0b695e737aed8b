/* What nghttp2 tells of an HTTP/2 connection to a target. */
#include "balancer/upstream_http2.h"

/* Of what a stream has not handed on; the connection's window opens again at once. */
enum { WINDOW_SIZE = 1024 * 1024 };

static struct http2_upstream *find(nghttp2_session *session, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct http2_link *http2_link = user_data;
    (void)session, (void)frame;
    http2_block_reset(&http2_link->block);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user_data)
{
    struct http2_link *http2_link = user_data;
    (void)session, (void)frame, (void)flags;
    http2_block_add(&http2_link->block, (struct slice){(const char *)name, name_size},
                    (struct slice){(const char *)value, value_size});
    return 0;
}

static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_size, const uint8_t *value,
                             size_t value_size, uint8_t flags, void *user_data)
{
    struct http2_upstream *http2_upstream = find(session, frame->hd.stream_id);
    (void)name, (void)name_size, (void)value, (void)value_size, (void)flags, (void)user_data;
    if (http2_upstream)
        http2_upstream->bad = true;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* Heads begin with :status, trailers have no pseudo-header. */
static void take_block(struct http2_link *http2_link, struct http2_upstream *http2_upstream)
{
    struct http1_header fields[HTTP2_FIELDS_MAX];
    int count = http2_block_fields(&http2_link->block, fields);
    if (count > 0 && fields[0].name.size && fields[0].name.data[0] != ':')
        http2_upstream_take_trailers(http2_upstream);
    else
        http2_upstream_take_head(http2_upstream);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    struct http2_link *http2_link = user_data;
    struct http2_upstream *http2_upstream = find(session, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_GOAWAY)
        http2_link_retire(http2_link);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    if (http2_upstream) {
        if (frame->hd.type == NGHTTP2_HEADERS)
            take_block(http2_link, http2_upstream);
        http2_upstream->incoming.whole |= frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
        http2_link_work(http2_link, http2_upstream);
    }
    if (frame->hd.type == NGHTTP2_HEADERS)
        http2_block_reset(&http2_link->block);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t size, void *user_data)
{
    struct http2_link *http2_link = user_data;
    struct http2_upstream *http2_upstream = find(session, id);
    (void)flags;
    nghttp2_session_consume_connection(session, size);
    if (!http2_upstream)
        return 0;
    if (!bytes_append(&http2_upstream->incoming.data, data, size))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    http2_link_work(http2_link, http2_upstream);
    return 0;
}

/* A stream that the target did not look at (REFUSED_STREAM, GOAWAY) may be tried again. */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user_data)
{
    struct http2_link *http2_link = user_data;
    struct http2_upstream *http2_upstream = find(session, id);
    if (!http2_upstream)
        return 0;
    http2_upstream->closed = true;
    http2_upstream->upstream.unproven = error == NGHTTP2_REFUSED_STREAM;
    http2_link_work(http2_link, http2_upstream);
    return 0;
}

/* A request that was not sent: the connection takes no more of them. */
static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error,
                       void *user_data)
{
    struct http2_link *http2_link = user_data;
    struct http2_upstream *http2_upstream = find(session, frame->hd.stream_id);
    (void)error;
    if (frame->hd.type != NGHTTP2_HEADERS || !http2_upstream)
        return 0;
    http2_upstream->closed = http2_upstream->upstream.unproven = true;
    http2_link_work(http2_link, http2_upstream);
    return 0;
}

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
}

static bool say_settings(nghttp2_session *session)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP1_RESPONSE_HEAD_SIZE_MAX},
    };
    return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof settings[0]) == 0 &&
           nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW_SIZE) == 0;
}

nghttp2_session *http2_link_create_session(struct http2_link *http2_link)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    nghttp2_session *session = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0) {
        set_callbacks(callbacks);
        nghttp2_option_set_no_auto_window_update(option, 1);
        session = http2_memory_session(&http2_link->worker->resting, false, callbacks, http2_link,
                                       option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    if (session && !say_settings(session)) {
        http2_memory_end(session);
        session = NULL;
    }
    return session;
}
