/* Lines of the health check log. */
#pragma once

#include "balancer/health_probe.h"
#include "balancer/snapshot.h"

/*
 * A check of a target of `group` is over, which a load balancer uses: logs it, if that is wanted,
 * as of the node that the check came from. It began at `started_us` (CLOCK_MONOTONIC); `reason` is
 * why it failed, REASON_NONE if it did not. On the main thread.
 */
void health_log(const struct health_probe *probe, const struct target_group *group,
                int64_t started_us, int reason);
