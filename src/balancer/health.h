/*
 * Health checks, in cloud time, on the main thread: a new connection for each check, closed after
 * it. Of many that are due at once, two begin in a millisecond. Decides the state of every target,
 * and tells group_health of it.
 */
#pragma once

#include "balancer/group_health.h"
#include "balancer/snapshot.h"
#include "balancer/worker.h"

struct health;

/* `worker` is that of the main thread. `on_change` is called for each target whose state, reason or
 * detail changed. */
struct health *health_create(struct worker *worker, struct group_health *groups,
                             void (*on_change)(const struct target *target, void *owner),
                             void *owner);
void health_destroy(struct health *health);
/*
 * Follows a snapshot: begins checks of new targets, ends those of targets that are draining, not
 * in use, not running, or gone. The snapshot stays valid until the next call.
 */
void health_apply(struct health *health, struct snapshot *snapshot);
/* What DescribeTargetHealth calls a state ("healthy") and a reason ("Target.Timeout", or ""). */
const char *health_state_name(int state);
const char *health_reason_name(int reason);
