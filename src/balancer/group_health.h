/*
 * What the states of a group's targets mean for the group: which may be chosen, whether it fails
 * open, who is in slow start. On the main thread.
 */
#pragma once

#include "balancer/snapshot.h"
#include "loop/loop.h"

struct group_health;

/* `on_change` is called for each target whose anomaly detection said something new. */
struct group_health *
group_health_create(struct loop *loop, int thread_count,
                    void (*on_change)(const struct target *target, void *owner), void *owner);
void group_health_destroy(struct group_health *health);
/* Takes notice of who is in the groups, before the health of new targets is decided. */
void group_health_admit(struct group_health *health, struct snapshot *snapshot);
/* A target of the group has another state, or the group is new. */
void group_health_follow(struct group_health *health, struct target_group *group);
