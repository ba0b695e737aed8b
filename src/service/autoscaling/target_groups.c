/* Target groups of a group. The controller registers and deregisters the instances. */
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/settings.h"

#include <string.h>

enum { TARGET_GROUPS_A_CALL = 10 };

static int check_count(const json_t *arns, struct err *err)
{
    if (json_array_size(arns) > TARGET_GROUPS_A_CALL)
        return err_aws(err, "ValidationError", "No more than %d target groups in one call.",
                       TARGET_GROUPS_A_CALL);
    return 0;
}

int autoscaling_AttachLoadBalancerTargetGroups(struct call *call, struct err *err)
{
    const json_t *arns = json_object_get(call->in, "TargetGroupARNs");
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    size_t i;
    json_t *arn;
    if (!group || check_count(arns, err) < 0 || settings_check_target_groups(call, arns, err) < 0)
        return -1;
    json_t *attached = json_object_get(group, "TargetGroupARNs");
    json_array_foreach (arns, i, arn)
        if (!doc_list_has(attached, json_string_value(arn)))
            json_array_append(attached, arn);
    if (json_array_size(attached) > GROUP_TARGET_GROUPS_MAX)
        return err_aws(err, "LimitExceeded",
                       "No more than %d target groups can be attached to a group.",
                       GROUP_TARGET_GROUPS_MAX);
    return 0;
}

int autoscaling_DetachLoadBalancerTargetGroups(struct call *call, struct err *err)
{
    const json_t *arns = json_object_get(call->in, "TargetGroupARNs");
    json_t *group = group_edit(call, doc_text(call->in, "AutoScalingGroupName"), err);
    size_t i;
    const json_t *arn;
    if (!group || check_count(arns, err) < 0)
        return -1;
    json_t *attached = json_object_get(group, "TargetGroupARNs");
    json_array_foreach (arns, i, arn) {
        if (!doc_list_has(attached, json_string_value(arn)))
            return err_aws(err, "ValidationError",
                           "Trying to remove Target Groups that are not part of the group");
        doc_list_remove(attached, json_string_value(arn));
    }
    return 0;
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

int autoscaling_DescribeLoadBalancerTargetGroups(struct call *call, struct err *err)
{
    json_auto_t *all = json_array();
    const json_t *group = group_find(call, doc_text(call->in, "AutoScalingGroupName"), err);
    size_t i;
    json_t *arn;
    if (!group)
        return -1;
    json_array_foreach (json_object_get(group, "TargetGroupARNs"), i, arn)
        json_array_append_new(all,
                              json_pack("{s:O, s:s}", "LoadBalancerTargetGroupARN", arn, "State",
                                        attachment_state(call, group, json_string_value(arn))));
    return call_page(call, &autoscaling_long_paging, all, "LoadBalancerTargetGroups", err);
}
