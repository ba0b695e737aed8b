/* Groups come, change and go: Create, Update, Delete, SetDesiredCapacity. */
#include "service/autoscaling/activity.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/hook.h"
#include "service/autoscaling/notification.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/policy.h"
#include "service/autoscaling/refresh.h"
#include "service/autoscaling/scheduled_action.h"
#include "service/autoscaling/settings.h"
#include "service/autoscaling/tags.h"
#include "service/autoscaling/target_groups.h"
#include "service/autoscaling/traffic_sources.h"

#include <stdio.h>
#include <string.h>

static int check_new_name(const struct call *call, const char *name, struct err *err)
{
    if (store_get(call->store, group_kind, call->region, name))
        return err_aws(err, "AlreadyExists",
                       "AutoScalingGroup by this name already exists - A group with the name %s "
                       "already exists",
                       name);
    if (strchr(name, ':'))
        return err_aws(err, "ValidationError",
                       "Group name contains invalid characters. The group name cannot contain a "
                       "colon (:).");
    if (store_count(call->store, group_kind, call->region) >= GROUPS_MAX)
        return err_aws(err, "LimitExceeded",
                       "You have reached the limit of %d Auto Scaling groups in this region.",
                       GROUPS_MAX);
    return 0;
}

/* A group as AWS shows one for which nothing was asked. */
static json_t *make_group(const struct call *call, const char *name)
{
    char uuid[37];
    call_make_uuid(call, uuid);
    return json_pack(
        "{s:s, s:o, s:i, s:i, s:i, s:i, s:[], s:[], s:[], s:s, s:i, s:[], s:o, s:[], s:s, s:[], "
        "s:[], s:[s], s:b, s:s, s:o, s:[], s:b, s:{s:s}, s:b}",
        "AutoScalingGroupName", name, "AutoScalingGroupARN",
        json_sprintf("arn:aws:autoscaling:%s:%s:autoScalingGroup:%s:autoScalingGroupName/%s",
                     call->region, call->account, uuid, name),
        "MinSize", 0, "MaxSize", 0, "DesiredCapacity", 0, "DefaultCooldown", GROUP_DEFAULT_COOLDOWN,
        "AvailabilityZones", "LoadBalancerNames", "TargetGroupARNs", "HealthCheckType", "EC2",
        "HealthCheckGracePeriod", 0, "Instances", "CreatedTime", call_now(call),
        "SuspendedProcesses", "VPCZoneIdentifier", "", "EnabledMetrics", "Tags",
        "TerminationPolicies", "Default", "NewInstancesProtectedFromScaleIn", 0,
        "DeletionProtection", "none", "ServiceLinkedRoleARN",
        json_sprintf("arn:aws:iam::%s:role/aws-service-role/autoscaling.amazonaws.com/"
                     "AWSServiceRoleForAutoScaling",
                     call->account),
        "TrafficSources", "CapacityRebalance", 0, "AvailabilityZoneDistribution",
        "CapacityDistributionStrategy", "balanced-best-effort", "_new", 1);
}

/* Of what every group needs, something is missing. */
static int check_complete(const json_t *group, struct err *err)
{
    if (!json_object_get(group, "LaunchTemplate") &&
        !json_object_get(group, "LaunchConfigurationName"))
        return settings_refuse_launch_source(err);
    if (!json_array_size(json_object_get(group, "AvailabilityZones")))
        return err_aws(err, "ValidationError",
                       "At least one Availability Zone or VPC Subnet is required.");
    return 0;
}

static int put_hooks(struct call *call, const char *group, struct err *err)
{
    size_t i;
    const json_t *hook;
    json_array_foreach (json_object_get(call->in, "LifecycleHookSpecificationList"), i, hook)
        if (hook_check(hook, err) < 0 || hook_put(call, group, hook, err) < 0)
            return -1;
    return 0;
}

/* What the request names to send traffic, however it names it. */
static int attach_sources(struct call *call, struct err *err)
{
    const json_t *sources = json_object_get(call->in, "TrafficSources");
    if (traffic_sources_refuse_classic(json_object_get(call->in, "LoadBalancerNames"), err) < 0)
        return -1;
    json_auto_t *arns = traffic_sources_target_groups(sources, err);
    if (!arns)
        return -1;
    json_array_extend(arns, json_object_get(call->in, "TargetGroupARNs"));
    return target_groups_attach(call, arns, err);
}

int autoscaling_CreateAutoScalingGroup(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "AutoScalingGroupName");
    if (check_new_name(call, name, err) < 0)
        return -1;
    json_auto_t *group = make_group(call, name);
    if (settings_apply(call, group, err) < 0 || check_complete(group, err) < 0 ||
        settings_apply_sizes(call, group, err) < 0)
        return -1;
    json_object_del(group, "_new");
    txn_put(call->txn, group_kind, call->region, name, json_incref(group));
    if (put_hooks(call, name, err) < 0 || attach_sources(call, err) < 0)
        return -1;
    return tags_apply(call, json_object_get(call->in, "Tags"), name, err);
}

int autoscaling_UpdateAutoScalingGroup(struct call *call, struct err *err)
{
    json_t *group = group_edit_staying(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group)
        return -1;
    if (settings_apply(call, group, err) < 0)
        return -1;
    return settings_apply_sizes(call, group, err);
}

int autoscaling_SetDesiredCapacity(struct call *call, struct err *err)
{
    json_t *group = group_edit_staying(call, doc_text(call->in, "AutoScalingGroupName"), err);
    int64_t desired = doc_number(call->in, "DesiredCapacity");
    const char *activity;
    if (!group)
        return -1;
    if (desired > doc_number(group, "MaxSize"))
        return err_aws(err, "ValidationError",
                       "New SetDesiredCapacity value %lld is above max value %lld for the "
                       "AutoScalingGroup.",
                       (long long)desired, (long long)doc_number(group, "MaxSize"));
    if (desired < doc_number(group, "MinSize"))
        return err_aws(err, "ValidationError",
                       "New SetDesiredCapacity value %lld is below min value %lld for the "
                       "AutoScalingGroup.",
                       (long long)desired, (long long)doc_number(group, "MinSize"));
    if (doc_flag(call->in, "HonorCooldown") && activity_running(call, group, &activity))
        return err_aws(err, "ScalingActivityInProgress",
                       "Scaling activity %s is in progress and blocks this action", activity);
    if (doc_flag(call->in, "HonorCooldown") && doc_number(group, "_cooldown_ms") > call->now_ms)
        return err_aws(err, "ScalingActivityInProgress",
                       "The group is in its cooldown period, which blocks this action");
    group_set_desired(call, group, (int)desired,
                      "a user request explicitly set group desired capacity");
    return 0;
}

/* Whether there is an instance that is not on its way out, also one that stands by. */
static bool has_staying_member(const json_t *group)
{
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        if (!member_is_terminating(member))
            return true;
    return false;
}

/* What DeletionProtection, instances and activities have to say against a deletion. */
static int check_deletable(const struct call *call, const json_t *group, bool force,
                           struct err *err)
{
    const char *protection = doc_text(group, "DeletionProtection");
    if (!strcmp(protection, "prevent-all-deletion") ||
        (force && !strcmp(protection, "prevent-force-deletion")))
        return err_aws(err, "ResourceInUse",
                       "The Auto Scaling group cannot be deleted because its deletion protection "
                       "is set to %s.",
                       protection);
    if (force)
        return 0;
    if (has_staying_member(group))
        return err_aws(err, "ResourceInUse",
                       "You cannot delete an AutoScalingGroup while there are instances or pending "
                       "Spot instance request(s) still in the group.");
    if (json_array_size(json_object_get(group, "Instances")) || activity_running(call, group, NULL))
        return err_aws(err, "ScalingActivityInProgress",
                       "You cannot delete an AutoScalingGroup while there are scaling activities "
                       "in progress for that group.");
    return 0;
}

void group_remove(struct call *call, const json_t *group)
{
    json_auto_t *name = json_incref(json_object_get(group, "AutoScalingGroupName"));
    activity_group_deleted(call, group);
    hooks_delete_of_group(call, json_string_value(name));
    notifications_delete_of_group(call, json_string_value(name));
    refreshes_delete_of_group(call, json_string_value(name));
    scheduled_actions_delete_of_group(call, json_string_value(name));
    txn_delete(call->txn, group_kind, call->region, json_string_value(name));
}

int autoscaling_DeleteAutoScalingGroup(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "AutoScalingGroupName");
    bool force = doc_flag(call->in, "ForceDelete");
    json_t *group = group_edit(call, name, err);
    if (!group || check_deletable(call, group, force, err) < 0)
        return -1;
    if (policies_delete_of_group(call, name, err) < 0)
        return -1;
    if (!json_array_size(json_object_get(group, "Instances"))) {
        group_remove(call, group);
        return 0;
    }
    json_object_set_new(group, "Status", json_string("Delete in progress"));
    json_object_set_new(group, "_deleting", json_true());
    json_object_set_new(group, "MinSize", json_integer(0));
    group_set_desired(call, group, 0, "a user request force deleted AutoScalingGroup");
    return 0;
}
