/* Heads as they are sent on: hop-by-hop headers gone, forwarding headers there, framing ours. */
#pragma once

#include "balancer/snapshot.h"

#include <string.h>

struct worker;

/* A buffer that fills up; `full` once something did not fit. */
struct writer {
    char *at, *end;
    bool full;
};

/* Inline: most sizes are known, and then a piece costs no call. */
static inline void write_bytes(struct writer *writer, const void *data, size_t size)
{
    if ((size_t)(writer->end - writer->at) < size) {
        writer->full = true;
        return;
    }
    memcpy(writer->at, data, size);
    writer->at += size;
}
void write_slice(struct writer *writer, struct slice slice);
void write_number(struct writer *writer, uint64_t number);
#define write_literal(writer, literal) write_bytes(writer, "" literal, sizeof(literal) - 1)

struct forwarding {
    const struct listener *listener;
    struct slice host; /* what a transform made of it; empty: as the client said */
    uint32_t client_address;
    uint16_t client_port;
    bool upgrade;                         /* keep Upgrade: websocket */
    const char *tls_version, *tls_cipher; /* of the client's connection; NULL: it has none */
    uint64_t random[2];                   /* for a trace id */
    int64_t unix_seconds;
};

/* The parts of a request target: host (empty unless in absolute form), path, query with "?". */
struct target_parts {
    struct slice host, path, query;
};

struct target_parts split_target(struct slice target);
/* The number of addresses in all X-Forwarded-For headers. */
int count_forwarded_for(const struct http1_head *head);
/*
 * The header X-Amzn-Trace-Id: Root is kept, Self is ours; without a Root, or in a long head, there
 * is a new one. Of `forwarding`, random and unix_seconds are read.
 */
void write_trace_id(struct writer *writer, const struct http1_head *head,
                    const struct forwarding *forwarding);
/* The request as the target gets it. */
void rewrite_request(struct writer *writer, const struct http1_head *head,
                     const struct target_parts *parts, const struct forwarding *forwarding);

/* The response as the client gets it, but for its framing and the empty line. */
void rewrite_response(struct writer *writer, const struct http1_head *head,
                      const struct listener_attributes *attributes, const char *date);
