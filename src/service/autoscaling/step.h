/* Adjustments of step and simple scaling: arithmetic on capacities. */
#pragma once

#include "base/err.h"

#include <jansson.h>

/* Validates AdjustmentType, ScalingAdjustment or StepAdjustments of a policy. */
int adjustment_check(const json_t *policy, struct err *err);
/*
 * The capacity that the policy makes of `capacity` when the metric is `distance` above (or, when
 * negative, below) the alarm's threshold. Simple scaling does not look at the distance.
 */
int adjustment_apply(const json_t *policy, int capacity, double distance);
