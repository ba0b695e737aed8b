/* What CreateAutoScalingGroup and UpdateAutoScalingGroup have in common: settings of a group. */
#pragma once

#include "service/call.h"

/*
 * Validates the settings in call->in and writes them into `group`. What the request does not name
 * stays as it is. Sizes are not touched here: see settings_apply_sizes().
 */
int settings_apply(struct call *call, json_t *group, struct err *err);
/* Min, max and desired; a desired capacity that is not asked for moves into the new bounds. */
int settings_apply_sizes(struct call *call, json_t *group, struct err *err);
/* Fails unless each target group exists and has instances as targets. `arns` is an array. */
int settings_check_target_groups(const struct call *call, const json_t *arns, struct err *err);
