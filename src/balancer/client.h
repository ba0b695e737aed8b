/*
 * A client: a connection from outside, whatever it speaks. Its socket is watched once, edge-
 * triggered; its transport remembers whether there may be more to read.
 */
#pragma once

#include "balancer/stream.h"

struct client;

/* What is spoken on a connection. */
struct client_protocol {
    /* There may be something to read. */
    void (*readable)(struct client *client);
    /* All that was sent is gone. */
    void (*drained)(struct client *client);
    /* client_later() was called, in an earlier turn; readable() follows. */
    void (*resumed)(struct client *client);
    /* Nothing called client_touch() for so long. */
    void (*timed_out)(struct client *client);
    /* The listener is gone, or the thread ends: finish what there is, then close. */
    void (*dismiss)(struct client *client);
    /* The connection is gone: give up the exchanges. */
    void (*abandon)(struct client *client);
};

/* An HTTP/1 connection: one stream, one request after the other. */
struct http1_client {
    struct stream stream;
    struct body_reader body; /* of the current request */
    struct {
        char *data;
        size_t size;
    } rest;          /* what came behind a head, while its exchange begins; else data is NULL */
    bool http10;     /* the current request, or HTTP/0.9 */
    bool http09;     /* the current request: the response is a body without a head */
    bool expects;    /* it waits for 100 Continue before it sends its body */
    bool chunked;    /* the current response */
    bool tunnel;     /* after 101 */
    bool keep_alive; /* after the current response */
};

struct handshake;

struct client {
    struct loop_watch watch;
    struct transport transport;
    struct loop_timer timer; /* fires at deadline_ms or before: then it is set again */
    struct corpse corpse;
    struct list link;
    struct worker *worker;
    struct acceptor *acceptor;
    const struct client_protocol *protocol;
    struct peer peer;
    int64_t accepted_ms, deadline_ms;
    int64_t keep_alive_ms; /* of the load balancer when the connection was made */
    struct http1_client http1;
    struct http2_client *http2;  /* instead, if it speaks that */
    struct handshake *handshake; /* with TLS, until it is over */
    struct bytes in;             /* read, not used yet */
    struct bytes out;            /* not taken by the socket yet */
    bool eof;                    /* the end was read: the client will send nothing more */
    bool closing;                /* close once `out` is empty */
    bool linger; /* when closing, read on for a while, so that the answer is not reset away */
    bool lingering;
    bool silent; /* never answer: no security group rule allows this peer */
    bool gone;   /* closed; waits to be freed */
    bool resume; /* the timer is due because there is more to do */
};

void client_accept(struct acceptor *acceptor, int fd, uint32_t address, uint16_t port);
/* Closes at once; exchanges that are there are given up. */
void client_destroy(struct client *client);
/* Closes once everything is sent. */
void client_close(struct client *client);
/* Sends pieces; a broken connection destroys the client. Returns whether it still lives. */
bool client_send(struct client *client, struct iovec *pieces, int count);
/* Reads at most `size` bytes: -1 nothing (yet), 0 end or broken (client->eof), or the number. */
ssize_t client_receive(struct client *client, char *data, size_t size);
/* Something happened: the timeout begins anew. */
void client_touch(struct client *client, int64_t timeout_ms);
/* Goes on with this client in the next turn of the loop. */
void client_later(struct client *client);
int64_t client_idle_timeout_ms(const struct client *client);

/*
 * Which listener the request in worker->head is for; counts the connection where it belongs. NULL
 * if there is none; on the host the peer may then have been made silent.
 */
const struct listener *client_find_listener(struct client *client);
/*
 * The HTTPS listener of an endpoint that a client means who asks for this name: by its load
 * balancer's DNS name, or by a certificate. NULL if none has it; a node has only one.
 */
const struct listener *client_listener_by_name(const struct endpoint *endpoint, struct slice name);
/* Whether a security group rule admits the client; else it is to get no answer. */
bool client_is_allowed(const struct client *client, const struct listener *listener);
/* The listener of all its requests, if that does not depend on them; else NULL. */
const struct listener *client_listener(const struct client *client);
/* The connection is the load balancer's of a listener, at one of its nodes (-1: any). */
void client_count(struct client *client, const struct listener *listener, int node);
void client_uncount(struct client *client);
static inline struct counters *client_counters(const struct client *client)
{
    return &client->peer.cell->threads[client->worker->index];
}

/* Makes the connection one of TLS, and then of what client and balancer agree on. */
void client_tls_begin(struct client *client);
/* Makes the connection one of HTTP/1. */
void client_http1_begin(struct client *client);
/* Makes it one of HTTP/2, before anything was read. False if memory ran out. */
bool client_http2_begin(struct client *client);
