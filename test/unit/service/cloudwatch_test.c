/* CloudWatch: metrics in and out, and the settings and states of alarms. */
#include "base/buf.h"
#include "service/cloudwatch/alarm.h"
#include "service_fixture.h"
#include "store/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above first. */
#include <cmocka.h>

/* The fixture's time, in the whole minute of 2026-01-02T03:04Z. */
enum { NOW_S = 1767323045, MINUTE_S = NOW_S / 60 * 60 };

static void put(struct service_fixture *fixture, int at_s, const char *datum)
{
    json_decref(fixture_ok(fixture, "cloudwatch", "PutMetricData",
                           "{'Namespace': 'App', 'MetricData': [{'MetricName': 'Latency', "
                           "'Timestamp': %d, 'Unit': 'Milliseconds', %s}]}",
                           at_s, datum));
}

static json_t *statistics(struct service_fixture *fixture, int from_s, int to_s, const char *more)
{
    return fixture_ok(fixture, "cloudwatch", "GetMetricStatistics",
                      "{'Namespace': 'App', 'MetricName': 'Latency', 'StartTime': %d, 'EndTime': "
                      "%d, %s}",
                      from_s, to_s, more);
}

static double number_at(const json_t *doc, const char *path)
{
    return json_number_value(fixture_at(doc, path));
}

static void values_sets_and_arrays_become_one_datapoint(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put(fixture, MINUTE_S, "'Value': 10");
    put(fixture, MINUTE_S + 30, "'Values': [20, 30], 'Counts': [2, 1]");
    put(fixture, MINUTE_S + 59,
        "'StatisticValues': {'SampleCount': 2, 'Sum': 10, 'Minimum': 4, 'Maximum': 6}");
    json_auto_t *out = statistics(fixture, MINUTE_S, MINUTE_S + 60,
                                  "'Period': 60, 'Statistics': ['Average', 'Sum', 'Minimum', "
                                  "'Maximum', 'SampleCount']");
    const json_t *point = fixture_at(out, "Datapoints.0");
    assert_int_equal(json_array_size(fixture_at(out, "Datapoints")), 1);
    assert_float_equal(number_at(point, "SampleCount"), 6, 0);
    assert_float_equal(number_at(point, "Sum"), 90, 0);
    assert_float_equal(number_at(point, "Average"), 15, 0);
    assert_float_equal(number_at(point, "Minimum"), 4, 0);
    assert_float_equal(number_at(point, "Maximum"), 30, 0);
    assert_string_equal(fixture_text(point, "Unit"), "Milliseconds");
    fixture_destroy(fixture);
}

static void percentiles_are_given_where_values_are_known(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put(fixture, MINUTE_S, "'Values': [1, 2, 3, 4, 100]");
    json_auto_t *known = statistics(fixture, MINUTE_S, MINUTE_S + 60,
                                    "'Period': 60, 'ExtendedStatistics': ['p50', 'p99.9']");
    assert_float_equal(number_at(known, "Datapoints.0.ExtendedStatistics.p50"), 3, 0.15);
    json_auto_t *extended = json_deep_copy(fixture_at(known, "Datapoints.0.ExtendedStatistics"));
    assert_float_equal(json_number_value(json_object_get(extended, "p99.9")), 100, 5);
    put(fixture, MINUTE_S,
        "'StatisticValues': {'SampleCount': 2, 'Sum': 10, 'Minimum': 4, 'Maximum': 6}");
    json_auto_t *unknown =
        statistics(fixture, MINUTE_S, MINUTE_S + 60, "'Period': 60, 'ExtendedStatistics': ['p50']");
    assert_null(fixture_at(unknown, "Datapoints.0.ExtendedStatistics.p50"));
    fixture_destroy(fixture);
}

static void data_that_contradict_themselves_are_refused_as_a_whole(void **state)
{
    (void)state;
    static const struct {
        const char *error, *datum;
    } rows[] = {
        {"MissingParameter", "'Unit': 'Count'"},
        {"InvalidParameterCombination", "'Value': 1, 'Values': [1]"},
        {"InvalidParameterValue", "'Values': [1, 2], 'Counts': [1]"},
        {"InvalidParameterValue", "'Value': 1e200"},
        {"InvalidParameterValue", "'Value': 1, 'Timestamp': 1000000000"},
        {"InvalidParameterValue", "'Value': 1, 'Timestamp': 1767334000"},
        {"UnsupportedOperation", "'Value': 1, 'StorageResolution': 1"},
    };
    struct service_fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fixture_fails(fixture, rows[i].error, "cloudwatch", "PutMetricData",
                      "{'Namespace': 'App', 'MetricData': [{'MetricName': 'Good', 'Value': 1}, "
                      "{'MetricName': 'Bad', %s}]}",
                      rows[i].datum);
    fixture_fails(fixture, "InvalidParameterValue", "cloudwatch", "PutMetricData",
                  "{'Namespace': 'AWS/EC2', 'MetricData': [{'MetricName': 'M', 'Value': 1}]}");
    json_auto_t *out = fixture_ok(fixture, "cloudwatch", "ListMetrics", "{}");
    assert_int_equal(json_array_size(fixture_at(out, "Metrics")), 0);
    fixture_destroy(fixture);
}

static void metrics_beyond_the_limit_are_refused_with_all_that_came_along(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    struct series_point point = {.count = 1};
    for (int i = 1; i < SERIES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        struct series_key key = {"us-east-1", "Full", name, NULL, 0};
        assert_int_equal(
            series_add(fixture->series, &key, "None", fixture->now_ms, &point, &fixture->err), 0);
    }
    fixture_fails(fixture, "LimitExceeded", "cloudwatch", "PutMetricData",
                  "{'Namespace': 'Full', 'MetricData': [{'MetricName': 'm1', 'Value': 1}, "
                  "{'MetricName': 'new', 'Value': 1}, {'MetricName': 'newer', 'Value': 1}]}");
    json_auto_t *out = fixture_ok(fixture, "cloudwatch", "GetMetricStatistics",
                                  "{'Namespace': 'Full', 'MetricName': 'm1', 'StartTime': %d, "
                                  "'EndTime': %d, 'Period': 60, 'Statistics': ['SampleCount']}",
                                  MINUTE_S, MINUTE_S + 60);
    assert_float_equal(number_at(out, "Datapoints.0.SampleCount"), 1, 0);
    json_auto_t *none = fixture_ok(fixture, "cloudwatch", "ListMetrics", "{'MetricName': 'new'}");
    assert_int_equal(json_array_size(fixture_at(none, "Metrics")), 0);
    json_decref(fixture_ok(fixture, "cloudwatch", "PutMetricData",
                           "{'Namespace': 'Full', 'MetricData': [{'MetricName': 'new', 'Value': "
                           "1}, {'MetricName': 'm1', 'Value': 1}, {'MetricName': 'new', 'Value': "
                           "2}]}"));
    fixture_destroy(fixture);
}

static void too_many_datapoints_are_not_given(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    fixture_fails(fixture, "InvalidParameterCombination", "cloudwatch", "GetMetricStatistics",
                  "{'Namespace': 'App', 'MetricName': 'Latency', 'StartTime': %d, 'EndTime': %d, "
                  "'Period': 60, 'Statistics': ['Sum']}",
                  MINUTE_S - 1441 * 60, MINUTE_S);
    fixture_fails(fixture, "InvalidParameterValue", "cloudwatch", "GetMetricStatistics",
                  "{'Namespace': 'App', 'MetricName': 'Latency', 'StartTime': %d, 'EndTime': %d, "
                  "'Period': 60, 'Statistics': ['Sum']}",
                  MINUTE_S, MINUTE_S);
    fixture_destroy(fixture);
}

static json_t *metric_data(struct service_fixture *fixture, const char *more)
{
    return fixture_ok(fixture, "cloudwatch", "GetMetricData",
                      "{'StartTime': %d, 'EndTime': %d, 'MetricDataQueries': [{'Id': 'm1', "
                      "'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': 'Latency'}, "
                      "'Period': 60, 'Stat': 'Sum'}}]%s}",
                      MINUTE_S - 600, MINUTE_S + 60, more);
}

static void metric_data_come_newest_first_and_in_pages(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    for (int minute = 0; minute < 3; minute++) {
        const char *const values[] = {"'Value': 1", "'Value': 2", "'Value': 3"};
        put(fixture, MINUTE_S - (2 - minute) * 60, values[minute]);
    }
    json_auto_t *first = metric_data(fixture, ", 'MaxDatapoints': 2");
    assert_float_equal(number_at(first, "MetricDataResults.0.Values.0"), 3, 0);
    assert_int_equal(json_array_size(fixture_at(first, "MetricDataResults.0.Values")), 2);
    assert_string_equal(fixture_text(first, "MetricDataResults.0.StatusCode"), "PartialData");
    assert_string_equal(fixture_text(first, "NextToken"), "2");
    json_auto_t *second = metric_data(fixture, ", 'MaxDatapoints': 2, 'NextToken': '2'");
    assert_float_equal(number_at(second, "MetricDataResults.0.Values.0"), 1, 0);
    assert_null(fixture_at(second, "NextToken"));
    json_auto_t *ascending = metric_data(fixture, ", 'ScanBy': 'TimestampAscending'");
    assert_float_equal(number_at(ascending, "MetricDataResults.0.Values.0"), 1, 0);
    json_decref(metric_data(fixture, ", 'MaxDatapoints': 100800"));
    fixture_destroy(fixture);
}

static void bounded_statistics_look_at_a_part_of_the_values(void **state)
{
    (void)state;
    static const struct {
        const char *statistic;
        double expected;
    } rows[] = {
        {"tm80", 2.5}, /* of 1, 2, 3, 4 */
        {"TM(:80%)", 2.5}, {"TM(20%:80%)", 3}, {"TM(2.5:50)", 3.5}, {"TC(:3.5)", 3}, {"ts80", 10},
        {"PR(:4.5)", 80},  {"PR(2.5:)", 60},   {"wm80", 2.8},       {"IQM", 3},
    };
    struct service_fixture *fixture = fixture_create();
    put(fixture, MINUTE_S, "'Values': [1, 2, 3, 4, 100]");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *out = fixture_ok(
            fixture, "cloudwatch", "GetMetricData",
            "{'StartTime': %d, 'EndTime': %d, 'MetricDataQueries': [{'Id': 'm', 'MetricStat': "
            "{'Metric': {'Namespace': 'App', 'MetricName': 'Latency'}, 'Period': 60, 'Stat': "
            "'%s'}}]}",
            MINUTE_S, MINUTE_S + 60, rows[i].statistic);
        double value = number_at(out, "MetricDataResults.0.Values.0");
        if (fabs(value - rows[i].expected) > 0.06 * rows[i].expected)
            fail_msg("%s: %g", rows[i].statistic, value);
    }
    static const char *const wrong[] = {"tm",        "tm101", "TM(5:1)", "TM(5%:9)",
                                        "PR(1%:2%)", "pr50",  "TM(:)",   "p101"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fixture_fails(
            fixture, "InvalidParameterValue", "cloudwatch", "GetMetricStatistics",
            "{'Namespace': 'App', 'MetricName': 'Latency', 'StartTime': %d, 'EndTime': %d, "
            "'Period': 60, 'ExtendedStatistics': ['%s']}",
            MINUTE_S, MINUTE_S + 60, wrong[i]);
    fixture_destroy(fixture);
}

/* GetMetricData over the metric m (Sum of Latency, not returned) and these queries. */
#define WITH_M(queries)                                                                            \
    "{'StartTime': %d, 'EndTime': %d, 'ScanBy': 'TimestampAscending', 'MetricDataQueries': "       \
    "[{'Id': 'm', 'ReturnData': false, 'MetricStat': {'Metric': {'Namespace': 'App', "             \
    "'MetricName': 'Latency'}, 'Period': 60, 'Stat': 'Sum'}}, " queries "]}",                      \
        MINUTE_S - 120, MINUTE_S + 60

static void expressions_stand_on_metrics_and_on_each_other(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put(fixture, MINUTE_S - 120, "'Value': 10");
    put(fixture, MINUTE_S, "'Value': 30");
    json_auto_t *out = fixture_ok(
        fixture, "cloudwatch", "GetMetricData",
        WITH_M("{'Id': 'twice', 'Expression': 'filled * 2', 'Label': 'Twice'}, {'Id': 'filled', "
               "'Expression': 'FILL(m, 0)', 'ReturnData': false}, {'Id': 'all', 'Expression': "
               "'SEARCH(\\'{App} latency\\', \\'Maximum\\', 60)'}"));
    assert_int_equal(json_array_size(fixture_at(out, "MetricDataResults")), 2);
    assert_string_equal(fixture_text(out, "MetricDataResults.0.Label"), "Twice");
    assert_float_equal(number_at(out, "MetricDataResults.0.Values.0"), 20, 0);
    assert_float_equal(number_at(out, "MetricDataResults.0.Values.1"), 0, 0);
    assert_float_equal(number_at(out, "MetricDataResults.0.Values.2"), 60, 0);
    assert_string_equal(fixture_text(out, "MetricDataResults.1.Id"), "all");
    assert_string_equal(fixture_text(out, "MetricDataResults.1.Label"), "Latency");
    assert_float_equal(number_at(out, "MetricDataResults.1.Values.1"), 30, 0);
    fixture_destroy(fixture);
}

static void queries_that_cannot_be_answered_are_refused(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put(fixture, MINUTE_S, "'Value': 1");
    fixture_fails(fixture, "ValidationError", "cloudwatch", "GetMetricData",
                  WITH_M("{'Id': 'e', 'Expression': 'm +'}"));
    fixture_fails(fixture, "ValidationError", "cloudwatch", "GetMetricData",
                  WITH_M("{'Id': 'e', 'Expression': 'unknown + 1'}"));
    fixture_fails(fixture, "ValidationError", "cloudwatch", "GetMetricData",
                  WITH_M("{'Id': 'e', 'Expression': 'f'}, {'Id': 'f', 'Expression': 'e'}"));
    fixture_fails(fixture, "ValidationError", "cloudwatch", "GetMetricData",
                  WITH_M("{'Id': 'e', 'Expression': 'SUM(m)'}"));
    fixture_fails(fixture, "ValidationError", "cloudwatch", "GetMetricData", WITH_M("{'Id': 'e'}"));
    fixture_fails(fixture, "ValidationError", "cloudwatch", "GetMetricData",
                  WITH_M("{'Id': 'm', 'Expression': 'm'}"));
    fixture_fails(fixture, "ValidationError", "cloudwatch", "GetMetricData",
                  WITH_M("{'Id': 'e', 'Expression': 'ANOMALY_DETECTION_BAND(m)'}"));
    fixture_destroy(fixture);
}

static void metrics_are_listed_by_name_and_dimension(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put(fixture, MINUTE_S, "'Value': 1");
    put(fixture, MINUTE_S, "'Value': 1, 'Dimensions': [{'Name': 'Host', 'Value': 'a'}]");
    put(fixture, NOW_S - 4 * 3600, "'Value': 1, 'Dimensions': [{'Name': 'Host', 'Value': 'b'}]");
    static const struct {
        const char *filter;
        size_t count;
    } rows[] = {{"{}", 3},
                {"{'Namespace': 'Other'}", 0},
                {"{'MetricName': 'Latency', 'Dimensions': [{'Name': 'Host'}]}", 2},
                {"{'Dimensions': [{'Name': 'Host', 'Value': 'a'}]}", 1},
                {"{'RecentlyActive': 'PT3H'}", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_auto_t *out = fixture_ok(fixture, "cloudwatch", "ListMetrics", "%s", rows[i].filter);
        assert_int_equal(json_array_size(fixture_at(out, "Metrics")), rows[i].count);
    }
    fixture_destroy(fixture);
}

static void a_metric_without_values_for_two_weeks_is_not_listed(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put(fixture, MINUTE_S, "'Value': 1");
    fixture->now_ms = (MINUTE_S + 14 * 86400) * 1000LL;
    json_auto_t *last = fixture_ok(fixture, "cloudwatch", "ListMetrics", "{}");
    assert_int_equal(json_array_size(fixture_at(last, "Metrics")), 1);
    fixture->now_ms += 60000;
    json_auto_t *none = fixture_ok(fixture, "cloudwatch", "ListMetrics", "{}");
    assert_int_equal(json_array_size(fixture_at(none, "Metrics")), 0);
    json_auto_t *data =
        statistics(fixture, MINUTE_S, MINUTE_S + 60, "'Period': 60, 'Statistics': ['Sum']");
    assert_int_equal(json_array_size(fixture_at(data, "Datapoints")), 1);
    fixture_destroy(fixture);
}

/* ---- alarms ---- */

static const char alarm_settings[] =
    "'Namespace': 'App', 'MetricName': 'Latency', 'Statistic': 'Average', 'Period': 60, "
    "'EvaluationPeriods': 3, 'Threshold': 50, 'ComparisonOperator': 'GreaterThanThreshold'";

static void put_alarm(struct service_fixture *fixture, const char *name)
{
    json_decref(fixture_ok(fixture, "cloudwatch", "PutMetricAlarm", "{'AlarmName': '%s', %s}", name,
                           alarm_settings));
}

static void an_alarm_begins_without_data_and_keeps_its_state_when_changed(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put_alarm(fixture, "slow");
    json_auto_t *created = fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{}");
    const json_t *alarm = fixture_at(created, "MetricAlarms.0");
    assert_string_equal(fixture_text(alarm, "StateValue"), "INSUFFICIENT_DATA");
    assert_string_equal(fixture_text(alarm, "StateReason"), "Unchecked: Initial alarm creation");
    assert_string_equal(fixture_text(alarm, "AlarmArn"),
                        "arn:aws:cloudwatch:us-east-1:000000000000:alarm:slow");
    json_decref(fixture_ok(fixture, "cloudwatch", "SetAlarmState",
                           "{'AlarmName': 'slow', 'StateValue': 'OK', 'StateReason': 'test'}"));
    put_alarm(fixture, "slow");
    json_auto_t *changed =
        fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{'StateValue': 'OK'}");
    assert_int_equal(json_array_size(fixture_at(changed, "MetricAlarms")), 1);
    fixture_destroy(fixture);
}

static void history_tells_what_happened_newest_first(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put_alarm(fixture, "slow");
    fixture->now_ms += 1000;
    json_decref(fixture_ok(fixture, "cloudwatch", "SetAlarmState",
                           "{'AlarmName': 'slow', 'StateValue': 'ALARM', 'StateReason': 'test'}"));
    fixture->now_ms += 1000;
    json_decref(fixture_ok(fixture, "cloudwatch", "DeleteAlarms", "{'AlarmNames': ['slow']}"));
    json_auto_t *out =
        fixture_ok(fixture, "cloudwatch", "DescribeAlarmHistory", "{'AlarmName': 'slow'}");
    static const char *const summaries[] = {"Alarm \"slow\" deleted",
                                            "Alarm updated from INSUFFICIENT_DATA to ALARM",
                                            "Alarm \"slow\" created"};
    assert_int_equal(json_array_size(fixture_at(out, "AlarmHistoryItems")), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(
            json_string_value(json_object_get(
                json_array_get(fixture_at(out, "AlarmHistoryItems"), i), "HistorySummary")),
            summaries[i]);
    json_auto_t *data = json_loads(fixture_text(out, "AlarmHistoryItems.1.HistoryData"), 0, NULL);
    assert_string_equal(fixture_text(data, "newState.stateValue"), "ALARM");
    assert_string_equal(fixture_text(data, "version"), "1.0");
    fixture_destroy(fixture);
}

static void history_keeps_large_alarms_whole(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    auto_buf name = {0}, metrics = {0};
    for (int i = 0; i < 127; i++)
        buf_append_string(&name, "\u00fc");
    buf_append_string(&metrics, "{'Id': 'e', 'Expression': 'm0'}");
    for (int i = 0; i < 19; i++)
        buf_printf(&metrics,
                   ", {'Id': 'm%d', 'ReturnData': false, 'Label': '%s', 'MetricStat': {'Metric': "
                   "{'Namespace': 'App', 'MetricName': '%s'}, 'Period': 60, 'Stat': 'Sum'}}",
                   i, name.data, name.data);
    json_decref(fixture_ok(
        fixture, "cloudwatch", "PutMetricAlarm",
        "{'AlarmName': '%s', 'EvaluationPeriods': 2, 'Threshold': 5.0, 'ComparisonOperator': "
        "'GreaterThanThreshold', 'Metrics': [%s]}",
        name.data, metrics.data));
    json_auto_t *out = fixture_ok(fixture, "cloudwatch", "DescribeAlarmHistory", "{}");
    const char *summary = json_string_value(fixture_at(out, "AlarmHistoryItems.0.HistorySummary"));
    assert_string_equal(summary + strlen(summary) - strlen("\" created"), "\" created");
    json_auto_t *data = json_loads(fixture_text(out, "AlarmHistoryItems.0.HistoryData"), 0, NULL);
    assert_int_equal(json_array_size(fixture_at(data, "createdAlarm.metrics")), 20);
    fixture_destroy(fixture);
}

static void alarms_that_cannot_be_judged_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *error, *more;
    } rows[] = {
        {"ValidationError", "'Period': 90"},
        {"UnsupportedOperation", "'Period': 10"},
        {"ValidationError", "'EvaluationPeriods': 1441"},
        {"ValidationError", "'DatapointsToAlarm': 4"},
        {"ValidationError", "'ExtendedStatistic': 'p90'"},
        {"ValidationError", "'TreatMissingData': 'sometimes'"},
        {"ValidationError", "'AlarmActions': ['no-arn']"},
        {"UnsupportedOperation",
         "'AlarmActions': ['arn:aws:lambda:us-east-1:000000000000:function:f']"},
        {"UnsupportedOperation", "'ComparisonOperator': 'GreaterThanUpperThreshold'"},
    };
    struct service_fixture *fixture = fixture_create();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fixture_fails(fixture, rows[i].error, "cloudwatch", "PutMetricAlarm",
                      "{'AlarmName': 'a', %s, %s}", alarm_settings, rows[i].more);
    fixture_fails(fixture, "ResourceNotFound", "cloudwatch", "DeleteAlarms",
                  "{'AlarmNames': ['a']}");
    fixture_destroy(fixture);
}

/* PutMetricAlarm on metric math. */
#define ON_MATH(metrics)                                                                           \
    "{'AlarmName': 'a', 'EvaluationPeriods': 2, 'Threshold': 5.0, 'ComparisonOperator': "          \
    "'GreaterThanThreshold', 'Metrics': [" metrics "]}"
#define MATH_M                                                                                     \
    "{'Id': 'm', 'ReturnData': false, 'MetricStat': {'Metric': {'Namespace': 'App', "              \
    "'MetricName': 'Latency'}, 'Period': 60, 'Stat': 'Sum'}}"

static void an_alarm_can_watch_metric_math(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_decref(fixture_ok(fixture, "cloudwatch", "PutMetricAlarm",
                           ON_MATH(MATH_M ", {'Id': 'e', 'Expression': 'm / 2'}")));
    json_auto_t *out = fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{}");
    assert_string_equal(fixture_text(out, "MetricAlarms.0.Metrics.1.Expression"), "m / 2");
    assert_null(fixture_at(out, "MetricAlarms.0.Period"));
    json_auto_t *found = fixture_ok(fixture, "cloudwatch", "DescribeAlarmsForMetric",
                                    "{'Namespace': 'App', 'MetricName': 'Latency'}");
    assert_int_equal(json_array_size(fixture_at(found, "MetricAlarms")), 1);
    fixture_fails(fixture, "ValidationError", "cloudwatch", "PutMetricAlarm", ON_MATH(MATH_M));
    fixture_fails(
        fixture, "ValidationError", "cloudwatch", "PutMetricAlarm",
        ON_MATH(MATH_M ", {'Id': 'e', 'Expression': 'm'}, {'Id': 'f', 'Expression': 'm'}"));
    fixture_fails(fixture, "ValidationError", "cloudwatch", "PutMetricAlarm",
                  ON_MATH("{'Id': 'e', 'Expression': 'SEARCH(\\'x\\', \\'Sum\\')'}"));
    fixture_fails(
        fixture, "ValidationError", "cloudwatch", "PutMetricAlarm",
        ON_MATH(MATH_M ", {'Id': 'e', 'Expression': 'm'}], 'Period': 60, 'OKActions': ["));
    fixture_destroy(fixture);
}

static void a_composite_alarm_stands_on_others(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put_alarm(fixture, "child");
    json_decref(fixture_ok(fixture, "cloudwatch", "PutCompositeAlarm",
                           "{'AlarmName': 'parent', 'AlarmRule': 'ALARM(child)'}"));
    json_auto_t *metric = fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{}");
    assert_int_equal(json_array_size(fixture_at(metric, "CompositeAlarms")), 0);
    json_auto_t *composite =
        fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{'AlarmTypes': ['CompositeAlarm']}");
    assert_string_equal(fixture_text(composite, "CompositeAlarms.0.AlarmRule"), "ALARM(child)");
    assert_int_equal(json_array_size(fixture_at(composite, "MetricAlarms")), 0);
    json_auto_t *children =
        fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{'ChildrenOfAlarmName': 'parent'}");
    assert_string_equal(fixture_text(children, "MetricAlarms.0.AlarmName"), "child");
    assert_int_equal(json_object_size(fixture_at(children, "MetricAlarms.0")), 4);
    json_auto_t *parents =
        fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{'ParentsOfAlarmName': 'child'}");
    assert_string_equal(fixture_text(parents, "CompositeAlarms.0.AlarmName"), "parent");
    assert_int_equal(json_object_size(fixture_at(parents, "CompositeAlarms.0")), 2);
    static const char *const more[] = {
        "'ParentsOfAlarmName': 'child'", "'AlarmNames': ['child']", "'AlarmNamePrefix': 'c'",
        "'AlarmTypes': ['MetricAlarm']", "'StateValue': 'OK'",      "'ActionPrefix': 'arn:'"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        fixture_fails(fixture, "ValidationError", "cloudwatch", "DescribeAlarms",
                      "{'ChildrenOfAlarmName': 'parent', %s}", more[i]);
    fixture_fails(fixture, "ValidationError", "cloudwatch", "DescribeAlarms",
                  "{'ParentsOfAlarmName': 'child', 'StateValue': 'OK'}");
    static const char *const wrong[] = {
        "'AlarmRule': 'ALARM(nobody)'",
        "'AlarmRule': 'ALARM(parent)'",
        "'AlarmRule': 'ALARM(child'",
        "'AlarmRule': 'TRUE', 'ActionsSuppressor': 'child'",
        ("'AlarmRule': 'TRUE', 'ActionsSuppressor': 'nobody', 'ActionsSuppressorWaitPeriod': 1, "
         "'ActionsSuppressorExtensionPeriod': 1"),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fixture_fails(fixture, "ValidationError", "cloudwatch", "PutCompositeAlarm",
                      "{'AlarmName': 'parent', %s}", wrong[i]);
    fixture_fails(fixture, "ValidationError", "cloudwatch", "PutCompositeAlarm",
                  "{'AlarmName': 'child', 'AlarmRule': 'TRUE'}");
    fixture_destroy(fixture);
}

static void ec2_actions_need_an_instance(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    static const char actions[] = "'AlarmActions': ['arn:aws:automate:us-east-1:ec2:stop', "
                                  "'arn:aws:swf:us-east-1:000000000000:action/actions/"
                                  "AWS_EC2.InstanceId.Reboot/1.0']";
    fixture_fails(fixture, "ValidationError", "cloudwatch", "PutMetricAlarm",
                  "{'AlarmName': 'a', %s, %s}", alarm_settings, actions);
    json_decref(fixture_ok(fixture, "cloudwatch", "PutMetricAlarm",
                           "{'AlarmName': 'a', %s, %s, 'Dimensions': [{'Name': 'InstanceId', "
                           "'Value': 'i-1'}]}",
                           alarm_settings, actions));
    fixture_fails(
        fixture, "UnsupportedOperation", "cloudwatch", "PutMetricAlarm",
        "{'AlarmName': 'a', %s, 'AlarmActions': ['arn:aws:automate:us-east-1:ec2:dance']}",
        alarm_settings);
    fixture_destroy(fixture);
}

static void dashboards_are_kept_and_checked(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    json_auto_t *good =
        fixture_ok(fixture, "cloudwatch", "PutDashboard",
                   "{'DashboardName': 'web', 'DashboardBody': '{\\'widgets\\': [{\\'type\\': "
                   "\\'text\\', \\'width\\': 6, \\'properties\\': {}}]}'}");
    assert_int_equal(json_array_size(fixture_at(good, "DashboardValidationMessages")), 0);
    json_auto_t *odd =
        fixture_ok(fixture, "cloudwatch", "PutDashboard",
                   "{'DashboardName': 'odd', 'DashboardBody': '{\\'widgets\\': [{\\'type\\': "
                   "\\'song\\', \\'width\\': 25}]}'}");
    assert_int_equal(json_array_size(fixture_at(odd, "DashboardValidationMessages")), 3);
    assert_string_equal(fixture_text(odd, "DashboardValidationMessages.2.DataPath"),
                        "/widgets/0/width");
    fixture_fails(fixture, "InvalidParameterInput", "cloudwatch", "PutDashboard",
                  "{'DashboardName': 'web', 'DashboardBody': '[]'}");
    fixture_fails(fixture, "InvalidParameterInput", "cloudwatch", "PutDashboard",
                  "{'DashboardName': 'a b', 'DashboardBody': '{\\'widgets\\': []}'}");
    fixture->region = "eu-west-1";
    json_auto_t *got =
        fixture_ok(fixture, "cloudwatch", "GetDashboard", "{'DashboardName': 'web'}");
    assert_non_null(strstr(fixture_text(got, "DashboardBody"), "widgets"));
    fixture_fails(fixture, "ResourceNotFound", "cloudwatch", "DeleteDashboards",
                  "{'DashboardNames': ['web', 'nobody']}");
    json_decref(
        fixture_ok(fixture, "cloudwatch", "DeleteDashboards", "{'DashboardNames': ['odd']}"));
    json_auto_t *list = fixture_ok(fixture, "cloudwatch", "ListDashboards", "{}");
    assert_int_equal(json_array_size(fixture_at(list, "DashboardEntries")), 1);
    assert_string_equal(fixture_text(list, "DashboardEntries.0.DashboardArn"),
                        "arn:aws:cloudwatch::000000000000:dashboard/web");
    fixture_destroy(fixture);
}

static void alarms_are_selected_by_prefix_and_metric_in_order_of_name(void **state)
{
    (void)state;
    struct service_fixture *fixture = fixture_create();
    put_alarm(fixture, "b-2");
    put_alarm(fixture, "b-1");
    put_alarm(fixture, "a");
    json_auto_t *out =
        fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{'AlarmNamePrefix': 'b-'}");
    assert_int_equal(json_array_size(fixture_at(out, "MetricAlarms")), 2);
    assert_string_equal(fixture_text(out, "MetricAlarms.0.AlarmName"), "b-1");
    json_auto_t *page = fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{'MaxRecords': 2}");
    json_auto_t *rest =
        fixture_ok(fixture, "cloudwatch", "DescribeAlarms", "{'MaxRecords': 2, 'NextToken': '%s'}",
                   fixture_text(page, "NextToken"));
    assert_string_equal(fixture_text(rest, "MetricAlarms.0.AlarmName"), "b-2");
    json_auto_t *none = fixture_ok(fixture, "cloudwatch", "DescribeAlarmsForMetric",
                                   "{'Namespace': 'App', 'MetricName': 'Latency', 'Period': 300}");
    assert_int_equal(json_array_size(fixture_at(none, "MetricAlarms")), 0);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_sets_and_arrays_become_one_datapoint),
        cmocka_unit_test(percentiles_are_given_where_values_are_known),
        cmocka_unit_test(data_that_contradict_themselves_are_refused_as_a_whole),
        cmocka_unit_test(metrics_beyond_the_limit_are_refused_with_all_that_came_along),
        cmocka_unit_test(too_many_datapoints_are_not_given),
        cmocka_unit_test(metric_data_come_newest_first_and_in_pages),
        cmocka_unit_test(queries_that_cannot_be_answered_are_refused),
        cmocka_unit_test(expressions_stand_on_metrics_and_on_each_other),
        cmocka_unit_test(bounded_statistics_look_at_a_part_of_the_values),
        cmocka_unit_test(metrics_are_listed_by_name_and_dimension),
        cmocka_unit_test(a_metric_without_values_for_two_weeks_is_not_listed),
        cmocka_unit_test(an_alarm_begins_without_data_and_keeps_its_state_when_changed),
        cmocka_unit_test(history_tells_what_happened_newest_first),
        cmocka_unit_test(history_keeps_large_alarms_whole),
        cmocka_unit_test(alarms_that_cannot_be_judged_are_refused),
        cmocka_unit_test(an_alarm_can_watch_metric_math),
        cmocka_unit_test(a_composite_alarm_stands_on_others),
        cmocka_unit_test(ec2_actions_need_an_instance),
        cmocka_unit_test(dashboards_are_kept_and_checked),
        cmocka_unit_test(alarms_are_selected_by_prefix_and_metric_in_order_of_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
