/* Which instances go when there are too many: AWS's termination policies. */
#include "control/groups.h"
#include "service/autoscaling/activity.h"
#include "service/autoscaling/departure.h"
#include "service/autoscaling/launch_configuration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BILLING_HOUR_MS = 3600000 };

bool groups_may_scale_in(const struct groups_pass *pass, const json_t *member)
{
    return member_is_active(member) &&
           (!doc_flag(member, "ProtectedFromScaleIn") || doc_flag(groups_look(pass), "_deleting"));
}

int groups_count_in_zone(const json_t *group, const char *zone)
{
    int count = 0;
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        count += member_is_active(member) && doc_is(member, "AvailabilityZone", zone);
    return count;
}

/* How much a member's zone wants to lose one: a zone that the group has left wants to lose all. */
static int crowding(const json_t *group, const json_t *member)
{
    const char *zone = doc_text(member, "AvailabilityZone");
    bool is_left = !doc_list_has(json_object_get(group, "AvailabilityZones"), zone);
    return groups_count_in_zone(group, zone) + (is_left ? GROUP_CAPACITY_MAX : 0);
}

/* An old template before the present one, then an old version before a new one: lower goes. */
static int64_t template_age(const json_t *group, const json_t *member)
{
    const json_t *template = json_object_get(member, "LaunchTemplate");
    const char *current = doc_text(json_object_get(group, "LaunchTemplate"), "LaunchTemplateId");
    int64_t version = strtoll(doc_text(template, "Version"), NULL, 10);
    return doc_is(template, "LaunchTemplateId", current) ? version : version - (INT64_C(1) << 40);
}

/* An old launch configuration before a new one, and all of them before launch templates. */
static int64_t configuration_age(const struct groups_pass *pass, const json_t *member)
{
    const char *name = doc_text(member, "LaunchConfigurationName");
    const json_t *configuration =
        store_get(pass->call.store, launch_configuration_kind, pass->call.region, name);
    if (!*name)
        return INT64_MAX;
    return (int64_t)(json_number_value(json_object_get(configuration, "CreatedTime")) * 1000);
}

static int64_t until_billing_hour(const struct groups_pass *pass, const json_t *member)
{
    int64_t age_ms = pass->call.now_ms - doc_number(member, "_launched_ms");
    return BILLING_HOUR_MS - age_ms % BILLING_HOUR_MS;
}

/*
 * What a policy sorts by: the member with the least goes. The default is three policies in a row.
 * Where all instances are of one kind of purchase they fit any allocation strategy.
 */
static int64_t rank(const struct groups_pass *pass, const json_t *group, const json_t *member,
                    const char *policy)
{
    int64_t launched_ms = doc_number(member, "_launched_ms");
    if (!strcmp(policy, "OldestInstance"))
        return launched_ms;
    if (!strcmp(policy, "NewestInstance"))
        return -launched_ms;
    if (!strcmp(policy, "ClosestToNextInstanceHour"))
        return until_billing_hour(pass, member);
    if (!strcmp(policy, "OldestLaunchTemplate"))
        return template_age(group, member);
    if (!strcmp(policy, "AllocationStrategy"))
        return 0;
    return configuration_age(pass, member);
}

/* < 0 if the first goes before the second: balance of zones, health, then the policies in order. */
static int compare(const struct groups_pass *pass, const json_t *group, const json_t *one,
                   const json_t *other)
{
    bool sick = doc_is(one, "HealthStatus", "Unhealthy");
    if (sick != doc_is(other, "HealthStatus", "Unhealthy"))
        return sick ? -1 : 1;
    int balance = crowding(group, other) - crowding(group, one);
    if (balance)
        return balance;
    json_auto_t *policies = json_copy(json_object_get(group, "TerminationPolicies"));
    json_array_append_new(policies, json_string("OldestLaunchConfiguration"));
    json_array_append_new(policies, json_string("OldestLaunchTemplate"));
    json_array_append_new(policies, json_string("ClosestToNextInstanceHour"));
    size_t i;
    const json_t *policy;
    json_array_foreach (policies, i, policy) {
        int64_t first = rank(pass, group, one, json_string_value(policy));
        int64_t second = rank(pass, group, other, json_string_value(policy));
        if (first != second)
            return first < second ? -1 : 1;
    }
    return 0;
}

const json_t *groups_choose(const struct groups_pass *pass, const json_t *group,
                            bool (*fits)(const struct groups_pass *pass, const json_t *member))
{
    const json_t *chosen = NULL, *member;
    size_t i;
    json_array_foreach (json_object_get(group, "Instances"), i, member)
        if (fits(pass, member) && (!chosen || compare(pass, group, member, chosen) < 0))
            chosen = member;
    return chosen;
}

/* Nothing may go: an activity says so, once for each change of the desired capacity. */
static void report_protected(struct groups_pass *pass, int active)
{
    json_t *group = groups_edit(pass);
    int64_t desired = doc_number(group, "DesiredCapacity");
    json_t *cause = cause_append(&pass->call, json_object_get(group, "_change"),
                                 "an instance was taken out of service in response to a difference "
                                 "between desired and actual capacity, shrinking the capacity from "
                                 "%d to %lld.",
                                 active, (long long)desired);
    const char *activity =
        activity_begin(&pass->call, group, "Terminating EC2 instance", cause, "", "");
    activity_end(
        &pass->call, activity, "Failed",
        "Could not scale to desired capacity because all remaining instances are protected "
        "from scale-in.",
        NULL);
    json_object_set_new(group, "_protected_at", json_integer(desired));
}

static void take_out(struct groups_pass *pass, const char *id, int active)
{
    json_t *group = groups_edit(pass);
    const struct call *call = &pass->call;
    json_auto_t *shrinking =
        cause_append(call, json_object_get(group, "_change"),
                     "an instance was taken out of service in response to a difference between "
                     "desired and actual capacity, shrinking the capacity from %d to %lld.",
                     active, (long long)doc_number(group, "DesiredCapacity"));
    json_auto_t *cause =
        cause_append(call, shrinking, "instance %s was selected for termination.", id);
    if (!groups_return(pass, id, cause))
        departure_begin(&pass->call, group, group_instance(group, id), json_incref(cause));
}

void groups_scale_in(struct groups_pass *pass)
{
    const json_t *group = groups_look(pass);
    int active = group_active_count(group);
    int64_t desired = doc_number(group, "DesiredCapacity");
    if (group_suspends(group, "Terminate") && !doc_flag(group, "_deleting"))
        return;
    int64_t surplus = doc_number(group, "_surplus"); /* that is to come before others go */
    for (int excess = active - (int)(desired + surplus); excess > 0; excess--) {
        group = groups_look(pass);
        const json_t *chosen = groups_choose(pass, group, groups_may_scale_in);
        if (chosen) {
            take_out(pass, doc_text(chosen, "InstanceId"), active);
            continue;
        }
        if (!json_object_get(group, "_protected_at") ||
            doc_number(group, "_protected_at") != desired)
            report_protected(pass, active);
        return;
    }
}
