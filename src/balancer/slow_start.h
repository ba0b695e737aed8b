/*
 * Slow start: a target that becomes healthy gets its share of requests bit by bit, in cloud time.
 * On the main thread; the data path reads target->share.
 *
 * No ramp for targets that are healthy already when it is switched on, for those that were
 * registered while the group was empty, and while no other healthy target takes a full share. Who
 * is registered anew, or recovers, ramps (again).
 */
#pragma once

#include "balancer/snapshot.h"

/*
 * Takes notice of who is in the group in snapshot number `generation`; before the states of its
 * new targets are decided.
 */
void slow_start_admit(struct target_group *group, uint64_t generation);
/* Takes notice of the states of the group's targets. Returns whether one of them ramps now. */
bool slow_start_follow(struct target_group *group, int64_t now_cloud_ms);
/* Gives each target that ramps the share that it has by now. Returns whether one still ramps. */
bool slow_start_advance(struct target_group *group, int64_t now_cloud_ms);
