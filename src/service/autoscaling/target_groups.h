/*
 * Target groups of a group. `TargetGroupARNs` has those that are attached; the group's `_detaching`
 * those that were detached and still have targets of the group.
 */
#pragma once

#include "service/call.h"

/* An operation that attaches or detaches names no more than ten. */
int target_groups_check_count(const json_t *arns, struct err *err);
/* Attaches target groups, an array of ARNs, to the group that call->in names. */
int target_groups_attach(struct call *call, const json_t *arns, struct err *err);
/* Detaches them; its instances leave them in time. */
int target_groups_detach(struct call *call, const json_t *arns, struct err *err);
/*
 * What is attached and what is leaving, with the state of each: a new array of {name: ARN,
 * State}.
 */
json_t *target_groups_list(const struct call *call, const json_t *group, const char *name);
