/* What balancer must know of load balancers, composed from the store. */
#pragma once

#include "store/store.h"

#include <stdint.h>

/*
 * The payload of CONFIGURE (src/balancer/config.h describes it): every load balancer with its
 * nodes, and every target group that one of them uses. `host_address` is the host's own, as
 * HOST_HELLO told it. A new object.
 */
json_t *balancer_config(const struct store *store, uint32_t host_address);
