#include "service/elbv2/usage.h"

#include "base/map.h"
#include "service/doc.h"
#include "service/elbv2/limits.h"
#include "service/elbv2/resource.h"

/* Whether one of a rule's actions forwards to the target group. */
static bool forwards_to(const json_t *actions, const char *target_group_arn)
{
    size_t i, j;
    const json_t *action, *group;
    json_array_foreach (actions, i, action) {
        const json_t *forward = json_object_get(action, "ForwardConfig");
        json_array_foreach (json_object_get(forward, "TargetGroups"), j, group)
            if (doc_is(group, "TargetGroupArn", target_group_arn))
                return true;
    }
    return false;
}

const char *elb_user_of(const struct store *store, const char *region, const char *target_group_arn)
{
    store_each (cursor, store, elb_kind(ELB_RULE), region)
        if (forwards_to(json_object_get(cursor.doc, "Actions"), target_group_arn))
            return doc_text(cursor.doc, "_load_balancer");
    return NULL;
}

/* Sets the ARN of each target group that actions use to `value`. */
static void collect_groups(struct map *groups, const json_t *actions, const void *value)
{
    size_t i, j;
    const json_t *action, *group;
    json_array_foreach (actions, i, action)
        json_array_foreach (
            json_object_get(json_object_get(action, "ForwardConfig"), "TargetGroups"), j, group)
            map_set(groups, doc_text(group, "TargetGroupArn"), (void *)(uintptr_t)value);
}

void elb_users_of_all(const struct store *store, const char *region, struct map *users)
{
    store_each (cursor, store, elb_kind(ELB_RULE), region)
        collect_groups(users, json_object_get(cursor.doc, "Actions"),
                       doc_text(cursor.doc, "_load_balancer"));
}

static int check_counts(const struct call *call, const struct map *groups, struct err *err)
{
    size_t targets = 0;
    if (groups->count > ELB_TARGET_GROUPS_PER_LOAD_BALANCER_MAX)
        return err_aws(err, "TooManyUniqueTargetGroupsPerLoadBalancer",
                       "The maximum number of unique target groups per load balancer is '%d'",
                       ELB_TARGET_GROUPS_PER_LOAD_BALANCER_MAX);
    map_each (entry, groups) {
        const json_t *group =
            store_get(call->store, elb_kind(ELB_TARGET_GROUP), call->region, entry->key);
        targets += json_array_size(json_object_get(group, "_targets"));
    }
    if (targets <= ELB_TARGETS_PER_LOAD_BALANCER_MAX)
        return 0;
    return err_aws(err, "TooManyTargets", "The maximum number of targets per load balancer is '%d'",
                   ELB_TARGETS_PER_LOAD_BALANCER_MAX);
}

int elb_check_usage(const struct call *call, const char *load_balancer_arn, const json_t *planned,
                    struct err *err)
{
    struct map groups = {0};
    collect_groups(&groups, planned, planned);
    store_each (cursor, call->store, elb_kind(ELB_RULE), call->region)
        if (doc_is(cursor.doc, "_load_balancer", load_balancer_arn))
            collect_groups(&groups, json_object_get(cursor.doc, "Actions"), cursor.doc);
    int result = check_counts(call, &groups, err);
    map_finish(&groups);
    return result;
}
