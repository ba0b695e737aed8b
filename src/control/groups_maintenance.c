/*
 * Members that are replaced though they run: what load balancers find unhealthy (with a maintenance
 * policy also what others do), and what has reached its maximum lifetime. A tenth of the group at a
 * time, at least one, or as the maintenance policy says; then perhaps its successor comes first.
 *
 * A member that waits to be replaced has `_leaves`: the Cause of the launch of its successor.
 */
#include "control/groups.h"
#include "service/autoscaling/departure.h"

#include <string.h>

static const char sick[] =
    "an instance was launched in response to an unhealthy instance needing to be replaced.";
static const char worn[] =
    "an instance was launched in response to an instance that reached its maximum lifetime.";

/* Whether its time is over; asks for a pass when it will be. */
static bool is_worn(struct groups_pass *pass, const json_t *group, const json_t *member)
{
    int64_t lifetime_ms = doc_number(group, "MaxInstanceLifetime") * 1000;
    int64_t end_ms = doc_number(member, "_launched_ms") + lifetime_ms;
    if (!lifetime_ms || !member_is(member, "InService") || doc_flag(member, "ProtectedFromScaleIn"))
        return false;
    if (pass->call.now_ms >= end_ms)
        return true;
    groups_wake_at(pass, end_ms);
    return false;
}

/* Why the member is to be replaced; NULL: it is not. */
static const char *judge(struct groups_pass *pass, const json_t *group, const json_t *member)
{
    if (group_suspends(group, "Terminate") || !member_is_active(member))
        return NULL;
    if (groups_may_wait(pass, member))
        return group_suspends(group, "ReplaceUnhealthy") ? NULL : sick;
    if (doc_flag(group, "_refreshing") || group_suspends(group, "Launch"))
        return NULL;
    return is_worn(pass, group, member) ? worn : NULL;
}

static void mark_members(struct groups_pass *pass)
{
    size_t count = json_array_size(json_object_get(groups_look(pass), "Instances"));
    for (size_t i = 0; i < count; i++) {
        const json_t *group = groups_look(pass);
        const json_t *member = json_array_get(json_object_get(group, "Instances"), i);
        const char *why = judge(pass, group, member);
        if (!strcmp(doc_text(member, "_leaves"), why ? why : ""))
            continue;
        json_t *edited = json_array_get(json_object_get(groups_edit(pass), "Instances"), i);
        if (why)
            json_object_set_new(edited, "_leaves", json_string(why));
        else
            json_object_del(edited, "_leaves");
    }
}

static bool is_marked(const struct groups_pass *pass, const json_t *member)
{
    (void)pass;
    return member_is_active(member) && json_object_get(member, "_leaves");
}

bool groups_is_maintained(const json_t *group)
{
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        if (is_marked(NULL, member))
            return true;
    return false;
}

/* Warm, and known to its load balancers, who had time for that while it was in its grace period. */
bool groups_is_ready(struct groups_pass *pass, const json_t *member)
{
    const json_t *group = groups_look(pass);
    int64_t grace_end_ms =
        doc_number(member, "_in_service_ms") + doc_number(group, "HealthCheckGracePeriod") * 1000;
    if (!groups_is_warm(pass, member, doc_number(group, "DefaultInstanceWarmup") * 1000))
        return false;
    if (!strstr(doc_text(group, "HealthCheckType"), "ELB") || groups_is_serving(pass, member) ||
        pass->call.now_ms >= grace_end_ms)
        return true;
    groups_wake_at(pass, grace_end_ms);
    return false;
}

/* What is to be replaced counts as serving until its turn has come. */
static struct replacement count_members(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass), *member;
    const json_t *policy = json_object_get(group, "InstanceMaintenancePolicy");
    bool refreshing = doc_flag(group, "_refreshing"); /* it makes its own room */
    struct replacement replacement = {
        .desired = (int)doc_number(group, "DesiredCapacity"),
        .least = policy ? doc_number(policy, "MinHealthyPercentage") : 90,
        .most = policy && !refreshing ? doc_number(policy, "MaxHealthyPercentage") : 100,
    };
    size_t i;
    json_array_foreach (json_object_get(group, "Instances"), i, member) {
        replacement.active += member_is_active(member);
        replacement.left += is_marked(pass, member);
        replacement.serving += is_marked(pass, member) || groups_is_ready(pass, member);
    }
    return replacement;
}

static void take_out(struct groups_pass *pass, const char *id, bool has_successor)
{
    json_t *group = groups_edit(pass);
    json_t *member = group_instance(group, id);
    json_auto_t *launch_cause = json_incref(json_object_get(member, "_leaves"));
    bool is_sick = !strcmp(json_string_value(launch_cause), sick);
    json_t *cause =
        cause_append(&pass->call, NULL, "an instance was taken out of service in response to %s.",
                     is_sick ? doc_text(member, "_cause") : "its maximum lifetime being reached");
    departure_begin(&pass->call, group, member, cause);
    json_object_del(member, "_leaves");
    if (!has_successor)
        groups_push_replacement(group, json_string_value(launch_cause));
}

/* As many as may go now; returns how many went. */
static int take_out_some(struct groups_pass *pass, const struct replacement *replacement,
                         int surplus)
{
    int count = 0, goers = replacement_goers(replacement, surplus);
    for (; count < goers; count++) {
        const json_t *chosen = groups_choose(pass, groups_look(pass), is_marked);
        if (!chosen)
            break;
        take_out(pass, doc_text(chosen, "InstanceId"), surplus > 0);
    }
    return count;
}

void groups_maintain(struct groups_pass *pass)
{
    if (doc_flag(groups_look(pass), "_deleting")) {
        groups_set_surplus(pass, 0, NULL);
        return;
    }
    mark_members(pass);
    struct replacement replacement = count_members(pass);
    const json_t *group = groups_look(pass);
    const json_t *first = groups_choose(pass, group, is_marked);
    bool is_sick = doc_is(first, "_leaves", sick);
    if (doc_flag(group, "_refreshing")) { /* it has its own surplus */
        groups_set_surplus(pass, (int)doc_number(group, "_surplus"), NULL);
        take_out_some(pass, &replacement, (int)doc_number(group, "_surplus"));
        return;
    }
    if (!first && doc_flag(group, "_rebalancing"))
        return;
    if (doc_flag(group, "_rebalancing"))
        json_object_del(groups_edit(pass), "_rebalancing");
    replacement.left -= take_out_some(pass, &replacement, replacement_surplus(&replacement));
    groups_set_surplus(pass, replacement_surplus(&replacement), is_sick ? sick : worn);
}
