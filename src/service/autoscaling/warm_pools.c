/* The operations on warm pools: Put, Describe, Delete. */
#include "service/accept.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/operations.h"
#include "service/autoscaling/warm_pool.h"

#include <string.h>

static const json_t *asked_or(const struct call *call, const char *key, const json_t *otherwise)
{
    const json_t *asked = json_object_get(call->in, key);
    return asked ? asked : otherwise;
}

static int check(const struct call *call, const json_t *group, struct err *err)
{
    int64_t least = doc_number(call->in, "MinSize");
    int64_t most = doc_number(call->in, "MaxGroupPreparedCapacity");
    const json_t *reuse = json_object_get(call->in, "InstanceReusePolicy");
    if (call_accept(call->in,
                    "AutoScalingGroupName MaxGroupPreparedCapacity MinSize PoolState "
                    "InstanceReusePolicy",
                    err) < 0 ||
        (reuse && call_accept(reuse, "ReuseOnScaleIn", err) < 0))
        return -1;
    if (warm_pool_is_deleted(group))
        return err_aws(err, "ScalingActivityInProgress",
                       "You cannot update a warm pool while it is being deleted.");
    if (least < 0 || least > GROUP_CAPACITY_MAX)
        return err_aws(err, "ValidationError", "MinSize must be between 0 and %d.",
                       GROUP_CAPACITY_MAX);
    if (most < -1 || most > GROUP_CAPACITY_MAX)
        return err_aws(err, "ValidationError",
                       "MaxGroupPreparedCapacity must be between -1 and %d.", GROUP_CAPACITY_MAX);
    if (doc_is(call->in, "PoolState", "Hibernated"))
        return err_aws(err, "ValidationError",
                       "The PoolState Hibernated cannot be used: the group's instances do not "
                       "support hibernation.");
    return 0;
}

int autoscaling_PutWarmPool(struct call *call, struct err *err)
{
    json_t *group = group_edit_staying(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group || check(call, group, err) < 0)
        return -1;
    const char *state = doc_text(call->in, "PoolState");
    const json_t *prepared =
        asked_or(call, "MaxGroupPreparedCapacity",
                 json_object_get(warm_pool_of(group), "MaxGroupPreparedCapacity"));
    bool reuses = doc_flag(json_object_get(call->in, "InstanceReusePolicy"), "ReuseOnScaleIn");
    json_t *pool = json_pack(
        "{s:I, s:s, s:{s:b}}", "MinSize", (json_int_t)doc_number(call->in, "MinSize"), "PoolState",
        *state ? state : "Stopped", "InstanceReusePolicy", "ReuseOnScaleIn", reuses);
    if (json_integer_value(prepared) != -1)
        json_object_set(pool, "MaxGroupPreparedCapacity", (json_t *)prepared);
    json_object_set_new(group, "WarmPoolConfiguration", pool);
    json_object_del(group, "_retry_ms");
    return 0;
}

int autoscaling_DescribeWarmPool(struct call *call, struct err *err)
{
    const json_t *group = group_find(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group)
        return -1;
    json_auto_t *members = warm_pool_members(group, true);
    json_object_set(call->out, "WarmPoolConfiguration", (json_t *)warm_pool_of(group));
    return call_page(call, &autoscaling_paging, members, "Instances", err);
}

/* Without force, the pool must be empty. With it, the controller ends what is in it. */
int autoscaling_DeleteWarmPool(struct call *call, struct err *err)
{
    json_t *group = group_edit_staying(call, doc_text(call->in, "AutoScalingGroupName"), err);
    if (!group)
        return -1;
    json_t *pool = json_object_get(group, "WarmPoolConfiguration");
    json_auto_t *members = warm_pool_members(group, true);
    if (!pool)
        return err_aws(err, "ValidationError", "No warm pool found for Auto Scaling group name: %s",
                       doc_text(group, "AutoScalingGroupName"));
    if (!json_array_size(members))
        return json_object_del(group, "WarmPoolConfiguration");
    if (!doc_flag(call->in, "ForceDelete"))
        return err_aws(err, "ResourceInUse",
                       "You cannot delete a warm pool while there are instances in it.");
    return json_object_set_new(pool, "Status", json_string("PendingDelete"));
}
