#include "service/autoscaling/step.h"

#include "service/doc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 20 };

/* A bound of a step; an absent one is infinite. */
static double bound(const json_t *step, const char *key, double absent)
{
    const json_t *value = json_object_get(step, key);
    return value ? json_number_value(value) : absent;
}

static double lower_of(const json_t *step)
{
    return bound(step, "MetricIntervalLowerBound", -INFINITY);
}

static double upper_of(const json_t *step)
{
    return bound(step, "MetricIntervalUpperBound", INFINITY);
}

static int check_pair(const json_t *one, const json_t *other, struct err *err)
{
    if (lower_of(one) < upper_of(other) && lower_of(other) < upper_of(one))
        return err_aws(err, "ValidationError", "StepAdjustment intervals can't overlap.");
    return 0;
}

/* Steps join without gap: every upper bound that is not the last is another's lower bound. */
static int check_gaps(const json_t *steps, const json_t *step, struct err *err)
{
    size_t i;
    const json_t *other;
    double highest = -INFINITY;
    json_array_foreach (steps, i, other) {
        if (lower_of(other) == upper_of(step))
            return 0;
        highest = fmax(highest, upper_of(other));
    }
    if (upper_of(step) == highest)
        return 0;
    return err_aws(err, "ValidationError",
                   "StepAdjustment intervals can't have gaps between them.");
}

/* Steps that begin or end away from the threshold leave nothing out on that side of it. */
static int check_ends(const json_t *steps, struct err *err)
{
    double lowest = INFINITY, highest = -INFINITY;
    size_t i;
    const json_t *step;
    json_array_foreach (steps, i, step) {
        lowest = fmin(lowest, lower_of(step));
        highest = fmax(highest, upper_of(step));
    }
    if (highest > 0 && !isinf(highest))
        return err_aws(err, "ValidationError",
                       "There must be a StepAdjustment with an unspecified upper bound (i.e., "
                       "upper bound is null) when one StepAdjustment has a positive upper bound");
    if (lowest < 0 && !isinf(lowest))
        return err_aws(err, "ValidationError",
                       "There must be a StepAdjustment with an unspecified lower bound (i.e., "
                       "lower bound is null) when one StepAdjustment has a negative lower bound");
    return 0;
}

static int check_steps(const json_t *steps, struct err *err)
{
    size_t i, k;
    const json_t *step, *other;
    if (!json_array_size(steps) || json_array_size(steps) > STEPS_MAX)
        return err_aws(err, "ValidationError",
                       "Between 1 and %d StepAdjustments must be specified for policy type "
                       "StepScaling.",
                       STEPS_MAX);
    json_array_foreach (steps, i, step) {
        if (!(lower_of(step) < upper_of(step)) || (isinf(lower_of(step)) && isinf(upper_of(step))))
            return err_aws(err, "ValidationError",
                           "A step must have a lower bound below its upper bound, and not both "
                           "can be null.");
        json_array_foreach (steps, k, other)
            if (k > i && check_pair(step, other, err) < 0)
                return -1;
        if (check_gaps(steps, step, err) < 0)
            return -1;
    }
    return check_ends(steps, err);
}

/* A capacity is not negative; a change may be. */
static int check_exact(const json_t *policy, struct err *err)
{
    bool negative = doc_number(policy, "ScalingAdjustment") < 0;
    size_t i;
    const json_t *step;
    json_array_foreach (json_object_get(policy, "StepAdjustments"), i, step)
        negative |= doc_number(step, "ScalingAdjustment") < 0;
    if (negative && doc_is(policy, "AdjustmentType", "ExactCapacity"))
        return err_aws(err, "ValidationError",
                       "ScalingAdjustment must not be negative for the adjustment type "
                       "ExactCapacity.");
    return 0;
}

int adjustment_check(const json_t *policy, struct err *err)
{
    static const char *const types[] = {"ChangeInCapacity", "ExactCapacity",
                                        "PercentChangeInCapacity"};
    const char *type = doc_text(policy, "AdjustmentType");
    bool known = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        known |= !strcmp(types[i], type);
    if (!known)
        return err_aws(err, "ValidationError",
                       "AdjustmentType must be specified and one of [ChangeInCapacity, "
                       "ExactCapacity, PercentChangeInCapacity].");
    if (json_object_get(policy, "MinAdjustmentMagnitude") && strcmp(type, types[2]))
        return err_aws(err, "ValidationError",
                       "MinAdjustmentMagnitude is only for the adjustment type "
                       "PercentChangeInCapacity.");
    if (check_exact(policy, err) < 0)
        return -1;
    if (doc_is(policy, "PolicyType", "StepScaling"))
        return check_steps(json_object_get(policy, "StepAdjustments"), err);
    if (!json_object_get(policy, "ScalingAdjustment"))
        return err_aws(err, "ValidationError",
                       "ScalingAdjustment must be specified for policy type SimpleScaling.");
    return 0;
}

/* Above the threshold the lower bound belongs to a step, below it the upper bound does. */
static bool step_holds(const json_t *step, double distance)
{
    if (distance >= 0)
        return lower_of(step) <= distance && distance < upper_of(step);
    return lower_of(step) < distance && distance <= upper_of(step);
}

static const json_t *find_step(const json_t *policy, double distance)
{
    size_t i;
    const json_t *step;
    json_array_foreach (json_object_get(policy, "StepAdjustments"), i, step)
        if (step_holds(step, distance))
            return step;
    return NULL;
}

/* More than 1 rounds down, between 0 and 1 makes 1; the same for less than nothing. */
static int64_t round_change(double change)
{
    if (change == 0)
        return 0;
    return fabs(change) < 1 ? (change > 0 ? 1 : -1) : (int64_t)trunc(change);
}

static int64_t percent_change(const json_t *policy, int capacity, int64_t percent)
{
    int64_t change = round_change(capacity * (double)percent / 100.0);
    int64_t least = doc_number(policy, "MinAdjustmentMagnitude");
    if (percent && llabs(change) < least)
        change = percent > 0 ? least : -least;
    return change;
}

bool adjustment_knows(const json_t *policy, double distance)
{
    return !doc_is(policy, "PolicyType", "StepScaling") || find_step(policy, distance);
}

int64_t adjustment_apply(const json_t *policy, int capacity, double distance)
{
    const char *type = doc_text(policy, "AdjustmentType");
    bool steps = doc_is(policy, "PolicyType", "StepScaling");
    const json_t *adjustment = steps ? find_step(policy, distance) : policy;
    int64_t amount = doc_number(adjustment, "ScalingAdjustment");
    if (!adjustment)
        return capacity;
    if (!strcmp(type, "ExactCapacity"))
        return amount;
    if (!strcmp(type, "PercentChangeInCapacity"))
        amount = percent_change(policy, capacity, amount);
    return capacity + amount;
}
