/*
 * How many targets of a group are healthy in a zone, and what that means: for its metrics, and for
 * the addresses that a load balancer's name has in DNS.
 */
#pragma once

#include "base/map.h"
#include "store/store.h"

#include <jansson.h>
#include <stdbool.h>

struct host_count {
    double healthy, unhealthy, usable; /* usable: registered, and not on their way out */
    double anomalous, mitigated;
};

/* Counts the targets of a group in a zone, or in all if zone is "". `user` is its load balancer. */
struct host_count zone_health_count(const struct store *store, const char *region,
                                    const json_t *group, const json_t *user, const char *zone);
/* Whether a group has a health of its own in each zone: cross-zone load balancing is off. */
bool zone_health_is_by_zone(const json_t *group);
/* Whether the thresholds of the group are met: for DNS, and for routing to healthy targets only. */
bool zone_health_meets_dns(const json_t *group, const struct host_count *count);
bool zone_health_meets_routing(const json_t *group, const struct host_count *count);
/*
 * The nodes of a load balancer that its name leads to: those in whose zones at least one of its
 * target groups is healthy; all if there is no such zone, or no group. A new array. `users` is of
 * elb_users_of_all().
 */
json_t *zone_health_nodes(const struct store *store, const char *region,
                          const json_t *load_balancer, const struct map *users);
