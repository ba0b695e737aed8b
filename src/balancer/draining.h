/*
 * Targets on their way out, for the balancer alone: what is in flight may go on for the group's
 * deregistration delay, in cloud time, and is cut then. In the cloud the API ends the delay, by
 * leaving the target out of the configuration. On the main thread.
 */
#pragma once

#include "balancer/snapshot.h"
#include "loop/loop.h"

struct draining;

/* `cut` is called when a target's time is over; it must hold the target as long as it needs it. */
struct draining *draining_create(struct loop *loop, struct target_table *targets,
                                 void (*cut)(struct target *target, void *owner), void *owner);
void draining_destroy(struct draining *draining);
/* `snapshot` takes the place of `old` (or of nothing: NULL). */
void draining_apply(struct draining *draining, const struct snapshot *old,
                    const struct snapshot *snapshot);
