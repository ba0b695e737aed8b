/*
 * The fabric on this machine: one network namespace a VPC as its router, a veth pair a network
 * interface, nftables for security groups and address translation, policy routing for route tables.
 *
 * Single-threaded; enters namespaces with setns() and comes back. Namespaces are kept by bind
 * mounts under `run_dir`/netns, so a restarted host finds them again; net_apply() then rebuilds the
 * rules atomically, and connections that were open go on.
 */
#pragma once

#include "base/err.h"
#include "ipc/message.h"

#include <stddef.h>

struct net;

struct net_options {
    uint32_t world;      /* 0..63: owns 100.(64+world).0.0/16 and names of links on the host */
    const char *run_dir; /* "/run/pileus/3": exists, private to this daemon */
};

/* Finds what an earlier host process left, and sets up the host's own side. NULL and err on
 * failure. */
struct net *net_create(const struct net_options *options, struct err *err);
/* Addresses of this machine on the world's internet: its own, and where AWS's services answer. */
uint32_t net_host_address(const struct net *net);
uint32_t net_service_address(const struct net *net);
/* Forgets; namespaces and rules stay. */
void net_destroy(struct net *net);
/* Removes every namespace, link, route, rule and mount of this world; harmless when there is none.
 */
int net_remove_all(struct net *net, struct err *err);

/*
 * Makes a VPC what the message says: validates all counts and indices against `size`, then applies
 * the difference to what is there (one nftables transaction). On failure the VPC keeps working as
 * it was, as far as the kernel allows, and the next call repairs it.
 */
int net_apply(struct net *net, const struct fabric *fabric, size_t size, struct err *err);
int net_delete_vpc(struct net *net, const char *vpc, struct err *err);

/*
 * Creates the interface inside a namespace (eth1 for device index 1, or the next free name if its
 * owner has taken that) and its other end in the VPC's, with its addresses and routes. Also makes
 * the VPC's namespace if it is new. An interface that is plugged already is replaced.
 */
int net_plug(struct net *net, const struct instance_interface *interface, int netns_fd,
             struct err *err);
/* Gives the interface the addresses of `to` in place of those of `from`; otherwise both are the
 * same. */
int net_readdress(struct net *net, const struct instance_interface *from,
                  const struct instance_interface *to, int netns_fd, struct err *err);
/* Harmless if it is not plugged (the kernel removes both ends when either namespace ends). */
void net_unplug(struct net *net, const char *vpc, const char *interface_id);

struct net_counters {
    uint64_t received_bytes, sent_bytes, received_packets,
        sent_packets; /* seen from the instance */
    bool down;        /* the instance has switched the interface off */
};
int net_counters(struct net *net, const char *vpc, const char *interface_id,
                 struct net_counters *ret_counters, struct err *err);

/* Calls `visit` for each NAT gateway, told by its interface, with what it has received and sent. */
typedef void net_nat_visitor(void *arg, const char *interface_id,
                             const struct net_counters *counters);
void net_each_nat_gateway(struct net *net, net_nat_visitor *visit, void *arg);

/* A listening, non-blocking TCP socket in the VPC's namespace (vpc "": the host's). Returns it. */
int net_open_listener(struct net *net, const char *vpc, uint32_t address, uint16_t port,
                      struct err *err);
/* Fills sockets[0..count) with unconnected non-blocking TCP sockets bound to `address`. */
int net_open_sockets(struct net *net, const char *vpc, uint32_t address, int count, int *sockets,
                     struct err *err);
/*
 * IMDS (TCP 169.254.169.254:80, listening) and DNS (169.254.169.253:53, UDP, and TCP, listening) of
 * a VPC.
 */
enum { NET_GUEST_SOCKETS = 3 };
int net_open_guest_sockets(struct net *net, const char *vpc, int sockets[NET_GUEST_SOCKETS],
                           struct err *err);
/*
 * The socket by which the kernel tells of packets of the VPC's logged interfaces (log_socket.h); -1
 * if it has none. It stays ours, and is the same until net_apply() says otherwise.
 */
int net_guest_log(const struct net *net, const char *vpc);
