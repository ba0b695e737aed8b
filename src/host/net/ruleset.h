/*
 * The nftables rules of one VPC as data: named sets, maps and chains, and the text that turns one
 * ruleset into another. Pure.
 *
 * A full rebuild is the difference from nothing, so it gives the same rules as any row of steps.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "host/net/fabric_message.h"

struct ruleset {
    struct map objects; /* name -> struct ruleset_object; declared in this order */
};

/* The name of the router's link to the host, in the VPC's namespace. */
#define NET_INTERNET_LINK "internet"

/*
 * Builds the rules that a checked message asks for. `world_network` is the /16 of the public
 * addresses, `log_group` where packets of logged interfaces go. On failure (memory) the ruleset is
 * empty.
 */
int ruleset_build(struct ruleset *ruleset, const struct fabric_view *view, uint32_t world_network,
                  unsigned log_group, struct err *err);
void ruleset_reset(struct ruleset *ruleset);

/*
 * Appends the nft commands that make `old` into `new`; nothing when they are equal. `old` NULL:
 * whatever is there is replaced. All commands are meant to run as one transaction.
 */
void ruleset_diff(const struct ruleset *old, const struct ruleset *new, struct buf *commands);

enum { NET_LINK_NAME_SIZE = 16 };
/* The name of the router's end of an interface's link: "v" and the last 14 digits of its id. */
void net_link_name(char name[NET_LINK_NAME_SIZE], const char *interface_id);
/* The name of the link to a peered VPC: "p" and the last 14 digits of the connection's id. */
void net_peer_link_name(char name[NET_LINK_NAME_SIZE], const char *peering_id);
