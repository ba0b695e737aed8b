/* Shared by the parts of the HTTP/1 codec; nobody else includes it. */
#pragma once

#include "wire/http1.h"

/* Marks the head with a classification; the highest wins, and the first reason at that height. */
static inline void http1_classify(struct http1_head *head, enum http1_class classification,
                                  const char *reason)
{
    if (classification > head->classification) {
        head->classification = classification;
        head->classification_reason = reason;
    }
}

/* Refuses the head: answer `status` and close. */
static inline int http1_refuse(struct http1_head *head, int status, enum http1_class classification,
                               const char *reason)
{
    http1_classify(head, classification, reason);
    head->error_status = status;
    return HTTP1_BAD;
}

/* Whether a is `lower` (lower-case letters, digits, hyphens) ignoring case; a has no control bytes.
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

bool http1_is_token_byte(unsigned char byte);

/* Decide framing, persistence, Expect and Upgrade once all headers are there. 0 or HTTP1_BAD. */
int http1_frame_request(struct http1_head *head);
int http1_frame_response(struct http1_head *head, bool request_was_head);
