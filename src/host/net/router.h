/* Addresses and tables of a VPC's router, and what the files of net/ share. */
#pragma once

#include "base/err.h"
#include "base/map.h"
#include "host/net/net.h"
#include "host/net/route.h"
#include "host/net/rtnl.h"
#include "host/net/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

#define ROUTER_IMDS_TEXT "169.254.169.254"
#define ROUTER_DNS_TEXT  "169.254.169.253"

/* The mark of packets that a forwarder sends for others, and their sender on links to peers. */
#define ROUTER_FOREIGN_MARK "1"
#define ROUTER_FOREIGN_MAC  "02:64:00:00:00:05"

enum {
    ROUTER_IMDS = (int)0xa9fea9fe,
    ROUTER_DNS = (int)0xa9fea9fd,
    ROUTER_GATEWAY_OFFSET = 1,  /* of a subnet's gateway, from the subnet's network address */
    ROUTER_RESOLVER_OFFSET = 2, /* of the DNS server, from the VPC's network address */

    /* Both ends of the link to the host are told each other's address: no ARP on it. */
    ROUTER_HOST_END = (int)0xa9fe0001, /* 169.254.0.1 */
    ROUTER_VPC_END = (int)0xa9fe0002,
    ROUTER_PEER_END = (int)0xa9fe0003, /* the other end of a link to a peered VPC */

    /* Routing tables and rule priorities in a VPC's namespace. */
    ROUTER_TABLE_MEMBERS = 1000,     /* the VPC's own addresses */
    ROUTER_TABLE_FIRST = 2000,       /* + number of the route table */
    ROUTER_TABLE_OVERRIDES = 100000, /* + number of the route table */
    ROUTER_METRIC_OWN = 50,          /* of an address that a route leads to by itself */
    ROUTER_METRIC_NOWHERE = 100,     /* of a blackhole beneath a route */
    ROUTER_PRIORITY_LINKS = 800,     /* ... 804: of a forwarder's link */
    ROUTER_PRIORITY_WITHIN = 900,
    ROUTER_PRIORITY_OVERRIDES = 950,
    ROUTER_PRIORITY_MEMBERS = 1000,
    ROUTER_PRIORITY_SUBNETS = 2000,
    ROUTER_PRIORITY_NOTHING = 3000, /* drops what no table has a route for */

    ROUTER_LINK_GROUP = 1,      /* of all links in a VPC's namespace but those to peers */
    ROUTER_PEER_GROUP = 2,      /* of links to peered VPCs, at both ends */
    HOST_LINK_GROUP = 0x706c00, /* + world: of their ends on the host */
};

struct nft_ctx;

/* A VPC's namespace and what we know to be in it. */
struct vpc {
    char id[ID_SIZE];
    int namespace_fd;
    struct rtnl rtnl;    /* inside */
    struct nft_ctx *nft; /* inside */
    int internet_link;   /* interface index inside */
    int host_link;       /* interface index of its other end */
    struct ruleset ruleset;
    bool ruleset_known;     /* the kernel's rules are `ruleset` */
    struct fabric *message; /* the last one whose rules were applied, or NULL */
    size_t message_size;
    struct map
        nats; /* interface ids of NAT gateways -> NULL until made by this process, then not NULL */
    struct route_set inside, outside;
    int guest_sockets[NET_GUEST_SOCKETS]; /* kept, so that a new guest process loses nothing; -1 */
    int log_fd;                           /* likewise, while an interface is logged; -1 */
    uint16_t log_group;                   /* that its rules log to */
};

struct net {
    uint32_t world;
    uint32_t world_network; /* 100.(64+world).0.0, a /16 */
    uint32_t host_address;  /* 100.(64+world).0.1 */
    uint32_t service_address;
    char *directory;    /* of the bind mounts of namespaces */
    int host_fd;        /* the namespace that we belong to */
    struct rtnl rtnl;   /* on the host */
    unsigned next_link; /* number of the next link to try */
    struct map vpcs;    /* id -> struct vpc */
};

/* The VPC; made, or found from an earlier process, if `create`. NULL and err if it cannot be. */
struct vpc *vpc_get(struct net *net, const char *id, bool create, struct err *err);
/* Closes what we hold; the namespace stays. */
void vpc_close(struct vpc *vpc);
/* Removes the namespace, all links in it and their other ends. Frees the VPC. */
int vpc_remove(struct net *net, struct vpc *vpc, struct err *err);

/* Opens the socket for logged packets if there is none. */
int vpc_open_log(struct net *net, struct vpc *vpc, struct err *err);
void vpc_close_log(struct vpc *vpc);
/* Runs nft commands as one transaction in the VPC. */
int vpc_run_nft(struct vpc *vpc, const char *commands, struct err *err);

/* The host's own side: its public address and what keeps the world's traffic to itself. */
int host_side_create(struct net *net, struct err *err);
int host_side_remove(struct net *net, struct err *err);
/* The routing table on the host that has the public addresses of this world. */
uint32_t host_side_table(const struct net *net);
