/*
 * Metric time series: bounded rings of one-minute aggregates (and one-second ones for the last
 * minutes of series marked high resolution), kept in memory and written behind to SQLite so that a
 * restart keeps history. A datapoint that was accepted by PutMetricData is on disk when it returns.
 * Times are cloud time.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SERIES_DIMENSIONS_MAX = 30,
    SERIES_BUCKETS = 64,                 /* of the value histogram, for percentiles */
    SERIES_MINUTES_KEPT = 15 * 24 * 60,  /* of one-minute aggregates */
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

/* Adds an aggregate (count values summing to sum ...) at cloud time `at_ms`. Creates the series;
 * fails when the store's limit of series is reached. `unit` is AWS's ("Percent", "Count" ...). */
int series_add(struct series_store *store, const struct series_key *key, const char *unit,
               int64_t at_ms, const struct series_point *value, struct err *err);

/* The series, or NULL. */
const struct series *series_find(const struct series_store *store, const struct series_key *key);
/*
 * Aggregates of `period_ms` (a multiple of one minute, or 1/5/10/20/30 s) over [from_ms, to_ms) with
 * data, ascending; at most `limit` are written to `out`. Returns how many.
 */
size_t series_read(const struct series *series, int64_t from_ms, int64_t to_ms, int64_t period_ms,
                   struct series_point *out, size_t limit);
/* The `percentile` (0..100) over [from_ms, to_ms); NAN without data. Exact to within 5 %. */
double series_percentile(const struct series *series, int64_t from_ms, int64_t to_ms,
                         double percentile);

/* Enumeration for ListMetrics: calls `visit` for each series of a region; stops if it returns false. */
typedef bool series_visitor(void *arg, const struct series *series);
void series_each(const struct series_store *store, const char *region, series_visitor *visit,
                 void *arg);
/* What a series is called; borrowed. */
const struct series_key *series_key(const struct series *series);
const char *series_unit(const struct series *series);
int64_t series_last_ms(const struct series *series);
