/* Between the files of HTTP/2 to targets: upstream_http2*.c. Nobody else includes it. */
#pragma once

#include "balancer/http2_block.h"
#include "balancer/http2_body.h"
#include "balancer/http2_memory.h"
#include "balancer/target_socket.h"
#include "balancer/upstream_internal.h"

/* A connection to a target, for many exchanges of a thread at once. */
struct http2_link {
    struct target_socket socket;
    struct list link; /* of target_thread.shared, while it takes exchanges */
    struct corpse corpse;
    struct worker *worker;
    struct target *target;
    nghttp2_session *session; /* http2_link_session() has it awake */
    struct list streams;      /* of struct http2_upstream.link */
    struct list ready;        /* of struct http2_upstream.ready: its exchange is to be told */
    struct loop_timer work;   /* tells them, and sends, at the end of the turn */
    struct http2_block block;
    struct bytes out; /* not taken by the socket yet */
    int stream_count;
    int64_t idle_since_ms;
    bool dead; /* the socket is closed; the last stream frees it */
};

static inline nghttp2_session *http2_link_session(const struct http2_link *http2_link)
{
    rest_wake(http2_link->session);
    return http2_link->session;
}

/* One exchange's stream. */
struct http2_upstream {
    struct upstream upstream;
    struct http2_link *http2_link;
    struct list link, ready;
    struct corpse corpse;
    int32_t id;        /* -1: the request was not submitted */
    struct bytes head; /* of the response, as text; while the exchange may look at it */
    bool head_given;
    bool bad;                       /* what came is no response */
    bool closed;                    /* nothing more will come */
    struct http2_incoming incoming; /* the response's body */
    struct http2_outgoing outgoing; /* the request's */
};

/* ---- upstream_http2.c ---- */

/* Tells the exchange, if one is given, and sends what there is, at the end of the turn. */
void http2_link_work(struct http2_link *http2_link, struct http2_upstream *ready);
/* The stream is gone; without streams a connection that is not wanted ends. */
void http2_link_leave(struct http2_link *http2_link, struct http2_upstream *http2_upstream);
/* No new exchanges: the target said GOAWAY. */
void http2_link_retire(struct http2_link *http2_link);

/* ---- upstream_http2_stream.c ---- */

/* A stream of the connection for an exchange; NULL if memory ran out. */
struct upstream *http2_upstream_create(struct http2_link *http2_link, struct exchange *exchange);
/* The head of a response, final or not, is in http2_link->block. */
void http2_upstream_take_head(struct http2_upstream *http2_upstream);
void http2_upstream_take_trailers(struct http2_upstream *http2_upstream);

/* ---- upstream_http2_frames.c: what nghttp2 tells ---- */

/* A session whose events come to `http2_link`; NULL if memory ran out. */
nghttp2_session *http2_link_create_session(struct http2_link *http2_link);
