/* What CreateAutoScalingGroup and UpdateAutoScalingGroup have in common: settings of a group. */
#pragma once

#include "service/call.h"

/* The termination policies that groups may have, and NULL. */
extern const char *const termination_policies[];

/*
 * Validates the settings in call->in and writes them into `group`. What the request does not name
 * stays as it is. Sizes are not touched here: see settings_apply_sizes().
 */
int settings_apply(struct call *call, json_t *group, struct err *err);
/*
 * Min, max and desired, as `asked` (an object) names them; a desired capacity that it does not name
 * moves into the new bounds. `who` ("a user request") is for the Cause. A failure changes nothing.
 */
int settings_resize(const struct call *call, json_t *group, const json_t *asked, const char *who,
                    struct err *err);
/* The same for the request, by its user. */
int settings_apply_sizes(struct call *call, json_t *group, struct err *err);
/* Refuses a request that names nothing, or more than one thing, to launch from. Returns -1. */
int settings_refuse_launch_source(struct err *err);
