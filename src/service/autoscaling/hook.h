/*
 * Lifecycle hooks: what handlers and the groups controller share. Kind `lifecycle-hook`, id
 * "<group>:<hook>" (a group's name has no colon), shape LifecycleHook.
 *
 * A member that hooks hold is in a state that ends with ":Wait", and its private member `_actions`
 * lists what it waits for: [{name, token, until_ms, limit_ms, heartbeat_ms, default}]. An action
 * that is completed with CONTINUE leaves the list; one that is completed with ABANDON empties it,
 * and
 * `_abandoned` is its token.
 */
#pragma once

#include "service/call.h"

#include <stdbool.h>
#include <stdint.h>

enum { HOOKS_OF_GROUP_MAX = 50 };

extern const char hook_kind[], hook_launching[], hook_terminating[];

/* The id of a hook's document. New reference. */
json_t *hook_id(const char *group, const char *name);
/* Checks the hook that `in` (a PutLifecycleHookType or a LifecycleHookSpecification) asks for. */
int hook_check(const json_t *in, struct err *err);
/* Stores a checked hook; members that are not named keep what they are, or begin as AWS has them.
 */
int hook_put(struct call *call, const char *group, const json_t *in, struct err *err);
/* Deletes all hooks of a group. */
void hooks_delete_of_group(struct call *call, const char *group);

/* Whether a group has hooks for a transition. */
bool hooks_exist(const struct call *call, const json_t *group, const char *transition);
/*
 * Begins the actions of the group's hooks for a transition. False if there are none; otherwise the
 * member, whose state the caller moves, has its `_actions`.
 */
bool hooks_begin(struct call *call, const json_t *group, json_t *member, const char *transition);
/* Ends one action with a result ("CONTINUE" or "ABANDON"). */
void hook_complete(json_t *member, const char *token, const char *result);
/* Forgets what a member waits for. */
void hooks_forget(json_t *member);
