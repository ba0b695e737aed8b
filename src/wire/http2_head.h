/*
 * Heads of HTTP/2 messages (RFC 9113, 8) as the text of HTTP/1 heads, and back. Pure.
 *
 * Everything that the balancer does with heads it does with HTTP/1 text, so what HTTP/2 can say
 * and HTTP/1 cannot (a line end inside a value, two paths, framing beside the framing) is refused
 * here. What is merely wrong in both is left for the parser of HTTP/1.
 */
#pragma once

#include "wire/http1.h"

enum {
    HTTP2_FIELDS_MAX = HTTP1_HEADERS_MAX + 28, /* with pseudo-headers, and what we add */
    HTTP2_MALFORMED = -1,                      /* a stream error of type PROTOCOL_ERROR */
    HTTP2_TOO_LARGE = -2,                      /* it does not fit */
};

/*
 * The text of a request head in out[0..size). Pieces of a cookie are joined, :authority becomes
 * Host; a body without a length is said to be chunked. Returns its size, or < 0 as above.
 */
int http2_request_text(const struct http1_header *fields, int count, bool body_follows, char *out,
                       size_t size);
/* The same of a response, final or not; without a length it is said to be chunked. */
int http2_response_text(const struct http1_header *fields, int count, char *out, size_t size);
/* Trailers as lines; those that may not stand in trailers are left out. */
int http2_trailers_text(const struct http1_header *fields, int count, char *out, size_t size);

/*
 * The fields of a head as the balancer writes it: first the pseudo-headers, then the others but
 * for those that only HTTP/1 has. Names become lower case in `text`, into which the fields point.
 * Returns their number, at most HTTP2_FIELDS_MAX, or HTTP2_TOO_LARGE.
 */
int http2_request_fields(char *text, size_t size, struct slice scheme, struct http1_header *fields);
int http2_response_fields(char *text, size_t size, struct http1_header *fields);
/* The same of lines of trailers. */
int http2_trailers_fields(char *text, size_t size, struct http1_header *fields);
