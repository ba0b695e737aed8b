/*
 * Addresses, routes and routing rules as values that can be compared, added and deleted, so that a
 * set of them is brought to what it should be by its difference.
 */
#pragma once

#include "host/net/rtnl.h"

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>

enum route_sort { SORT_ADDRESS = 1, SORT_ROUTE, SORT_RULE };

/* Unused members are 0. Compared as bytes: it has no padding. */
struct route {
    uint32_t sort;            /* enum route_sort */
    uint32_t priority;        /* of a rule; of a route its metric: the lowest one counts */
    uint32_t network, prefix; /* destination of a route, source of a rule, or the address itself */
    uint32_t target;          /* rule: destination block ... */
    uint32_t target_prefix;
    uint32_t table;   /* of a route or rule */
    uint32_t type;    /* RTN_UNICAST or RTN_BLACKHOLE; FR_ACT_TO_TBL or FR_ACT_BLACKHOLE */
    uint32_t link;    /* interface index of a route or address */
    uint32_t gateway; /* of a route; reached on the link whatever its addresses */
    uint32_t source;  /* that a route prefers */
    char from[16];    /* rule: only packets from this link; "lo": that this host itself sends */
};

/* A sorted set; all zero is empty. */
struct route_set {
    struct route *items;
    size_t count;
    bool failed; /* memory ran out; sticky */
};

void route_set_add(struct route_set *set, const struct route *route);
void route_set_reset(struct route_set *set);

/* Adds to the kernel (replacing a route to the same place), or deletes. Harmless when done already.
 */
int route_add(struct rtnl *rtnl, const struct route *route, struct err *err);
int route_delete(struct rtnl *rtnl, const struct route *route, struct err *err);

/*
 * Brings the kernel from `current` to `desired`, additions first, and leaves in `current` what is
 * then there, also on failure. Sorts both sets.
 */
int route_set_apply(struct rtnl *rtnl, struct route_set *current, struct route_set *desired,
                    struct err *err);

/* Which of the kernel's routes route_set_load() takes. */
typedef bool route_filter(const struct route *route, const void *owner);
/* Adds to the set what an earlier process left and `filter` lets through. */
int route_set_load(struct rtnl *rtnl, struct route_set *set, route_filter *filter,
                   const void *owner, struct err *err);
