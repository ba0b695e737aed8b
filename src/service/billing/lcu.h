/* Load balancer capacity units, as AWS charges them. */
#pragma once

#include "store/series.h"

#include <stdint.h>

/* What a load balancer did in a while, by the four dimensions of an LCU. */
struct lcu_dimensions {
    double new_connections;
    double active_minutes; /* active connections, summed over minutes */
    double bytes;
    double evaluations; /* of rules, without the ten that each request has free */
};

/*
 * LCU-hours: the highest of the four shares, each of what one unit has in an hour: 25 new
 * connections a second, 3,000 active ones, 1 GB, 1,000 evaluations a second.
 */
double lcu_hours(const struct lcu_dimensions *used);

/*
 * What a load balancer (its ARN) consumed from one time to another, in LCU-hours, by its metrics.
 * Each hour of the clock is charged by its own highest dimension. Of what is older than metrics
 * are kept, nothing is known.
 */
double lcu_used(const struct series_store *series, const char *region, const char *arn,
                int64_t from_ms, int64_t to_ms);
