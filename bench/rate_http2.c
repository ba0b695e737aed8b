#include "rate.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

const char http2_protocol[] = "\x02h2";

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *owner)
{
    int64_t *due_ns = nghttp2_session_get_stream_user_data(session, id);
    if (due_ns && error == NGHTTP2_REFUSED_STREAM)
        request_refused(owner, *due_ns);
    else if (due_ns)
        request_done(owner, *due_ns, error == 0);
    free(due_ns);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *owner)
{
    (void)session, (void)frame, (void)flags, (void)owner;
    bool status = name_size == 7 && !memcmp(name, ":status", 7);
    if (status && (value_size != 3 || memcmp(value, "200", 3) != 0))
        fail("an answer other than 200");
    return 0;
}

static void send_pending(struct connection *connection)
{
    const uint8_t *data;
    for (ssize_t size; (size = nghttp2_session_mem_send(connection->session, &data)) > 0;)
        connection_send(connection, data, (size_t)size);
}

void http2_begin(struct connection *connection)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    if (nghttp2_session_client_new(&session, callbacks, connection))
        fail("nghttp2_session_client_new");
    nghttp2_session_callbacks_del(callbacks);
    connection->session = session;
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0);
    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, 1 << 24);
    send_pending(connection);
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0};
}

void http2_request(struct connection *connection, int64_t due_ns)
{
    nghttp2_nv fields[] = {field(":method", "GET"), field(":scheme", "https"),
                           field(":authority", "127.0.0.1"),
                           field(":path", connection->options->path)};
    int64_t *due = malloc(sizeof *due);
    if (!due)
        fail("out of memory");
    *due = due_ns;
    if (nghttp2_submit_request(connection->session, NULL, fields, 4, NULL, due) < 0)
        fail("nghttp2_submit_request");
    send_pending(connection);
}

bool http2_received(struct connection *connection, const char *data, size_t size)
{
    if (nghttp2_session_mem_recv(connection->session, (const uint8_t *)data, size) < 0)
        fail("broken HTTP/2");
    send_pending(connection);
    return nghttp2_session_want_read(connection->session) ||
           nghttp2_session_want_write(connection->session);
}

bool http2_is_open(struct connection *connection)
{
    return nghttp2_session_check_request_allowed(connection->session);
}

void http2_end(struct connection *connection)
{
    nghttp2_session_del(connection->session);
    connection->session = NULL;
}
