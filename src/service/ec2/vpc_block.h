/* The address blocks of a VPC: the primary one, and those that were associated later. */
#pragma once

#include "service/call.h"
#include "service/ec2/cidr.h"

/* Whether one of the VPC's blocks contains all of `cidr`. */
bool ec2_vpc_contains(const json_t *vpc, struct cidr cidr);
/* Whether one of the VPC's blocks has an address in common with `cidr`. */
bool ec2_vpc_overlaps(const json_t *vpc, struct cidr cidr);
/*
 * Reads a block that a VPC may have, in canonical form. Errors: InvalidParameterValue (no block),
 * InvalidVpc.Range (too large, too small, or reserved).
 */
int ec2_vpc_block_read(const char *text, struct cidr *ret, struct err *err);
/* A new CidrBlockAssociation, associated. New reference. */
json_t *ec2_vpc_block_associated(const struct call *call, const char *block);
