/*
 * An open-loop load: requests are due at fixed moments, whether or not earlier ones are answered,
 * and a request's latency counts from when it was due. So a proxy that stalls pays for every
 * request that had to wait, as real clients would make it pay (a closed loop would just ask less).
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    int port, connections, streams;
    double rate, seconds; /* rate 0: as many as go */
    bool tls, http2, hold;
    const char *path;
};

struct connection {
    int fd;
    SSL *tls;
    const struct options *options;
    int out;         /* requests without an answer */
    void *session;   /* HTTP/2 */
    int64_t due_ns;  /* HTTP/1.1: of the request that is out */
    bool waiting;    /* HTTP/1.1: for the answer */
    char head[4096]; /* HTTP/1.1: what is there of the answer's head */
    size_t head_size;
    uint64_t body_left;
};

extern const char http1_protocol[], http2_protocol[]; /* as in ALPN: length first */

/* Sends all of it, or ends the program: requests are small. */
void connection_send(struct connection *connection, const void *data, size_t size);
/* The answer to a request that was due then is whole. */
void request_done(struct connection *connection, int64_t due_ns, bool ok);
/* The server did not look at the request: it goes out again, elsewhere. */
void request_refused(struct connection *connection, int64_t due_ns);
_Noreturn void fail(const char *what);

/* A protocol on a connection. `received` is false when the connection is to be made anew. */
void http1_request(struct connection *connection, int64_t due_ns);
bool http1_received(struct connection *connection, const char *data, size_t size);
void http2_begin(struct connection *connection);
void http2_request(struct connection *connection, int64_t due_ns);
bool http2_received(struct connection *connection, const char *data, size_t size);
/* False after GOAWAY: no new requests. */
bool http2_is_open(struct connection *connection);
void http2_end(struct connection *connection);
