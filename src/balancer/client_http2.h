/* Between the files of HTTP/2 clients: client_http2*.c. Nobody else includes it. */
#pragma once

#include "balancer/client.h"
#include "balancer/exchange.h"
#include "balancer/http2_block.h"
#include "balancer/http2_body.h"
#include "balancer/http2_budget.h"
#include "balancer/http2_memory.h"

/* What is spoken on one connection. Input is fed, then streams are attended to, then output goes.
 */
struct http2_client {
    struct client *client;
    nghttp2_session *session; /* http2_session_of() has it awake */
    struct list streams;      /* of struct http2_stream.link */
    struct list ready;        /* of struct http2_stream.ready: something is to be done */
    struct loop_timer work;   /* attends to them, and sends, at the end of the turn */
    struct corpse corpse;
    struct http2_block block;
    struct http2_budget budget;
    int requests;
    bool leaving; /* GOAWAY was said: no new requests */
    bool calmed;  /* with ENHANCE_YOUR_CALM */
};

static inline nghttp2_session *http2_session_of(const struct http2_client *http2)
{
    rest_wake(http2->session);
    return http2->session;
}

struct http2_stream {
    struct stream stream;
    struct http2_client *http2;
    struct list link, ready;
    struct loop_timer timer; /* fires at deadline_ms or before: then it is set again */
    int64_t deadline_ms;
    struct corpse corpse;
    int32_t id;
    int refusal;       /* the status of the answer to what is no request for an exchange */
    struct bytes head; /* the request as text, until its exchange begins */
    struct http2_incoming incoming; /* the request's body */
    struct http2_outgoing outgoing; /* the response's */
    bool begun;
    bool cut; /* we reset it, and not for what the client did */
};

/* ---- client_http2_stream.c ---- */

/* A stream for the request whose head begins; NULL if memory ran out. */
struct http2_stream *http2_stream_create(struct http2_client *http2, int32_t id);
/* The stream is closed, or the connection is. Abandons its exchange. */
void http2_stream_destroy(struct http2_stream *http2_stream);
/* The head of the request is in http2->block. */
void http2_stream_begin(struct http2_stream *http2_stream, bool body_follows);
/* Goes on with whatever there is to do. */
void http2_stream_attend(struct http2_stream *http2_stream);

/* ---- client_http2_frames.c: what nghttp2 tells ---- */

/* A session whose events come to `http2`; NULL if memory ran out. */
nghttp2_session *http2_session_create(struct http2_client *http2);

/* ---- client_http2.c ---- */

/* Attends to the stream, if one is given, and sends what there is, at the end of the turn. */
void http2_client_work(struct http2_client *http2, struct http2_stream *ready);
/* Says GOAWAY: requests that came are answered, new ones are not taken. */
void http2_client_leave(struct http2_client *http2);
/* Something came that is to be paid for; too much of it is a flood. */
void http2_client_charge(struct http2_client *http2, size_t bytes);
/* The client floods us: GOAWAY with ENHANCE_YOUR_CALM, and the connection ends. */
void http2_client_calm(struct http2_client *http2);
