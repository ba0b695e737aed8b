/*
 * Running a policy: what capacity does it want now? The metric comes with the trigger; capacity and
 * warm-up come from the group.
 */
#include "service/autoscaling/activity.h"
#include "service/autoscaling/group.h"
#include "service/autoscaling/policy.h"
#include "service/autoscaling/step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SCALE_IN_STEP_MAX = 1 }; /* a run; the alarm runs the policy again each minute */

bool policy_alarm_is_low(const char *alarm)
{
    return strstr(alarm, "-AlarmLow-") != NULL;
}

/* Instances of a group by whether they count in its metrics yet. */
struct census {
    int warm, warming;
};

static struct census take_census(const struct call *call, const json_t *group, const json_t *policy)
{
    struct census census = {0, 0};
    int64_t warmup_ms = group_warmup_seconds(group, policy) * 1000;
    size_t i;
    const json_t *member;
    json_array_foreach (json_object_get(group, "Instances"), i, member) {
        if (!member_is_active(member))
            continue;
        int64_t since_ms = doc_number(member, "_in_service_ms");
        bool warm = member_is(member, "InService") && call->now_ms >= since_ms + warmup_ms;
        census.warm += warm;
        census.warming += !warm;
    }
    return census;
}

static int clamp(const json_t *group, double wanted)
{
    double low = (double)doc_number(group, "MinSize"), high = (double)doc_number(group, "MaxSize");
    return (int)fmax(low, fmin(high, wanted));
}

/* Whether the other policies of the group that may scale in agree to it now. */
static bool others_agree(const struct call *call, const json_t *policy)
{
    store_each (cursor, call->store, policy_kind, call->region) {
        size_t i;
        const json_t *alarm;
        if (strcmp(doc_text(cursor.doc, "AutoScalingGroupName"),
                   doc_text(policy, "AutoScalingGroupName")) ||
            !doc_is(cursor.doc, "PolicyType", "TargetTrackingScaling") ||
            !doc_flag(cursor.doc, "Enabled"))
            continue;
        json_array_foreach (json_object_get(cursor.doc, "Alarms"), i, alarm) {
            const char *name = doc_text(alarm, "AlarmName");
            const json_t *state = store_get(call->store, "alarm", call->region, name);
            bool in_alarm = doc_is(state, "StateValue", "ALARM");
            if (in_alarm != policy_alarm_is_low(name))
                return false;
        }
    }
    return true;
}

/*
 * Target tracking: the capacity at which the metric would be at its target. Outwards at once, and
 * instances that warm up count as if they were there already; inwards one at a time, never below
 * what the target needs, and only when nothing warms up.
 */
static int track(const struct call *call, const json_t *group, const json_t *policy,
                 const struct policy_trigger *trigger)
{
    int desired = (int)doc_number(group, "DesiredCapacity");
    double target = json_number_value(
        json_object_get(json_object_get(policy, "TargetTrackingConfiguration"), "TargetValue"));
    struct census census = take_census(call, group, policy);
    int measured = census.warm ? census.warm : census.warming;
    double wanted = ceil(measured * trigger->metric / target);
    if (!trigger->scale_in)
        return clamp(group, fmax(wanted, desired));
    if (census.warming || !others_agree(call, policy))
        return desired;
    return clamp(group, fmin(desired, fmax(wanted, desired - SCALE_IN_STEP_MAX)));
}

/*
 * Step and simple scaling. Outwards, step scaling counts what is on its way (wanted by another
 * policy, being launched, or warming up) as already there, so that of several policies the largest
 * capacity wins; inwards it waits for what is warming up.
 */
static int adjust(const struct call *call, const json_t *group, const json_t *policy,
                  const struct policy_trigger *trigger)
{
    int desired = (int)doc_number(group, "DesiredCapacity");
    bool steps = doc_is(policy, "PolicyType", "StepScaling");
    double distance = trigger->metric - trigger->threshold;
    struct census census = take_census(call, group, policy);
    if (steps && census.warm < desired) {
        int64_t wanted = adjustment_apply(policy, census.warm, distance);
        if (wanted > census.warm)
            return clamp(group, fmax((double)wanted, desired));
        if (census.warming)
            return desired;
    }
    return clamp(group, (double)adjustment_apply(policy, desired, distance));
}

/* Simple scaling waits for activities and for the cooldown after them. */
static bool must_wait(const struct call *call, const json_t *group, const json_t *policy,
                      const struct policy_trigger *trigger)
{
    if (!doc_is(policy, "PolicyType", "SimpleScaling"))
        return false;
    if (!trigger->alarm && !trigger->honors_cooldown)
        return false;
    return doc_number(group, "_cooldown_ms") > call->now_ms || activity_running(call, group, NULL);
}

/* Simple scaling begins its cooldown; it is prolonged until the last activity has ended. */
static void begin_cooldown(const struct call *call, json_t *group, const json_t *policy)
{
    if (!doc_is(policy, "PolicyType", "SimpleScaling"))
        return;
    bool own = json_object_get(policy, "Cooldown");
    int64_t cooldown_s =
        own ? doc_number(policy, "Cooldown") : doc_number(group, "DefaultCooldown");
    json_object_set_new(group, "_cooldown_s", json_integer(cooldown_s));
    json_object_set_new(group, "_cooldown_ms", json_integer(call->now_ms + cooldown_s * 1000));
}

static void set_desired(const struct call *call, json_t *group, const json_t *policy, int wanted,
                        const struct policy_trigger *trigger)
{
    char reason[512];
    const char *name = doc_text(policy, "PolicyName");
    if (trigger->alarm)
        snprintf(reason, sizeof reason, "a monitor alarm %s in state ALARM triggered policy %s",
                 trigger->alarm, name);
    else
        snprintf(reason, sizeof reason, "a user request executed policy %s", name);
    group_set_desired(call, group, wanted, reason);
    begin_cooldown(call, group, policy);
}

int policy_execute(struct call *call, const char *policy_arn, const struct policy_trigger *trigger,
                   struct err *err)
{
    const json_t *policy = store_get(call->store, policy_kind, call->region, policy_arn);
    if (!policy)
        return err_aws(err, "ValidationError", "PolicyName not found - no such policy: %s",
                       policy_arn);
    json_t *group = group_edit(call, doc_text(policy, "AutoScalingGroupName"), err);
    if (!group)
        return -1;
    if (trigger->alarm &&
        (!doc_flag(policy, "Enabled") || group_suspends(group, "AlarmNotification")))
        return 0;
    if (must_wait(call, group, policy, trigger))
        return trigger->alarm ? 0
                              : err_aws(err, "ScalingActivityInProgress",
                                        "A scaling activity or a cooldown is in progress and "
                                        "blocks this action");
    if (!adjustment_knows(policy, trigger->metric - trigger->threshold))
        return err_aws(err, "ValidationError",
                       "No step adjustment found for metric value [%.15g] and breach threshold "
                       "%.15g",
                       trigger->metric, trigger->threshold);
    bool tracks = doc_is(policy, "PolicyType", "TargetTrackingScaling");
    int wanted =
        tracks ? track(call, group, policy, trigger) : adjust(call, group, policy, trigger);
    if (wanted == doc_number(group, "DesiredCapacity"))
        return 0;
    set_desired(call, group, policy, wanted, trigger);
    return 1;
}
