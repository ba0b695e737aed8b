/* Functions of metric math that look at values only: number by number, and many to one. */
#include "service/cloudwatch/math_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- number by number ---- */

static const struct {
    const char *name;
    double (*function)(double);
} plain[] = {
    {"ABS", fabs}, {"CEIL", ceil}, {"FLOOR", floor}, {"LOG", log}, {"LOG10", log10},
};

static double apply_plain(const char *name, double value)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(plain[i].name, name))
            return plain[i].function(value);
    return NAN;
}

static void map_plain(const struct math_call *call, const struct math_series *in,
                      struct math_series *out)
{
    for (size_t i = 0; i < in->count; i++)
        math_add_point(out, in->points[i].start_ms, apply_plain(call->name, in->points[i].value));
}

static int one_by_one(const struct math_call *call, struct math_value *ret_value)
{
    const struct math_value *in = &call->arguments[0];
    if (in->kind != MATH_NUMBER)
        return math_map_series(call, map_plain, ret_value);
    *ret_value = math_number(apply_plain(call->name, in->number));
    return 0;
}

/* What an argument is at a time; NAN if it has nothing there. */
static double value_at(const struct math_value *value, int64_t start_ms)
{
    return value->kind == MATH_NUMBER ? value->number : math_at(&value->series[0], start_ms);
}

/* IF(condition, then [, else]): nothing where the chosen one has nothing. */
static int if_(const struct math_call *call, struct math_value *ret_value)
{
    const struct math_value *condition = &call->arguments[0];
    struct math_value nothing = math_number(NAN);
    const struct math_value *other = call->count > 2 ? &call->arguments[2] : &nothing;
    for (size_t i = 0; i < call->count; i++)
        if (call->arguments[i].kind != MATH_NUMBER && call->arguments[i].kind != MATH_SERIES)
            return math_refuse(call, "takes numbers and single time series");
    if (condition->kind == MATH_NUMBER) {
        *ret_value = condition->number != 0 ? call->arguments[1] : *other;
        return 0;
    }
    const struct math_series *series = &condition->series[0];
    if (math_make_series(call->scope, series->period_ms, series->count, ret_value, call->err) < 0)
        return -1;
    for (size_t i = 0; i < series->count; i++) {
        const struct math_value *chosen =
            series->points[i].value != 0 ? &call->arguments[1] : other;
        math_add_point(ret_value->series, series->points[i].start_ms,
                       value_at(chosen, series->points[i].start_ms));
    }
    return 0;
}

const struct math_function math_plain_functions[] = {
    {"ABS", 1, 1, one_by_one}, {"CEIL", 1, 1, one_by_one},  {"FLOOR", 1, 1, one_by_one},
    {"LOG", 1, 1, one_by_one}, {"LOG10", 1, 1, one_by_one}, {"IF", 2, 3, if_},
    {NULL, 0, 0, NULL},
};

/* ---- many to one ---- */

/* What is known of values that were added one after the other. */
struct summary {
    double count, sum, squares, minimum, maximum;
};

static void summary_add(struct summary *summary, double value)
{
    summary->minimum = summary->count ? fmin(summary->minimum, value) : value;
    summary->maximum = summary->count ? fmax(summary->maximum, value) : value;
    summary->count++;
    summary->sum += value;
    summary->squares += value * value;
}

static double deviation(const struct summary *summary)
{
    double mean = summary->sum / summary->count;
    return sqrt(fmax(0, summary->squares / summary->count - mean * mean));
}

/* The result; NAN where nothing was added (but for counts). */
static double summary_result(const struct summary *summary, const char *name)
{
    if (!strcmp(name, "DATAPOINT_COUNT"))
        return summary->count;
    if (!summary->count)
        return NAN;
    if (!strcmp(name, "SUM"))
        return summary->sum;
    if (!strcmp(name, "AVG"))
        return summary->sum / summary->count;
    if (!strcmp(name, "MIN"))
        return summary->minimum;
    return !strcmp(name, "MAX") ? summary->maximum : deviation(summary);
}

static int compare_points(const void *left, const void *right)
{
    int64_t a = ((const struct math_point *)left)->start_ms;
    int64_t b = ((const struct math_point *)right)->start_ms;
    return (a > b) - (a < b);
}

/* A list becomes one series: at each time the result of those that have a datapoint then. */
static int reduce_list(const struct math_call *call, const struct math_value *list,
                       struct math_value *ret_value)
{
    size_t total = 0, all = 0;
    int64_t period_ms = list->count ? list->series[0].period_ms : call->scope->period_ms;
    for (size_t i = 0; i < list->count; i++)
        total += list->series[i].count;
    struct math_point *points = math_alloc(call->scope->memory, total, sizeof *points, call->err);
    if (!points || math_make_series(call->scope, period_ms, total, ret_value, call->err) < 0)
        return -1;
    for (size_t i = 0; i < list->count; i++)
        for (size_t k = 0; k < list->series[i].count; k++)
            points[all++] = list->series[i].points[k];
    qsort(points, all, sizeof *points, compare_points);
    for (size_t i = 0; i < all;) {
        struct summary summary = {0};
        int64_t start_ms = points[i].start_ms;
        for (; i < all && points[i].start_ms == start_ms; i++)
            summary_add(&summary, points[i].value);
        math_add_point(ret_value->series, start_ms, summary_result(&summary, call->name));
    }
    return 0;
}

static int reduce(const struct math_call *call, struct math_value *ret_value)
{
    const struct math_value *in = &call->arguments[0];
    struct summary summary = {0};
    if (in->kind == MATH_LIST)
        return reduce_list(call, in, ret_value);
    if (in->kind != MATH_SERIES)
        return math_refuse(call, "needs time series");
    for (size_t i = 0; i < in->series[0].count; i++)
        summary_add(&summary, in->series[0].points[i].value);
    *ret_value = math_number(summary_result(&summary, call->name));
    return 0;
}

static int metric_count(const struct math_call *call, struct math_value *ret_value)
{
    if (!math_has_series(&call->arguments[0]))
        return math_refuse(call, "needs an array of time series");
    *ret_value = math_number((double)call->arguments[0].count);
    return 0;
}

/* ---- choosing from a list ---- */

static int needs_list(const struct math_call *call)
{
    return call->arguments[0].kind == MATH_LIST
               ? 0
               : math_refuse(call, "needs an array of time series");
}

/* FIRST() and LAST(): of a list, or of a series the number. */
static int first_or_last(const struct math_call *call, struct math_value *ret_value)
{
    const struct math_value *in = &call->arguments[0];
    bool first = !strcmp(call->name, "FIRST");
    if (!math_has_series(in) || (in->kind == MATH_LIST && !in->count))
        return math_refuse(call, "needs time series");
    if (in->kind == MATH_LIST) {
        *ret_value = (struct math_value){
            .kind = MATH_SERIES, .series = &in->series[first ? 0 : in->count - 1], .count = 1};
        return 0;
    }
    const struct math_series *series = &in->series[0];
    if (!series->count)
        *ret_value = math_number(NAN);
    else
        *ret_value = math_number(series->points[first ? 0 : series->count - 1].value);
    return 0;
}

static int remove_empty(const struct math_call *call, struct math_value *ret_value)
{
    const struct math_value *in = &call->arguments[0];
    if (needs_list(call) < 0)
        return -1;
    *ret_value = (struct math_value){.kind = MATH_LIST};
    ret_value->series =
        math_alloc(call->scope->memory, in->count, sizeof *ret_value->series, call->err);
    if (!ret_value->series)
        return -1;
    for (size_t i = 0; i < in->count; i++)
        if (in->series[i].count)
            ret_value->series[ret_value->count++] = in->series[i];
    return 0;
}

/* SLICE(list, from [, to]): `to` is the first that is not taken. */
static int slice(const struct math_call *call, struct math_value *ret_value)
{
    const struct math_value *in = &call->arguments[0];
    if (needs_list(call) < 0)
        return -1;
    for (size_t i = 1; i < call->count; i++)
        if (call->arguments[i].kind != MATH_NUMBER || !(call->arguments[i].number >= 0))
            return math_refuse(call, "needs numbers from 0");
    *ret_value = *in;
    if (!in->count)
        return 0;
    double last = (double)in->count;
    double from = fmin(last, floor(call->arguments[1].number));
    double to = call->count > 2 ? fmin(last, floor(call->arguments[2].number)) : last;
    ret_value->series += (size_t)from;
    ret_value->count = to > from ? (size_t)(to - from) : 0;
    return 0;
}

struct sorted {
    struct math_series series;
    double key;
    size_t place; /* before: what is equal stays in order */
};

static int compare_sorted(const void *left, const void *right)
{
    const struct sorted *a = left, *b = right;
    if (a->key != b->key && !(isnan(a->key) && isnan(b->key)))
        return isnan(a->key) || a->key > b->key ? 1 : -1;
    return (a->place > b->place) - (a->place < b->place);
}

static int is_one_of(const char *word, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (!strcmp(words[i], word))
            return 1;
    return 0;
}

/* SORT(list, AVG|MAX|MIN|SUM, ASC|DESC [, limit]) */
static int sort(const struct math_call *call, struct math_value *ret_value)
{
    static const char *const by[] = {"AVG", "MAX", "MIN", "SUM", NULL};
    static const char *const orders[] = {"ASC", "DESC", NULL};
    const struct math_value *in = &call->arguments[0], *arguments = call->arguments;
    if (needs_list(call) < 0)
        return -1;
    if (arguments[1].kind != MATH_WORD || !is_one_of(arguments[1].text, by) ||
        arguments[2].kind != MATH_WORD || !is_one_of(arguments[2].text, orders) ||
        (call->count > 3 && !(arguments[3].kind == MATH_NUMBER && arguments[3].number >= 1)))
        return math_refuse(call, "needs AVG, MAX, MIN or SUM, then ASC or DESC, then a number");
    struct sorted *sorted = math_alloc(call->scope->memory, in->count, sizeof *sorted, call->err);
    struct math_series *series =
        math_alloc(call->scope->memory, in->count, sizeof *series, call->err);
    if (!sorted || !series)
        return -1;
    for (size_t i = 0; i < in->count; i++) {
        struct summary summary = {0};
        for (size_t k = 0; k < in->series[i].count; k++)
            summary_add(&summary, in->series[i].points[k].value);
        double key = summary_result(&summary, arguments[1].text);
        sorted[i] = (struct sorted){in->series[i], *arguments[2].text == 'D' ? -key : key, i};
    }
    qsort(sorted, in->count, sizeof *sorted, compare_sorted);
    for (size_t i = 0; i < in->count; i++)
        series[i] = sorted[i].series;
    double limit = call->count > 3 ? arguments[3].number : (double)in->count;
    *ret_value = (struct math_value){
        .kind = MATH_LIST, .series = series, .count = (size_t)fmin(limit, (double)in->count)};
    return 0;
}

static int metrics(const struct math_call *call, struct math_value *ret_value)
{
    if (call->count && call->arguments[0].kind != MATH_TEXT)
        return math_refuse(call, "takes a text");
    return call->scope->metrics(call->scope->arg, call->count ? call->arguments[0].text : NULL,
                                ret_value, call->err);
}

/* SEARCH('{Namespace,Dimension} term', 'Average' [, period]) */
static int search(const struct math_call *call, struct math_value *ret_value)
{
    const struct math_value *arguments = call->arguments;
    int64_t period_ms = call->scope->period_ms;
    if (arguments[0].kind != MATH_TEXT || arguments[1].kind != MATH_TEXT ||
        (call->count > 2 && arguments[2].kind != MATH_NUMBER))
        return math_refuse(call, "needs a search text, a statistic, and perhaps a period");
    if (call->count > 2) {
        if (!(arguments[2].number >= 60 && arguments[2].number <= 86400 * 366.0) ||
            fmod(arguments[2].number, 60) != 0)
            return math_refuse(call, "needs a period that is a multiple of 60");
        period_ms = (int64_t)arguments[2].number * 1000;
    }
    return call->scope->search(call->scope->arg, arguments[0].text, arguments[1].text, period_ms,
                               ret_value, call->err);
}

const struct math_function math_reducing_functions[] = {
    {"AVG", 1, 1, reduce},
    {"DATAPOINT_COUNT", 1, 1, reduce},
    {"MAX", 1, 1, reduce},
    {"MIN", 1, 1, reduce},
    {"STDDEV", 1, 1, reduce},
    {"SUM", 1, 1, reduce},
    {"FIRST", 1, 1, first_or_last},
    {"LAST", 1, 1, first_or_last},
    {"METRICS", 0, 1, metrics},
    {"METRIC_COUNT", 1, 1, metric_count},
    {"REMOVE_EMPTY", 1, 1, remove_empty},
    {"SEARCH", 2, 3, search},
    {"SLICE", 2, 3, slice},
    {"SORT", 3, 4, sort},
    {NULL, 0, 0, NULL},
};
