/*
 * Clients, exchanges and connections to targets: what client.c, exchange.c, upstream.c and
 * answer.c share. All of one thread.
 *
 * A client is a connection from outside. While it has a request it has an exchange; an exchange
 * that is forwarded has an upstream, a connection to a target. Sockets are watched once, edge-
 * triggered; their transport remembers whether there may be more to read.
 */
#pragma once

#include "balancer/body.h"
#include "balancer/worker.h"

struct client {
    struct loop_watch watch;
    struct transport transport;
    struct loop_timer timer; /* fires at deadline_ms or before: then it is set again */
    struct corpse corpse;
    struct list link;
    struct worker *worker;
    struct acceptor *acceptor;
    struct exchange *exchange;
    struct cell *cell; /* counts this connection; NULL until its load balancer is known */
    int64_t accepted_ms, deadline_ms;
    int64_t keep_alive_ms; /* of the load balancer when the connection was made */
    uint32_t address;      /* the peer's */
    uint16_t port;
    uint16_t node;    /* of the load balancer; counts where connections are told apart */
    struct bytes in;  /* read, not used yet */
    struct bytes out; /* not taken by the socket yet */
    bool eof;         /* the end was read: the client will send nothing more */
    bool closing;     /* close once `out` is empty */
    bool linger;      /* when closing, read on for a while, so that the answer is not reset away */
    bool lingering;
    bool silent; /* never answer: no security group rule allows this peer */
    bool gone;   /* closed; waits to be freed */
    bool resume; /* the timer is due because there is more to do */
};

enum exchange_state {
    EXCHANGE_WAITING, /* for a socket */
    EXCHANGE_CONNECTING,
    EXCHANGE_SENT, /* waits for the head of the response */
    EXCHANGE_RESPONDING,
    EXCHANGE_TUNNEL, /* after 101: bytes both ways */
    EXCHANGE_ENDED,
};

struct exchange {
    struct corpse corpse;
    struct worker *worker;
    enum exchange_state state;
    struct client *client;
    struct upstream *upstream;
    struct view *view;
    const struct load_balancer *load_balancer;
    const struct listener *listener;
    struct target_group *group; /* forwarded to */
    struct cell *cell;          /* load balancer, target group, zone */
    struct target *tried[TRIES_MAX];
    int tried_count;
    struct target *target;
    struct socket_waiter waiter;
    int64_t sent_us;
    int failure; /* status if no further target can be tried: 502 or 504 */
    struct body_reader from_client, from_target;
    struct bytes to_target; /* not sent yet */
    char *head;             /* as sent to targets, until a response begins */
    size_t head_size;
    bool head_request; /* HEAD */
    bool http10;
    bool keep_alive; /* of the client's connection after this exchange */
    bool upgrade;    /* asks for a WebSocket */
    bool idempotent;
    bool close_target; /* do not use the target's connection again */
    bool request_chunked, response_chunked;
    bool body_begun; /* bytes of the body were taken: the request cannot be sent anew */
    bool retried;
    bool target_deaf;                   /* sending failed: only the response is waited for */
    bool target_eof, client_eof;        /* tunnel */
    char head_inline[HEAD_INLINE_SIZE]; /* last: it is not zeroed */
};

struct upstream {
    struct loop_watch watch;
    struct transport transport;
    struct corpse corpse;
    struct list link; /* of target_thread.idle or .active */
    struct worker *worker;
    struct target *target;
    struct exchange *exchange; /* NULL: idle */
    int64_t idle_since_ms;
    struct bytes in; /* the beginning of a head */
    bool connected, reused;
};

/* ---- client.c ---- */

void client_accept(struct acceptor *acceptor, int fd, uint32_t address, uint16_t port);
/* Closes at once; an exchange that is there is given up. */
void client_destroy(struct client *client);
/* Sends pieces; a broken connection destroys the client. Returns whether it still lives. */
bool client_send(struct client *client, struct iovec *pieces, int count);
/* The exchange is over: goes on with the next request, or closes. */
void client_exchange_ended(struct client *client, bool keep_alive);
/* Something happened: the idle timeout begins anew. */
void client_touch(struct client *client, int64_t timeout_ms);
/* Goes on with this client in the next turn of the loop. */
void client_later(struct client *client);
/* Reads at most `size` bytes: -1 nothing (yet), 0 end or broken (client->eof), or the number. */
ssize_t client_receive(struct client *client, char *data, size_t size);

/* ---- exchange.c ---- */

/*
 * Begins the exchange of the request in worker->head. Bytes of the body are taken from
 * *data / *size. The exchange may be over, or the client gone, when it returns.
 */
void exchange_start(struct client *client, const struct listener *listener, char **data,
                    size_t *size);
/* The client has sent more of the body (or, in a tunnel, anything), or closed its side. */
void exchange_client_readable(struct exchange *exchange);
/* All that was sent to the client is gone: more may come. */
void exchange_client_drained(struct exchange *exchange);
/* No byte for the idle timeout, or the connection is not there in time. */
void exchange_timed_out(struct exchange *exchange);
/* The client is gone. */
void exchange_abandon(struct exchange *exchange);
/* Ends the exchange after an answer or response was sent whole. */
void exchange_end(struct exchange *exchange);
/* The target left the configuration. */
void exchange_cut(struct exchange *exchange);

/* Events of the upstream. */
void exchange_connected(struct exchange *exchange);
void exchange_target_writable(struct exchange *exchange);
void exchange_target_readable(struct exchange *exchange);
/* The connection could not be made (`status` 502), or not in time (504). */
void exchange_connect_failed(struct exchange *exchange, int status);
/* The connection broke, or ended before the response began. */
void exchange_target_failed(struct exchange *exchange);

/* ---- upstream.c ---- */

/* The idle connection that was used last, now the exchange's; NULL if there is none. */
struct upstream *upstream_take_idle(struct worker *worker, struct target *target,
                                    struct exchange *exchange);
/* Connects; takes over `fd`. NULL with errno if that fails at once. */
struct upstream *upstream_connect(struct worker *worker, struct target *target, int fd,
                                  struct exchange *exchange);
/* Reads at most `size` bytes: -1 nothing (yet), 0 end or broken, or the number. */
ssize_t upstream_receive(struct upstream *upstream, char *data, size_t size);
/* Keeps the connection for the next exchange if there is room and the target is still wanted. */
void upstream_keep(struct upstream *upstream);
void upstream_destroy(struct upstream *upstream);
/* Closes the connections of a target that nobody uses since `before_ms`. */
void upstream_close_idle(struct worker *worker, struct target *target, int64_t before_ms);

/* ---- answer.c: what the load balancer says itself ---- */

/* An error page, awselb/2.0, byte for byte as AWS's. Ends the exchange, if there is one. */
void answer_error(struct client *client, int status);
void answer_fixed(struct exchange *exchange, const struct action *action);
/* `path` and `query` as the client wrote them. */
void answer_redirect(struct exchange *exchange, const struct action *action, struct slice host,
                     struct slice path, struct slice query);
