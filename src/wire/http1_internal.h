/* Shared by the parts of the HTTP/1 codec; nobody else includes it. */
#pragma once

#include "wire/http1.h"

/* Refuses the head: answer `status` and close. The first refusal is the answer. */
static inline int http1_refuse(struct http1_head *head, int status)
{
    if (!head->error_status)
        head->error_status = status;
    return HTTP1_BAD;
}

/* The grammar is broken here, but not so that nobody could go on. */
static inline void http1_mark_malformed(struct http1_head *head)
{
    head->malformed = head->odd = true;
}

/*
 * Whether a is `lower` (lower-case letters, digits, hyphens) ignoring case; a has no control bytes
 * (with them, hyphens and digits would have doubles).
 */
static inline bool http1_is(struct slice a, const char *lower, size_t size)
{
    if (a.size != size)
        return false;
    unsigned char difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned char)((a.data[i] | 0x20) ^ lower[i]);
    return !difference;
}

static inline bool http1_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool http1_is_token_byte(unsigned char byte);
/* Whether a control byte other than tab is in it; no value may have one. */
bool http1_has_control(struct slice value);
/* Without the spaces and tabs around it. */
struct slice http1_trimmed(const char *data, const char *end);

/* A comma-separated list, element by element. */
struct http1_list {
    const char *at, *end;
    bool finished;
};
/* The next element, without white space around it (it may be empty). */
bool http1_list_next(struct http1_list *list, struct slice *element);
/* The name of a coding in Transfer-Encoding, without its parameters. */
struct slice http1_coding_name(struct slice coding);

/*
 * The parts of a request line as they stand there. A version that is not there is empty (HTTP/0.9);
 * false if there is no target.
 */
struct http1_request_line {
    struct slice method, target, version;
};
bool http1_split_request_line(struct slice line, struct http1_request_line *parts);

/* Says what is odd in a request: `text` is its head, from the request line on. */
void http1_classify(struct http1_head *head, struct slice text);

/* Decide framing, persistence, Expect and Upgrade once all headers are there. 0 or HTTP1_BAD. */
int http1_frame_request(struct http1_head *head);
int http1_frame_response(struct http1_head *head, bool request_was_head);
/* Whether this can be a host with or without a port. */
bool http1_is_host(struct slice host);
