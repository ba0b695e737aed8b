/* For the files of the metrics controller: from reports of host and balancer to metrics. */
#pragma once

#include "control/control_impl.h"
#include "store/series.h"

enum {
    METRICS_MINUTE_MS = 60 * 1000,
    METRICS_MINUTES_MAX = 180, /* that one report or one jump of the clock fills */
};

struct map;

/* metrics_instances.c: AWS/EC2, from a report of the host. `meters` belongs to that file. */
void metrics_take_usage(struct control *control, struct map *meters,
                        const struct message_usage *usage);
void metrics_free_meters(struct map *meters);

/* metrics_traffic.c: AWS/ApplicationELB, from a report of the balancer; fills `meters`. */
void metrics_take_traffic(struct control *control, struct map *meters, const struct traffic *rows,
                          uint32_t count);
/* metrics_minute.c: what each minute has whether there is traffic or not; empties `meters`. */
void metrics_count_minute(struct control *control, struct map *meters, int64_t minute_ms);
/* Of it, how many targets are healthy now: so that no minute misses one that was unhealthy in it.
 */
void metrics_count_hosts(struct control *control);

/* metrics.c: adds `count` values of `value` each; failures are logged. */
void metrics_add(struct control *control, const struct series_key *key, const char *unit,
                 int64_t at_ms, double value, double count);
