/*
 * The sockets of VPCs that the balancer works with, and those of the APIs. The host keeps a
 * duplicate of each listener, so a balancer that is killed loses no connection that waits there,
 * and its successor gets the same listeners. A host that starts anew has them back from the
 * balancer.
 */
#pragma once

#include "base/map.h"
#include "host/net/net.h"
#include "ipc/channel.h"

struct listeners {
    struct net *net;
    struct map by_endpoint; /* struct listener */
};

/* Each answers on `balancer`, which may be NULL (away). */
void listeners_open(struct listeners *listeners, const struct message_endpoint *endpoint,
                    struct channel *balancer);
/* A listener of a former host, with its socket, which is taken over. */
void listeners_keep(struct listeners *listeners, const struct message_endpoint *endpoint, int fd);
void listeners_close(struct listeners *listeners, const struct message_endpoint *endpoint);
/* Of a VPC that is no more. */
void listeners_close_vpc(struct listeners *listeners, const char *vpc);
void listeners_send_all(struct listeners *listeners, struct channel *balancer);
void listeners_send_sockets(struct listeners *listeners, const struct message_sockets *wanted,
                            struct channel *balancer);
/*
 * A listener of AWS's APIs, for `api`: it alone has it, and asks again when it is another process.
 * On the host that is only where services answer, in a VPC any address; the ports are 80 and 443.
 */
void listeners_open_service(struct listeners *listeners, const struct message_endpoint *endpoint,
                            struct channel *api);
void listeners_finish(struct listeners *listeners);
