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

enum statistic_kind {
    STATISTIC_SAMPLE_COUNT,
    STATISTIC_AVERAGE,
    STATISTIC_SUM,
    STATISTIC_MINIMUM,
    STATISTIC_MAXIMUM,
    STATISTIC_PERCENTILE,
};

struct statistic {
    enum statistic_kind kind;
    double percentile;
};

/* Reads "Average", "Sum" ... or "p99.9". False if it is none of those. */
bool statistic_parse(const char *text, struct statistic *statistic);
/*
 * The value of a statistic for one point of series_read() with periods of `period_ms`; NAN if it is
 * not known (a percentile of values whose distribution is not known).
 */
double statistic_value(const struct series *series, const struct statistic *statistic,
                       const struct series_point *point, int64_t period_ms);
