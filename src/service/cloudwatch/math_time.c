/* Functions of metric math that look at when the datapoints are. */
#include "service/cloudwatch/math_impl.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* ---- from one datapoint to the next ---- */

/* DIFF(), DIFF_TIME() and RATE() have nothing for the first datapoint. */
static void map_difference(const struct math_call *call, const struct math_series *in,
                           struct math_series *out)
{
    for (size_t i = 1; i < in->count; i++) {
        double difference = in->points[i].value - in->points[i - 1].value;
        double seconds = (double)(in->points[i].start_ms - in->points[i - 1].start_ms) / 1000;
        double result = difference;
        if (!strcmp(call->name, "DIFF_TIME"))
            result = seconds;
        if (!strcmp(call->name, "RATE"))
            result = difference / seconds;
        math_add_point(out, in->points[i].start_ms, result);
    }
}

static int difference(const struct math_call *call, struct math_value *ret_value)
{
    return math_map_series(call, map_difference, ret_value);
}

static void map_running_sum(const struct math_call *call, const struct math_series *in,
                            struct math_series *out)
{
    double sum = 0;
    (void)call;
    for (size_t i = 0; i < in->count; i++)
        math_add_point(out, in->points[i].start_ms, sum += in->points[i].value);
}

static int running_sum(const struct math_call *call, struct math_value *ret_value)
{
    return math_map_series(call, map_running_sum, ret_value);
}

/* ---- the calendar, in UTC ---- */

static double calendar(const char *name, int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    if (!strcmp(name, "EPOCH"))
        return (double)seconds;
    if (!strcmp(name, "MINUTE"))
        return parts.tm_min;
    if (!strcmp(name, "HOUR"))
        return parts.tm_hour;
    if (!strcmp(name, "DAY")) /* of the week: Monday is 1 */
        return parts.tm_wday ? parts.tm_wday : 7;
    if (!strcmp(name, "DATE"))
        return parts.tm_mday;
    return !strcmp(name, "MONTH") ? parts.tm_mon + 1 : parts.tm_year + 1900;
}

static void map_calendar(const struct math_call *call, const struct math_series *in,
                         struct math_series *out)
{
    for (size_t i = 0; i < in->count; i++)
        math_add_point(out, in->points[i].start_ms, calendar(call->name, in->points[i].start_ms));
}

static int of_calendar(const struct math_call *call, struct math_value *ret_value)
{
    return math_map_series(call, map_calendar, ret_value);
}

/* ---- periods ---- */

static int period(const struct math_call *call, struct math_value *ret_value)
{
    if (call->arguments[0].kind != MATH_SERIES)
        return math_refuse(call, "needs a single time series");
    *ret_value = math_number((double)call->arguments[0].series[0].period_ms / 1000);
    return 0;
}

/* How many periods begin in the time that is asked for. */
static size_t periods_asked(const struct math_scope *scope, int64_t period_ms)
{
    int64_t span_ms = scope->to_ms - scope->from_ms;
    return span_ms > 0 ? (size_t)((span_ms + period_ms - 1) / period_ms) : 0;
}

static int time_series(const struct math_call *call, struct math_value *ret_value)
{
    const struct math_scope *scope = call->scope;
    size_t count = periods_asked(scope, scope->period_ms);
    if (call->arguments[0].kind != MATH_NUMBER)
        return math_refuse(call, "needs a number");
    if (math_make_series(scope, scope->period_ms, count, ret_value, call->err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        math_add_point(ret_value->series, scope->from_ms + (int64_t)i * scope->period_ms,
                       call->arguments[0].number);
    return 0;
}

/* ---- FILL ---- */

/* What stands for a missing datapoint; `next` is the index of the first one after it. */
static double filling(const struct math_value *with, const struct math_series *in, size_t next,
                      int64_t start_ms)
{
    if (with->kind == MATH_NUMBER)
        return with->number;
    if (with->kind == MATH_SERIES)
        return math_at(&with->series[0], start_ms);
    if (next == 0)
        return NAN;
    const struct math_point *before = &in->points[next - 1];
    if (!strcmp(with->text, "REPEAT"))
        return before->value;
    if (next == in->count)
        return NAN;
    const struct math_point *after = &in->points[next];
    double part =
        (double)(start_ms - before->start_ms) / (double)(after->start_ms - before->start_ms);
    return before->value + part * (after->value - before->value);
}

static int fill_series(const struct math_call *call, const struct math_series *in,
                       struct math_series *out)
{
    const struct math_scope *scope = call->scope;
    int64_t period_ms = in->period_ms;
    int64_t at_ms = in->count ? in->points[0].start_ms : scope->from_ms;
    at_ms -= (at_ms - scope->from_ms) / period_ms * period_ms; /* in step with what is there */
    size_t next = 0, count = periods_asked(scope, period_ms);
    struct math_value made;
    if (math_make_series(scope, period_ms, count + in->count, &made, call->err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++, at_ms += period_ms) {
        for (; next < in->count && in->points[next].start_ms <= at_ms; next++)
            math_add_point(made.series, in->points[next].start_ms, in->points[next].value);
        bool is_there = next > 0 && in->points[next - 1].start_ms == at_ms;
        if (!is_there)
            math_add_point(made.series, at_ms, filling(&call->arguments[1], in, next, at_ms));
    }
    *out = *made.series;
    out->label = in->label;
    return 0;
}

/* FILL(series, number | series | REPEAT | LINEAR) */
static int fill(const struct math_call *call, struct math_value *ret_value)
{
    const struct math_value *in = &call->arguments[0], *with = &call->arguments[1];
    bool is_word =
        with->kind == MATH_WORD && (!strcmp(with->text, "REPEAT") || !strcmp(with->text, "LINEAR"));
    if (!math_has_series(in) ||
        !(is_word || with->kind == MATH_NUMBER || with->kind == MATH_SERIES))
        return math_refuse(call,
                           "needs time series, and a number, a time series, REPEAT or LINEAR");
    *ret_value = (struct math_value){.kind = in->kind, .count = in->count};
    ret_value->series =
        math_alloc(call->scope->memory, in->count, sizeof *ret_value->series, call->err);
    if (!ret_value->series)
        return -1;
    for (size_t i = 0; i < in->count; i++)
        if (fill_series(call, &in->series[i], &ret_value->series[i]) < 0)
            return -1;
    return 0;
}

const struct math_function math_time_functions[] = {
    {"DATE", 1, 1, of_calendar},
    {"DAY", 1, 1, of_calendar},
    {"DIFF", 1, 1, difference},
    {"DIFF_TIME", 1, 1, difference},
    {"EPOCH", 1, 1, of_calendar},
    {"FILL", 2, 2, fill},
    {"HOUR", 1, 1, of_calendar},
    {"MINUTE", 1, 1, of_calendar},
    {"MONTH", 1, 1, of_calendar},
    {"PERIOD", 1, 1, period},
    {"RATE", 1, 1, difference},
    {"RUNNING_SUM", 1, 1, running_sum},
    {"TIME_SERIES", 1, 1, time_series},
    {"YEAR", 1, 1, of_calendar},
    {NULL, 0, 0, NULL},
};
