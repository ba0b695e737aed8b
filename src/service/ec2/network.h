/*
 * What several documents of the network say together. The fabric is composed by it, and
 * reachability is worked out by it, so that both say the same.
 */
#pragma once

#include "store/store.h"

/* The internet gateway that is attached to a VPC; NULL if none is. */
const json_t *ec2_network_gateway(const struct store *store, const char *region, const char *vpc);
/* The VPC at the other end of an active peering connection of `vpc`; NULL if it is not one. */
const json_t *ec2_network_peer(const struct store *store, const char *region, const char *vpc,
                               const json_t *peering);
/*
 * The IP protocol number of a rule or entry, 0 for all; -1 for what no IPv4 packet has: protocol 0
 * is an option of IPv6 only, and icmpv6 is nothing here either.
 */
int ec2_network_protocol(const char *name);
