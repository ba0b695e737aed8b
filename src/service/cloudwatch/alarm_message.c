#include "service/cloudwatch/alarm_message.h"

#include "base/cleanup.h"
#include "model/timestamp.h"
#include "service/cloudwatch/alarm.h"
#include "service/doc.h"
#include "service/ec2/region_title.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void alarm_message_subject(const struct call *call, const json_t *alarm,
                           char out[ALARM_SUBJECT_SIZE])
{
    snprintf(out, ALARM_SUBJECT_SIZE, "%s: \"%s\" in %s", doc_text(alarm, "StateValue"),
             doc_text(alarm, "AlarmName"), ec2_region_title(call->region));
}

/* "2026-01-02T03:04:05.678+0000"; null if the member is absent. */
static json_t *time_of(const json_t *seconds)
{
    auto_buf text = {0};
    if (!json_is_number(seconds))
        return json_null();
    timestamp_iso8601(&text, json_number_value(seconds));
    return json_sprintf("%.*s+0000", (int)text.size - 1, text.data);
}

/* A member as it is, or null. */
static json_t *same(const json_t *alarm, const char *name)
{
    json_t *value = json_object_get(alarm, name);
    return value ? json_incref(value) : json_null();
}

static json_t *dimensions_of(const json_t *owner)
{
    json_t *shown = json_array();
    size_t i;
    const json_t *dimension;
    json_array_foreach (json_object_get(owner, "Dimensions"), i, dimension)
        json_array_append_new(shown,
                              json_pack("{s:O, s:O}", "value", json_object_get(dimension, "Value"),
                                        "name", json_object_get(dimension, "Name")));
    return shown;
}

/* "SampleCount" is SAMPLE_COUNT here. */
static json_t *statistic_of(const json_t *alarm)
{
    char name[40];
    size_t size = 0;
    for (const char *at = doc_text(alarm, "Statistic"); *at && size + 2 < sizeof name; at++) {
        if (size && isupper((unsigned char)*at))
            name[size++] = '_';
        name[size++] = (char)toupper((unsigned char)*at);
    }
    return json_stringn(name, size);
}

static void add_metric(json_t *trigger, const json_t *alarm)
{
    const char *extended = doc_text(alarm, "ExtendedStatistic");
    json_object_set_new(trigger, "MetricName", same(alarm, "MetricName"));
    json_object_set_new(trigger, "Namespace", same(alarm, "Namespace"));
    json_object_set_new(trigger, "StatisticType",
                        json_string(*extended ? "ExtendedStatistic" : "Statistic"));
    if (*extended)
        json_object_set_new(trigger, "ExtendedStatistic", json_string(extended));
    else
        json_object_set_new(trigger, "Statistic", statistic_of(alarm));
    json_object_set_new(trigger, "Unit", same(alarm, "Unit"));
    json_object_set_new(trigger, "Dimensions", dimensions_of(alarm));
}

/* Queries as they were given, but for the names of what dimensions have. */
static json_t *metrics_of(const json_t *alarm)
{
    json_t *shown = json_deep_copy(json_object_get(alarm, "Metrics")), *query;
    size_t i;
    json_array_foreach (shown, i, query) {
        json_t *metric = json_object_get(json_object_get(query, "MetricStat"), "Metric");
        if (metric)
            json_object_set_new(metric, "Dimensions", dimensions_of(metric));
        if (!json_object_get(query, "ReturnData"))
            json_object_set_new(query, "ReturnData", json_true());
    }
    return shown;
}

static json_t *trigger_of(const json_t *alarm)
{
    json_t *trigger = json_object();
    const char *treatment = doc_text(alarm, "TreatMissingData");
    const char *datapoints =
        json_object_get(alarm, "DatapointsToAlarm") ? "DatapointsToAlarm" : "EvaluationPeriods";
    bool is_math = json_object_get(alarm, "Metrics");
    if (!is_math)
        add_metric(trigger, alarm);
    json_object_set_new(trigger, "Period", json_integer(alarm_period_ms(alarm) / 1000));
    json_object_set_new(trigger, "EvaluationPeriods", same(alarm, "EvaluationPeriods"));
    json_object_set_new(trigger, "DatapointsToAlarm", same(alarm, datapoints));
    json_object_set_new(trigger, "ComparisonOperator", same(alarm, "ComparisonOperator"));
    json_object_set_new(trigger, "Threshold", same(alarm, "Threshold"));
    json_object_set_new(trigger, "TreatMissingData",
                        json_string(*treatment ? treatment : "missing"));
    json_object_set_new(trigger, "EvaluateLowSampleCountPercentile",
                        json_string(doc_text(alarm, "EvaluateLowSampleCountPercentile")));
    if (is_math)
        json_object_set_new(trigger, "Metrics", metrics_of(alarm));
    return trigger;
}

/* The alarms that made a composite alarm change. */
static json_t *children_of(const json_t *alarm)
{
    json_auto_t *data = json_loads(doc_text(alarm, "StateReasonData"), 0, NULL);
    json_t *shown = json_array();
    size_t i;
    const json_t *child;
    json_array_foreach (json_object_get(data, "triggeringAlarms"), i, child) {
        const json_t *state = json_object_get(child, "state");
        json_auto_t *seconds = json_real((double)doc_number(state, "timestamp") / 1000);
        json_array_append_new(shown, json_pack("{s:o, s:{s:o, s:o}}", "Arn", same(child, "arn"),
                                               "State", "Value", same(state, "value"), "Timestamp",
                                               time_of(seconds)));
    }
    return shown;
}

json_t *alarm_message(const struct call *call, const json_t *alarm, const char *former)
{
    json_t *message = json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:s}", "AlarmName", same(alarm, "AlarmName"),
        "AlarmDescription", same(alarm, "AlarmDescription"), "AWSAccountId", call->account,
        "AlarmConfigurationUpdatedTimestamp",
        time_of(json_object_get(alarm, "AlarmConfigurationUpdatedTimestamp")), "NewStateValue",
        same(alarm, "StateValue"), "NewStateReason", same(alarm, "StateReason"), "StateChangeTime",
        time_of(json_object_get(alarm, "StateTransitionedTimestamp")), "Region",
        ec2_region_title(call->region), "AlarmArn", same(alarm, "AlarmArn"), "OldStateValue",
        former);
    for (size_t i = 0; alarm_action_lists[i]; i++)
        json_object_set_new(message, alarm_action_lists[i],
                            json_object_get(alarm, alarm_action_lists[i])
                                ? same(alarm, alarm_action_lists[i])
                                : json_array());
    if (json_object_get(alarm, "AlarmRule")) {
        json_object_set_new(message, "AlarmRule", same(alarm, "AlarmRule"));
        json_object_set_new(message, "TriggeringChildren", children_of(alarm));
    } else {
        json_object_set_new(message, "Trigger", trigger_of(alarm));
    }
    return message;
}
