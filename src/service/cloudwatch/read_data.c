/* Reading metrics: GetMetricStatistics, GetMetricData and ListMetrics. */
#include "base/cleanup.h"
#include "service/accept.h"
#include "service/cloudwatch/metric.h"
#include "service/cloudwatch/operations.h"
#include "service/cloudwatch/queries.h"
#include "service/doc.h"
#include "service/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    MINUTE_MS = 60 * 1000,
    STATISTICS_POINTS_MAX = 1440,
    DATA_POINTS_MAX = 100800,
    METRICS_PAGE = 500,
    TOKEN_SIZE = 24,
};

static const int64_t recently_ms = (int64_t)3 * 60 * MINUTE_MS;     /* PT3H */
static const int64_t listed_ms = (int64_t)14 * 24 * 60 * MINUTE_MS; /* after the last value */

/* A time of the request. What no calendar has becomes a time far away. */
static int64_t time_ms(const json_t *in, const char *member)
{
    static const double far_ms = 1e15;
    double asked_ms = json_number_value(json_object_get(in, member)) * 1000;
    return (int64_t)fmax(-far_ms, fmin(far_ms, asked_ms));
}

static int check_times(const json_t *in, struct err *err)
{
    if (time_ms(in, "StartTime") < time_ms(in, "EndTime"))
        return 0;
    return err_aws(err, "InvalidParameterValue",
                   "The parameter StartTime must be less than the parameter EndTime.");
}

/* The points of a period; malloc'd. NULL and err if memory ran out. */
static struct series_point *read_points(const struct series *series, int64_t from_ms, int64_t to_ms,
                                        int64_t period_ms, size_t *ret_count, struct err *err)
{
    size_t limit = metric_points_max(from_ms, to_ms, period_ms);
    struct series_point *points = calloc(limit, sizeof *points);
    if (!points)
        err_set(err, "out of memory");
    else
        *ret_count = series ? series_read(series, from_ms, to_ms, period_ms, points, limit) : 0;
    return points;
}

/* ---- GetMetricStatistics ---- */

static int check_statistics(const json_t *in, struct err *err)
{
    const json_t *plain = json_object_get(in, "Statistics");
    const json_t *extended = json_object_get(in, "ExtendedStatistics");
    struct statistic statistic;
    if (json_array_size(plain) == 0 && json_array_size(extended) == 0)
        return err_aws(err, "InvalidParameterCombination",
                       "At least one of the parameters Statistics and ExtendedStatistics must be "
                       "specified.");
    if (json_array_size(plain) > 0 && json_array_size(extended) > 0)
        return err_aws(err, "InvalidParameterCombination",
                       "The parameters Statistics and ExtendedStatistics cannot be used together.");
    size_t i;
    const json_t *name;
    json_array_foreach (extended, i, name)
        if (!statistic_parse(json_string_value(name), &statistic) ||
            statistic.kind < STATISTIC_PERCENTILE)
            return err_aws(err, "InvalidParameterValue",
                           "The value '%.100s' for parameter ExtendedStatistics is not valid.",
                           json_string_value(name));
    return 0;
}

/* Adds the statistics that a list names to an object, by name. */
static void add_statistics(json_t *into, const struct series *series, const json_t *names,
                           const struct series_point *point, int64_t period_ms)
{
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        struct statistic statistic;
        if (!statistic_parse(json_string_value(name), &statistic))
            continue;
        double value = statistic_value(series, &statistic, point, period_ms);
        if (!isnan(value))
            json_object_set_new(into, json_string_value(name), json_real(value));
    }
}

static json_t *datapoint(const json_t *in, const struct series *series,
                         const struct series_point *point, int64_t period_ms)
{
    json_t *shown = json_pack("{s:f, s:s}", "Timestamp", (double)point->start_ms / 1000, "Unit",
                              series_unit(series));
    add_statistics(shown, series, json_object_get(in, "Statistics"), point, period_ms);
    const json_t *extended = json_object_get(in, "ExtendedStatistics");
    if (json_array_size(extended) > 0) {
        json_t *map = json_object();
        add_statistics(map, series, extended, point, period_ms);
        json_object_set_new(shown, "ExtendedStatistics", map);
    }
    return shown;
}

int cloudwatch_GetMetricStatistics(struct call *call, struct err *err)
{
    int64_t period_s = doc_number(call->in, "Period");
    if (call_accept(call->in,
                    "Namespace MetricName Dimensions StartTime EndTime Period Statistics "
                    "ExtendedStatistics Unit",
                    err) < 0 ||
        metric_check_period(period_s, err) < 0 || check_times(call->in, err) < 0 ||
        check_statistics(call->in, err) < 0)
        return -1;
    int64_t from_ms = time_ms(call->in, "StartTime"), to_ms = time_ms(call->in, "EndTime");
    int64_t period_ms = period_s * 1000;
    from_ms -= from_ms % MINUTE_MS;
    int64_t count_max = (to_ms - from_ms + period_ms - 1) / period_ms;
    if (count_max > STATISTICS_POINTS_MAX)
        return err_aws(
            err, "InvalidParameterCombination",
            "You have requested up to %lld datapoints, which exceeds the limit of %d. "
            "You may reduce the datapoints requested by increasing Period, or decreasing "
            "the time range.",
            (long long)count_max, STATISTICS_POINTS_MAX);
    struct metric metric;
    metric_read(call->region, call->in, &metric);
    const struct series *series = metric_find(call->series, &metric, doc_text(call->in, "Unit"));
    size_t count = 0;
    auto_free struct series_point *points =
        read_points(series, from_ms, to_ms, period_ms, &count, err);
    if (!points)
        return -1;
    json_t *datapoints = json_array();
    json_object_set_new(call->out, "Datapoints", datapoints);
    json_object_set_new(call->out, "Label", json_string(metric.key.metric));
    for (size_t i = 0; i < count; i++)
        json_array_append_new(datapoints, datapoint(call->in, series, &points[i], period_ms));
    return 0;
}

/* ---- GetMetricData ---- */

/* What of the answer is asked: datapoints are numbered over all queries in their order. */
struct data_page {
    size_t skip;  /* datapoints that earlier pages had */
    size_t left;  /* datapoints that still fit */
    size_t given; /* datapoints of this page */
    bool more;    /* something did not fit */
};

static void add_value(json_t *result, const struct math_point *point, struct data_page *page)
{
    if (page->skip > 0) {
        page->skip--;
        return;
    }
    if (page->left == 0) {
        page->more = true;
        json_object_set_new(result, "StatusCode", json_string("PartialData"));
        return;
    }
    page->left--;
    page->given++;
    json_array_append_new(json_object_get(result, "Timestamps"),
                          json_real((double)point->start_ms / 1000));
    json_array_append_new(json_object_get(result, "Values"), json_real(point->value));
}

/* "<label of the query> <label of the series>", or what there is of it. */
static json_t *make_label(const json_t *query, const struct math_series *series, bool is_list)
{
    const char *own = doc_text(query, "Label");
    if (is_list && *own && series->label)
        return json_sprintf("%s %s", own, series->label);
    if (!*own && series->label && (is_list || json_object_get(query, "MetricStat")))
        return json_string(series->label);
    return json_string(*own ? own : doc_text(query, "Id"));
}

static void add_result(struct call *call, const json_t *query, const struct math_series *series,
                       bool is_list, struct data_page *page)
{
    json_t *result = json_pack("{s:s, s:o, s:[], s:[], s:s}", "Id", doc_text(query, "Id"), "Label",
                               make_label(query, series, is_list), "Timestamps", "Values",
                               "StatusCode", "Complete");
    json_array_append_new(json_object_get(call->out, "MetricDataResults"), result);
    bool ascending = doc_is(call->in, "ScanBy", "TimestampAscending");
    for (size_t i = 0; i < series->count; i++)
        add_value(result, &series->points[ascending ? i : series->count - 1 - i], page);
}

static int answer_query(struct call *call, struct queries *queries, size_t index,
                        struct data_page *page, struct err *err)
{
    const json_t *query = json_array_get(json_object_get(call->in, "MetricDataQueries"), index);
    struct math_value value;
    if (json_is_false(json_object_get(query, "ReturnData")))
        return 0;
    if (queries_value(queries, index, &value, err) < 0)
        return -1;
    if (value.kind != MATH_SERIES && value.kind != MATH_LIST)
        return err_aws(
            err, "ValidationError",
            "Error in expression '%s': it must return a single time series or an array of "
            "time series",
            doc_text(query, "Id"));
    for (size_t i = 0; i < value.count; i++)
        add_result(call, query, &value.series[i], value.kind == MATH_LIST, page);
    return 0;
}

static int answer_queries(struct call *call, struct data_page *page, struct err *err)
{
    const json_t *list = json_object_get(call->in, "MetricDataQueries");
    struct queries *queries =
        queries_open(list, call->series, call->region, time_ms(call->in, "StartTime"),
                     time_ms(call->in, "EndTime"), err);
    int result = queries ? 0 : -1;
    for (size_t i = 0; result == 0 && i < json_array_size(list); i++)
        result = answer_query(call, queries, i, page, err);
    queries_free(queries);
    return result;
}

/* Tokens are the number of datapoints that were given before. */
static int begin_page(const json_t *in, struct data_page *page, struct err *err)
{
    const char *token = doc_text(in, "NextToken");
    int64_t asked =
        json_object_get(in, "MaxDatapoints") ? doc_number(in, "MaxDatapoints") : DATA_POINTS_MAX;
    if (asked < 1 || asked > DATA_POINTS_MAX)
        return err_aws(err, "ValidationError",
                       "The parameter MaxDatapoints must be between 1 and %d.", DATA_POINTS_MAX);
    *page = (struct data_page){.left = (size_t)asked};
    if (strlen(token) >= TOKEN_SIZE || strspn(token, "0123456789") != strlen(token))
        return err_aws(err, "InvalidNextToken", "The token '%.100s' is invalid.", token);
    page->skip = strtoull(token, NULL, 10);
    return 0;
}

int cloudwatch_GetMetricData(struct call *call, struct err *err)
{
    struct data_page page;
    if (call_accept(call->in, "MetricDataQueries StartTime EndTime NextToken ScanBy MaxDatapoints",
                    err) < 0 ||
        check_times(call->in, err) < 0 || begin_page(call->in, &page, err) < 0 ||
        queries_check(json_object_get(call->in, "MetricDataQueries"), err) < 0)
        return -1;
    size_t before = page.skip;
    json_object_set_new(call->out, "MetricDataResults", json_array());
    json_object_set_new(call->out, "Messages", json_array());
    if (answer_queries(call, &page, err) < 0)
        return -1;
    if (page.more)
        json_object_set_new(call->out, "NextToken", json_sprintf("%zu", before + page.given));
    return 0;
}

/* ---- ListMetrics ---- */

struct listing {
    const struct call *call;
    json_t *metrics;
};

static bool has_dimension(const struct series_key *key, const json_t *filter)
{
    const char *value = json_string_value(json_object_get(filter, "Value"));
    for (size_t i = 0; i < key->dimension_count; i++)
        if (doc_is(filter, "Name", key->dimensions[i].name) &&
            (!value || strcmp(value, key->dimensions[i].value) == 0))
            return true;
    return false;
}

static bool list_series(void *arg, const struct series *series)
{
    struct listing *listing = arg;
    const json_t *in = listing->call->in;
    const struct series_key *key = series_key(series);
    const char *namespace = doc_text(in, "Namespace"), *name = doc_text(in, "MetricName");
    if ((*namespace && strcmp(namespace, key->namespace) != 0) ||
        (*name && strcmp(name, key->metric) != 0))
        return true;
    int64_t age_ms = listing->call->now_ms - series_last_ms(series);
    if (age_ms > (*doc_text(in, "RecentlyActive") ? recently_ms : listed_ms))
        return true;
    size_t i;
    const json_t *filter;
    json_array_foreach (json_object_get(in, "Dimensions"), i, filter)
        if (!has_dimension(key, filter))
            return true;
    json_array_append_new(listing->metrics,
                          json_pack("{s:s, s:s, s:o}", "Namespace", key->namespace, "MetricName",
                                    key->metric, "Dimensions", metric_dimensions(key)));
    return true;
}

int cloudwatch_ListMetrics(struct call *call, struct err *err)
{
    static const struct paging paging = {NULL, "NextToken", "NextToken", "InvalidParameterValue",
                                         METRICS_PAGE};
    if (call_accept(call->in, "Namespace MetricName Dimensions NextToken RecentlyActive", err) < 0)
        return -1;
    json_auto_t *metrics = json_array();
    struct listing listing = {.call = call, .metrics = metrics};
    series_each(call->series, call->region, list_series, &listing);
    return call_page(call, &paging, metrics, "Metrics", err);
}
