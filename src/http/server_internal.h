/* Between server.c (accepting) and connection.c (one client's requests, one after another). */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "http/server.h"

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    void *owner;
    int listen_fd;
    struct loop_watch listener;
    struct loop_timer pause_timer;
    bool paused; /* accepting, because descriptors ran out */
    int connection_count;
    struct list connections; /* of http_exchange.link */
};

/*
 *   HEAD -> BODY -> ANSWERING -> WRITING -> HEAD ...    (keep-alive)
 *     \______\__________________/      \--> DRAINING -> CLOSED
 *       refused                          \-> CLOSED
 *
 * With TLS, HANDSHAKE comes first.
 */
enum exchange_state {
    EXCHANGE_HANDSHAKE,
    EXCHANGE_HEAD,      /* reading a head, or idle */
    EXCHANGE_BODY,      /* reading a body */
    EXCHANGE_ANSWERING, /* the owner has it */
    EXCHANGE_WRITING,   /* the answer */
    EXCHANGE_DRAINING,  /* answered early: reading what the client still sends, so it can read us */
    EXCHANGE_CLOSED,    /* to be freed by connection_run() */
};

/* A connection, and the one exchange that is open on it. */
struct http_exchange {
    struct http_server *server;
    struct list link;
    struct transport transport;
    struct loop_watch watch;
    struct loop_timer timer;
    struct sockaddr_in peer;
    enum exchange_state state;
    bool running;    /* connection_run() is on the stack */
    bool lost;       /* the client went away while the owner had the exchange */
    bool keep_alive; /* after this answer */
    bool refused;    /* by us: the rest of the request was not read */
    struct buf in;   /* received, not yet used */
    size_t seen;     /* of `in`, by the head parser */
    struct buf head_bytes;
    struct http1_head head; /* points into head_bytes */
    struct buf body;
    struct http1_chunked chunked;
    struct buf out; /* as it goes on the wire */
    size_t out_at;  /* written so far */
    size_t drained;
};

void server_update_accepting(struct http_server *server);
/* Takes over `fd`. */
void connection_start(struct http_server *server, int fd, struct sockaddr_in peer);
void connection_free(struct http_exchange *exchange);
