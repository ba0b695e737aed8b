#include "service/cloudwatch/metric.h"

#include "service/doc.h"

#include <stdlib.h>
#include <string.h>

void metric_read(const char *region, const json_t *object, struct metric *metric)
{
    metric->key = (struct series_key){.region = region,
                                      .namespace = doc_text(object, "Namespace"),
                                      .metric = doc_text(object, "MetricName"),
                                      .dimensions = metric->dimensions};
    size_t i;
    const json_t *dimension;
    json_array_foreach (json_object_get(object, "Dimensions"), i, dimension) {
        if (metric->key.dimension_count == SERIES_DIMENSIONS_MAX)
            return;
        metric->dimensions[metric->key.dimension_count++] = (struct series_dimension){
            .name = doc_text(dimension, "Name"), .value = doc_text(dimension, "Value")};
    }
}

json_t *metric_dimensions(const struct series_key *key)
{
    json_t *dimensions = json_array();
    for (size_t i = 0; i < key->dimension_count; i++)
        json_array_append_new(dimensions, json_pack("{s:s, s:s}", "Name", key->dimensions[i].name,
                                                    "Value", key->dimensions[i].value));
    return dimensions;
}

const struct series *metric_find(const struct series_store *store, const struct metric *metric,
                                 const char *unit)
{
    const struct series *series = series_find(store, &metric->key);
    if (series && unit && *unit && strcmp(unit, series_unit(series)) != 0)
        return NULL;
    return series;
}

bool statistic_parse(const char *text, struct statistic *statistic)
{
    static const char *const names[] = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *statistic = (struct statistic){.kind = (enum statistic_kind)i};
            return true;
        }
    }
    char *end;
    if (text[0] != 'p' || text[1] < '0' || text[1] > '9')
        return false;
    double percentile = strtod(text + 1, &end);
    *statistic = (struct statistic){.kind = STATISTIC_PERCENTILE, .percentile = percentile};
    return !*end && percentile >= 0 && percentile <= 100;
}

double statistic_value(const struct series *series, const struct statistic *statistic,
                       const struct series_point *point, int64_t period_ms)
{
    switch (statistic->kind) {
    case STATISTIC_SAMPLE_COUNT:
        return point->count;
    case STATISTIC_AVERAGE:
        return point->count > 0 ? point->sum / point->count : 0;
    case STATISTIC_SUM:
        return point->sum;
    case STATISTIC_MINIMUM:
        return point->minimum;
    case STATISTIC_MAXIMUM:
        return point->maximum;
    case STATISTIC_PERCENTILE:
        break;
    }
    return series_percentile(series, point->start_ms, point->start_ms + period_ms,
                             statistic->percentile);
}
