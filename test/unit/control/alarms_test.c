#include "control/alarm_state.h"
#include "service/doc.h"
#include "simulated_cloud.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000 };

static const int64_t now_ms = 1767323100000; /* 2026-01-02T03:05:00Z */

/*
 * Datapoints as AWS's pages draw them, oldest first: "0" is fine, "X" breaches, "-" is missing;
 * values are 10 and 90 around a threshold of 50.
 */
static size_t draw(const char *drawing, struct alarm_datapoint *out)
{
    size_t count = strlen(drawing);
    for (size_t i = 0; i < count; i++) {
        char mark = drawing[count - 1 - i];
        out[i] = (struct alarm_datapoint){now_ms - (int64_t)(i + 1) * MINUTE_MS, mark == '-',
                                          mark == 'X' ? 90 : 10, 1};
    }
    return count;
}

static json_t *make_alarm(int needed, int periods, const char *missing)
{
    return json_pack("{s:s, s:i, s:i, s:f, s:s, s:s, s:s, s:i}", "ComparisonOperator",
                     "GreaterThanThreshold", "DatapointsToAlarm", needed, "EvaluationPeriods",
                     periods, "Threshold", 50.0, "TreatMissingData", missing, "StateValue", "NONE",
                     "Statistic", "Average", "Period", 60);
}

static void assert_state(int needed, const char *drawing, const char *missing, const char *expected)
{
    struct alarm_datapoint datapoints[8];
    json_auto_t *alarm = make_alarm(needed, 3, missing);
    struct alarm_verdict verdict =
        alarm_judge(alarm, datapoints, draw(drawing, datapoints), now_ms);
    if (!expected)
        assert_null(verdict.state);
    else
        assert_string_equal(verdict.state, expected);
    alarm_verdict_finish(&verdict);
}

/* The two tables of AWS's page on missing data; NULL: the state stays. */
static void missing_data_count_as_awss_tables_say(void **state)
{
    (void)state;
    static const struct {
        int needed;
        const char *drawing, *missing, *ignore, *breaching, *not_breaching;
    } rows[] = {
        {3, "0-X-X", "OK", "OK", "OK", "OK"},
        {3, "----0", "OK", "OK", "OK", "OK"},
        {3, "-----", "INSUFFICIENT_DATA", NULL, "ALARM", "OK"},
        {3, "0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"},
        {3, "--X--", "ALARM", NULL, "ALARM", "OK"},
        {2, "0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"},
        {2, "00X0X", "ALARM", "ALARM", "ALARM", "ALARM"},
        {2, "0-X--", "OK", "OK", "ALARM", "OK"},
        {2, "----0", "OK", "OK", "ALARM", "OK"},
        {2, "---X-", "ALARM", NULL, "ALARM", "OK"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_state(rows[i].needed, rows[i].drawing, "missing", rows[i].missing);
        assert_state(rows[i].needed, rows[i].drawing, "ignore", rows[i].ignore);
        assert_state(rows[i].needed, rows[i].drawing, "breaching", rows[i].breaching);
        assert_state(rows[i].needed, rows[i].drawing, "notBreaching", rows[i].not_breaching);
    }
}

/* M out of N where AWS's tables end: all that are breaching, all but one, and what is missing. */
static void m_out_of_n_counts_the_newest_datapoints(void **state)
{
    (void)state;
    static const struct {
        int needed;
        const char *drawing, *missing, *ignore, *breaching, *not_breaching;
    } rows[] = {
        {1, "00000", "OK", "OK", "OK", "OK"},
        {1, "XX000", "OK", "OK", "OK", "OK"},
        {1, "00X00", "ALARM", "ALARM", "ALARM", "ALARM"},
        {1, "----X", "ALARM", "ALARM", "ALARM", "ALARM"},
        {1, "---0-", "OK", "OK", "ALARM", "OK"},
        {1, "-----", "INSUFFICIENT_DATA", NULL, "ALARM", "OK"},
        {2, "XX00X", "OK", "OK", "OK", "OK"},
        {2, "X--0X", "ALARM", "ALARM", "ALARM", "ALARM"},
        {2, "---XX", "ALARM", "ALARM", "ALARM", "ALARM"},
        {2, "----X", NULL, NULL, "ALARM", "OK"},
        {2, "---0X", "OK", "OK", "ALARM", "OK"},
        {3, "XX0XX", "OK", "OK", "OK", "OK"},
        {3, "-X-X-", "ALARM", NULL, "ALARM", "OK"},
        {3, "-0-XX", "OK", "OK", "OK", "OK"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_state(rows[i].needed, rows[i].drawing, "missing", rows[i].missing);
        assert_state(rows[i].needed, rows[i].drawing, "ignore", rows[i].ignore);
        assert_state(rows[i].needed, rows[i].drawing, "breaching", rows[i].breaching);
        assert_state(rows[i].needed, rows[i].drawing, "notBreaching", rows[i].not_breaching);
    }
}

static void a_day_of_minutes_is_judged_as_a_whole(void **state)
{
    (void)state;
    static char drawing[ALARM_PERIODS_MAX + ALARM_LATE_PERIODS + 1];
    static struct alarm_datapoint datapoints[ALARM_DATAPOINTS_MAX];
    json_auto_t *alarm = make_alarm(ALARM_PERIODS_MAX, ALARM_PERIODS_MAX, "missing");
    assert_int_equal(alarm_range(alarm), ALARM_DATAPOINTS_MAX);
    memset(drawing, 'X', ALARM_DATAPOINTS_MAX);
    struct alarm_verdict verdict =
        alarm_judge(alarm, datapoints, draw(drawing, datapoints), now_ms);
    assert_string_equal(verdict.state, "ALARM");
    assert_true(json_string_length(verdict.data) <= 4000);
    alarm_verdict_finish(&verdict);
    drawing[ALARM_LATE_PERIODS] = '0'; /* the oldest of them */
    verdict = alarm_judge(alarm, datapoints, draw(drawing, datapoints), now_ms);
    assert_string_equal(verdict.state, "OK");
    alarm_verdict_finish(&verdict);
}

/* ---- what is read ---- */

/*
 * The datapoints of a metric, drawn as above: the average of one that breaches is 26, its p90 90.
 * "?" are values whose distribution is not known.
 */
static void put_data(struct simulated_cloud *cloud, const char *metric, const char *drawing)
{
    static const struct {
        char mark;
        const char *value;
    } values[] = {{'0', "'Value': 10"},
                  {'X', "'Values': [10, 90], 'Counts': [8, 2]"},
                  {'?', "'StatisticValues': {'SampleCount': 10, 'Sum': 260, 'Minimum': 10, "
                        "'Maximum': 90}"}};
    int64_t newest_s = cloud->now_ms / MINUTE_MS * 60;
    size_t count = strlen(drawing);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof values / sizeof *values; j++)
            if (drawing[i] == values[j].mark)
                cloud_ok(cloud, "cloudwatch", "PutMetricData",
                         "{'Namespace': 'App', 'MetricData': [{'MetricName': '%s', 'Timestamp': "
                         "%lld, %s}]}",
                         metric, (long long)(newest_s - 60 * (int64_t)(count - 1 - i)),
                         values[j].value);
}

/* `source` is a percentile, or an expression over the average "m". */
static void put_alarm_on(struct simulated_cloud *cloud, const char *metric, const char *source,
                         const char *missing)
{
    char watched[512];
    if (*source == 'p')
        snprintf(watched, sizeof watched,
                 "'Namespace': 'App', 'MetricName': '%s', 'Period': 60, 'ExtendedStatistic': '%s'",
                 metric, source);
    else
        snprintf(watched, sizeof watched,
                 "'Metrics': [{'Id': 'e', 'Expression': '%s'}, {'Id': 'm', 'ReturnData': false, "
                 "'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': '%s'}, 'Period': 60, "
                 "'Stat': 'Average'}}]",
                 source, metric);
    cloud_ok(cloud, "cloudwatch", "PutMetricAlarm",
             "{'AlarmName': '%s', %s, 'EvaluationPeriods': 3, 'DatapointsToAlarm': 2, 'Threshold': "
             "50, 'ComparisonOperator': 'GreaterThanThreshold', 'TreatMissingData': '%s'}",
             metric, watched, missing);
}

static const char *name_of_row(size_t row)
{
    static char name[16];
    snprintf(name, sizeof name, "row-%zu", row);
    return name;
}

static void percentiles_and_math_are_judged_like_other_metrics(void **state)
{
    (void)state;
    static const struct {
        const char *source, *drawing, *missing, *expected;
    } rows[] = {
        {"p90", "00X0X", "missing", "ALARM"},
        {"p10", "00X0X", "missing", "OK"},
        {"p90", "XX00X", "missing", "OK"},
        {"p90", "0?X?X", "missing", "ALARM"},
        {"p90", "---X?", "missing", "ALARM"},
        {"p90", "---X?", "ignore", "INSUFFICIENT_DATA"},
        {"p90", "?????", "missing", "INSUFFICIENT_DATA"},
        {"p90", "?????", "ignore", "INSUFFICIENT_DATA"},
        {"p90", "?????", "breaching", "ALARM"},
        {"p90", "?????", "notBreaching", "OK"},
        {"m * 2.5", "00X0X", "missing", "ALARM"},
        {"m * 1.5", "00X0X", "missing", "OK"},
        {"m * 2.5", "---X-", "missing", "ALARM"},
        {"m * 2.5", "---X-", "ignore", "INSUFFICIENT_DATA"},
        {"m * 2.5", "-----", "breaching", "ALARM"},
        {"m * 2.5", "-----", "notBreaching", "OK"},
        {"FILL(m, 30) * 2.5", "0-0-0", "notBreaching", "OK"},
        {"FILL(m, 30) * 2.5", "0-0--", "notBreaching", "ALARM"},
        /* Where the average is 10, a division by zero. */
        {"1000 / (m - 10)", "00X00", "missing", "ALARM"},
        {"1000 / (m - 10)", "00X00", "notBreaching", "OK"},
        {"1000 / (m - 10)", "0000X", "missing", "INSUFFICIENT_DATA"},
        {"1000 / (m - 10)", "00000", "breaching", "ALARM"},
    };
    struct simulated_cloud *cloud = cloud_create(1);
    cloud_run(cloud, 1000); /* the past minute is judged: the next one begins */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_data(cloud, name_of_row(i), rows[i].drawing);
        put_alarm_on(cloud, name_of_row(i), rows[i].source, rows[i].missing);
    }
    cloud_run(cloud, MINUTE_MS);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const json_t *alarm = store_get(cloud->store, "alarm", cloud->region, name_of_row(i));
        if (!doc_is(alarm, "StateValue", rows[i].expected))
            fail_msg("%s of %s, %s: %s, not %s", rows[i].source, rows[i].drawing, rows[i].missing,
                     doc_text(alarm, "StateValue"), rows[i].expected);
    }
    cloud_destroy(cloud);
}

static void a_late_datapoint_does_not_change_the_state(void **state)
{
    (void)state;
    assert_state(3, "0XXX-", "missing", "ALARM");
    assert_state(3, "X000-", "missing", "OK");
}

static void young_breaches_alone_are_no_alarm(void **state)
{
    (void)state;
    assert_state(3, "----X", "missing", NULL);
    assert_state(3, "---XX", "missing", NULL);
    assert_state(3, "--XXX", "missing", "ALARM");
}

static void assert_reason(int needed, int periods, const char *drawing, const char *missing,
                          const char *expected)
{
    struct alarm_datapoint datapoints[8];
    json_auto_t *alarm = make_alarm(needed, periods, missing);
    struct alarm_verdict verdict =
        alarm_judge(alarm, datapoints, draw(drawing, datapoints), now_ms);
    assert_string_equal(json_string_value(verdict.reason), expected);
    alarm_verdict_finish(&verdict);
}

static void reasons_read_as_awss(void **state)
{
    (void)state;
    assert_reason(0, 3, "00XXX", "missing",
                  "Threshold Crossed: 3 datapoints [90.0 (02/01/26 03:04:00), 90.0 (02/01/26 "
                  "03:03:00), 90.0 (02/01/26 03:02:00)] were greater than the threshold (50.0).");
    assert_reason(0, 1, "0", "missing",
                  "Threshold Crossed: 1 datapoint [10.0 (02/01/26 03:04:00)] was not greater than "
                  "the threshold (50.0).");
    assert_reason(2, 3, "00X0X", "missing",
                  "Threshold Crossed: 2 out of the last 3 datapoints [90.0 (02/01/26 03:04:00), "
                  "90.0 (02/01/26 03:02:00)] were greater than the threshold (50.0) (minimum 2 "
                  "datapoints for OK -> ALARM transition).");
    assert_reason(1, 1, "0", "missing",
                  "Threshold Crossed: 1 out of the last 1 datapoints [10.0 (02/01/26 03:04:00)] "
                  "was not greater than the threshold (50.0) (minimum 1 datapoint for ALARM -> OK "
                  "transition).");
    assert_reason(0, 6, "XXXXXX", "missing",
                  "Threshold Crossed: 6 datapoints were greater than the threshold (50.0). The "
                  "most recent datapoints which crossed the threshold: [90.0 (02/01/26 03:04:00), "
                  "90.0 (02/01/26 03:03:00), 90.0 (02/01/26 03:02:00), 90.0 (02/01/26 03:01:00), "
                  "90.0 (02/01/26 03:00:00)].");
    assert_reason(3, 3, "-----", "missing", "Insufficient Data: 3 datapoints were unknown.");
    assert_reason(1, 1, "-", "breaching",
                  "Threshold Crossed: no datapoints were received for 1 period and 1 missing "
                  "datapoint was treated as [Breaching].");
}

static void reason_data_are_for_machines(void **state)
{
    (void)state;
    struct alarm_datapoint datapoints[8];
    json_auto_t *alarm = make_alarm(3, 3, "missing");
    struct alarm_verdict verdict =
        alarm_judge(alarm, datapoints, draw("000XX", datapoints), now_ms);
    json_auto_t *data = json_loads(json_string_value(verdict.data), 0, NULL);
    const json_t *recent = json_object_get(data, "recentDatapoints");
    assert_string_equal(json_string_value(json_object_get(data, "queryDate")),
                        "2026-01-02T03:05:00.000+0000");
    assert_true(json_number_value(json_array_get(recent, 0)) == 10);
    assert_true(json_number_value(json_array_get(recent, 2)) == 90);
    assert_true(verdict.newest == 90);
    alarm_verdict_finish(&verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_data_count_as_awss_tables_say),
        cmocka_unit_test(m_out_of_n_counts_the_newest_datapoints),
        cmocka_unit_test(a_day_of_minutes_is_judged_as_a_whole),
        cmocka_unit_test(percentiles_and_math_are_judged_like_other_metrics),
        cmocka_unit_test(a_late_datapoint_does_not_change_the_state),
        cmocka_unit_test(young_breaches_alone_are_no_alarm),
        cmocka_unit_test(reasons_read_as_awss),
        cmocka_unit_test(reason_data_are_for_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
