/* Operations on the instances of a group. */
#include "service/accept.h"
#include "service/autoscaling/activity.h"
#include "service/autoscaling/departure.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/hook.h"
#include "service/autoscaling/operations.h"

#include <stdio.h>
#include <string.h>

/* A member and its group, both to be changed; ValidationError if no group manages the instance. */
static json_t *edit_member(struct call *call, const char *instance_id, json_t **ret_group,
                           struct err *err)
{
    const json_t *found = group_of_instance(call, instance_id, NULL);
    if (!found) {
        err_aws(err, "ValidationError",
                "Instance Id not found - No managed instance found for instance ID: %s",
                instance_id);
        return NULL;
    }
    *ret_group = group_edit(call, doc_text(found, "AutoScalingGroupName"), err);
    return *ret_group ? group_instance(*ret_group, instance_id) : NULL;
}

static const char *subnet_of_instance(const struct call *call, const char *instance_id)
{
    return doc_text(store_get(call->store, "instance", call->region, instance_id), "SubnetId");
}

const char *departure_begin(struct call *call, const json_t *group, json_t *member, json_t *cause)
{
    const char *id = doc_text(member, "InstanceId");
    const char *before = doc_text(member, "_activity");
    char description[80];
    if (*before)
        activity_end(call, before, "Cancelled", NULL, NULL);
    snprintf(description, sizeof description, "Terminating EC2 instance: %s", id);
    const char *activity =
        activity_begin(call, group, description, cause, doc_text(member, "AvailabilityZone"),
                       subnet_of_instance(call, id));
    json_object_set_new(member, "_activity", json_string(activity));
    hooks_forget(member);
    member_move(member, member_is_warm(member) ? "Warmed:Terminating" : "Terminating");
    return activity;
}

/* The desired capacity goes down with the instance, if the group's minimum allows it. */
static int decrement(json_t *group, struct err *err)
{
    int64_t desired = doc_number(group, "DesiredCapacity");
    if (desired <= doc_number(group, "MinSize"))
        return err_aws(err, "ValidationError",
                       "Currently, desiredSize equals minSize (%lld). Terminating instance without "
                       "replacement will violate group's min size constraint. Either set "
                       "shouldDecrementDesiredCapacity flag to false or lower group's min size.",
                       (long long)desired);
    json_object_set_new(group, "DesiredCapacity", json_integer(desired - 1));
    return 0;
}

int autoscaling_TerminateInstanceInAutoScalingGroup(struct call *call, struct err *err)
{
    const char *id = doc_text(call->in, "InstanceId");
    bool shrinks = doc_flag(call->in, "ShouldDecrementDesiredCapacity");
    char shrinking[80] = "";
    json_t *group;
    if (call_accept(call->in, "InstanceId ShouldDecrementDesiredCapacity", err) < 0)
        return -1;
    if (!*id)
        return err_aws(err, "ValidationError", "InstanceId must be specified.");
    json_t *member = edit_member(call, id, &group, err);
    if (!member)
        return -1;
    if (member_is_terminating(member))
        return err_aws(err, "ScalingActivityInProgress",
                       "Activity %s is in progress for instance %s.", doc_text(member, "_activity"),
                       id);
    if (shrinks && member_is_active(member)) {
        int64_t desired = doc_number(group, "DesiredCapacity");
        if (decrement(group, err) < 0)
            return -1;
        snprintf(shrinking, sizeof shrinking, ", shrinking the capacity from %lld to %lld",
                 (long long)desired, (long long)desired - 1);
    }
    json_t *cause = cause_append(call, NULL,
                                 "instance %s was taken out of service in response to a user "
                                 "request%s.",
                                 id, shrinking);
    const char *activity = departure_begin(call, group, member, cause);
    json_object_set(call->out, "Activity", (json_t *)activity_find(call, activity));
    return 0;
}

int autoscaling_SetInstanceHealth(struct call *call, struct err *err)
{
    const char *status = doc_text(call->in, "HealthStatus");
    json_t *group;
    json_t *member = edit_member(call, doc_text(call->in, "InstanceId"), &group, err);
    if (!member)
        return -1;
    if (strcmp(status, "Healthy") && strcmp(status, "Unhealthy"))
        return err_aws(err, "ValidationError",
                       "Health Status must be one of the following: [Healthy, Unhealthy].");
    bool ignores_grace = json_is_false(json_object_get(call->in, "ShouldRespectGracePeriod"));
    int64_t since_ms = doc_number(member, "_in_service_ms");
    int64_t grace_ms = doc_number(group, "HealthCheckGracePeriod") * 1000;
    bool in_grace = !ignores_grace && (!since_ms || call->now_ms < since_ms + grace_ms);
    if (!strcmp(status, "Unhealthy") && in_grace && grace_ms)
        return 0;
    json_object_set_new(member, "HealthStatus", json_string(status));
    if (!strcmp(status, "Unhealthy"))
        json_object_set_new(member, "_cause", json_string("a user health-check"));
    return 0;
}

int autoscaling_SetInstanceProtection(struct call *call, struct err *err)
{
    enum { INSTANCES_MAX = 50 };
    const json_t *ids = json_object_get(call->in, "InstanceIds");
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    size_t i;
    const json_t *id;
    if (!group)
        return -1;
    if (json_array_size(ids) > INSTANCES_MAX)
        return err_aws(err, "LimitExceeded", "No more than %d instances in one call.",
                       INSTANCES_MAX);
    json_array_foreach (ids, i, id) {
        json_t *member = group_instance(group, json_string_value(id));
        if (!member)
            return err_aws(err, "ValidationError",
                           "The instance %s is not part of Auto Scaling group %s.",
                           json_string_value(id), doc_text(group, "AutoScalingGroupName"));
        if (!member_is(member, "InService") && !member_is(member, "EnteringStandby") &&
            !member_is(member, "Standby"))
            return err_aws(err, "ValidationError",
                           "The instance %s is not in InService or EnteringStandby or Standby.",
                           json_string_value(id));
        json_object_set(member, "ProtectedFromScaleIn",
                        json_object_get(call->in, "ProtectedFromScaleIn"));
    }
    return 0;
}

/* DescribeAutoScalingInstances spells the health in capitals, unlike DescribeAutoScalingGroups. */
static json_t *describe_member(const json_t *group, const json_t *member)
{
    json_t *row = json_copy((json_t *)member);
    json_object_set(row, "AutoScalingGroupName", json_object_get(group, "AutoScalingGroupName"));
    bool healthy = !strcmp(doc_text(member, "HealthStatus"), "Healthy");
    json_object_set_new(row, "HealthStatus", json_string(healthy ? "HEALTHY" : "UNHEALTHY"));
    return row;
}

int autoscaling_DescribeAutoScalingInstances(struct call *call, struct err *err)
{
    json_auto_t *all = json_array();
    const json_t *ids = json_object_get(call->in, "InstanceIds");
    if (autoscaling_check_names(call, "InstanceIds", "instance ids", err) < 0)
        return -1;
    store_each (cursor, call->store, group_kind, call->region) {
        size_t i;
        const json_t *member;
        json_array_foreach (json_object_get(cursor.doc, "Instances"), i, member)
            if (!json_array_size(ids) || doc_list_has(ids, doc_text(member, "InstanceId")))
                json_array_append_new(all, describe_member(cursor.doc, member));
    }
    return call_page(call, &autoscaling_short_paging, all, "AutoScalingInstances", err);
}
