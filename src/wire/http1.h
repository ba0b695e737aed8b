/*
 * HTTP/1 heads and chunked bodies (RFC 9110, 9112). Pure: bytes in, slices of those bytes out.
 *
 * The parser refuses what it cannot frame. Of a request it takes everything else, and says what is
 * odd about it in `classification`, in the words of ALB's desync mitigation (Compliant < Acceptable
 * < Ambiguous < Severe). What breaks the grammar is `malformed`: a strict recipient refuses it; one
 * that writes heads anew calls http1_tidy() first, and then sends nothing that a target could read
 * in another way. Lines that are no header, and names with white space, control or 8-bit bytes,
 * do not get into `headers` at all. Responses are never malformed: those are refused.
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
    /* room for every malformed head: each byte of the target as %XX, and all values */
    HTTP1_TIDY_SIZE_MAX = 3 * HTTP1_LINE_SIZE_MAX + HTTP1_HEAD_SIZE_MAX,
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
    size_t size;       /* of the whole head, in bytes */
    int minor_version; /* HTTP/1.x */
    bool http09;       /* HTTP/0.9 (minor_version 0): the answer is a body without a head */
    struct http1_header headers[HTTP1_HEADERS_MAX];
    int header_count;
    struct http1_known known;
    enum http1_body body;
    uint64_t content_length; /* of HTTP1_BODY_LENGTH */
    bool keep_alive;         /* what the version and Connection say */
    bool expect_continue;
    bool upgrade;       /* Connection names upgrade and there is an Upgrade header */
    bool malformed;     /* see above */
    bool invalid_names; /* AWS's word for a name that has more than letters, digits and hyphens */
    bool odd;           /* of the parser: something is there that is to be classified */
    enum http1_class classification;
    const char *classification_reason; /* static, "" when compliant */
    int error_status;                  /* with HTTP1_BAD: 400, 414, 431, 501, 502, 505 */
};

/*
 * Parses a request head at the start of data[0..size). `seen` is how many of the bytes an earlier
 * call with HTTP1_MORE already had (0 at first), so that waiting for slow heads stays linear.
 */
int http1_parse_request(const char *data, size_t size, size_t seen, struct http1_head *head);
/* The same for a response; `request_was_head` decides that no body follows. */
int http1_parse_response(const char *data, size_t size, size_t seen, bool request_was_head,
                         struct http1_head *head);
/*
 * Makes the values and the target of a malformed request follow the grammar: folded lines are
 * joined, control bytes in values become spaces, and what a target may not hold becomes %XX.
 * `out` holds HTTP1_TIDY_SIZE_MAX bytes; slices point there where something changed.
 */
void http1_tidy(struct http1_head *head, char *out);
/* The first header with this lower-case name, or NULL. */
const struct http1_header *http1_find(const struct http1_head *head, const char *lower_name);
/* Whether a comma-separated header value holds a token, ignoring case. */
bool http1_has_token(struct slice value, const char *lower_token);

/* Whether some parser may take this name for Content-Length or Transfer-Encoding: letters and
 * digits are the same, nothing else need be. Never forward it. */
bool http1_imitates_framing(struct slice name);

/* Whether a field of this name may stand behind a body. */
bool http1_may_be_trailer(struct slice name);
/* Keeps the lines of trailers that may be sent on. Returns the size of what is left in `text`. */
size_t http1_filter_trailers(char *text, size_t size);

/* Decodes a chunked body piece by piece. Zero it before the first call. */
struct http1_chunked {
    uint64_t left; /* of the current chunk */
    uint32_t overhead_bytes;
    uint8_t state;
    bool done;             /* the last chunk and the trailers were read */
    struct slice trailers; /* lines behind the last chunk, or parts of them, in what came last */
};
/*
 * Takes bytes from *data and yields the next piece of body in *piece (inside data; may be
 * empty). Advances *data and *size past what was used.
 * Returns 0, or -1 if the coding is broken (or its overhead exceeds any honest sender's).
 */
int http1_chunked_next(struct http1_chunked *chunked, const char **data, size_t *size,
                       struct slice *piece);

/* "Sat, 21 Nov 2026 02:37:02 GMT" for the second `unix_seconds`; out holds 30 bytes. */
void http1_date(int64_t unix_seconds, char out[30]);
/* "OK", "Not Found"...; "Unknown" for what has no name. */
const char *http1_reason(int status);
