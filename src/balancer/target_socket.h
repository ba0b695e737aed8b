/* A socket on its way to a target: what connections to targets are made of, whatever they speak. */
#pragma once

#include "balancer/worker.h"

struct target_socket;

struct target_socket_ops {
    /* The target was reached; a TLS handshake follows. */
    void (*reached)(struct target_socket *socket);
    /* It can be used. event() may follow. */
    void (*connected)(struct target_socket *socket);
    /* It will never be connected, or the handshake failed (`reached`). */
    void (*failed)(struct target_socket *socket);
    /* Something happened to a connected socket; its transport has heard of it. */
    void (*event)(struct target_socket *socket, uint32_t events);
};

struct target_socket {
    struct loop_watch watch;
    struct transport transport;
    const struct target_socket_ops *ops;
    bool reached, connected;
};

/* Where to, and what is spoken there. */
struct target_route {
    uint32_t address;
    uint16_t port;
    const struct tls_policy *tls;    /* NULL: no TLS */
    bool http2;                      /* what TLS offers */
    struct ssl_session_st **session; /* where TLS keeps its session for the next connection */
};

/* Begins to connect; takes over `fd`. False, and errno, if that fails at once. */
bool target_socket_connect(struct target_socket *target_socket, struct worker *worker,
                           const struct target_route *route, int fd);
/* Harmless on one that is closed. */
void target_socket_close(struct target_socket *target_socket, struct worker *worker);
static inline bool target_socket_is_open(const struct target_socket *target_socket)
{
    return target_socket->watch.fd >= 0;
}
