/*
 * An exchange: one request of a stream, offered to targets until one takes it, and its response.
 * It moves bodies between its stream and its upstream, each as far as the other side takes them.
 */
#pragma once

#include "balancer/stream.h"
#include "balancer/transforms.h"
#include "balancer/upstream.h"

enum exchange_state {
    EXCHANGE_WAITING, /* for a socket */
    EXCHANGE_CONNECTING,
    EXCHANGE_SENT, /* waits for the head of the response */
    EXCHANGE_RESPONDING,
    EXCHANGE_TUNNEL, /* after 101: bytes both ways */
    EXCHANGE_ENDED,
};

struct access_record;

struct exchange {
    struct corpse corpse;
    struct worker *worker;
    enum exchange_state state;
    struct stream *stream;
    struct upstream *upstream;
    struct view *view;
    const struct load_balancer *load_balancer;
    const struct listener *listener;
    const struct rule *rule; /* that the request met; NULL: none, or not looked for */
    enum transform_result transform_result;
    struct target_group *group; /* forwarded to */
    struct pool *pool;          /* of the group, for the node that the request came to */
    struct stickiness *stickiness;
    struct target *preferred; /* by a sticky session: tried first */
    struct target *counted;   /* this exchange is one of its outstanding requests */
    struct cell *cell;        /* load balancer, target group, zone */
    struct target *tried[TRIES_MAX];
    int tried_count;
    struct target *target;
    struct socket_waiter waiter;
    int64_t sent_us;
    int64_t responded_us;   /* when the head of the response was there; 0: it is not */
    int failure;            /* status if no further target can be tried: 502 or 504 */
    struct request request; /* its head is there until a response begins */
    struct bytes early;     /* of the body, until the connection is there */
    struct bytes early_trailers;
    bool idempotent;
    bool ambiguous;      /* no connection that it used is used again */
    bool request_whole;  /* all of it was received; in a tunnel: the client closed its side */
    bool response_whole; /* the same of the target */
    bool body_begun;     /* bytes of the body were taken: the request cannot be sent anew */
    bool retried;
    struct access_record *record;       /* for the access log; NULL if there is none */
    char head_inline[HEAD_INLINE_SIZE]; /* last: it is not zeroed */
};

/*
 * Begins the exchange of the request in worker->head. It may be over, and its stream gone, when
 * this returns.
 */
void exchange_begin(struct stream *stream, const struct listener *listener);
/* Ends it after a response was sent whole. */
void exchange_end(struct exchange *exchange);
/* The target left the configuration. */
void exchange_cut(struct exchange *exchange);

/* ---- events of the stream ---- */

/* There is more of the body (or, in a tunnel, anything), or the client closed its side. */
void exchange_stream_readable(struct exchange *exchange);
/* All that was sent to the client is gone: more may come. */
void exchange_stream_drained(struct exchange *exchange);
/* No byte for the idle timeout, or the connection is not there in time. */
void exchange_timed_out(struct exchange *exchange);
/* The client is gone. */
void exchange_abandon(struct exchange *exchange);

/* ---- events of the upstream ---- */

/* The connection is there, a TLS handshake follows. */
void exchange_reached(struct exchange *exchange);
void exchange_connected(struct exchange *exchange);
/* The connection could not be made (`status` 502), or not in time (504). */
void exchange_connect_failed(struct exchange *exchange, int status);
void exchange_upstream_drained(struct exchange *exchange);
void exchange_upstream_readable(struct exchange *exchange);
/* Sending failed: upstream->deaf. */
void exchange_upstream_deaf(struct exchange *exchange);
