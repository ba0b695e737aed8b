/* How an instance leaves its group: shared by TerminateInstanceInAutoScalingGroup and the
 * controller. */
#pragma once

#include "service/call.h"

/*
 * Begins the termination of a member: it becomes Terminating, with an activity of this Cause
 * (stolen). The controller does the rest. Returns the activity's id, borrowed.
 */
const char *departure_begin(struct call *call, const json_t *group, json_t *member, json_t *cause);
