/* Which target of a group gets the next request of a thread. */
#pragma once

#include "balancer/snapshot.h"

/*
 * Round robin over the healthy targets; over all routable ones if too few are healthy (fail
 * open). Targets in tried[0..count) are not offered again; those to which a connection just
 * failed only if there is no other. NULL if there is none.
 */
struct target *selection_next(struct target_group *group, int thread, int64_t now_ms,
                              struct target *const *tried, int count);
