#include "balancer/http2_body.h"

#include <string.h>

bool http2_incoming_next(struct http2_incoming *incoming, struct piece *piece)
{
    bytes_reset(&incoming->given);
    size_t size = bytes_size(&incoming->data);
    if (!size && !incoming->whole)
        return false;
    incoming->given = incoming->data;
    incoming->data = (struct bytes){0};
    *piece = (struct piece){bytes_at(&incoming->given), size, incoming->whole, {"", 0}};
    if (incoming->whole)
        piece->trailers =
            (struct slice){bytes_at(&incoming->trailers), bytes_size(&incoming->trailers)};
    return true;
}

void http2_incoming_reset(struct http2_incoming *incoming)
{
    bytes_reset(&incoming->data);
    bytes_reset(&incoming->given);
    bytes_reset(&incoming->trailers);
}

bool http2_outgoing_append(struct http2_outgoing *outgoing, const struct piece *piece)
{
    outgoing->whole = piece->last;
    return bytes_append(&outgoing->data, piece->data, piece->size) &&
           bytes_append(&outgoing->trailers, piece->trailers.data, piece->trailers.size);
}

void http2_set_values(nghttp2_nv *values, const struct http1_header *fields, int count)
{
    for (int i = 0; i < count; i++)
        values[i] = (nghttp2_nv){(uint8_t *)fields[i].name.data, (uint8_t *)fields[i].value.data,
                                 fields[i].name.size, fields[i].value.size, NGHTTP2_NV_FLAG_NONE};
}

static void submit_trailers(struct bytes *trailers, nghttp2_session *session, int32_t id)
{
    struct http1_header fields[HTTP2_FIELDS_MAX];
    nghttp2_nv values[HTTP2_FIELDS_MAX];
    int count = http2_trailers_fields(bytes_at(trailers), bytes_size(trailers), fields);
    count = count < 0 ? 0 : count;
    http2_set_values(values, fields, count);
    nghttp2_submit_trailer(session, id, values, (size_t)count);
}

ssize_t http2_outgoing_take(struct http2_outgoing *outgoing, nghttp2_session *session, int32_t id,
                            uint8_t *data, size_t size, uint32_t *flags)
{
    size_t waiting = bytes_size(&outgoing->data), taken = waiting < size ? waiting : size;
    if (!waiting && !outgoing->whole)
        return NGHTTP2_ERR_DEFERRED;
    if (taken) {
        memcpy(data, bytes_at(&outgoing->data), taken);
        bytes_consume(&outgoing->data, taken);
    }
    if (taken == waiting && outgoing->whole) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (bytes_size(&outgoing->trailers)) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            submit_trailers(&outgoing->trailers, session, id);
        }
    }
    return (ssize_t)taken;
}

void http2_outgoing_reset(struct http2_outgoing *outgoing)
{
    bytes_reset(&outgoing->data);
    bytes_reset(&outgoing->trailers);
}
