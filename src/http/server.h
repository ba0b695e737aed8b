/*
 * A small HTTP/1.1 server on an event loop, for the API port and the instance metadata service
 * (the balancer has its own data path). Requests are read whole, within limits, then handed over;
 * answers may come later. Slow and half requests are cut by timeouts; connections are counted.
 */
#pragma once

#include "base/err.h"
#include "http/tls.h"
#include "loop/loop.h"
#include "wire/http1.h"

#include <netinet/in.h>

struct http_server;
struct http_exchange;

struct http_server_options {
    size_t body_size_max;     /* 413 beyond it */
    int connections_max;      /* further ones wait in the accept queue */
    int peer_connections_max; /* of one address; further ones are closed at once. 0: no limit */
    int head_timeout_ms;      /* for a whole head, from its first byte; 408 */
    int body_timeout_ms;      /* for a whole body */
    int idle_timeout_ms;      /* between requests; closed silently */
    const char *server_name;  /* Server header; NULL: none */
    /* With TLS, both; NULL: plain. `find_tls` gets the server's owner. */
    struct tls_thread *tls;
    tls_find_server *find_tls;
    /*
     * Called with a whole request. The callee answers with http_respond(), now or later.
     * Body and head are valid until it answers.
     */
    void (*on_request)(struct http_exchange *exchange, void *owner);
    /*
     * Called for a request that the server refuses itself (malformed, too large, timed out), so
     * that the owner may give the answer its own form. NULL: an empty body.
     */
    void (*on_refused)(struct http_exchange *exchange, int status, void *owner);
};

/* Takes over `listen_fd` (non-blocking). NULL and err on failure. */
struct http_server *http_server_create(struct loop *loop, int listen_fd,
                                       const struct http_server_options *options, void *owner,
                                       struct err *err);
/* Closes the listener and every connection; exchanges that are open are dropped. */
void http_server_destroy(struct http_server *server);

const struct http1_head *http_request_head(const struct http_exchange *exchange);
struct slice http_request_body(const struct http_exchange *exchange);
struct sockaddr_in http_peer(const struct http_exchange *exchange);
/* The descriptor of the connection, for socket options; not to be closed. */
int http_connection_fd(const struct http_exchange *exchange);

/*
 * Answers and ends the exchange. `headers` are whole lines ("Name: value\r\n"...), without framing
 * headers, which the server adds (Content-Length, Connection, Date, Server). For HEAD the body is
 * not sent. Everything is copied.
 */
void http_respond(struct http_exchange *exchange, int status, const char *headers, const void *body,
                  size_t body_size);
