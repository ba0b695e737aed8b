/*
 * Where the sockets of connections to targets come from. Alone, a thread makes its own; in the
 * cloud they come in batches from the host process, made in the VPC's network namespace, and each
 * thread keeps a small stock a source, refilled ahead. One object a thread.
 */
#pragma once

#include "balancer/target.h"
#include "base/list.h"

struct sockets;

/* Somebody who waits for a socket; `link` is in no list when idle. */
struct socket_waiter {
    struct list link;
    /* Called with a non-blocking, unconnected TCP socket (now the waiter's), or -1: none comes. */
    void (*on_socket)(struct socket_waiter *waiter, int fd);
};

struct sockets_ops {
    /* Asks the host for `count` sockets of a source; called on the owning thread. */
    void (*ask)(void *owner, const struct source *source, int count);
    void *owner;
};

/* With ops NULL the thread makes its own sockets. NULL if memory ran out. */
struct sockets *sockets_create(const struct sockets_ops *ops);
void sockets_destroy(struct sockets *sockets);
/*
 * Returns a socket; or -1 with errno EAGAIN: the waiter is queued and called later; or -1 with
 * another errno: none to be had (the queue is full, or the system is out of descriptors).
 */
int sockets_take(struct sockets *sockets, const struct source *source,
                 struct socket_waiter *waiter);
/* Stops waiting. */
void sockets_forget(struct socket_waiter *waiter);
/* Sockets that were asked for have come (they are now the stock's); count 0: they will not. */
void sockets_put(struct sockets *sockets, const struct source *source, const int *fds, int count);
/* What was asked for is lost (the host process started anew): asks again. */
void sockets_ask_again(struct sockets *sockets);
/* Closes the stock of sources that `used` denies: a socket would keep a deleted VPC alive. */
void sockets_trim(struct sockets *sockets,
                  bool (*used)(const struct source *source, const void *context),
                  const void *context);
