/* PutMetricData: everything is checked before anything is written, and on disk when it returns. */
#include "base/cleanup.h"
#include "service/accept.h"
#include "service/cloudwatch/metric.h"
#include "service/cloudwatch/operations.h"
#include "service/doc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DATA_MAX = 1000,  /* of a request */
    VALUES_MAX = 150, /* of a datum */
    HOUR_MS = 3600 * 1000,
    PAST_HOURS = 14 * 24,
    FUTURE_HOURS = 2,
};

/* AWS's range of values: -2^360 to 2^360. */
static const double value_limit = 0x1p360;

static int check_number(const json_t *number, size_t index, const char *what, struct err *err)
{
    double value = json_number_value(number);
    if (isfinite(value) && fabs(value) <= value_limit)
        return 0;
    return err_aws(err, "InvalidParameterValue",
                   "The value of the parameter MetricData.member.%zu.%s is not valid", index + 1,
                   what);
}

static int check_time(const struct call *call, const json_t *datum, size_t index, struct err *err)
{
    const json_t *timestamp = json_object_get(datum, "Timestamp");
    double offset_ms = json_number_value(timestamp) * 1000 - (double)call->now_ms;
    if (!timestamp ||
        (offset_ms >= -1.0 * PAST_HOURS * HOUR_MS && offset_ms <= 1.0 * FUTURE_HOURS * HOUR_MS))
        return 0;
    return err_aws(err, "InvalidParameterValue",
                   "The parameter MetricData.member.%zu.Timestamp must specify a time no more than "
                   "two weeks in the past and no more than two hours in the future.",
                   index + 1);
}

static int check_values(const json_t *datum, size_t index, struct err *err)
{
    const json_t *values = json_object_get(datum, "Values");
    const json_t *counts = json_object_get(datum, "Counts");
    if (json_array_size(values) > VALUES_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "The parameter MetricData.member.%zu.Values must have at most %d items.",
                       index + 1, VALUES_MAX);
    if (counts && json_array_size(counts) != json_array_size(values))
        return err_aws(err, "InvalidParameterValue",
                       "The parameters MetricData.member.%zu.Values and "
                       "MetricData.member.%zu.Counts must have the same length.",
                       index + 1, index + 1);
    for (size_t i = 0; i < json_array_size(values); i++) {
        if (check_number(json_array_get(values, i), index, "Values", err) < 0 ||
            check_number(json_array_get(counts, i), index, "Counts", err) < 0)
            return -1;
        if (counts && json_number_value(json_array_get(counts, i)) <= 0)
            return err_aws(err, "InvalidParameterValue",
                           "The values of the parameter MetricData.member.%zu.Counts must be "
                           "positive.",
                           index + 1);
    }
    return 0;
}

static int check_set(const json_t *set, size_t index, struct err *err)
{
    static const char *const members[] = {"SampleCount", "Sum", "Minimum", "Maximum"};
    for (size_t i = 0; set && i < sizeof members / sizeof *members; i++)
        if (check_number(json_object_get(set, members[i]), index, "StatisticValues", err) < 0)
            return -1;
    if (set && (json_number_value(json_object_get(set, "SampleCount")) <= 0 ||
                json_number_value(json_object_get(set, "Minimum")) >
                    json_number_value(json_object_get(set, "Maximum"))))
        return err_aws(err, "InvalidParameterValue",
                       "The values of the parameter MetricData.member.%zu.StatisticValues "
                       "contradict each other.",
                       index + 1);
    return 0;
}

static int check_datum(const struct call *call, const json_t *datum, size_t index, struct err *err)
{
    const json_t *value = json_object_get(datum, "Value");
    const json_t *set = json_object_get(datum, "StatisticValues");
    const json_t *values = json_object_get(datum, "Values");
    if (call_accept(datum,
                    "MetricName Dimensions Timestamp Value StatisticValues Values Counts Unit "
                    "StorageResolution=60",
                    err) < 0)
        return -1;
    int ways = (value != NULL) + (set != NULL) + (json_array_size(values) > 0);
    if (ways == 0)
        return err_aws(
            err, "MissingParameter",
            "At least one of the parameters MetricData.member.%zu.Value, "
            "MetricData.member.%zu.Values and MetricData.member.%zu.StatisticValues must "
            "be specified.",
            index + 1, index + 1, index + 1);
    if (ways > 1)
        return err_aws(err, "InvalidParameterCombination",
                       "The parameters MetricData.member.%zu.Value, MetricData.member.%zu.Values "
                       "and MetricData.member.%zu.StatisticValues are mutually exclusive.",
                       index + 1, index + 1, index + 1);
    if (value && check_number(value, index, "Value", err) < 0)
        return -1;
    if (check_set(set, index, err) < 0 || check_values(datum, index, err) < 0)
        return -1;
    return check_time(call, datum, index, err);
}

/* The aggregate of a datum; *ret_count values of `values` are known one by one. */
static struct series_point aggregate(const json_t *datum, struct series_value *values,
                                     size_t *ret_count)
{
    const json_t *set = json_object_get(datum, "StatisticValues");
    const json_t *list = json_object_get(datum, "Values");
    const json_t *counts = json_object_get(datum, "Counts");
    if (set)
        return (struct series_point){.count =
                                         json_number_value(json_object_get(set, "SampleCount")),
                                     .sum = json_number_value(json_object_get(set, "Sum")),
                                     .minimum = json_number_value(json_object_get(set, "Minimum")),
                                     .maximum = json_number_value(json_object_get(set, "Maximum"))};
    struct series_point point = {.minimum = INFINITY, .maximum = -INFINITY};
    size_t count = json_array_size(list) > 0 ? json_array_size(list) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = list ? json_array_get(list, i) : json_object_get(datum, "Value");
        struct series_value value = {.value = json_number_value(item),
                                     .count =
                                         counts ? json_number_value(json_array_get(counts, i)) : 1};
        point.count += value.count;
        point.sum += value.value * value.count;
        point.minimum = fmin(point.minimum, value.value);
        point.maximum = fmax(point.maximum, value.value);
        values[i] = value;
    }
    *ret_count = count;
    return point;
}

static int put_datum(struct call *call, const json_t *datum, struct err *err)
{
    struct metric metric;
    struct series_value values[VALUES_MAX];
    size_t value_count = 0;
    metric_read(call->region, datum, &metric);
    metric.key.namespace = doc_text(call->in, "Namespace");
    struct series_point point = aggregate(datum, values, &value_count);
    const json_t *timestamp = json_object_get(datum, "Timestamp");
    int64_t at_ms = timestamp ? (int64_t)(json_number_value(timestamp) * 1000) : call->now_ms;
    const char *unit = doc_text(datum, "Unit");
    if (!*unit)
        unit = "None";
    if (value_count == 0)
        return series_add(call->series, &metric.key, unit, at_ms, &point, err);
    return series_add_values(call->series, &metric.key, unit, at_ms, &point, values, value_count,
                             err);
}

/* Fails unless there is room for the series of all data. */
static int check_room(const struct call *call, const json_t *data, struct err *err)
{
    size_t count = json_array_size(data);
    auto_free struct metric *metrics = calloc(count, sizeof *metrics);
    auto_free struct series_key *keys = calloc(count, sizeof *keys);
    if (!metrics || !keys)
        return err_set(err, "out of memory");
    for (size_t i = 0; i < count; i++) {
        metric_read(call->region, json_array_get(data, i), &metrics[i]);
        metrics[i].key.namespace = doc_text(call->in, "Namespace");
        keys[i] = metrics[i].key;
    }
    if (series_fit(call->series, keys, count))
        return 0;
    return err_aws(err, "LimitExceeded", "The maximum number of metrics has been reached: %d",
                   SERIES_MAX);
}

int cloudwatch_PutMetricData(struct call *call, struct err *err)
{
    const char *namespace = doc_text(call->in, "Namespace");
    const json_t *data = json_object_get(call->in, "MetricData");
    if (call_accept(call->in, "Namespace MetricData", err) < 0)
        return -1;
    if (strncmp(namespace, "AWS/", 4) == 0)
        return err_aws(err, "InvalidParameterValue",
                       "The value AWS/ for parameter Namespace is invalid.");
    if (json_array_size(data) == 0)
        return err_aws(err, "MissingParameter", "The parameter MetricData is required.");
    if (json_array_size(data) > DATA_MAX)
        return err_aws(err, "InvalidParameterValue",
                       "The collection MetricData must not have a size greater than %d.", DATA_MAX);
    size_t i;
    const json_t *datum;
    json_array_foreach (data, i, datum)
        if (check_datum(call, datum, i, err) < 0)
            return -1;
    if (check_room(call, data, err) < 0)
        return -1;
    json_array_foreach (data, i, datum)
        if (put_datum(call, datum, err) < 0)
            return -1;
    return series_flush(call->series, err);
}
