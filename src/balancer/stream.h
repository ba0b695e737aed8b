/*
 * Where a request comes from and its response goes to: an HTTP/1 connection of a client, or one
 * stream of an HTTP/2 connection. It is all that an exchange knows of its client.
 *
 * Heads cross as HTTP/1: a request is in worker->head when its exchange begins, a response is text.
 * Bodies cross in pieces (body.h), without any framing.
 *
 * Whatever sends may find that the connection is broken; then the exchange is given up
 * (exchange_abandon) before the operation returns. Look at exchange->state after each.
 */
#pragma once

#include "balancer/body.h"
#include "balancer/worker.h"

struct exchange;
struct writer;

/* The connection that requests come by, as all its streams see it. */
struct peer {
    struct cell *cell; /* counts the connection; NULL until its load balancer is known */
    const struct transport *transport;
    uint32_t address;
    uint16_t port;
    uint16_t node;  /* of the load balancer; counts where connections are told apart */
    uint64_t trace; /* told from other connections in logs */
};

struct stream {
    const struct stream_ops *ops;
    struct worker *worker;
    const struct peer *peer;
    struct exchange *exchange;           /* NULL: there is no request, or it is answered */
    uint64_t received_bytes, sent_bytes; /* of the request and its response, for the access log */
};

/* What a stream must know of a response to frame it. */
struct response {
    int status;
    bool has_length; /* Content-Length is said, be there a body (HEAD, 304) or not */
    uint64_t length;
    bool streamed; /* a body of unknown length follows */
    bool tunnel;   /* 101: from here on bytes go both ways as they come */
    bool own;      /* the load balancer says it itself */
    bool close;    /* the connection is to end after it */
};

enum stream_news {
    STREAM_NOTHING, /* exchange_stream_readable() tells when there is more */
    STREAM_PIECE,
    STREAM_BROKEN, /* its framing is wrong, or the client closed in the middle */
};

struct stream_ops {
    bool http2; /* it is one of many on an HTTP/2 connection */
    /*
     * How much of a response is received for it at once, HOT_SIZE at most; 0: READ_SIZE. Fewer and
     * bigger pieces wake the client less often, but what it does not take has to be kept.
     */
    size_t piece_size_max;
    /*
     * The next piece of the request's body; once the last was given, empty last ones. The piece
     * may lie in worker->hot: it is good until something else is received.
     */
    enum stream_news (*receive)(struct stream *stream, struct piece *piece);
    /* Asks for the body if the client waits to be asked: 100 Continue. */
    void (*invite)(struct stream *stream);
    /*
     * Writes the headers that say where the response's body ends and whether the connection goes
     * on. Once for each response, before send_head().
     */
    void (*frame)(struct stream *stream, const struct response *response, struct writer *head);
    /* Sends the head (whole, at the start of worker->scratch) and the first piece with it. */
    void (*send_head)(struct stream *stream, const struct writer *head, const struct piece *first);
    /* Sends one more piece; the last of a tunnel only says that nothing more will come. */
    void (*send)(struct stream *stream, const struct piece *piece);
    /* Send no more until exchange_stream_drained(). */
    bool (*is_full)(const struct stream *stream);
    /* The response was sent whole, and the exchange is gone. */
    void (*end)(struct stream *stream);
    /* The response cannot be whole, and the client must see it. Abandons the exchange. */
    void (*cut)(struct stream *stream);
    /* Something happened: exchange_timed_out() comes after `timeout_ms` without another call. */
    void (*touch)(struct stream *stream, int64_t timeout_ms);
    /* Both exchange_stream_drained() and exchange_stream_readable() in the next turn. */
    void (*later)(struct stream *stream);
};
