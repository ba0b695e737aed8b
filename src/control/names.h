/* The DNS names that the resolvers of VPCs know besides those of instances. */
#pragma once

#include "store/store.h"

#include <stdint.h>

/*
 * The payload of NAMES, as guest_set_names() describes it: load balancers (internal ones have
 * private addresses, others public ones, of the zones that dns_failover leaves in DNS), interface
 * endpoints, what each VPC's attributes say, and the services of AWS that there are, at
 * `service_address` (0: it is not known yet). A new object.
 */
json_t *names_compose(const struct store *store, uint32_t service_address);
