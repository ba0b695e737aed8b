/* Metric math: what expressions give, case by case; and searches. */
#include "service/cloudwatch/math.h"
#include "service/cloudwatch/search.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

enum { MINUTE_MS = 60000, MINUTES = 4 };

/* Series of the tests: a value a minute, "-" where it is missing. */
static const struct {
    const char *id, *values;
} drawn[] = {
    {"a", "1 2 3 4"},    {"b", "10 - 30 40"}, {"c", "- - 5 -"},
    {"zero", "0 0 1 0"}, {"none", "- - - -"},
};

static int draw(struct math_memory *memory, const char *id, const char *values,
                struct math_series *series, struct err *err)
{
    *series = (struct math_series){.label = id, .period_ms = MINUTE_MS};
    series->points = math_alloc(memory, MINUTES, sizeof *series->points, err);
    for (int i = 0; i < MINUTES; i++) {
        char *end;
        double value = strtod(values, &end);
        if (*values == '-')
            end = (char *)values + 1;
        else
            series->points[series->count++] = (struct math_point){i * MINUTE_MS, value};
        values = end + strspn(end, " ");
    }
    return 0;
}

static int find(void *arg, const char *id, struct math_value *ret_value, struct err *err)
{
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        if (strcmp(drawn[i].id, id))
            continue;
        *ret_value = (struct math_value){.kind = MATH_SERIES, .count = 1};
        ret_value->series = math_alloc(arg, 1, sizeof *ret_value->series, err);
        return draw(arg, id, drawn[i].values, ret_value->series, err);
    }
    return err_set(err, "no %s", id);
}

/* METRICS() are a and b. */
static int metrics(void *arg, const char *part, struct math_value *ret_value, struct err *err)
{
    *ret_value = (struct math_value){.kind = MATH_LIST};
    ret_value->series = math_alloc(arg, 2, sizeof *ret_value->series, err);
    for (size_t i = 0; i < 2; i++)
        if (!part || strstr(drawn[i].id, part))
            draw(arg, drawn[i].id, drawn[i].values, &ret_value->series[ret_value->count++], err);
    return 0;
}

static int search(void *arg, const char *query, const char *statistic, int64_t period_ms,
                  struct math_value *ret_value, struct err *err)
{
    assert_string_equal(query, "{App} x");
    assert_string_equal(statistic, "Sum");
    assert_int_equal(period_ms, 300000);
    return metrics(arg, NULL, ret_value, err);
}

static void show_number(char *out, size_t size, double number)
{
    if (isnan(number))
        snprintf(out, size, "nothing");
    else
        snprintf(out, size, "%.6g", number);
}

/* "1 2 - 4": a series over the four minutes. */
static void show_series(char *out, size_t size, const struct math_series *series)
{
    size_t next = 0, at = 0;
    for (int i = 0; i < MINUTES; i++) {
        bool is_there = next < series->count && series->points[next].start_ms == i * MINUTE_MS;
        at += (size_t)snprintf(out + at, size - at, i ? " " : "");
        at += (size_t)(is_there ? snprintf(out + at, size - at, "%.6g", series->points[next].value)
                                : snprintf(out + at, size - at, "-"));
        next += is_there;
    }
    assert_int_equal(next, series->count);
}

/* What an expression gives, as text; series of a list are separated by "; ". */
static const char *show(const char *text)
{
    static char out[512];
    struct err err = {0};
    auto_math_memory memory = {0};
    struct math_scope scope = {&memory, 0,     MINUTES * MINUTE_MS, MINUTE_MS, &memory, find,
                               metrics, search};
    struct math_value value;
    struct expression *expression = expression_parse(text, &err);
    size_t at = 0;
    if (!expression || math_evaluate(&scope, expression, &value, &err) < 0) {
        snprintf(out, sizeof out, "%s", err.text);
        assert_true(*err.text);
        expression_free(expression);
        return out;
    }
    *out = '\0';
    if (value.kind == MATH_NUMBER)
        show_number(out, sizeof out, value.number);
    for (size_t i = 0; i < value.count; i++) {
        at += (size_t)snprintf(out + at, sizeof out - at, i ? "; " : "");
        show_series(out + at, sizeof out - at, &value.series[i]);
        at += strlen(out + at);
    }
    expression_free(expression);
    return out;
}

struct row {
    const char *expression, *expected;
};

static void assert_rows(const struct row *rows)
{
    for (; rows->expression; rows++)
        if (strcmp(show(rows->expression), rows->expected))
            fail_msg("%s: \"%s\", not \"%s\"", rows->expression, show(rows->expression),
                     rows->expected);
}

static void operators_bind_as_in_school(void **state)
{
    (void)state;
    assert_rows((const struct row[]){{"1 + 2 * 3", "7"},
                                     {"(1 + 2) * 3", "9"},
                                     {"10 - 4 - 3", "3"},
                                     {"-2 ^ 2", "-4"},
                                     {"2 ^ 3 ^ 2", "512"},
                                     {"2 ^ -1", "0.5"},
                                     {"1 + 1 == 2 && 3 > 2", "1"},
                                     {"1 OR 0 AND 0", "1"},
                                     {"!0 + 1", "2"},
                                     {"1 != 1", "0"},
                                     {NULL, NULL}});
}

static void series_meet_where_both_have_a_datapoint(void **state)
{
    (void)state;
    assert_rows((const struct row[]){
        {"a + b", "11 - 33 44"},
        {"a * 2", "2 4 6 8"},
        {"100 / a", "100 50 33.3333 25"},
        {"a / zero", "- - 3 -"},
        {"1 / 0", "nothing"},
        {"a > 2", "0 0 1 1"},
        {"-a", "-1 -2 -3 -4"},
        {"METRICS() + a", "2 4 6 8; 11 - 33 44"},
        {"METRICS() + METRICS()", "Two arrays of time series cannot be combined."},
        {NULL, NULL}});
}

static void functions_reduce_a_series_to_a_number_and_a_list_to_a_series(void **state)
{
    (void)state;
    assert_rows((const struct row[]){{"SUM(a)", "10"},
                                     {"avg(b)", "26.6667"},
                                     {"MIN(b) + MAX(b)", "50"},
                                     {"STDDEV(a)", "1.11803"},
                                     {"DATAPOINT_COUNT(b)", "3"},
                                     {"SUM(none)", "nothing"},
                                     {"SUM(METRICS())", "11 2 33 44"},
                                     {"AVG([a, b, c])", "5.5 2 12.6667 22"},
                                     {"DATAPOINT_COUNT([a, b, c])", "2 1 3 2"},
                                     {"METRIC_COUNT(METRICS('b'))", "1"},
                                     {"SUM(3)", "The function SUM needs time series."},
                                     {NULL, NULL}});
}

static void if_chooses_point_by_point(void **state)
{
    (void)state;
    assert_rows((const struct row[]){{"IF(a > 2, b, 0)", "0 0 30 40"},
                                     {"IF(a > 2, 1)", "- - 1 1"},
                                     {"IF(a > 1, b, a)", "1 - 30 40"},
                                     {"IF(1, a, b)", "1 2 3 4"},
                                     {"IF(b, 1, 0)", "1 - 1 1"},
                                     {NULL, NULL}});
}

static void fill_puts_something_where_nothing_is(void **state)
{
    (void)state;
    assert_rows((const struct row[]){{"FILL(b, 0)", "10 0 30 40"},
                                     {"FILL(b, REPEAT)", "10 10 30 40"},
                                     {"FILL(b, LINEAR)", "10 20 30 40"},
                                     {"FILL(c, REPEAT)", "- - 5 5"},
                                     {"FILL(c, LINEAR)", "- - 5 -"},
                                     {"FILL(b, a)", "10 2 30 40"},
                                     {"FILL(none, 7)", "7 7 7 7"},
                                     {"FILL(METRICS(), 0)", "1 2 3 4; 10 0 30 40"},
                                     {NULL, NULL}});
}

static void functions_of_time_look_from_datapoint_to_datapoint(void **state)
{
    (void)state;
    assert_rows((const struct row[]){{"DIFF(b)", "- - 20 10"},
                                     {"DIFF_TIME(b)", "- - 120 60"},
                                     {"RATE(a)", "- 0.0166667 0.0166667 0.0166667"},
                                     {"RUNNING_SUM(b)", "10 - 40 80"},
                                     {"PERIOD(a)", "60"},
                                     {"a / PERIOD(a) * 60", "1 2 3 4"},
                                     {"EPOCH(a)", "0 60 120 180"},
                                     {"MINUTE(a)", "0 1 2 3"},
                                     {"DAY(c)", "- - 4 -"}, /* 1 January 1970: a Thursday */
                                     {"YEAR(c) + MONTH(c) + DATE(c)", "- - 1972 -"},
                                     {"TIME_SERIES(5)", "5 5 5 5"},
                                     {NULL, NULL}});
}

static void lists_are_sorted_cut_and_searched(void **state)
{
    (void)state;
    assert_rows((const struct row[]){{"SORT([a, b], MAX, DESC)", "10 - 30 40; 1 2 3 4"},
                                     {"SORT([b, a], SUM, ASC, 1)", "1 2 3 4"},
                                     {"SLICE([a, b, c], 1)", "10 - 30 40; - - 5 -"},
                                     {"SLICE([a, b, c], 0, 1)", "1 2 3 4"},
                                     {"SLICE([a], 5)", ""},
                                     {"SLICE([], 0)", ""},
                                     {"FIRST([a, b])", "1 2 3 4"},
                                     {"LAST([a, b])", "10 - 30 40"},
                                     {"LAST(b)", "40"},
                                     {"REMOVE_EMPTY([none, a])", "1 2 3 4"},
                                     {"SUM(SEARCH('{App} x', 'Sum', 300))", "11 2 33 44"},
                                     {"CEIL(a / 2) + FLOOR(a / 2) + ABS(-1)", "2 3 4 5"},
                                     {"LOG10(LOG(1) + 100)", "2"},
                                     {NULL, NULL}});
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
    (void)state;
    char deep[2 * EXPRESSION_DEPTH_MAX + 4] = "";
    memset(deep, '(', sizeof deep - 1);
    assert_rows(
        (const struct row[]){{"a +", "unexpected end at character 4"},
                             {"a b", "unexpected text at character 3"},
                             {"SUM(a", "a bracket is missing at character 6"},
                             {"'x", "a quotation mark is missing at character 1"},
                             {"FOO(a)", "Unsupported function FOO."},
                             {"SUM(a, b)", "Wrong number of arguments for the function SUM."},
                             {"'a' + 1", "Text cannot be computed with."},
                             {"SORT([a], b, ASC)", "The function SORT needs AVG, MAX, MIN or "
                                                   "SUM, then ASC or DESC, then a number."},
                             {NULL, NULL}});
    assert_non_null(strstr(show(deep), "too many brackets"));
}

static void a_value_too_large_to_hold_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    auto_math_memory memory = {0};
    struct math_scope scope = {&memory, 0,    INT64_MAX / 2, MINUTE_MS,
                               &memory, find, metrics,       search};
    struct math_value value;
    struct expression *expression = expression_parse("TIME_SERIES(1)", &err);
    assert_int_equal(math_evaluate(&scope, expression, &value, &err), -1);
    assert_string_equal(err.code, "ValidationError");
    expression_free(expression);
}

static bool search_says(const char *text)
{
    static const struct series_dimension dimensions[] = {{"AutoScalingGroupName", "web-asg"},
                                                         {"InstanceId", "i-0a1b"}};
    const struct series_key key = {"us-east-1", "AWS/EC2", "CPUUtilization", dimensions, 2};
    struct err err;
    struct search *parsed = search_parse(text, &err);
    assert_non_null(parsed);
    bool found = search_finds(parsed, &key);
    search_free(parsed);
    return found;
}

static void a_search_finds_metrics_by_schema_and_words(void **state)
{
    (void)state;
    static const char *const found[] = {
        "{AWS/EC2,InstanceId,AutoScalingGroupName}",
        "{AWS/EC2, AutoScalingGroupName, InstanceId} cpu",
        "MetricName=\"CPUUtilization\"",
        "InstanceId=0a1b AND web",
        "Namespace=AWS/EC2 (memory OR \"i-0a1b\")",
        "cpu NOT i-0c",
    };
    static const char *const not_found[] = {
        "{AWS/EC2,InstanceId}",
        "{AWS/ELB,InstanceId,AutoScalingGroupName}",
        "MetricName=\"CPU\"",
        "cpu AND memory",
        "NOT web",
        "\"web\"",
    };
    for (size_t i = 0; i < sizeof found / sizeof *found; i++)
        if (!search_says(found[i]))
            fail_msg("%s", found[i]);
    for (size_t i = 0; i < sizeof not_found / sizeof *not_found; i++)
        if (search_says(not_found[i]))
            fail_msg("%s", not_found[i]);
}

static void a_search_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",   "{",   "{AWS/EC2", "(cpu", "cpu)",
                                        "a=", "NOT", "a OR",     "\"a",  "{}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err = {0};
        struct search *parsed = search_parse(wrong[i], &err);
        if (parsed)
            fail_msg("%s", wrong[i]);
        assert_string_equal(err.code, "ValidationError");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_bind_as_in_school),
        cmocka_unit_test(series_meet_where_both_have_a_datapoint),
        cmocka_unit_test(functions_reduce_a_series_to_a_number_and_a_list_to_a_series),
        cmocka_unit_test(if_chooses_point_by_point),
        cmocka_unit_test(fill_puts_something_where_nothing_is),
        cmocka_unit_test(functions_of_time_look_from_datapoint_to_datapoint),
        cmocka_unit_test(lists_are_sorted_cut_and_searched),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(a_value_too_large_to_hold_is_refused),
        cmocka_unit_test(a_search_finds_metrics_by_schema_and_words),
        cmocka_unit_test(a_search_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
