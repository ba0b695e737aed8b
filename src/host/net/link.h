/* Network links by rtnetlink: virtual cables (veth), their addresses and neighbours. */
#pragma once

#include "host/net/net.h"
#include "host/net/rtnl.h"

/* One end of a virtual cable. */
struct link_end {
    const char *name;
    int namespace_fd; /* -1: where the request is made */
    uint32_t group;   /* 0: none; see link_delete_group() */
    uint8_t mac[6];
};

/* Makes a virtual cable; `here` is in the namespace of `rtnl`. err->number is EEXIST if the name of
 * either end is taken. */
int link_create(struct rtnl *rtnl, const struct link_end *here, const struct link_end *there,
                struct err *err);
/* What is known about a link. */
struct link {
    int index;                    /* 0: there is no such link */
    int peer_index;               /* of a virtual cable's other end, in its namespace */
    struct net_counters counters; /* seen from the other end: what it sent, this end received */
};
int link_find(struct rtnl *rtnl, const char *name, struct link *link, struct err *err);
int link_up(struct rtnl *rtnl, int index, struct err *err);
/* Removes both ends; harmless if it is not there. */
int link_delete(struct rtnl *rtnl, int index, struct err *err);
/* Removes all links of a group at once, which takes no longer than one; harmless if there is none.
 */
int link_delete_group(struct rtnl *rtnl, uint32_t group, struct err *err);

/* Adds an address; harmless if it is there. */
int link_add_address(struct rtnl *rtnl, int index, uint32_t address, unsigned prefix,
                     struct err *err);
/* Says for good which MAC address a neighbour has. */
int link_add_neighbour(struct rtnl *rtnl, int index, uint32_t address, const uint8_t mac[6],
                       struct err *err);

enum { LINK_LOOPBACK = 1 }; /* the loopback's index, in every namespace */
