/* Sets of DHCP options: what instances of a VPC are told when they start. Shape DhcpOptions. */
#pragma once

#include "service/call.h"

/* The id of the set that new VPCs of the region have; made with the first of them. */
const char *ec2_dhcp_options_default(struct call *call);
