/* Scaling policies: what their handlers, the group's deletion and the alarms controller share. */
#pragma once

#include "service/call.h"

#include <stdbool.h>

/* What made a policy run. */
struct policy_trigger {
    const char *alarm;    /* its name; NULL: a user asked */
    bool scale_in;        /* target tracking: the low alarm fired */
    bool honors_cooldown; /* a user may ask for it; alarms always do */
    double metric;        /* the newest datapoint */
    double threshold;     /* of the alarm: step adjustments are relative to it */
};

/*
 * Computes the capacity that the policy wants now and makes it the group's desired capacity.
 * Returns 1 if that changed it, 0 if nothing is to be done at present, < 0 if the policy cannot
 * run: it has no step for the metric, or must wait and a user asked.
 */
int policy_execute(struct call *call, const char *policy_arn, const struct policy_trigger *trigger,
                   struct err *err);

/* Deletes all policies of a group, with the alarms of target tracking. */
int policies_delete_of_group(struct call *call, const char *group, struct err *err);

/* "TargetTracking-GROUP-AlarmLow-...": one of the two alarms that target tracking makes. */
bool policy_alarm_is_low(const char *alarm);
