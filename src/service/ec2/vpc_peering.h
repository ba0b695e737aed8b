/* VPC peering connections, as routes, security group rules and the VPCs themselves ask for them. */
#pragma once

#include "service/call.h"
#include "service/ec2/cidr.h"

/* The active connection between two VPCs; NULL if there is none. */
const json_t *ec2_peering_between(const struct call *call, const char *vpc, const char *other);
/* Whether one side of the connection is this VPC. */
bool ec2_peering_has(const json_t *peering, const char *vpc);
/* "active", "pending-acceptance", "deleted" ... now: a request expires. */
const char *ec2_peering_state(const struct call *call, const json_t *peering);
/* Whether the VPC has a connection that is active or may still be accepted. */
bool ec2_peering_is_used(const struct call *call, const char *vpc);
/* Whether a VPC that is peered with this one has an address in common with `cidr`. */
bool ec2_peering_overlaps(const struct call *call, const char *vpc, struct cidr cidr);
