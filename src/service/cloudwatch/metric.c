#include "service/cloudwatch/metric.h"

#include "service/doc.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

size_t metric_points_max(int64_t from_ms, int64_t to_ms, int64_t period_ms)
{
    int64_t kept_ms = (int64_t)(SERIES_MINUTES_KEPT + 1) * 60 * 1000;
    int64_t span_ms = to_ms - from_ms < kept_ms ? to_ms - from_ms : kept_ms;
    return span_ms > 0 ? (size_t)(span_ms / period_ms) + 2 : 0;
}

int metric_check_period(int64_t period_s, struct err *err)
{
    if (period_s == 1 || period_s == 5 || period_s == 10 || period_s == 20 || period_s == 30)
        return err_aws(err, "UnsupportedOperation",
                       "A Period of %lld is not supported by Pileus yet", (long long)period_s);
    if (period_s <= 0 || period_s % 60 != 0)
        return err_aws(err, "InvalidParameterValue",
                       "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
    return 0;
}

/* ---- statistics ---- */

static const struct {
    const char *name;
    enum statistic_kind kind;
} bounded[] = {
    {"TM", STATISTIC_TRIMMED_MEAN},    {"WM", STATISTIC_WINSORIZED_MEAN},
    {"TC", STATISTIC_TRIMMED_COUNT},   {"TS", STATISTIC_TRIMMED_SUM},
    {"PR", STATISTIC_PERCENTILE_RANK},
};

/* A number that is not negative, and whether it is a percentage; *text moves behind it. */
static bool read_bound(const char **text, double *ret_number, bool *ret_percent)
{
    char *end;
    if (!isdigit((unsigned char)**text))
        return false;
    *ret_number = strtod(*text, &end);
    *ret_percent = *end == '%';
    *text = end + *ret_percent;
    return isfinite(*ret_number) && (!*ret_percent || *ret_number <= 100);
}

/* "(low:high)": either may be missing, and both are percentages or neither is. */
static bool read_bounds(const char *text, struct series_bounds *bounds)
{
    bool low_percent = false, high_percent = false;
    double low = -HUGE_VAL, high = HUGE_VAL;
    text++;
    bool has_low = *text != ':', has_high;
    if (has_low && !read_bound(&text, &low, &low_percent))
        return false;
    if (*text++ != ':')
        return false;
    has_high = *text != ')';
    if (has_high && !read_bound(&text, &high, &high_percent))
        return false;
    if (strcmp(text, ")") || (!has_low && !has_high) ||
        (has_low && has_high && low_percent != high_percent) || low >= high)
        return false;
    *bounds = (struct series_bounds){low, high, low_percent || high_percent};
    if (bounds->by_percent) {
        bounds->low = fmax(low, 0);
        bounds->high = fmin(high, 100);
    }
    return true;
}

/* "tm99" is TM(:99%), "IQM" is TM(25%:75%). */
static bool parse_bounded(const char *text, struct statistic *statistic)
{
    if (!strcasecmp(text, "IQM")) {
        *statistic = (struct statistic){STATISTIC_TRIMMED_MEAN, 0, {25, 75, true}};
        return true;
    }
    for (size_t i = 0; i < sizeof bounded / sizeof *bounded; i++) {
        const char *rest = text + strlen(bounded[i].name);
        double high;
        bool percent;
        if (strncasecmp(text, bounded[i].name, strlen(bounded[i].name)))
            continue;
        *statistic = (struct statistic){.kind = bounded[i].kind};
        if (*rest == '(')
            return read_bounds(rest, &statistic->bounds) &&
                   (bounded[i].kind != STATISTIC_PERCENTILE_RANK || !statistic->bounds.by_percent);
        statistic->bounds = (struct series_bounds){0, 0, true};
        if (bounded[i].kind == STATISTIC_PERCENTILE_RANK || !read_bound(&rest, &high, &percent))
            return false;
        statistic->bounds.high = high;
        return !percent && !*rest && high <= 100;
    }
    return false;
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
    if (text[0] != 'p' || !isdigit((unsigned char)text[1]))
        return parse_bounded(text, statistic);
    char *end;
    double percentile = strtod(text + 1, &end);
    *statistic = (struct statistic){.kind = STATISTIC_PERCENTILE, .percentile = percentile};
    return !*end && percentile >= 0 && percentile <= 100;
}

static double bounded_value(const struct statistic *statistic, const struct series_parts *parts)
{
    double total = parts->below + parts->within + parts->above;
    switch (statistic->kind) {
    case STATISTIC_TRIMMED_MEAN:
        return parts->within > 0 ? parts->within_sum / parts->within : NAN;
    case STATISTIC_WINSORIZED_MEAN:
        return (parts->within_sum + (parts->below > 0 ? parts->below * parts->low : 0) +
                (parts->above > 0 ? parts->above * parts->high : 0)) /
               total;
    case STATISTIC_TRIMMED_COUNT:
        return parts->within;
    case STATISTIC_TRIMMED_SUM:
        return parts->within_sum;
    default:
        return parts->within / total * 100;
    }
}

double statistic_value(const struct series *series, const struct statistic *statistic,
                       const struct series_point *point, int64_t period_ms)
{
    int64_t end_ms = point->start_ms + period_ms;
    struct series_parts parts;
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
        return series_percentile(series, point->start_ms, end_ms, statistic->percentile);
    default:
        break;
    }
    if (!series_divide(series, point->start_ms, end_ms, &statistic->bounds, &parts))
        return NAN;
    return bounded_value(statistic, &parts);
}
