/* Naming metrics and reading their statistics, for operations and for alarms. */
#pragma once

#include "service/call.h"
#include "store/series.h"

/* A key with room for its dimensions. Strings are borrowed from the objects it was made of. */
struct metric {
    struct series_key key;
    struct series_dimension dimensions[SERIES_DIMENSIONS_MAX];
};

/* Fills `metric` from an object with Namespace, MetricName and Dimensions (a request, an alarm). */
void metric_read(const char *region, const json_t *object, struct metric *metric);
/* The Dimensions of a key as AWS shows them: a new array. */
json_t *metric_dimensions(const struct series_key *key);
/*
 * The series of a metric; NULL if it has none, or if `unit` (NULL or "": any) is not its unit.
 */
const struct series *metric_find(const struct series_store *store, const struct metric *metric,
                                 const char *unit);

/* How many points series_read() may give for a time. */
size_t metric_points_max(int64_t from_ms, int64_t to_ms, int64_t period_ms);
/* Fails unless metrics can be read by this period. */
int metric_check_period(int64_t period_s, struct err *err);

enum statistic_kind {
    STATISTIC_SAMPLE_COUNT,
    STATISTIC_AVERAGE,
    STATISTIC_SUM,
    STATISTIC_MINIMUM,
    STATISTIC_MAXIMUM,
    STATISTIC_PERCENTILE,
    /* Of the values between two bounds: */
    STATISTIC_TRIMMED_MEAN,
    STATISTIC_WINSORIZED_MEAN, /* what lies outside counts as the bound */
    STATISTIC_TRIMMED_COUNT,
    STATISTIC_TRIMMED_SUM,
    STATISTIC_PERCENTILE_RANK, /* their share in percent */
};

struct statistic {
    enum statistic_kind kind;
    double percentile;
    struct series_bounds bounds;
};

/*
 * Reads "Average", "Sum" ..., "p99.9", "tm99", "TM(10%:90%)", "PR(:300)", "IQM" ... False if it is
 * none of those. Amazon CloudWatch User Guide, "CloudWatch statistics definitions".
 */
bool statistic_parse(const char *text, struct statistic *statistic);
/*
 * The value of a statistic for one point of series_read() with periods of `period_ms`; NAN if it is
 * not known (a percentile of values whose distribution is not known).
 */
double statistic_value(const struct series *series, const struct statistic *statistic,
                       const struct series_point *point, int64_t period_ms);
