/* DNS messages (RFC 1035) of one question, as far as a small responder needs them. Pure. */
#pragma once

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DNS_NAME_SIZE = 256, /* text with NUL */
    DNS_MESSAGE_SIZE_MAX = 4096,
    DNS_TYPE_A = 1,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_PTR = 12,
    DNS_TYPE_ANY = 255,
    DNS_CLASS_IN = 1,
};

enum dns_rcode {
    DNS_OK = 0,
    DNS_FORMAT_ERROR = 1,
    DNS_SERVER_FAILURE = 2,
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
    size_t question_size;     /* 0 if it cannot be read */
};

/*
 * Reads a standard query with exactly one question; what follows it (EDNS) is left alone. Returns
 * 0; or the enum dns_rcode to answer with, for bytes of a label that no host name has (a dot, NUL,
 * control bytes) too; or -1 if it is no query and must not be answered at all.
 */
int dns_parse_query(const uint8_t *data, size_t size, struct dns_query *query);

struct dns_answer {
    enum dns_rcode rcode;
    uint32_t ttl_seconds;
    const uint32_t *addresses; /* A records, all with the question's own name */
    size_t count;
    const char *target; /* of a PTR record; NULL: none */
    const char *zone;   /* whose SOA record says for how long there is nothing; NULL: none */
};

/* Appends an answer. Names are text as in a query; at most DNS_NAME_SIZE. */
void dns_write_answer(struct buf *out, const struct dns_query *query,
                      const struct dns_answer *answer);

/*
 * Reads a name of a reverse lookup, "9.1.0.10.in-addr.arpa", in lower case. Returns how many bytes
 * of an address it has (4: a whole one, in *address); 0 if it is no such name.
 */
int dns_parse_reverse(const char *name, uint32_t *address);

/*
 * The first message of a TCP stream, which is preceded by its size: the size of both together, or 0
 * if more bytes are needed. `*message_size` is that of the message, which begins at data + 2.
 */
size_t dns_read_frame(const uint8_t *data, size_t size, size_t *message_size);

/* Appends a query for the IPv4 addresses of a name. */
void dns_write_query(struct buf *out, uint16_t id, const char *name);
/*
 * Reads the answer to such a query, whose bytes were `query`. Returns how many addresses it has, at
 * most `count`; or -1 if it answers something else or cannot be read.
 */
int dns_read_answer(const uint8_t *data, size_t size, const uint8_t *query, size_t query_size,
                    uint32_t *addresses, int count);
