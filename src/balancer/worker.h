/*
 * One thread of the data path: its loop, its listeners, its clients, its connections to targets.
 * Nothing here is shared with other threads but what comes through the inbox.
 */
#pragma once

#include "balancer/bytes.h"
#include "balancer/inbox.h"
#include "balancer/log.h"
#include "balancer/snapshot.h"
#include "balancer/sockets.h"
#include "balancer/turns.h"
#include "http/rest.h"
#include "http/tls.h"
#include "loop/loop.h"
#include "wire/regex.h"

enum {
    READ_SIZE = 64 * 1024,                      /* bytes read at once */
    HOT_SIZE = 4 * READ_SIZE,                   /* the same of a response, for some streams */
    SCRATCH_SIZE = HTTP1_HEAD_SIZE_MAX + 16384, /* a head as it is sent on */
    TRIES_MAX = 3,                              /* targets that one request is offered to */
    HEAD_INLINE_SIZE = 1024,
};

/* A snapshot as one thread reads it; requests keep the view that they began with. */
struct view {
    struct snapshot *snapshot;
    unsigned users; /* requests, and 1 while it is the current one */
};

/* A listening socket of one thread. */
struct acceptor {
    struct loop_watch watch;
    struct worker *worker;
    struct list link;
    char vpc[ID_SIZE];
    uint32_t address;
    uint16_t port;
    const struct endpoint *endpoint; /* of the current view; NULL: closed, connections remain */
    unsigned clients;
    struct loop_timer retry; /* after running out of descriptors */
};

struct worker {
    struct loop *loop;
    struct inbox inbox;
    int index;
    uint64_t random[2];
    struct view *view;
    struct sockets *sockets;
    struct list acceptors;
    struct list clients;     /* of struct client.link */
    atomic_int client_count; /* other threads may look */
    int most_clients;        /* since memory was given back, as seen every second */
    struct list dead;        /* of struct corpse.link: freed at the end of the turn */
    struct loop_timer reaper, sweep;
    struct rest_set resting; /* what TLS and HTTP/2 keep of clients that say nothing */
    struct loop_timer rest;
    struct tls_thread *tls;
    struct list handshakes; /* of clients, with TLS: the oldest first */
    int handshake_count;
    struct turns handshake_turns;
    struct log_buffer log;
    struct list spare_exchanges;
    int spare_exchange_count;
    bool stopping; /* no new connections; idle ones are closed */
    void (*on_view_end)(struct worker *worker, struct snapshot *snapshot);
    void *owner;
    int64_t date_second, date_due_ms; /* when the second ends, CLOCK_MONOTONIC */
    char date[30];
    struct cookie_sealer sealer;
    struct http1_head head;
    char tidy[HTTP1_TIDY_SIZE_MAX]; /* what http1_tidy() changed of it */
    struct regex_scratch regex_scratch;
    char rewritten[HTTP1_LINE_SIZE_MAX + 512]; /* by transforms: a URL and a host */
    char scratch[SCRATCH_SIZE];
    char hot[HOT_SIZE];
};

/* What callbacks further up may still hold; it is freed when the turn is over. */
struct corpse {
    struct list link;
    void (*release)(struct corpse *corpse);
};

struct worker *worker_create(struct loop *loop, int index, const struct sockets_ops *ops,
                             const struct tls_store *tls, struct err *err);
/* Closes everything at once. The thread of the worker must be the caller, or have ended. */
void worker_destroy(struct worker *worker);
/*
 * Takes over `snapshot`: new requests follow it. Acceptors that it does not name are closed;
 * targets that it does not name lose their idle connections and, in the cloud, active ones.
 */
void worker_set_snapshot(struct worker *worker, struct snapshot *snapshot);
/* Takes over a listening socket for an endpoint of the current snapshot (else it is closed). */
void worker_listen(struct worker *worker, const struct endpoint *endpoint, int fd);
/* Ends every exchange with the target: what is not answered yet gets 502. */
void worker_cut(struct worker *worker, struct target *target);
/* Stops accepting and closes idle clients; worker_is_idle() says when the others are gone. */
void worker_drain(struct worker *worker);
/* Stops accepting; every client may have the answer to one more request. */
void worker_retire(struct worker *worker);
bool worker_is_idle(const struct worker *worker);

/* For the files of the data path. */
struct view *worker_hold_view(struct worker *worker);
void worker_drop_view(struct worker *worker, struct view *view);
void worker_bury(struct worker *worker, struct corpse *corpse);
/* Seconds since the epoch, and the Date header's value; made once a second. */
int64_t worker_seconds(struct worker *worker);
const char *worker_date(struct worker *worker);
uint64_t worker_random(struct worker *worker);
