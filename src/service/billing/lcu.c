#include "service/billing/lcu.h"

#include <math.h>
#include <string.h>

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, FREE_EVALUATIONS = 10 };

double lcu_hours(const struct lcu_dimensions *used)
{
    double connections = used->new_connections / (25 * 3600);
    double active = used->active_minutes / (3000 * 60);
    double bytes = used->bytes / 1e9;
    double evaluations = used->evaluations / (1000 * 3600);
    return fmax(fmax(connections, active), fmax(bytes, evaluations));
}

/* The sum of a metric of the load balancer in part of an hour. */
static double read_sum(const struct series_store *series, const char *region, const char *dimension,
                       const char *metric, int64_t from_ms, int64_t to_ms)
{
    struct series_dimension row = {"LoadBalancer", dimension};
    struct series_key key = {region, "AWS/ApplicationELB", metric, &row, 1};
    const struct series *found = series_find(series, &key);
    struct series_point point;
    if (!found || !series_read(found, from_ms, to_ms, HOUR_MS, &point, 1))
        return 0;
    return point.sum;
}

static double used_in_hour(const struct series_store *series, const char *region,
                           const char *dimension, int64_t from_ms, int64_t to_ms)
{
    double requests = read_sum(series, region, dimension, "RequestCount", from_ms, to_ms);
    double evaluations = read_sum(series, region, dimension, "RuleEvaluations", from_ms, to_ms);
    struct lcu_dimensions used = {
        .new_connections =
            read_sum(series, region, dimension, "NewConnectionCount", from_ms, to_ms),
        .active_minutes =
            read_sum(series, region, dimension, "ActiveConnectionCount", from_ms, to_ms),
        .bytes = read_sum(series, region, dimension, "ProcessedBytes", from_ms, to_ms),
        .evaluations = fmax(0, evaluations - FREE_EVALUATIONS * requests),
    };
    return lcu_hours(&used);
}

double lcu_used(const struct series_store *series, const char *region, const char *arn,
                int64_t from_ms, int64_t to_ms)
{
    const char *dimension = strstr(arn, "loadbalancer/");
    int64_t kept_ms = to_ms - (int64_t)SERIES_MINUTES_KEPT * MINUTE_MS;
    double sum = 0;
    if (!series || !dimension)
        return 0;
    dimension += strlen("loadbalancer/");
    /* Metrics belong to whole minutes. */
    from_ms = from_ms > kept_ms ? from_ms : kept_ms;
    for (from_ms -= from_ms % MINUTE_MS; from_ms < to_ms;) {
        int64_t end_ms = from_ms - from_ms % HOUR_MS + HOUR_MS;
        end_ms = end_ms < to_ms ? end_ms : to_ms;
        sum += used_in_hour(series, region, dimension, from_ms, end_ms);
        from_ms = end_ms;
    }
    return sum;
}
