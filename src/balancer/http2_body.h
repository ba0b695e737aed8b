/* What both ends of HTTP/2 do alike: bodies that wait to be taken, and fields in nghttp2's form. */
#pragma once

#include "balancer/body.h"
#include "balancer/bytes.h"
#include "wire/http2_head.h"

#include <nghttp2/nghttp2.h>

/* A body on its way in: received, not handed out yet. */
struct http2_incoming {
    struct bytes data;
    struct bytes given; /* handed out last: the exchange may still look at it */
    struct bytes trailers;
    bool whole; /* the end was received */
};

/* Hands out all that there is. False if there is nothing. */
bool http2_incoming_next(struct http2_incoming *incoming, struct piece *piece);
void http2_incoming_reset(struct http2_incoming *incoming);

/* A body on its way out: given to us, not sent yet. */
struct http2_outgoing {
    struct bytes data, trailers;
    bool whole; /* its end is here */
};

enum { HTTP2_OUTGOING_MAX = 32 * 1024 }; /* more than this is not asked for */

/* False if memory ran out. */
bool http2_outgoing_append(struct http2_outgoing *outgoing, const struct piece *piece);
static inline bool http2_outgoing_is_full(const struct http2_outgoing *outgoing)
{
    return bytes_size(&outgoing->data) >= HTTP2_OUTGOING_MAX;
}
/* For nghttp2_data_source_read_callback: moves at most `size` bytes; says when it was all. */
ssize_t http2_outgoing_take(struct http2_outgoing *outgoing, nghttp2_session *session, int32_t id,
                            uint8_t *data, size_t size, uint32_t *flags);
void http2_outgoing_reset(struct http2_outgoing *outgoing);

void http2_set_values(nghttp2_nv *values, const struct http1_header *fields, int count);
