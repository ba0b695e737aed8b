/* The controller registers and deregisters the instances. */
#include "service/autoscaling/target_groups.h"

#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"

#include <string.h>

enum { TARGET_GROUPS_A_CALL = 10 };

int target_groups_check_count(const json_t *arns, struct err *err)
{
    if (json_array_size(arns) > TARGET_GROUPS_A_CALL)
        return err_aws(err, "ValidationError", "No more than %d target groups in one call.",
                       TARGET_GROUPS_A_CALL);
    return 0;
}

/* Each must exist and have instances as targets. */
static int check_attachable(const struct call *call, const json_t *arns, struct err *err)
{
    size_t i;
    const json_t *arn;
    json_array_foreach (arns, i, arn) {
        const json_t *target_group =
            store_get(call->store, "target-group", call->region, json_string_value(arn));
        if (!target_group)
            return err_aws(err, "ValidationError",
                           "Provided Target Groups may not be valid. Please ensure they exist and "
                           "try again.");
        if (strcmp(doc_text(target_group, "TargetType"), "instance"))
            return err_aws(err, "ValidationError",
                           "Provided Target Groups have invalid target type. Please ensure all "
                           "target groups have Instance target type.");
    }
    return 0;
}

int target_groups_attach(struct call *call, const json_t *arns, struct err *err)
{
    json_t *group = group_edit_staying(call, doc_text(call->in, "AutoScalingGroupName"), err);
    size_t i;
    json_t *arn;
    if (!group || check_attachable(call, arns, err) < 0)
        return -1;
    json_t *attached = json_object_get(group, "TargetGroupARNs");
    json_array_foreach (arns, i, arn) {
        doc_list_remove(json_object_get(group, "_detaching"), json_string_value(arn));
        if (!doc_list_has(attached, json_string_value(arn)))
            json_array_append(attached, arn);
    }
    if (json_array_size(attached) > GROUP_TARGET_GROUPS_MAX)
        return err_aws(err, "LimitExceeded",
                       "No more than %d target groups can be attached to a group.",
                       GROUP_TARGET_GROUPS_MAX);
    return 0;
}

int target_groups_detach(struct call *call, const json_t *arns, struct err *err)
{
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    size_t i;
    json_t *arn;
    if (!group)
        return -1;
    json_t *attached = json_object_get(group, "TargetGroupARNs");
    json_t *detaching = json_object_get(group, "_detaching");
    if (!detaching)
        json_object_set_new(group, "_detaching", detaching = json_array());
    json_array_foreach (arns, i, arn) {
        if (!doc_list_has(attached, json_string_value(arn)))
            return err_aws(err, "ValidationError",
                           "Trying to remove Target Groups that are not part of the group");
        doc_list_remove(attached, json_string_value(arn));
        json_array_append(detaching, arn);
    }
    return 0;
}

int autoscaling_AttachLoadBalancerTargetGroups(struct call *call, struct err *err)
{
    const json_t *arns = json_object_get(call->in, "TargetGroupARNs");
    if (target_groups_check_count(arns, err) < 0)
        return -1;
    return target_groups_attach(call, arns, err);
}

int autoscaling_DetachLoadBalancerTargetGroups(struct call *call, struct err *err)
{
    const json_t *arns = json_object_get(call->in, "TargetGroupARNs");
    if (target_groups_check_count(arns, err) < 0)
        return -1;
    return target_groups_detach(call, arns, err);
}

/* Whether some target of the group's instances is healthy in the target group. */
static bool has_healthy_target(const struct call *call, const json_t *group, const char *arn)
{
    const json_t *target_group = store_get(call->store, "target-group", call->region, arn);
    size_t i;
    const json_t *target;
    json_array_foreach (json_object_get(target_group, "_targets"), i, target) {
        if (!group_instance(group, doc_text(target, "Id")))
            continue;
        json_auto_t *key =
            json_sprintf("%s/%s:%lld", doc_text(target_group, "_dimension"), doc_text(target, "Id"),
                         (long long)doc_number(target, "Port"));
        const json_t *health =
            store_get(call->store, "target-health", call->region, json_string_value(key));
        if (!strcmp(doc_text(health, "State"), "healthy"))
            return true;
    }
    return false;
}

/* Adding until every instance in service is registered, InService once one of them is healthy. */
static const char *attachment_state(const struct call *call, const json_t *group, const char *arn)
{
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        if (member_is_active(member) && !doc_list_has(json_object_get(member, "_registered"), arn))
            return "Adding";
    return has_healthy_target(call, group, arn) ? "InService" : "Added";
}

json_t *target_groups_list(const struct call *call, const json_t *group, const char *name)
{
    json_t *all = json_array();
    size_t i;
    json_t *arn;
    json_array_foreach (json_object_get(group, "TargetGroupARNs"), i, arn)
        json_array_append_new(all,
                              json_pack("{s:O, s:s}", name, arn, "State",
                                        attachment_state(call, group, json_string_value(arn))));
    json_array_foreach (json_object_get(group, "_detaching"), i, arn)
        json_array_append_new(all, json_pack("{s:O, s:s}", name, arn, "State", "Removing"));
    return all;
}

int autoscaling_DescribeLoadBalancerTargetGroups(struct call *call, struct err *err)
{
    const json_t *group = group_find(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group)
        return -1;
    json_auto_t *all = target_groups_list(call, group, "LoadBalancerTargetGroupARN");
    return call_page(call, &autoscaling_long_paging, all, "LoadBalancerTargetGroups", err);
}
