/* Metric alarms: their settings, and what users do with alarms of all kinds. */
#include "service/accept.h"
#include "service/cloudwatch/alarm.h"
#include "service/cloudwatch/history.h"
#include "service/cloudwatch/metric.h"
#include "service/cloudwatch/operations.h"
#include "service/cloudwatch/queries.h"
#include "service/doc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, ALARM_METRICS_MAX = 20 };

/* ---- PutMetricAlarm ---- */

/* Members of the request that become members of the alarm as they are. */
static const char *const settings[] = {
    "AlarmDescription",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "Metrics",
    NULL,
};

static int check_members(const json_t *in, const char *const *members, bool are_wanted,
                         struct err *err)
{
    for (size_t i = 0; members[i]; i++)
        if (!json_object_get(in, members[i]) == are_wanted)
            return err_aws(err, "ValidationError",
                           are_wanted ? "The parameter %s is required"
                                      : "The parameter %s cannot be used together with Metrics",
                           members[i]);
    return 0;
}

static int check_statistic(const json_t *in, struct err *err)
{
    struct statistic statistic;
    const char *plain = doc_text(in, "Statistic"), *extended = doc_text(in, "ExtendedStatistic");
    if (!*plain == !*extended)
        return err_aws(err, "ValidationError",
                       "Exactly one of Statistic and ExtendedStatistic must be specified");
    if (!*extended ||
        (statistic_parse(extended, &statistic) && statistic.kind >= STATISTIC_PERCENTILE))
        return 0;
    return err_aws(err, "ValidationError", "The value '%.100s' for ExtendedStatistic is not valid",
                   extended);
}

/* Metric math: one query is watched, the others serve it. */
static int check_metrics(const json_t *metrics, struct err *err)
{
    size_t watched = 0, i;
    const json_t *query;
    if (json_array_size(metrics) > ALARM_METRICS_MAX)
        return err_aws(err, "ValidationError", "An alarm can have no more than %d Metrics",
                       ALARM_METRICS_MAX);
    json_array_foreach (metrics, i, query) {
        watched += !json_is_false(json_object_get(query, "ReturnData"));
        if (strcasestr(doc_text(query, "Expression"), "SEARCH("))
            return err_aws(err, "ValidationError",
                           "SEARCH is not supported in the expressions of alarms");
    }
    if (watched != 1)
        return err_aws(err, "ValidationError",
                       "Exactly one of the Metrics must return data: ReturnData must be false for "
                       "all others");
    return queries_check(metrics, err);
}

/* An alarm watches one metric, or metric math. */
static int check_source(const json_t *in, struct err *err)
{
    static const char *const always[] = {"EvaluationPeriods", "Threshold", "ComparisonOperator",
                                         NULL};
    static const char *const plain[] = {"MetricName", "Namespace", "Period", NULL};
    static const char *const excluded[] = {"MetricName",        "Namespace",  "Period", "Statistic",
                                           "ExtendedStatistic", "Dimensions", "Unit",   NULL};
    const json_t *metrics = json_object_get(in, "Metrics");
    if (check_members(in, always, true, err) < 0)
        return -1;
    if (json_array_size(metrics) > 0)
        return check_members(in, excluded, false, err) < 0 ? -1 : check_metrics(metrics, err);
    return check_members(in, plain, true, err) < 0 ? -1 : check_statistic(in, err);
}

static int check_periods(const json_t *in, struct err *err)
{
    int64_t period = alarm_period_ms(in) / 1000, periods = doc_number(in, "EvaluationPeriods");
    if (period == 10 || period == 20 || period == 30)
        return err_aws(err, "UnsupportedOperation",
                       "Alarms with a Period of %lld are not supported by Pileus yet",
                       (long long)period);
    if (period <= 0 || period % 60 != 0)
        return err_aws(err, "ValidationError", "Period must be 10, 20, 30 or a multiple of 60");
    int64_t longest = period >= 3600 ? 7 * DAY_S : DAY_S;
    if (periods > longest / period)
        return err_aws(err, "ValidationError",
                       "Metrics cannot be checked across more than %s (EvaluationPeriods * Period "
                       "must be <= %lld).",
                       period >= 3600 ? "seven days" : "a day", (long long)longest);
    if (doc_number(in, "DatapointsToAlarm") > periods)
        return err_aws(err, "ValidationError",
                       "DatapointsToAlarm must be less than or equal to EvaluationPeriods");
    return 0;
}

static int check_words(const json_t *in, struct err *err)
{
    static const char *const treatments[] = {"breaching", "notBreaching", "ignore", "missing"};
    const char *treatment = doc_text(in, "TreatMissingData");
    bool known = !*treatment;
    for (size_t i = 0; i < sizeof treatments / sizeof *treatments; i++)
        known |= strcmp(treatment, treatments[i]) == 0;
    if (!known)
        return err_aws(err, "ValidationError",
                       "The value '%.100s' for TreatMissingData is not valid: it must be one of "
                       "breaching, notBreaching, ignore, missing",
                       treatment);
    if (strstr(doc_text(in, "ComparisonOperator"), "LowerOr") ||
        strstr(doc_text(in, "ComparisonOperator"), "LowerThreshold") ||
        strstr(doc_text(in, "ComparisonOperator"), "UpperThreshold"))
        return err_aws(err, "UnsupportedOperation",
                       "Alarms on anomaly detection bands are not supported by Pileus yet");
    return 0;
}

static int check_alarm(const struct call *call, struct err *err)
{
    const json_t *in = call->in;
    if (call_accept(in,
                    "AlarmName AlarmDescription ActionsEnabled OKActions AlarmActions "
                    "InsufficientDataActions MetricName Namespace Statistic ExtendedStatistic "
                    "Dimensions Period Unit EvaluationPeriods DatapointsToAlarm Threshold "
                    "ComparisonOperator TreatMissingData EvaluateLowSampleCountPercentile=evaluate "
                    "Metrics Tags",
                    err) < 0 ||
        check_source(in, err) < 0 || check_periods(in, err) < 0 || check_words(in, err) < 0 ||
        alarm_check_actions(call, in, err) < 0)
        return -1;
    if (!isfinite(json_number_value(json_object_get(in, "Threshold"))))
        return err_aws(err, "ValidationError", "The threshold must be a finite number");
    return 0;
}

int cloudwatch_PutMetricAlarm(struct call *call, struct err *err)
{
    if (check_alarm(call, err) < 0)
        return -1;
    json_t *alarm = alarm_put(call, settings, err);
    if (!alarm)
        return -1;
    if (!json_object_get(alarm, "Metrics") && !json_object_get(alarm, "Dimensions"))
        json_object_set_new(alarm, "Dimensions", json_array());
    return 0;
}

/* ---- change and deletion ---- */

int cloudwatch_DeleteAlarms(struct call *call, struct err *err)
{
    const json_t *names = json_object_get(call->in, "AlarmNames");
    size_t i;
    const json_t *name;
    json_array_foreach (names, i, name) {
        if (!store_get(call->store, alarm_kind, call->region, json_string_value(name)))
            return err_aws(err, "ResourceNotFound", "Could not find alarm '%.255s'",
                           json_string_value(name));
    }
    json_array_foreach (names, i, name) {
        const json_t *alarm =
            store_get(call->store, alarm_kind, call->region, json_string_value(name));
        if (!alarm)
            continue;
        alarm_history_add_configuration(call, alarm, "Delete");
        txn_delete(call->txn, alarm_kind, call->region, json_string_value(name));
    }
    return 0;
}

int cloudwatch_SetAlarmState(struct call *call, struct err *err)
{
    const char *data = json_string_value(json_object_get(call->in, "StateReasonData"));
    json_t *alarm = txn_edit(call->txn, alarm_kind, call->region, doc_text(call->in, "AlarmName"));
    if (!alarm)
        return err_aws(err, "ResourceNotFound", "Could not find alarm '%.255s'",
                       doc_text(call->in, "AlarmName"));
    json_auto_t *parsed = data ? json_loads(data, 0, NULL) : NULL;
    if (data && !parsed)
        return err_aws(err, "InvalidFormat", "StateReasonData must be valid JSON");
    alarm_set_state(call, alarm, doc_text(call->in, "StateValue"),
                    doc_text(call->in, "StateReason"), data);
    return 0;
}

static int set_actions_enabled(struct call *call, bool enabled)
{
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(call->in, "AlarmNames"), i, name) {
        json_t *alarm = txn_edit(call->txn, alarm_kind, call->region, json_string_value(name));
        if (!alarm || doc_flag(alarm, "ActionsEnabled") == enabled)
            continue;
        json_object_set_new(alarm, "ActionsEnabled", json_boolean(enabled));
        json_object_set_new(alarm, "AlarmConfigurationUpdatedTimestamp", call_now(call));
        alarm_history_add_configuration(call, alarm, "Update");
    }
    return 0;
}

int cloudwatch_EnableAlarmActions(struct call *call, struct err *err)
{
    (void)err;
    return set_actions_enabled(call, true);
}

int cloudwatch_DisableAlarmActions(struct call *call, struct err *err)
{
    (void)err;
    return set_actions_enabled(call, false);
}
