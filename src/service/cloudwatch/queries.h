/*
 * Metric data queries: what GetMetricData asks for, and alarms on metric math. A query is a metric
 * with a statistic, or an expression over other queries, which are found by their ids.
 */
#pragma once

#include "service/cloudwatch/math.h"
#include "service/cloudwatch/metric.h"

#include <jansson.h>

enum { QUERIES_MAX = 500 };

/*
 * Checks a list of MetricDataQuery: ids, that each is a metric or an expression, statistics,
 * periods, functions, and that what is named is there.
 */
int queries_check(const json_t *list, struct err *err);

struct queries;

/*
 * Makes a checked list ready to be asked over [from_ms, to_ms); `list`, `series` and `region` are
 * borrowed until queries_free(). NULL and err if memory ran out.
 */
struct queries *queries_open(const json_t *list, const struct series_store *series,
                             const char *region, int64_t from_ms, int64_t to_ms, struct err *err);
/* Harmless with NULL. */
void queries_free(struct queries *queries);
/*
 * The value of the query at `index` of the list; it belongs to `queries`. Fails if expressions go
 * round in a circle, and when they are wrong (ValidationError).
 */
int queries_value(struct queries *queries, size_t index, struct math_value *ret_value,
                  struct err *err);
/* The longest period of the metrics in the list; a minute if there are none. */
int64_t queries_period_ms(const json_t *list);
