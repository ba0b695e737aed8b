#include "service/elbv2/health.h"

#include "service/doc.h"
#include "service/elbv2/resource.h"

#include <stdio.h>
#include <string.h>

const char elb_target_health_kind[] = "target-health";

void elb_target_health_id(const char *dimension, const char *target, int64_t port,
                          char out[ELB_TARGET_HEALTH_ID_SIZE])
{
    snprintf(out, ELB_TARGET_HEALTH_ID_SIZE, "%s/%s:%lld", dimension, target, (long long)port);
}

/* The instance that a target is; NULL for an address, or if it is forgotten. */
static const json_t *instance_of(const struct store *store, const char *region,
                                 const json_t *target)
{
    return store_get(store, "instance", region, doc_text(target, "Id"));
}

static bool is_instance(const json_t *target)
{
    return strncmp(doc_text(target, "Id"), "i-", 2) == 0;
}

static const char *instance_state(const struct store *store, const char *region,
                                  const json_t *target)
{
    return doc_text(json_object_get(instance_of(store, region, target), "State"), "Name");
}

const char *elb_target_address(const struct store *store, const char *region, const json_t *target)
{
    return is_instance(target) ? doc_text(instance_of(store, region, target), "PrivateIpAddress")
                               : doc_text(target, "Id");
}

const char *elb_target_zone(const struct store *store, const char *region, const json_t *target)
{
    if (!is_instance(target))
        return doc_text(target, "AvailabilityZone");
    return doc_text(json_object_get(instance_of(store, region, target), "Placement"),
                    "AvailabilityZone");
}

bool elb_target_is_down(const struct store *store, const char *region, const json_t *target)
{
    return is_instance(target) && strcmp(instance_state(store, region, target), "running") != 0;
}

static bool has_node(const json_t *load_balancer, const char *address)
{
    size_t i;
    const json_t *node;
    json_array_foreach (json_object_get(load_balancer, "_nodes"), i, node)
        if (doc_is(node, "Address", address))
            return true;
    return false;
}

bool elb_target_is_load_balancer(const struct store *store, const char *region, const json_t *group,
                                 const json_t *target)
{
    if (is_instance(target))
        return false;
    store_each (cursor, store, elb_kind(ELB_LOAD_BALANCER), region)
        if (doc_is(cursor.doc, "VpcId", doc_text(group, "VpcId")) &&
            has_node(cursor.doc, doc_text(target, "Id")))
            return true;
    return false;
}

static json_t *health(const char *state, const char *reason, const char *description)
{
    return json_pack("{s:s, s:s, s:s}", "State", state, "Reason", reason, "Description",
                     description);
}

static bool zone_is_enabled(const json_t *load_balancer, const char *zone)
{
    size_t i;
    const json_t *node;
    json_array_foreach (json_object_get(load_balancer, "_nodes"), i, node)
        if (doc_is(node, "AvailabilityZone", zone))
            return true;
    return !strcmp(zone, "all");
}

static json_t *down(const char *state)
{
    char text[80];
    snprintf(text, sizeof text, "Target is in the %s state", *state ? state : "terminated");
    return health("unused", "Target.InvalidState", text);
}

json_t *elb_target_health(const struct store *store, const char *region, const json_t *group,
                          const json_t *user, const json_t *target)
{
    if (json_object_get(target, "_draining_until_ms"))
        return health("draining", "Target.DeregistrationInProgress",
                      "Target deregistration is in progress");
    if (!user)
        return health("unused", "Target.NotInUse",
                      "Target group is not configured to receive traffic from the load balancer");
    if (elb_target_is_load_balancer(store, region, group, target))
        return health(
            "unused", "Target.IpUnusable",
            "The IP address cannot be used as a target, as it is in use by a load balancer");
    if (elb_target_is_down(store, region, target))
        return down(instance_state(store, region, target));
    if (!zone_is_enabled(user, elb_target_zone(store, region, target)))
        return health(
            "unused", "Target.NotInUse",
            "Target is in an Availability Zone that is not enabled for the load balancer");
    char id[ELB_TARGET_HEALTH_ID_SIZE];
    elb_target_health_id(doc_text(group, "_dimension"), doc_text(target, "Id"),
                         doc_number(target, "Port"), id);
    const json_t *measured = store_get(store, elb_target_health_kind, region, id);
    if (measured)
        return json_deep_copy(measured);
    return health("initial", "Elb.RegistrationInProgress", "Target registration is in progress");
}
