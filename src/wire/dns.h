/* DNS messages (RFC 1035) of one question, as far as a small responder needs them. Pure. */
#pragma once

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DNS_NAME_SIZE = 256, /* text with NUL */
    DNS_MESSAGE_SIZE_MAX = 4096,
    DNS_TYPE_A = 1,
    DNS_CLASS_IN = 1,
};

enum dns_rcode {
    DNS_OK = 0,
    DNS_FORMAT_ERROR = 1,
    DNS_NO_NAME = 3,
    DNS_NOT_IMPLEMENTED = 4,
    DNS_REFUSED = 5
};

struct dns_query {
    uint16_t id;
    uint16_t flags;
    uint16_t type, class;
    char name[DNS_NAME_SIZE]; /* lower case, "www.example.com", no final dot; "" is the root */
    const uint8_t *question;  /* the question as it was sent, inside the message */
    size_t question_size;
};

/*
 * Reads a standard query with exactly one question. Returns 0, or -1 if it is not one; bytes of a
 * label that no host name has (a dot, NUL, control bytes) are refused too.
 */
int dns_parse_query(const uint8_t *data, size_t size, struct dns_query *query);

/* Appends an answer: `count` A records with the question's own name. */
void dns_write_answer(struct buf *out, const struct dns_query *query, enum dns_rcode rcode,
                      const uint32_t *addresses, size_t count, uint32_t ttl_seconds);
