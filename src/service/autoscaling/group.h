/*
 * Auto Scaling group documents: what the handlers of this folder and the controllers share.
 *
 * `Instances` lists every instance that belongs to the group, also those that are on their way out.
 * Private members of an instance's row: `_activity` (id of the activity in progress), `_subnet`,
 * `_launched_ms`, `_in_service_ms`, `_registered`, `_passed_over` and `_draining` (arrays of target
 * group ARNs), `_cause` (why it is unhealthy), `_retry_ms` (when to try a refused operation
 * again), `_returns` (it was attached, or comes out of standby: no hook holds it), `_leaves` (it is
 * to be replaced: the Cause of the launch of its successor) and those of
 * service/autoscaling/hook.h.
 */
#pragma once

#include "service/call.h"
#include "service/doc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GROUPS_MAX = 500, /* of a region, as AWS has it */
    LAUNCH_CONFIGURATIONS_MAX = 200,
    GROUP_TARGET_GROUPS_MAX = 50,
    GROUP_CAPACITY_MAX = 10000,
    GROUP_DEFAULT_COOLDOWN = 300,
    HEALTHY_SPREAD_MAX = 100, /* between the percentages of a maintenance policy or a refresh */
};

extern const char group_kind[], activity_kind[], policy_kind[];

/* The group, borrowed; ValidationError if there is none. */
const json_t *group_find(const struct call *call, const char *name, struct err *err);
/* The same, to be changed. */
json_t *group_edit(struct call *call, const char *name, struct err *err);
/* The same; ScalingActivityInProgress while the group is being deleted. */
json_t *group_edit_staying(struct call *call, const char *name, struct err *err);
/* Whether SuspendProcesses named this process. */
bool group_suspends(const json_t *group, const char *process);
/* The row of an instance in `Instances`, or NULL. */
json_t *group_instance(const json_t *group, const char *instance_id);
/* The group that an instance belongs to, borrowed, and its row; NULL if none. */
const json_t *group_of_instance(const struct call *call, const char *instance_id,
                                const json_t **ret_member);

/* Pending or InService: what the desired capacity asks for. */
bool member_is_active(const json_t *member);
/* In the warm pool, on its way into it, or ending there: see service/autoscaling/warm_pool.h. */
bool member_is_warm(const json_t *member);
/* Pending, or Terminating (also in the pool), whether a hook holds it there or not. */
bool member_is_pending(const json_t *member);
bool member_is_terminating(const json_t *member);
/* Whether its LifecycleState is `state`. */
bool member_is(const json_t *member, const char *state);
/* Active members. */
int group_active_count(const json_t *group);
/* Moves a member to another lifecycle state; asserts that the move is legal. */
void member_move(json_t *member, const char *state);
/* The same within a phase: "Wait" makes "Warmed:Pending:Wait" of "Warmed:Pending". */
void member_move_to_step(json_t *member, const char *step);
/* An instance document, being edited, becomes one of the group's, or nobody's. */
void group_adopt(const json_t *group, json_t *instance);
void group_release(json_t *instance);
/* Seconds after InService during which a member is still warming up. */
int64_t group_warmup_seconds(const json_t *group, const json_t *policy);

/* "2026-11-21T03:02:58Z" */
void format_time(int64_t time_ms, char out[24]);
/* Now, for the sentences of a Cause: "At <time> ". Adds the sentence to `cause` (a string). */
json_t *cause_append(const struct call *call, const json_t *cause, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Sets the desired capacity and remembers why: `reason` becomes the first sentence of the Cause of
 * the activities that follow ("a user request explicitly set group desired capacity", to which
 * " changing the desired capacity from A to B." is added). The same value changes nothing.
 */
void group_set_desired(const struct call *call, json_t *group, int desired, const char *reason);

/* Removes a group that has no instances left, and marks its activities. */
void group_remove(struct call *call, const json_t *group);
