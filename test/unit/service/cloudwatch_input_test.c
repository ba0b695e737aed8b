/*
 * Bad input, operation by operation: AWS's error code and text, and nothing has changed. Requests
 * that the API model itself refuses are in test/unit/model.
 */
#include "refusals.h"

#include "base/cleanup.h"
#include "store/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DATA "'Namespace': 'App', 'MetricData': "
#define SPAN "'StartTime': 1767320000, 'EndTime': 1767323040"
#define M                                                                                          \
    "{'Id': 'm', 'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': 'Latency'}, "         \
    "'Period': 60, 'Stat': 'Sum'}}"
#define HIDDEN_M                                                                                   \
    "{'Id': 'm', 'ReturnData': false, 'MetricStat': {'Metric': {'Namespace': 'App', "              \
    "'MetricName': 'Latency'}, 'Period': 60, 'Stat': 'Sum'}}"
#define WATCHED "'AlarmName': 'new', 'Namespace': 'App', 'MetricName': 'Latency'"
#define JUDGED                                                                                     \
    ", 'EvaluationPeriods': 3, 'Threshold': 50, 'ComparisonOperator': 'GreaterThanThreshold'"
#define ARN "arn:aws:cloudwatch:us-east-1:000000000000:alarm:"

/* A metric with a value, an alarm "a", a composite alarm "c" on it, and a dashboard "web". */
static int set_up(void **state)
{
    struct service_fixture *fixture = fixture_create();
    json_decref(fixture_ok(fixture, "cloudwatch", "PutMetricData",
                           "{" DATA "[{'MetricName': 'Latency', 'Value': 1}]}"));
    json_decref(fixture_ok(fixture, "cloudwatch", "PutMetricAlarm",
                           "{'AlarmName': 'a', 'Namespace': 'App', 'MetricName': 'Latency', "
                           "'Statistic': 'Sum', 'Period': 60" JUDGED "}"));
    json_decref(fixture_ok(fixture, "cloudwatch", "PutCompositeAlarm",
                           "{'AlarmName': 'c', 'AlarmRule': 'ALARM(a)'}"));
    json_decref(fixture_ok(fixture, "cloudwatch", "PutDashboard",
                           "{'DashboardName': 'web', 'DashboardBody': '{\\'widgets\\': []}'}"));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static bool dump_series(void *arg, const struct series *series)
{
    struct series_point point = {0};
    int64_t last_ms = series_last_ms(series);
    series_read(series, last_ms, last_ms + 60000, 60000, &point, 1);
    json_array_append_new(arg, json_pack("[s, I, f, f]", series_key(series)->metric,
                                         (json_int_t)last_ms, point.count, point.sum));
    return true;
}

/* Every document of CloudWatch, and every metric with its newest minute. */
static char *dump(struct service_fixture *fixture)
{
    json_auto_t *all = json_array();
    store_each (cursor, fixture->store, "alarm", fixture->region)
        json_array_append(all, (json_t *)cursor.doc);
    store_each (cursor, fixture->store, "alarm-history", fixture->region)
        json_array_append(all, (json_t *)cursor.doc);
    store_each (cursor, fixture->store, "dashboard", "")
        json_array_append(all, (json_t *)cursor.doc);
    series_each(fixture->series, fixture->region, dump_series, all);
    return json_dumps(all, JSON_SORT_KEYS);
}

#define REFUSE(state, cases)                                                                       \
    refuse_all(state, "cloudwatch", cases, sizeof(cases) / sizeof *(cases), dump)

static void data_that_are_not_stored(void **state)
{
    static const struct refusal cases[] = {
        {"PutMetricData", "'Namespace': 'App'", "MissingParameter",
         "The parameter MetricData is required."},
        {"PutMetricData", "'Namespace': 'AWS/EC2', 'MetricData': [{'MetricName': 'M', 'Value': 1}]",
         "InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid."},
        {"PutMetricData", DATA "[{'MetricName': 'M', 'Value': 1}], 'StrictEntityValidation': true",
         "UnsupportedOperation",
         "The parameter StrictEntityValidation is not supported by Pileus yet"},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', 'Unit': 'Count'}]",
         "MissingParameter",
         "At least one of the parameters MetricData.member.2.Value, MetricData.member.2.Values and "
         "MetricData.member.2.StatisticValues must be specified."},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', 'Value': 1, "
              "'Values': [1]}]",
         "InvalidParameterCombination",
         "The parameters MetricData.member.2.Value, MetricData.member.2.Values and "
         "MetricData.member.2.StatisticValues are mutually exclusive."},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', 'Values': [1, 2], "
              "'Counts': [1]}]",
         "InvalidParameterValue",
         "The parameters MetricData.member.2.Values and MetricData.member.2.Counts must have the "
         "same length."},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', 'Values': [1, 2], "
              "'Counts': [1, 0]}]",
         "InvalidParameterValue",
         "The values of the parameter MetricData.member.2.Counts must be positive."},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', 'Value': 1e200}]",
         "InvalidParameterValue",
         "The value of the parameter MetricData.member.2.Value is not valid"},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', "
              "'StatisticValues': {'SampleCount': 0, 'Sum': 1, 'Minimum': 1, 'Maximum': 1}}]",
         "InvalidParameterValue",
         "The values of the parameter MetricData.member.2.StatisticValues contradict each other."},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', "
              "'StatisticValues': {'SampleCount': 2, 'Sum': 3, 'Minimum': 2, 'Maximum': 1}}]",
         "InvalidParameterValue",
         "The values of the parameter MetricData.member.2.StatisticValues contradict each other."},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', 'Value': 1, "
              "'Timestamp': 1766113000}]",
         "InvalidParameterValue",
         "The parameter MetricData.member.2.Timestamp must specify a time no more than two weeks "
         "in the past and no more than two hours in the future."},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', 'Value': 1, "
              "'Timestamp': 1767330300}]",
         "InvalidParameterValue",
         "The parameter MetricData.member.2.Timestamp must specify a time no more than two weeks "
         "in the past and no more than two hours in the future."},
        {"PutMetricData",
         DATA "[{'MetricName': 'Latency', 'Value': 7}, {'MetricName': 'Latency', 'Value': 1, "
              "'StorageResolution': 1}]",
         "UnsupportedOperation", "The parameter StorageResolution is not supported by Pileus yet"},
    };
    REFUSE(*state, cases);
}

static void statistics_that_cannot_be_given(void **state)
{
    static const struct refusal cases[] = {
        {"GetMetricStatistics",
         "'Namespace': 'App', 'MetricName': 'Latency', " SPAN ", 'Period': 60",
         "InvalidParameterCombination",
         "At least one of the parameters Statistics and ExtendedStatistics must be specified."},
        {"GetMetricStatistics",
         "'Namespace': 'App', 'MetricName': 'Latency', " SPAN
         ", 'Period': 60, 'Statistics': ['Sum'], 'ExtendedStatistics': ['p90']",
         "InvalidParameterCombination",
         "The parameters Statistics and ExtendedStatistics cannot be used together."},
        {"GetMetricStatistics",
         "'Namespace': 'App', 'MetricName': 'Latency', " SPAN
         ", 'Period': 60, 'ExtendedStatistics': ['p101']",
         "InvalidParameterValue",
         "The value 'p101' for parameter ExtendedStatistics is not valid."},
        {"GetMetricStatistics",
         "'Namespace': 'App', 'MetricName': 'Latency', " SPAN
         ", 'Period': 60, 'ExtendedStatistics': ['Sum']",
         "InvalidParameterValue", "The value 'Sum' for parameter ExtendedStatistics is not valid."},
        {"GetMetricStatistics",
         "'Namespace': 'App', 'MetricName': 'Latency', " SPAN
         ", 'Period': 61, 'Statistics': ['Sum']",
         "InvalidParameterValue",
         "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60."},
        {"GetMetricStatistics",
         "'Namespace': 'App', 'MetricName': 'Latency', " SPAN
         ", 'Period': 10, 'Statistics': ['Sum']",
         "UnsupportedOperation", "A Period of 10 is not supported by Pileus yet"},
        {"GetMetricStatistics",
         "'Namespace': 'App', 'MetricName': 'Latency', 'StartTime': 1767323040, 'EndTime': "
         "1767323040, 'Period': 60, 'Statistics': ['Sum']",
         "InvalidParameterValue",
         "The parameter StartTime must be less than the parameter EndTime."},
        {"GetMetricStatistics",
         "'Namespace': 'App', 'MetricName': 'Latency', 'StartTime': 1767236580, 'EndTime': "
         "1767323040, 'Period': 60, 'Statistics': ['Sum']",
         "InvalidParameterCombination",
         "You have requested up to 1441 datapoints, which exceeds the limit of 1440. You may "
         "reduce the datapoints requested by increasing Period, or decreasing the time range."},
        {"GetMetricStatistics",
         "'Namespace': 'App', 'MetricName': 'Latency', 'StartTime': -9e17, 'EndTime': 9e17, "
         "'Period': 60, 'Statistics': ['Sum']",
         "InvalidParameterCombination",
         "You have requested up to 33333333333 datapoints, which exceeds the limit of 1440. You "
         "may reduce the datapoints requested by increasing Period, or decreasing the time range."},
        {"ListMetrics", "'NextToken': 'x'", "InvalidParameterValue", "The token 'x' is invalid."},
        {"ListMetrics", "'IncludeLinkedAccounts': true", "UnsupportedOperation",
         "The parameter IncludeLinkedAccounts is not supported by Pileus yet"},
        {"ListMetrics", "'OwningAccount': '111111111111'", "UnsupportedOperation",
         "The value '111111111111' of the parameter OwningAccount is not supported by Pileus yet"},
    };
    REFUSE(*state, cases);
}

static void queries_that_cannot_be_answered(void **state)
{
    static const struct refusal cases[] = {
        {"GetMetricData",
         "'StartTime': 1767323040, 'EndTime': 1767320000, 'MetricDataQueries': [" M
         ", {'Id': 'n', 'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': 'Latency'}, "
         "'Period': 60, 'Stat': 'Sum'}}]",
         "InvalidParameterValue",
         "The parameter StartTime must be less than the parameter EndTime."},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M
              ", {'Id': 'n', 'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': "
              "'Latency'}, 'Period': 60, 'Stat': 'Sum'}}], 'MaxDatapoints': 0",
         "ValidationError", "The parameter MaxDatapoints must be between 1 and 100800."},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M
              ", {'Id': 'n', 'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': "
              "'Latency'}, 'Period': 60, 'Stat': 'Sum'}}], 'MaxDatapoints': 100801",
         "ValidationError", "The parameter MaxDatapoints must be between 1 and 100800."},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M
              ", {'Id': 'n', 'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': "
              "'Latency'}, 'Period': 60, 'Stat': 'Sum'}}], 'NextToken': 'x'",
         "InvalidNextToken", "The token 'x' is invalid."},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M
              ", {'Id': 'n', 'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': "
              "'Latency'}, 'Period': 60, 'Stat': 'Sum'}}], 'LabelOptions': {'Timezone': '+0100'}",
         "UnsupportedOperation", "The parameter LabelOptions is not supported by Pileus yet"},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M
              ", {'Id': 'n', 'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': "
              "'Latency'}, 'Period': 60, 'Stat': 'Most'}}]",
         "ValidationError", "The value 'Most' for the parameter Stat is not valid"},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M
              ", {'Id': 'n', 'MetricStat': {'Metric': {'Namespace': 'App', 'MetricName': "
              "'Latency'}, 'Period': 90, 'Stat': 'Sum'}}]",
         "InvalidParameterValue",
         "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60."},
    };
    REFUSE(*state, cases);
}

static void expressions_that_cannot_be_computed(void **state)
{
    static const struct refusal cases[] = {
        {"GetMetricData", SPAN ", 'MetricDataQueries': [" M ", {'Id': 'e'}]", "ValidationError",
         "The metric data query 'e' must have either a MetricStat or an Expression"},
        {"GetMetricData", SPAN ", 'MetricDataQueries': [" M ", {'Id': 'E', 'Expression': 'm'}]",
         "ValidationError",
         "The value 'E' for the Id of a metric data query is not valid: it must begin with a "
         "lowercase letter and have only letters, digits and underscores"},
        {"GetMetricData", SPAN ", 'MetricDataQueries': [" M ", {'Id': 'm', 'Expression': 'm'}]",
         "ValidationError", "The Id 'm' is not unique"},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M
              ", {'Id': 'e', 'Expression': 'm', 'AccountId': '111111111111'}]",
         "UnsupportedOperation",
         "The value '111111111111' of the parameter AccountId is not supported by Pileus yet"},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M ", {'Id': 'e', 'Expression': 'nobody'}]",
         "ValidationError",
         "Error in expression 'e': it names a metric that is not in the request"},
        {"GetMetricData", SPAN ", 'MetricDataQueries': [" M ", {'Id': 'e', 'Expression': 'm +'}]",
         "ValidationError", "Error in expression 'e': unexpected end at character 4"},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M ", {'Id': 'e', 'Expression': 'SUM(m)'}]",
         "ValidationError",
         "Error in expression 'e': it must return a single time series or an array of time series"},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M
              ", {'Id': 'e', 'Expression': 'f'}, {'Id': 'f', 'Expression': 'e'}]",
         "ValidationError", "Error in expression 'e': expressions name each other in a circle"},
        {"GetMetricData",
         SPAN ", 'MetricDataQueries': [" M
              ", {'Id': 'e', 'Expression': 'ANOMALY_DETECTION_BAND(m)'}]",
         "ValidationError", "Unsupported function ANOMALY_DETECTION_BAND."},
    };
    REFUSE(*state, cases);
}

static void metric_alarms_that_cannot_be_judged(void **state)
{
    static const struct refusal cases[] = {
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60, 'Threshold': 50, 'ComparisonOperator': "
                 "'GreaterThanThreshold'",
         "ValidationError", "The parameter EvaluationPeriods is required"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60, 'EvaluationPeriods': 3, "
                 "'ComparisonOperator': 'GreaterThanThreshold'",
         "ValidationError", "The parameter Threshold is required"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60, 'EvaluationPeriods': 3, 'Threshold': 50",
         "ValidationError", "The parameter ComparisonOperator is required"},
        {"PutMetricAlarm", WATCHED ", 'Statistic': 'Average'" JUDGED, "ValidationError",
         "The parameter Period is required"},
        {"PutMetricAlarm", WATCHED ", 'Period': 60" JUDGED, "ValidationError",
         "Exactly one of Statistic and ExtendedStatistic must be specified"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED ", 'ExtendedStatistic': 'p90'",
         "ValidationError", "Exactly one of Statistic and ExtendedStatistic must be specified"},
        {"PutMetricAlarm", WATCHED ", 'ExtendedStatistic': 'p101', 'Period': 60" JUDGED,
         "ValidationError", "The value 'p101' for ExtendedStatistic is not valid"},
        {"PutMetricAlarm", WATCHED ", 'ExtendedStatistic': 'Sum', 'Period': 60" JUDGED,
         "ValidationError", "The value 'Sum' for ExtendedStatistic is not valid"},
        {"PutMetricAlarm", WATCHED ", 'Statistic': 'Sum', 'Period': 90" JUDGED, "ValidationError",
         "Period must be 10, 20, 30 or a multiple of 60"},
        {"PutMetricAlarm", WATCHED ", 'Statistic': 'Sum', 'Period': 10" JUDGED,
         "UnsupportedOperation", "Alarms with a Period of 10 are not supported by Pileus yet"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Sum', 'Period': 60, 'EvaluationPeriods': 1441, 'Threshold': 50, "
                 "'ComparisonOperator': 'GreaterThanThreshold'",
         "ValidationError",
         "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= "
         "86400)."},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Sum', 'Period': 3600, 'EvaluationPeriods': 169, 'Threshold': 50, "
                 "'ComparisonOperator': 'GreaterThanThreshold'",
         "ValidationError",
         "Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must "
         "be <= 604800)."},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED ", 'DatapointsToAlarm': 4",
         "ValidationError", "DatapointsToAlarm must be less than or equal to EvaluationPeriods"},
    };
    REFUSE(*state, cases);
}

static void settings_of_alarms_that_there_are_not(void **state)
{
    static const struct refusal cases[] = {
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED
                 ", 'TreatMissingData': 'sometimes'",
         "ValidationError",
         "The value 'sometimes' for TreatMissingData is not valid: it must be one of breaching, "
         "notBreaching, ignore, missing"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED
                 ", 'EvaluateLowSampleCountPercentile': 'ignore'",
         "UnsupportedOperation",
         "The value 'ignore' of the parameter EvaluateLowSampleCountPercentile is not supported by "
         "Pileus yet"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Sum', 'Period': 60, 'EvaluationPeriods': 1, 'Threshold': 50, "
                 "'ComparisonOperator': 'LessThanLowerThreshold'",
         "UnsupportedOperation",
         "Alarms on anomaly detection bands are not supported by Pileus yet"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED ", 'ThresholdMetricId': 'm'",
         "UnsupportedOperation",
         "The value 'm' of the parameter ThresholdMetricId is not supported by Pileus yet"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED ", 'EvaluationInterval': 60",
         "UnsupportedOperation", "The parameter EvaluationInterval is not supported by Pileus yet"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED ", 'AlarmActions': ['no-arn']",
         "ValidationError", "Invalid arn syntax: no-arn"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED
                 ", 'OKActions': ['arn:aws:lambda:us-east-1:000000000000:function:f']",
         "UnsupportedOperation",
         "The alarm action 'arn:aws:lambda:us-east-1:000000000000:function:f' is not supported by "
         "Pileus yet"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED
                 ", 'AlarmActions': ['arn:aws:automate:us-east-1:ec2:stop']",
         "ValidationError",
         "An EC2 action needs an alarm on a metric with the dimension InstanceId"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED
                 ", 'Tags': [{'Key': 'k', 'Value': '1'}, {'Key': 'k', 'Value': '2'}]",
         "ValidationError", "An alarm can have at most 50 tags, each key once"},
        {"PutMetricAlarm",
         WATCHED ", 'Statistic': 'Average', 'Period': 60" JUDGED
                 ", 'Tags': [{'Key': 'aws:k', 'Value': 'v'}]",
         "ValidationError", "Tag keys must not begin with 'aws:'"},
        {"PutMetricAlarm",
         "'AlarmName': 'c', 'Namespace': 'App', 'MetricName': 'Latency', 'Statistic': 'Sum', "
         "'Period': 60" JUDGED,
         "ValidationError", "The alarm 'c' exists already and is of another type"},
    };
    REFUSE(*state, cases);
}

static void metric_math_that_no_alarm_can_watch(void **state)
{
    static const struct refusal cases[] = {
        {"PutMetricAlarm", "'AlarmName': 'new'" JUDGED ", 'Metrics': [" HIDDEN_M "]",
         "ValidationError",
         "Exactly one of the Metrics must return data: ReturnData must be false for all others"},
        {"PutMetricAlarm",
         "'AlarmName': 'new'" JUDGED
         ", 'Metrics': [{'Id': 'e', 'Expression': 'm'}, {'Id': 'f', 'Expression': 'm'}, " HIDDEN_M
         "]",
         "ValidationError",
         "Exactly one of the Metrics must return data: ReturnData must be false for all others"},
        {"PutMetricAlarm",
         "'AlarmName': 'new'" JUDGED
         ", 'Metrics': [{'Id': 'e', 'Expression': 'SEARCH(\\'x\\', \\'Sum\\')'}]",
         "ValidationError", "SEARCH is not supported in the expressions of alarms"},
        {"PutMetricAlarm",
         "'AlarmName': 'new'" JUDGED ", 'Metrics': [{'Id': 'e', 'Expression': 'nobody'}, " HIDDEN_M
         "]",
         "ValidationError",
         "Error in expression 'e': it names a metric that is not in the request"},
        {"PutMetricAlarm",
         "'AlarmName': 'new'" JUDGED ", 'Metrics': [{'Id': 'e', 'Expression': 'm'}, " HIDDEN_M
         "], 'Period': 60",
         "ValidationError", "The parameter Period cannot be used together with Metrics"},
    };
    REFUSE(*state, cases);
}

static void composite_alarms_that_stand_on_nothing(void **state)
{
    static const struct refusal cases[] = {
        {"PutCompositeAlarm", "'AlarmName': 'new', 'AlarmRule': 'ALARM(nobody)'", "ValidationError",
         "AlarmRule is not valid: there is no alarm 'nobody'"},
        {"PutCompositeAlarm", "'AlarmName': 'new', 'AlarmRule': 'ALARM(new)'", "ValidationError",
         "AlarmRule is not valid: composite alarms stand on each other in a circle, or more than "
         "10 deep, or on too many others"},
        {"PutCompositeAlarm", "'AlarmName': 'new', 'AlarmRule': 'ALARM(a'", "ValidationError",
         "AlarmRule is not valid: a bracket or a comma is missing"},
        {"PutCompositeAlarm", "'AlarmName': 'new', 'AlarmRule': 'TRUE', 'ActionsSuppressor': 'a'",
         "ValidationError",
         "ActionsSuppressor, ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must "
         "be specified together"},
        {"PutCompositeAlarm",
         "'AlarmName': 'new', 'AlarmRule': 'TRUE', 'ActionsSuppressorWaitPeriod': 60",
         "ValidationError",
         "ActionsSuppressor, ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must "
         "be specified together"},
        {"PutCompositeAlarm",
         "'AlarmName': 'new', 'AlarmRule': 'TRUE', 'ActionsSuppressor': 'nobody', "
         "'ActionsSuppressorWaitPeriod': 1, 'ActionsSuppressorExtensionPeriod': 1",
         "ValidationError", "There is no alarm 'nobody' to suppress actions"},
        {"PutCompositeAlarm",
         "'AlarmName': 'new', 'AlarmRule': 'TRUE', 'ActionsSuppressor': 'a', "
         "'ActionsSuppressorWaitPeriod': -1, 'ActionsSuppressorExtensionPeriod': 1",
         "ValidationError",
         "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must not be negative"},
        {"PutCompositeAlarm",
         "'AlarmName': 'new', 'AlarmRule': 'TRUE', 'AlarmActions': "
         "['arn:aws:automate:us-east-1:ec2:stop']",
         "UnsupportedOperation",
         "The alarm action 'arn:aws:automate:us-east-1:ec2:stop' is not supported by Pileus yet"},
        {"PutCompositeAlarm", "'AlarmName': 'a', 'AlarmRule': 'TRUE'", "ValidationError",
         "The alarm 'a' exists already and is of another type"},
    };
    REFUSE(*state, cases);
}

static void alarms_that_are_not_there_or_asked_for_wrongly(void **state)
{
    static const struct refusal cases[] = {
        {"DeleteAlarms", "'AlarmNames': ['a', 'nobody']", "ResourceNotFound",
         "Could not find alarm 'nobody'"},
        {"SetAlarmState", "'AlarmName': 'nobody', 'StateValue': 'OK', 'StateReason': 'test'",
         "ResourceNotFound", "Could not find alarm 'nobody'"},
        {"SetAlarmState",
         "'AlarmName': 'a', 'StateValue': 'OK', 'StateReason': 'test', 'StateReasonData': '{'",
         "InvalidFormat", "StateReasonData must be valid JSON"},
        {"DescribeAlarms", "'AlarmNames': ['a'], 'AlarmNamePrefix': 'a'",
         "InvalidParameterCombination", "You cannot specify both AlarmNames and AlarmNamePrefix"},
        {"DescribeAlarms", "'ChildrenOfAlarmName': 'c', 'StateValue': 'OK'", "ValidationError",
         "ChildrenOfAlarmName cannot be used together with StateValue: only MaxRecords and "
         "NextToken can"},
        {"DescribeAlarms", "'ParentsOfAlarmName': 'a', 'ChildrenOfAlarmName': 'c'",
         "ValidationError",
         "ChildrenOfAlarmName cannot be used together with ParentsOfAlarmName: only MaxRecords and "
         "NextToken can"},
        {"DescribeAlarms", "'ParentsOfAlarmName': 'a', 'ActionPrefix': 'arn:'", "ValidationError",
         "ParentsOfAlarmName cannot be used together with ActionPrefix: only MaxRecords and "
         "NextToken can"},
        {"DescribeAlarms", "'NextToken': 'x'", "InvalidNextToken", "The token 'x' is invalid."},
        {"DescribeAlarmHistory", "'NextToken': 'x'", "InvalidNextToken",
         "The token 'x' is invalid."},
        {"DescribeAlarmHistory", "'AlarmContributorId': '1'", "UnsupportedOperation",
         "The value '1' of the parameter AlarmContributorId is not supported by Pileus yet"},
    };
    REFUSE(*state, cases);
}

static void dashboards_that_are_none(void **state)
{
    static const struct refusal cases[] = {
        {"PutDashboard", "'DashboardName': 'a b', 'DashboardBody': '{\\'widgets\\': []}'",
         "InvalidParameterInput",
         "The field DashboardName can have letters, digits, - and _, at most 255"},
        {"PutDashboard", "'DashboardName': 'web', 'DashboardBody': '[]'", "InvalidParameterInput",
         "The field DashboardBody must be a valid JSON object with an array 'widgets' of at most "
         "500"},
        {"PutDashboard", "'DashboardName': 'web', 'DashboardBody': '{'", "InvalidParameterInput",
         "The field DashboardBody must be a valid JSON object with an array 'widgets' of at most "
         "500"},
        {"PutDashboard",
         "'DashboardName': 'web', 'DashboardBody': '{\\'widgets\\': []}', 'Tags': [{'Key': 'k', "
         "'Value': 'v'}]",
         "UnsupportedOperation", "The parameter Tags is not supported by Pileus yet"},
        {"GetDashboard", "'DashboardName': 'nobody'", "ResourceNotFound",
         "Dashboard nobody does not exist"},
        {"DeleteDashboards", "'DashboardNames': ['web', 'nobody']", "ResourceNotFound",
         "Dashboard nobody does not exist"},
        {"ListDashboards", "'NextToken': 'x'", "InvalidParameterValue",
         "The token 'x' is invalid."},
    };
    REFUSE(*state, cases);
}

static void tags_that_cannot_be_set(void **state)
{
    static const struct refusal cases[] = {
        {"TagResource", "'ResourceARN': '" ARN "nobody', 'Tags': [{'Key': 'k', 'Value': 'v'}]",
         "ResourceNotFoundException",
         "The resource 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:nobody' does not exist"},
        {"TagResource", "'ResourceARN': 'x', 'Tags': [{'Key': 'k', 'Value': 'v'}]",
         "ResourceNotFoundException", "The resource 'x' does not exist"},
        {"TagResource", "'ResourceARN': '" ARN "a', 'Tags': [{'Key': 'aws:k', 'Value': 'v'}]",
         "InvalidParameterValue", "Tag keys must not begin with 'aws:'"},
        {"TagResource",
         "'ResourceARN': '" ARN
         "a', 'Tags': [{'Key': 'k', 'Value': 'v'}, {'Key': 'k', 'Value': 'w'}]",
         "InvalidParameterValue", "A resource can have at most 50 tags, each key once"},
        {"UntagResource", "'ResourceARN': '" ARN "nobody', 'TagKeys': ['k']",
         "ResourceNotFoundException",
         "The resource 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:nobody' does not exist"},
        {"ListTagsForResource", "'ResourceARN': '" ARN "nobody'", "ResourceNotFoundException",
         "The resource 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:nobody' does not exist"},
    };
    REFUSE(*state, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(data_that_are_not_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(statistics_that_cannot_be_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queries_that_cannot_be_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(expressions_that_cannot_be_computed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metric_alarms_that_cannot_be_judged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settings_of_alarms_that_there_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metric_math_that_no_alarm_can_watch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(composite_alarms_that_stand_on_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(alarms_that_are_not_there_or_asked_for_wrongly, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(dashboards_that_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tags_that_cannot_be_set, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
