/*
 * Metric time series: one-minute aggregates, kept for 15 days in SQLite. The newest of each series
 * are also in memory (a bounded ring that starts small), where they are changed and from where they
 * are written behind; a restart keeps history. What must be on disk before an answer is given
 * (PutMetricData) is followed by series_flush(). Times are cloud time.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SERIES_DIMENSIONS_MAX = 30,
    SERIES_BUCKETS = 64,                /* of the value histogram of a minute, for percentiles */
    SERIES_MINUTES_KEPT = 15 * 24 * 60, /* of one-minute aggregates */
    SERIES_MAX = 20000,                 /* series of a store */
};

struct series_dimension {
    const char *name, *value;
};

/* Names a series. Dimensions may come in any order; equality ignores it. */
struct series_key {
    const char *region, *namespace, *metric;
    const struct series_dimension *dimensions;
    size_t dimension_count;
};

/* Aggregated values of one period. */
struct series_point {
    int64_t start_ms; /* of the period */
    double count, sum, minimum, maximum;
};

struct series_store;
struct series;

/* NULL path: memory only. */
struct series_store *series_open(const char *path, struct err *err);
void series_close(struct series_store *store);
/* Writes what has changed since the last flush. Called each few seconds and before close. */
int series_flush(struct series_store *store, struct err *err);

/*
 * Whether all of these series are there or could be created: keys may repeat. False also if memory
 * ran out. Several values can so be added, or none.
 */
bool series_fit(const struct series_store *store, const struct series_key *keys, size_t count);

/*
 * Adds an aggregate (count values summing to sum ...) at cloud time `at_ms`; start_ms of `value` is
 * not read. Creates the series; fails when the store's limit of series is reached. `unit` is AWS's
 * ("Percent", "Count" ...). As on AWS, percentiles know the values only if there is one or all are
 * equal; otherwise use series_add_values().
 */
int series_add(struct series_store *store, const struct series_key *key, const char *unit,
               int64_t at_ms, const struct series_point *value, struct err *err);

/* How often a value occurred. */
struct series_value {
    double value, count;
};
/* The same, for an aggregate whose values are known (more or less exactly) one by one. */
int series_add_values(struct series_store *store, const struct series_key *key, const char *unit,
                      int64_t at_ms, const struct series_point *total,
                      const struct series_value *values, size_t value_count, struct err *err);

/* The series, or NULL. */
const struct series *series_find(const struct series_store *store, const struct series_key *key);
/*
 * Aggregates of `period_ms` (a multiple of one minute) over [from_ms, to_ms) with data, ascending;
 * the first period begins at from_ms. At most `limit` are written to `out`. Returns how many.
 */
size_t series_read(const struct series *series, int64_t from_ms, int64_t to_ms, int64_t period_ms,
                   struct series_point *out, size_t limit);
/* The `percentile` (0..100) over [from_ms, to_ms); NAN without data, and if the distribution of any
 * of it is not known. Exact to within 5 %. */
double series_percentile(const struct series *series, int64_t from_ms, int64_t to_ms,
                         double percentile);

/* Values from (exclusive) and up to (inclusive); or the lowest and highest percent of them. */
struct series_bounds {
    double low, high;
    bool by_percent;
};
/* How values lie to the bounds. */
struct series_parts {
    double below, within, above; /* how many there are */
    double within_sum;
    double low, high; /* the bounds as values */
};
/* Divides the values over [from_ms, to_ms). False when series_percentile() would give NAN. */
bool series_divide(const struct series *series, int64_t from_ms, int64_t to_ms,
                   const struct series_bounds *bounds, struct series_parts *ret_parts);

/* Enumeration for ListMetrics: calls `visit` for each series of a region; stops if it returns
 * false. */
typedef bool series_visitor(void *arg, const struct series *series);
void series_each(const struct series_store *store, const char *region, series_visitor *visit,
                 void *arg);
/* What a series is called; borrowed. */
const struct series_key *series_key(const struct series *series);
const char *series_unit(const struct series *series);
/* Start of the last minute with data. */
int64_t series_last_ms(const struct series *series);
