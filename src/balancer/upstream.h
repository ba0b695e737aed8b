/*
 * An exchange's way to its target: an HTTP/1 connection that it has for itself, or one stream of an
 * HTTP/2 connection that it shares. Requests are given as the text of an HTTP/1 head and pieces of
 * body; responses come as worker->head and pieces.
 *
 * Connections are kept for the next exchange and are of one thread. What happens to a connection
 * is told to its exchange: exchange_connected() and so on in exchange.h.
 */
#pragma once

#include "balancer/body.h"
#include "balancer/worker.h"

struct exchange;

/* What is to be known of a request to send it and to understand the response. */
struct request {
    struct slice head; /* as for an HTTP/1 target, whole */
    bool streamed;     /* a body of unknown length follows */
    bool is_head;      /* HEAD: the response has no body */
    bool upgrade;      /* may be answered with 101 */
    bool grpc;         /* of a client of gRPC */
};

struct upstream {
    const struct upstream_ops *ops;
    struct list link; /* of target_thread.idle or .active */
    struct worker *worker;
    struct target *target;
    struct exchange *exchange; /* NULL: idle */
    const struct request *request;
    bool reached; /* with TLS: the handshake goes on */
    bool connected;
    bool unproven; /* used before, and nothing came since: it may have been closed meanwhile */
    bool deaf;     /* sending failed: there may still be a response */
};

enum upstream_news {
    UPSTREAM_NOTHING, /* exchange_upstream_readable() tells when there is more */
    UPSTREAM_HEAD,    /* a final head (or 101) is in worker->head; the piece is what came with it */
    UPSTREAM_PIECE,
    UPSTREAM_ENDED, /* it closed, or broke, before the response was whole */
    UPSTREAM_SHORT, /* the same, with less of a body than its head said; none was given */
    UPSTREAM_BAD,   /* what came is no response */
};

struct upstream_ops {
    /* Sends upstream->request: its head with the first piece of its body. */
    void (*send_head)(struct upstream *upstream, const struct piece *first);
    /* Sends one more piece; the last of a tunnel only says that nothing more will come. */
    void (*send)(struct upstream *upstream, const struct piece *piece);
    /* Send no more until exchange_upstream_drained(). */
    bool (*is_full)(const struct upstream *upstream);
    /* The piece may lie in worker->hot, the head too: good until something else is received. */
    enum upstream_news (*receive)(struct upstream *upstream, struct piece *piece);
    /* The exchange lets go; `whole`: request and response are, and all was sent. */
    void (*release)(struct upstream *upstream, bool whole);
};

/*
 * One on a connection that there is already, now the exchange's; NULL if there is none. The
 * connection may be one that is still being made: exchange_connected() comes.
 */
struct upstream *upstream_take(struct worker *worker, struct target *target,
                               struct exchange *exchange);
/* Connects; takes over `fd`. NULL with errno if that fails at once. */
struct upstream *upstream_connect(struct worker *worker, struct target *target, int fd,
                                  struct exchange *exchange);
/* Closes the connections of a target that nobody uses since `before_ms`. */
void upstream_close_idle(struct worker *worker, struct target *target, int64_t before_ms);
