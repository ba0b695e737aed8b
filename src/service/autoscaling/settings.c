#include "service/autoscaling/settings.h"

#include "base/cleanup.h"
#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/launch_configuration.h"
#include "service/ec2/launch_templates.h"

#include <stdio.h>
#include <string.h>

enum {
    LIFETIME_MIN_S = 86400,
    LIFETIME_MAX_S = 365 * 86400,
};

/* What a request may name; other settings are refused. */
static const char understood[] =
    "AutoScalingGroupName LaunchTemplate LaunchConfigurationName InstanceId MinSize MaxSize "
    "DesiredCapacity DefaultCooldown "
    "AvailabilityZones TargetGroupARNs HealthCheckType HealthCheckGracePeriod VPCZoneIdentifier "
    "TerminationPolicies NewInstancesProtectedFromScaleIn DeletionProtection Tags "
    "ServiceLinkedRoleARN DesiredCapacityType=units DefaultInstanceWarmup "
    "LifecycleHookSpecificationList LoadBalancerNames TrafficSources "
    "MaxInstanceLifetime InstanceMaintenancePolicy AvailabilityZoneDistribution "
    "AvailabilityZoneImpairmentPolicy "
    "CapacityReservationSpecification SkipZonalShiftValidation=false";

static int refuse_unsupported(const json_t *in, struct err *err)
{
    static const struct {
        const char *member, *understood;
    } nested[] = {
        {"AvailabilityZoneImpairmentPolicy", "ZonalShiftEnabled=false"},
        {"CapacityReservationSpecification", "CapacityReservationPreference=default"},
    };
    if (call_accept(in, understood, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof nested / sizeof *nested; i++) {
        const json_t *value = json_object_get(in, nested[i].member);
        if (value && call_accept(value, nested[i].understood, err) < 0)
            return -1;
    }
    return 0;
}

/* What instances are launched from is one thing, and stays while a refresh launches another. */
static int check_launch_source(const struct call *call, const json_t *group, struct err *err)
{
    static const char *const sources[] = {"LaunchTemplate", "LaunchConfigurationName",
                                          "InstanceId"};
    int asked = 0;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        asked += json_object_get(call->in, sources[i]) != NULL;
    if (asked > 1)
        return settings_refuse_launch_source(err);
    if (asked && json_object_get(group, "_refresh_template"))
        return err_aws(
            err, "ValidationError",
            "An active instance refresh with a desired configuration exists. All "
            "configuration options derived from the desired configuration are not available "
            "for update while the instance refresh is active.");
    return 0;
}

int settings_refuse_launch_source(struct err *err)
{
    return err_aws(err, "ValidationError",
                   "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, "
                   "InstanceId or MixedInstancesPolicy parameter.");
}

/* A launch configuration that there is, or one that is made like an instance. */
static int apply_launch_configuration(struct call *call, json_t *group, struct err *err)
{
    const char *name = doc_text(call->in, "LaunchConfigurationName");
    const char *instance = doc_text(call->in, "InstanceId");
    if (!*name && !*instance)
        return 0;
    if (*instance) {
        name = doc_text(group, "AutoScalingGroupName");
        if (launch_configuration_from_instance(call, name, instance, err) < 0)
            return -1;
    } else if (!launch_configuration_find(call, name, err)) {
        return -1;
    }
    json_object_set_new(group, "LaunchConfigurationName", json_string(name));
    json_object_del(group, "LaunchTemplate");
    return 0;
}

/* EC2 says what is wrong with a template; Auto Scaling says so in its own words. */
static int apply_launch_template(struct call *call, json_t *group, struct err *err)
{
    const json_t *asked = json_object_get(call->in, "LaunchTemplate");
    const char *version = doc_text(asked, "Version");
    struct err cause = {0};
    if (!asked)
        return 0;
    if (!*doc_text(asked, "LaunchTemplateId") == !*doc_text(asked, "LaunchTemplateName"))
        return err_aws(err, "ValidationError",
                       "Valid requests must contain either launchTemplateId or LaunchTemplateName");
    const json_t *found = launch_template_resolve(call, asked, &cause);
    if (found && !*doc_text(json_object_get(found, "LaunchTemplateData"), "ImageId"))
        err_set(&cause, "The request must contain the parameter ImageId");
    if (*cause.text)
        return err_aws(err, "ValidationError",
                       "You must use a valid fully-formed launch template. %s", cause.text);
    json_object_set_new(group, "LaunchTemplate",
                        json_pack("{s:O, s:O, s:s}", "LaunchTemplateId",
                                  json_object_get(found, "LaunchTemplateId"), "LaunchTemplateName",
                                  json_object_get(found, "LaunchTemplateName"), "Version",
                                  *version ? version : "$Default"));
    json_object_del(group, "LaunchConfigurationName");
    return 0;
}

/* Adds a subnet to the group's `_subnets` and its zone to `zones`. */
static void add_subnet(json_t *subnets, json_t *zones, const json_t *subnet)
{
    const char *zone = doc_text(subnet, "AvailabilityZone");
    json_array_append_new(subnets, json_pack("{s:s, s:s}", "SubnetId", doc_text(subnet, "SubnetId"),
                                             "AvailabilityZone", zone));
    if (!doc_list_has(zones, zone))
        json_array_append_new(zones, json_string(zone));
}

static int read_subnets(const struct call *call, const char *list, json_t *subnets, json_t *zones,
                        struct err *err)
{
    auto_free char *ids = strdup(list);
    char *rest = ids, *id;
    const char *vpc = NULL;
    while ((id = strsep(&rest, ","))) {
        id += strspn(id, " ");
        id[strcspn(id, " ")] = 0;
        const json_t *subnet = store_get(call->store, "subnet", call->region, id);
        if (!subnet)
            return err_aws(err, "ValidationError", "The subnet ID '%s' does not exist", id);
        if (vpc && strcmp(vpc, doc_text(subnet, "VpcId")))
            return err_aws(err, "ValidationError",
                           "The subnet IDs are not all in the same VPC: '%s'", list);
        vpc = doc_text(subnet, "VpcId");
        add_subnet(subnets, zones, subnet);
    }
    return 0;
}

static const json_t *find_default_subnet(const struct call *call, const char *zone)
{
    store_each (cursor, call->store, "subnet", call->region)
        if (doc_flag(cursor.doc, "DefaultForAz") &&
            !strcmp(doc_text(cursor.doc, "AvailabilityZone"), zone))
            return cursor.doc;
    return NULL;
}

static int read_zones(const struct call *call, const json_t *names, json_t *subnets, json_t *zones,
                      struct err *err)
{
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        const json_t *subnet = find_default_subnet(call, json_string_value(name));
        if (!subnet)
            return err_aws(err, "ValidationError", "No default subnet for availability zone: '%s'.",
                           json_string_value(name));
        add_subnet(subnets, zones, subnet);
    }
    return 0;
}

/* VPCZoneIdentifier, or AvailabilityZones for their default subnets. */
static int apply_zones(struct call *call, json_t *group, struct err *err)
{
    const char *list = doc_text(call->in, "VPCZoneIdentifier");
    const json_t *names = json_object_get(call->in, "AvailabilityZones");
    json_auto_t *subnets = json_array(), *zones = json_array();
    if (!*list && !json_array_size(names))
        return 0;
    if ((*list ? read_subnets(call, list, subnets, zones, err)
               : read_zones(call, names, subnets, zones, err)) < 0)
        return -1;
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name)
        if (!doc_list_has(zones, json_string_value(name)))
            return err_aws(err, "ValidationError",
                           "The availability zones of the specified subnets and the Auto Scaling "
                           "group do not match");
    json_object_set_new(group, "VPCZoneIdentifier", json_string(list));
    json_object_set(group, "AvailabilityZones", zones);
    json_object_set(group, "_subnets", subnets);
    return 0;
}

const char *const termination_policies[] = {
    "AllocationStrategy",
    "ClosestToNextInstanceHour",
    "Default",
    "NewestInstance",
    "OldestInstance",
    "OldestLaunchConfiguration",
    "OldestLaunchTemplate",
    NULL,
};

static int check_termination_policy(const char *policy, bool is_last, struct err *err)
{
    if (!strncmp(policy, "arn:", 4))
        return err_aws(err, "UnsupportedOperation",
                       "Termination policies that are Lambda functions are not supported by "
                       "Pileus: %s",
                       policy);
    if (!strcmp(policy, "Default") && !is_last)
        return err_aws(err, "ValidationError",
                       "If Default termination policy is specified, it must be at the end of list "
                       "of termination policies.");
    for (const char *const *known = termination_policies; *known; known++)
        if (!strcmp(*known, policy))
            return 0;
    return err_aws(err, "ValidationError", "Invalid termination policy: %s", policy);
}

static int apply_termination_policies(struct call *call, json_t *group, struct err *err)
{
    json_t *policies = json_object_get(call->in, "TerminationPolicies");
    size_t i, count = json_array_size(policies);
    const json_t *policy;
    json_array_foreach (policies, i, policy)
        if (check_termination_policy(json_string_value(policy), i + 1 == count, err) < 0)
            return -1;
    if (count)
        json_object_set(group, "TerminationPolicies", policies);
    return 0;
}

static int apply_health_check(struct call *call, json_t *group, struct err *err)
{
    json_t *type = json_object_get(call->in, "HealthCheckType");
    const char *text = json_string_value(type);
    if (!type)
        return 0;
    if (!strcmp(text, "EBS") || !strcmp(text, "VPC_LATTICE"))
        return err_aws(err, "UnsupportedOperation",
                       "HealthCheckType %s is not supported by Pileus yet.", text);
    if (strcmp(text, "EC2") && strcmp(text, "ELB"))
        return err_aws(err, "ValidationError", "Invalid HealthCheckType: %s", text);
    json_object_set(group, "HealthCheckType", type);
    return 0;
}

static int check_role(const struct call *call, const json_t *group, struct err *err)
{
    const char *asked = doc_text(call->in, "ServiceLinkedRoleARN");
    if (*asked && strcmp(asked, doc_text(group, "ServiceLinkedRoleARN")))
        return err_aws(err, "UnsupportedOperation",
                       "ServiceLinkedRoleARN %s is not supported by Pileus yet.", asked);
    return 0;
}

/* Both percentages, or both -1: then there is no policy any more. */
static int apply_maintenance_policy(struct call *call, json_t *group, struct err *err)
{
    json_t *policy = json_object_get(call->in, "InstanceMaintenancePolicy");
    json_int_t least = doc_number(policy, "MinHealthyPercentage");
    json_int_t most = doc_number(policy, "MaxHealthyPercentage");
    if (!policy)
        return 0;
    if (!json_object_get(policy, "MinHealthyPercentage") ||
        !json_object_get(policy, "MaxHealthyPercentage") || (least == -1) != (most == -1))
        return err_aws(err, "ValidationError",
                       "Both MinHealthyPercentage and MaxHealthyPercentage must be specified.");
    if (least == -1)
        return json_object_del(group, "InstanceMaintenancePolicy"), 0;
    if (most < 100)
        return err_aws(err, "ValidationError", "MaxHealthyPercentage must be between 100 and 200.");
    if (most - least > HEALTHY_SPREAD_MAX)
        return err_aws(err, "ValidationError",
                       "The difference between MaxHealthyPercentage and MinHealthyPercentage must "
                       "be less than or equal to %d",
                       HEALTHY_SPREAD_MAX);
    return json_object_set(group, "InstanceMaintenancePolicy", policy);
}

static int apply_lifetime(struct call *call, json_t *group, struct err *err)
{
    json_t *value = json_object_get(call->in, "MaxInstanceLifetime");
    json_int_t lifetime_s = json_integer_value(value);
    if (!value)
        return 0;
    if (lifetime_s == 0)
        return json_object_del(group, "MaxInstanceLifetime"), 0;
    if (lifetime_s < LIFETIME_MIN_S || lifetime_s > LIFETIME_MAX_S)
        return err_aws(err, "ValidationError",
                       "maxInstanceLifetime must be between %d and %d seconds (inclusive)",
                       LIFETIME_MIN_S, LIFETIME_MAX_S);
    return json_object_set(group, "MaxInstanceLifetime", value);
}

static int apply_distribution(struct call *call, json_t *group)
{
    const json_t *distribution = json_object_get(call->in, "AvailabilityZoneDistribution");
    json_t *strategy = json_object_get(distribution, "CapacityDistributionStrategy");
    if (!strategy)
        return 0;
    return json_object_set_new(group, "AvailabilityZoneDistribution",
                               json_pack("{s:O}", "CapacityDistributionStrategy", strategy));
}

/* Settings that are numbers or words with no more meaning than their value. */
static int apply_plain(struct call *call, json_t *group, struct err *err)
{
    static const char *const numbers[] = {"DefaultCooldown", "HealthCheckGracePeriod",
                                          "DefaultInstanceWarmup"};
    static const char *const words[] = {"NewInstancesProtectedFromScaleIn", "DeletionProtection"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        json_t *value = json_object_get(call->in, numbers[i]);
        bool clears = i == 2 && json_integer_value(value) == -1;
        if (!value)
            continue;
        if (json_integer_value(value) < 0 && !clears)
            return err_aws(err, "ValidationError", "%s must be greater than or equal to 0.",
                           numbers[i]);
        if (clears)
            json_object_del(group, numbers[i]);
        else
            json_object_set(group, numbers[i], value);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (json_object_get(call->in, words[i]))
            json_object_set(group, words[i], json_object_get(call->in, words[i]));
    return 0;
}

int settings_apply(struct call *call, json_t *group, struct err *err)
{
    json_object_del(group, "_retry_ms");
    json_object_del(group, "_rebalance_ms");
    if (refuse_unsupported(call->in, err) < 0 || check_role(call, group, err) < 0 ||
        check_launch_source(call, group, err) < 0 || apply_launch_template(call, group, err) < 0 ||
        apply_launch_configuration(call, group, err) < 0 || apply_zones(call, group, err) < 0 ||
        apply_termination_policies(call, group, err) < 0 ||
        apply_health_check(call, group, err) < 0 || apply_plain(call, group, err) < 0 ||
        apply_maintenance_policy(call, group, err) < 0 || apply_lifetime(call, group, err) < 0 ||
        apply_distribution(call, group) < 0)
        return -1;
    return 0;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* The request's number, or what the group has. */
static int64_t asked_or_present(const json_t *asked, const json_t *group, const char *key)
{
    return doc_number(json_object_get(asked, key) ? asked : group, key);
}

int settings_resize(const struct call *call, json_t *group, const json_t *asked, const char *who,
                    struct err *err)
{
    int64_t min = asked_or_present(asked, group, "MinSize");
    int64_t max = asked_or_present(asked, group, "MaxSize");
    int64_t desired = doc_number(asked, "DesiredCapacity");
    if (min < 0 || max < 0 || max > GROUP_CAPACITY_MAX)
        return err_aws(err, "ValidationError", "Sizes must be between 0 and %d.",
                       GROUP_CAPACITY_MAX);
    if (min > max)
        return err_aws(err, "ValidationError",
                       "Max bound, %lld, must be greater than or equal to min bound, %lld",
                       (long long)max, (long long)min);
    if (!json_object_get(asked, "DesiredCapacity"))
        desired = clamp(doc_number(group, "DesiredCapacity"), min, max);
    if (desired < min || desired > max)
        return err_aws(err, "ValidationError",
                       "Desired capacity:%lld must be between the specified min size:%lld and max "
                       "size:%lld",
                       (long long)desired, (long long)min, (long long)max);
    json_object_set_new(group, "MinSize", json_integer(min));
    json_object_set_new(group, "MaxSize", json_integer(max));
    char reason[160] = "a user request created an AutoScalingGroup";
    if (!json_object_get(group, "_new"))
        snprintf(reason, sizeof reason,
                 "%s update of AutoScalingGroup constraints to min: %lld, max: %lld, desired: %lld",
                 who, (long long)min, (long long)max, (long long)desired);
    group_set_desired(call, group, (int)desired, reason);
    return 0;
}

int settings_apply_sizes(struct call *call, json_t *group, struct err *err)
{
    return settings_resize(call, group, call->in, "a user request", err);
}
