#include "control/zone_health.h"

#include "service/doc.h"
#include "service/elbv2/attributes.h"
#include "service/elbv2/health.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/usage.h"

#include <string.h>

#define DNS     "target_group_health.dns_failover.minimum_healthy_targets."
#define ROUTING "target_group_health.unhealthy_state_routing.minimum_healthy_targets."

static void count_target(const struct store *store, const char *region, const json_t *group,
                         const json_t *user, const json_t *target, struct host_count *count)
{
    json_auto_t *health = elb_target_health(store, region, group, user, target);
    const json_t *anomaly = json_object_get(health, "_anomaly");
    bool healthy = doc_is(health, "State", "healthy");
    count->healthy += healthy;
    count->unhealthy += doc_is(health, "State", "unhealthy");
    count->usable += !json_object_get(target, "_draining_until_ms");
    count->anomalous += healthy && doc_is(anomaly, "Result", "anomalous");
    count->mitigated += healthy && doc_is(anomaly, "MitigationInEffect", "yes");
}

struct host_count zone_health_count(const struct store *store, const char *region,
                                    const json_t *group, const json_t *user, const char *zone)
{
    struct host_count count = {0};
    size_t i;
    const json_t *target;
    json_array_foreach (json_object_get(group, "_targets"), i, target)
        if (!*zone || !strcmp(zone, elb_target_zone(store, region, target)))
            count_target(store, region, group, user, target, &count);
    return count;
}

bool zone_health_is_by_zone(const json_t *group)
{
    return !strcmp(elb_attribute(group, "load_balancing.cross_zone.enabled"), "false");
}

/* Whether a count and a percentage, of which each may be "off", are both met. */
static bool meets(const json_t *group, const char *count_key, const char *percentage_key,
                  const struct host_count *count)
{
    return count->healthy >= (double)elb_attribute_number(group, count_key) &&
           count->healthy * 100 >=
               count->usable * (double)elb_attribute_number(group, percentage_key);
}

bool zone_health_meets_dns(const json_t *group, const struct host_count *count)
{
    return meets(group, DNS "count", DNS "percentage", count);
}

bool zone_health_meets_routing(const json_t *group, const struct host_count *count)
{
    return meets(group, ROUTING "count", ROUTING "percentage", count);
}

/* Whether a target group of the load balancer is healthy in the zone of a node. */
static bool has_healthy_group(const struct store *store, const char *region,
                              const json_t *load_balancer, const struct map *users,
                              const char *zone)
{
    map_each (use, users) {
        const json_t *group = store_get(store, elb_kind(ELB_TARGET_GROUP), region, use->key);
        if (!group || !doc_is(load_balancer, "LoadBalancerArn", use->value))
            continue;
        const char *of = zone_health_is_by_zone(group) ? zone : "";
        struct host_count count = zone_health_count(store, region, group, load_balancer, of);
        if (zone_health_meets_dns(group, &count))
            return true;
    }
    return false;
}

json_t *zone_health_nodes(const struct store *store, const char *region,
                          const json_t *load_balancer, const struct map *users)
{
    json_t *all = json_object_get(load_balancer, "_nodes"), *healthy = json_array();
    size_t i;
    json_t *node;
    json_array_foreach (all, i, node)
        if (has_healthy_group(store, region, load_balancer, users,
                              doc_text(node, "AvailabilityZone")))
            json_array_append(healthy, node);
    if (json_array_size(healthy) > 0)
        return healthy;
    json_decref(healthy);
    return all ? json_incref(all) : json_array();
}
