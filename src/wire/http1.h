/*
 * HTTP/1 heads and chunked bodies (RFC 9110, 9112). Pure: bytes in, slices of those bytes out.
 *
 * The parser is strict where leniency would let two parsers disagree about framing, and reports
 * what is merely odd in `classification`, in the words of ALB's desync mitigation
 * (Compliant < Acceptable < Ambiguous < Severe), so that each user applies its own policy.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *data;
    size_t size;
};

enum {
    HTTP1_HEADERS_MAX = 100,
    HTTP1_LINE_SIZE_MAX = 16 * 1024, /* request line, and each header */
    HTTP1_HEAD_SIZE_MAX = 64 * 1024, /* whole request head */
    HTTP1_RESPONSE_HEAD_SIZE_MAX = 32 * 1024,
};

struct http1_header {
    struct slice name, value; /* value without white space around it */
};

enum http1_result {
    HTTP1_MORE = 0, /* not complete yet: call again with more bytes */
    HTTP1_BAD = -1, /* answer `status` and close */
    /* > 0: the size of the head in bytes, including the empty line */
};

enum http1_class { HTTP1_COMPLIANT, HTTP1_ACCEPTABLE, HTTP1_AMBIGUOUS, HTTP1_SEVERE };

/* Framing of a body. */
enum http1_body { HTTP1_BODY_NONE, HTTP1_BODY_LENGTH, HTTP1_BODY_CHUNKED, HTTP1_BODY_UNTIL_CLOSE };

/* Indices of headers that every user asks for; -1 if absent. The first when there are several. */
struct http1_known {
    int16_t host, connection, content_length, transfer_encoding, expect, upgrade, content_type,
        forwarded_for, trace_id, user_agent, keep_alive, te, trailer, proxy_connection, date,
        server, authorization;
};

struct http1_head {
    /* request */
    struct slice method, target;
    /* response */
    int status;
    struct slice reason;
    /* both */
    int minor_version; /* HTTP/1.x */
    struct http1_header headers[HTTP1_HEADERS_MAX];
    int header_count;
    struct http1_known known;
    enum http1_body body;
    uint64_t content_length; /* of HTTP1_BODY_LENGTH */
    bool keep_alive;         /* what the version and Connection say */
    bool expect_continue;
    bool upgrade; /* Connection names upgrade and there is an Upgrade header */
    enum http1_class classification;
    const char *classification_reason; /* static, "" when compliant */
    int error_status;                  /* with HTTP1_BAD: 400, 414, 431, 501, 505 */
};

/*
 * Parses a request head at the start of data[0..size). `seen` is how many of the bytes an earlier
 * call with HTTP1_MORE already had (0 at first), so that waiting for slow heads stays linear.
 */
int http1_parse_request(const char *data, size_t size, size_t seen, struct http1_head *head);
/* The same for a response; `request_was_head` decides that no body follows. */
int http1_parse_response(const char *data, size_t size, size_t seen, bool request_was_head,
                         struct http1_head *head);
/* The first header with this lower-case name, or NULL. */
const struct http1_header *http1_find(const struct http1_head *head, const char *lower_name);
/* Whether a comma-separated header value holds a token, ignoring case. */
bool http1_has_token(struct slice value, const char *lower_token);

/* Whether some parser may take this name for Content-Length or Transfer-Encoding. Never forward it.
 */
bool http1_imitates_framing(struct slice name);

/* Decodes a chunked body piece by piece. Zero it before the first call. */
struct http1_chunked {
    uint64_t left; /* of the current chunk */
    uint32_t overhead_bytes;
    uint8_t state;
    bool done; /* the last chunk and the trailers were read */
};
/*
 * Takes bytes from *data and yields the next piece of body in *piece (inside data; may be
 * empty). Advances *data and *size past what was used. Trailers are read and dropped.
 * Returns 0, or -1 if the coding is broken (or its overhead exceeds any honest sender's).
 */
int http1_chunked_next(struct http1_chunked *chunked, const char **data, size_t *size,
                       struct slice *piece);

/* "Sat, 21 Nov 2026 02:37:02 GMT" for the second `unix_seconds`; out holds 30 bytes. */
void http1_date(int64_t unix_seconds, char out[30]);
/* "OK", "Not Found"...; "Unknown" for what has no name. */
const char *http1_reason(int status);
