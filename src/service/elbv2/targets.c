/* Targets of a target group: the rows of its `_targets`. */
#include "service/accept.h"
#include "service/doc.h"
#include "service/ec2/cidr.h"
#include "service/elbv2/actions.h"
#include "service/elbv2/attributes.h"
#include "service/elbv2/health.h"
#include "service/elbv2/limits.h"
#include "service/elbv2/operations.h"
#include "service/elbv2/resource.h"
#include "service/elbv2/usage.h"

#include <stdio.h>
#include <string.h>

/* ---- addresses ---- */

static bool block_holds(const char *block, uint32_t address)
{
    struct cidr cidr;
    return cidr_parse(block, &cidr) && cidr_contains(cidr, address);
}

/* The zone of the subnet of a VPC that an address is in; NULL if it is in none. */
static const char *zone_of_address(const struct call *call, const char *vpc, uint32_t address)
{
    store_each (cursor, call->store, "subnet", call->region)
        if (doc_is(cursor.doc, "VpcId", vpc) &&
            block_holds(doc_text(cursor.doc, "CidrBlock"), address))
            return doc_text(cursor.doc, "AvailabilityZone");
    return NULL;
}

/* Fills the zone of a target that is an address. */
static int check_address(const struct call *call, const json_t *group, json_t *target,
                         struct err *err)
{
    static const char *const ranges[] = {"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12",
                                         "192.168.0.0/16"};
    uint32_t address;
    const char *id = doc_text(target, "Id"), *asked = doc_text(target, "AvailabilityZone");
    if (!cidr_parse_address(id, &address))
        return err_aws(err, "ValidationError",
                       "The IP address '%.100s' is not a valid IPv4 address", id);
    const char *zone = zone_of_address(call, doc_text(group, "VpcId"), address);
    bool is_private = zone != NULL;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        is_private |= block_holds(ranges[i], address);
    if (!is_private)
        return err_aws(err, "InvalidTarget",
                       "The following targets are not in a supported IP range: '%s'", id);
    if (!zone && strcmp(asked, "all") != 0)
        return err_aws(
            err, "ValidationError",
            "You must specify the Availability Zone 'all' for the IP address '%s', which "
            "is outside the VPC of the target group",
            id);
    if (zone && *asked && strcmp(asked, zone) != 0)
        return err_aws(err, "ValidationError",
                       "The IP address '%s' is in the Availability Zone '%s', not '%.100s'", id,
                       zone, asked);
    json_object_set_new(target, "AvailabilityZone", json_string(zone ? zone : "all"));
    return 0;
}

static int check_instance(const struct call *call, const json_t *group, const json_t *target,
                          struct err *err)
{
    const char *id = doc_text(target, "Id");
    const json_t *instance = store_get(call->store, "instance", call->region, id);
    if (!instance)
        return err_aws(err, "InvalidTarget",
                       "The following targets are not valid instances: '%.100s'", id);
    if (*doc_text(target, "AvailabilityZone"))
        return err_aws(err, "ValidationError",
                       "An Availability Zone cannot be specified for targets of type 'instance'");
    if (!doc_is(instance, "VpcId", doc_text(group, "VpcId")))
        return err_aws(err, "InvalidTarget",
                       "The following targets are not in the target group VPC '%s': '%s'",
                       doc_text(group, "VpcId"), id);
    if (elb_target_is_down(call->store, call->region, target))
        return err_aws(err, "InvalidTarget",
                       "The following targets are not in a running state and cannot be registered: "
                       "'%s'",
                       id);
    return 0;
}

/* ---- registration ---- */

/* The port of a target in a request: its own or the group's. */
static int64_t port_of(const json_t *group, const json_t *asked)
{
    return json_object_get(asked, "Port") ? doc_number(asked, "Port") : doc_number(group, "Port");
}

/* Where a target is in `_targets`; their count if it is not there. */
static size_t find_target(const json_t *group, const char *id, int64_t port)
{
    const json_t *targets = json_object_get(group, "_targets");
    size_t i = 0;
    while (i < json_array_size(targets) &&
           !(doc_is(json_array_get(targets, i), "Id", id) &&
             doc_number(json_array_get(targets, i), "Port") == port))
        i++;
    return i;
}

static int register_target(const struct call *call, json_t *group, const json_t *asked,
                           struct err *err)
{
    json_t *targets = json_object_get(group, "_targets");
    const char *id = doc_text(asked, "Id");
    int64_t port = port_of(group, asked);
    json_auto_t *target = json_pack("{s:s, s:I, s:I}", "Id", id, "Port", (json_int_t)port,
                                    "_registered_ms", (json_int_t)call->now_ms);
    if (call_accept(asked, "Id Port AvailabilityZone", err) < 0)
        return -1;
    if (json_object_get(asked, "AvailabilityZone"))
        json_object_set(target, "AvailabilityZone", json_object_get(asked, "AvailabilityZone"));
    if ((doc_is(group, "TargetType", "ip") ? check_address(call, group, target, err)
                                           : check_instance(call, group, target, err)) < 0)
        return -1;
    size_t at = find_target(group, id, port);
    const json_t *existing = json_array_get(targets, at);
    if (existing && !json_object_get(existing, "_draining_until_ms"))
        return 0;
    if (existing)
        json_array_remove(targets, at);
    json_array_append(targets, target);
    if (json_array_size(targets) > ELB_TARGETS_PER_GROUP_MAX)
        return err_aws(err, "TooManyTargets",
                       "The maximum number of targets has been reached for the target group");
    return 0;
}

int elb_RegisterTargets(struct call *call, struct err *err)
{
    json_t *group = elb_edit(call, ELB_TARGET_GROUP, doc_text(call->in, "TargetGroupArn"), err);
    if (!group)
        return -1;
    size_t i;
    const json_t *asked;
    json_array_foreach (json_object_get(call->in, "Targets"), i, asked)
        if (register_target(call, group, asked, err) < 0)
            return -1;
    const char *user = elb_user_of(call->store, call->region, doc_text(group, "TargetGroupArn"));
    return user ? elb_check_usage(call, user, NULL, err) : 0;
}

/* Begins to drain a target; one that gets no traffic is gone at once. */
static void deregister_target(const struct call *call, json_t *group, size_t at, bool in_use)
{
    json_t *targets = json_object_get(group, "_targets");
    json_t *target = json_array_get(targets, at);
    int64_t delay_ms = elb_attribute_number(group, "deregistration_delay.timeout_seconds") * 1000;
    if (!in_use || delay_ms == 0)
        json_array_remove(targets, at);
    else if (!json_object_get(target, "_draining_until_ms"))
        json_object_set_new(target, "_draining_until_ms", json_integer(call->now_ms + delay_ms));
}

int elb_DeregisterTargets(struct call *call, struct err *err)
{
    const char *arn = doc_text(call->in, "TargetGroupArn");
    json_t *group = elb_edit(call, ELB_TARGET_GROUP, arn, err);
    if (!group)
        return -1;
    bool in_use = elb_user_of(call->store, call->region, arn) != NULL;
    size_t i;
    const json_t *asked;
    json_array_foreach (json_object_get(call->in, "Targets"), i, asked) {
        size_t at = find_target(group, doc_text(asked, "Id"), port_of(group, asked));
        if (at < json_array_size(json_object_get(group, "_targets")))
            deregister_target(call, group, at, in_use);
    }
    return 0;
}

/* ---- health ---- */

/* Where health checks of a target go. */
static json_t *health_check_port(const json_t *group, int64_t target_port)
{
    char text[24];
    if (!doc_is(group, "HealthCheckPort", "traffic-port"))
        return json_incref(json_object_get(group, "HealthCheckPort"));
    snprintf(text, sizeof text, "%lld", (long long)target_port);
    return json_string(text);
}

/* What is known of a target's anomalies; one that has not been measured is like all others. */
static json_t *show_anomaly(const json_t *health)
{
    json_t *known = json_object_get(health, "_anomaly");
    if (known)
        return json_incref(known);
    return json_pack("{s:s, s:s}", "Result", "normal", "MitigationInEffect", "no");
}

static void describe(struct call *call, const json_t *group, const json_t *target, json_t *health)
{
    int64_t port = doc_number(target, "Port");
    const json_t *include = json_object_get(call->in, "Include");
    json_t *shown = json_pack("{s:s, s:I}", "Id", doc_text(target, "Id"), "Port", (json_int_t)port);
    if (*doc_text(target, "AvailabilityZone"))
        json_object_set(shown, "AvailabilityZone", json_object_get(target, "AvailabilityZone"));
    json_t *description = json_pack("{s:o, s:o, s:o}", "Target", shown, "HealthCheckPort",
                                    health_check_port(group, port), "TargetHealth", health);
    if (doc_list_has(include, "AnomalyDetection") || doc_list_has(include, "All"))
        json_object_set_new(description, "AnomalyDetection", show_anomaly(health));
    json_array_append_new(json_object_get(call->out, "TargetHealthDescriptions"), description);
}

static int describe_asked(struct call *call, const json_t *group, const json_t *user,
                          const json_t *asked, struct err *err)
{
    const char *id = doc_text(asked, "Id");
    int64_t port = port_of(group, asked);
    const json_t *target =
        json_array_get(json_object_get(group, "_targets"), find_target(group, id, port));
    if (target) {
        describe(call, group, target,
                 elb_target_health(call->store, call->region, group, user, target));
        return 0;
    }
    if (doc_is(group, "TargetType", "instance") &&
        !store_get(call->store, "instance", call->region, id))
        return err_aws(err, "InvalidTarget",
                       "The following targets are not valid instances: '%.100s'", id);
    json_auto_t *unknown = json_pack("{s:s, s:I}", "Id", id, "Port", (json_int_t)port);
    describe(call, group, unknown,
             json_pack("{s:s, s:s, s:s}", "State", "unused", "Reason", "Target.NotRegistered",
                       "Description", "Target is not registered to the target group"));
    return 0;
}

int elb_DescribeTargetHealth(struct call *call, struct err *err)
{
    if (call_accept(call->in, "TargetGroupArn Targets Include", err) < 0)
        return -1;
    const char *arn = doc_text(call->in, "TargetGroupArn");
    const json_t *group = elb_find(call, ELB_TARGET_GROUP, arn, err);
    if (!group)
        return -1;
    const char *user_arn = elb_user_of(call->store, call->region, arn);
    const json_t *user =
        user_arn ? store_get(call->store, elb_kind(ELB_LOAD_BALANCER), call->region, user_arn)
                 : NULL;
    json_object_set_new(call->out, "TargetHealthDescriptions", json_array());
    const json_t *asked = json_object_get(call->in, "Targets");
    size_t i;
    const json_t *target;
    json_array_foreach (asked, i, target)
        if (describe_asked(call, group, user, target, err) < 0)
            return -1;
    if (json_array_size(asked) > 0)
        return 0;
    json_array_foreach (json_object_get(group, "_targets"), i, target)
        describe(call, group, target,
                 elb_target_health(call->store, call->region, group, user, target));
    return 0;
}
