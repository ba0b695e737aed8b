/*
 * The operations of EC2 that work. Each name X in a list is a handler `ec2_X` and a row of
 * `ec2_service`; the two halves of the service keep a list each.
 */
#pragma once

#include "service/call.h"
#include "service/ec2/compute_operations.h"
#include "service/ec2/network_operations.h"

#define X(name) service_handler ec2_##name;
EC2_NETWORK_OPERATIONS(X)
EC2_COMPUTE_OPERATIONS(X)
#undef X
