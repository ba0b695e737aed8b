/* Adjustments of step and simple scaling: arithmetic on capacities. */
#pragma once

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Validates AdjustmentType, ScalingAdjustment or StepAdjustments of a policy. */
int adjustment_check(const json_t *policy, struct err *err);
/* Whether the policy says what to do at this distance; simple scaling always does. */
bool adjustment_knows(const json_t *policy, double distance);
/*
 * The capacity that the policy makes of `capacity` when the metric is `distance` above (or, when
 * negative, below) the alarm's threshold. Simple scaling does not look at the distance. It may be
 * below 0 or more than any group may have.
 */
int64_t adjustment_apply(const json_t *policy, int capacity, double distance);
