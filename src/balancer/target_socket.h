/* A socket on its way to a target: what connections to targets are made of, whatever they speak. */
#pragma once

#include "balancer/worker.h"

struct target_socket;

struct target_socket_ops {
    /* It can be used. event() may follow. */
    void (*connected)(struct target_socket *socket);
    /* It will never be connected. */
    void (*failed)(struct target_socket *socket);
    /* Something happened to a connected socket; its transport has heard of it. */
    void (*event)(struct target_socket *socket, uint32_t events);
};

struct target_socket {
    struct loop_watch watch;
    struct transport transport;
    const struct target_socket_ops *ops;
    bool connected;
};

/* Begins to connect; takes over `fd`. False, and errno, if that fails at once. */
bool target_socket_connect(struct target_socket *target_socket, struct worker *worker,
                           const struct target *target, int fd);
/* Harmless on one that is closed. */
void target_socket_close(struct target_socket *target_socket, struct worker *worker);
static inline bool target_socket_is_open(const struct target_socket *target_socket)
{
    return target_socket->watch.fd >= 0;
}
