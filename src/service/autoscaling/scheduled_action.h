/*
 * Scheduled actions: what handlers and the groups controller share. Kind `scheduled-action`, id
 * "<group>:<action>" (a group's name has no colon), shape ScheduledUpdateGroupAction without Time.
 * StartTime is when it is due next: that of a recurring one moves on with each run.
 */
#pragma once

#include "service/call.h"

#include <stdint.h>

enum { SCHEDULED_ACTIONS_OF_GROUP_MAX = 125 };

extern const char scheduled_kind[];

/* The action of a group, borrowed; ValidationError if there is none. */
const json_t *scheduled_action_find(const struct call *call, const char *group, const char *name,
                                    struct err *err);
/*
 * Stores the action that `in` asks for (with the members of PutScheduledUpdateGroupAction). Of one
 * that there is already, what `in` does not name stays. A failure changes nothing.
 */
int scheduled_action_put(struct call *call, const char *group, const json_t *in, struct err *err);
void scheduled_action_delete(struct call *call, const json_t *action);
void scheduled_actions_delete_of_group(struct call *call, const char *group);

/* When it must be looked at: when it is due, or ends. */
int64_t scheduled_action_wake_ms(const json_t *action);
/*
 * When it was due last, at or before now: of the times that were missed only the last counts. If
 * that was never, when it ended.
 */
int64_t scheduled_action_due_ms(const struct call *call, const json_t *action);
/*
 * Runs an action whose time to wake has come, and moves it on or deletes it. A group that suspends
 * ScheduledActions or is being deleted leaves this run out.
 */
void scheduled_action_run(struct call *call, const json_t *action);
