/* Metric alarms: their settings, their states as users set and see them, and their history. */
#include "service/accept.h"
#include "service/cloudwatch/alarm.h"
#include "service/cloudwatch/history.h"
#include "service/cloudwatch/metric.h"
#include "service/cloudwatch/operations.h"
#include "service/cloudwatch/queries.h"
#include "service/doc.h"
#include "service/page.h"
#include "service/tag_list.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, RECORDS_MAX = 100, ALARM_METRICS_MAX = 20 };

static const struct paging by_records = {"MaxRecords", "NextToken", "NextToken", "InvalidNextToken",
                                         RECORDS_MAX};

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
};

static const char *const action_lists[] = {"OKActions", "AlarmActions", "InsufficientDataActions"};

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

/* Actions that can be carried out are scaling policies. */
static int check_actions(const json_t *in, struct err *err)
{
    size_t i;
    const json_t *action;
    for (size_t list = 0; list < sizeof action_lists / sizeof *action_lists; list++) {
        json_array_foreach (json_object_get(in, action_lists[list]), i, action) {
            const char *arn = json_string_value(action);
            if (strncmp(arn, "arn:", 4) != 0)
                return err_aws(err, "ValidationError", "Invalid arn syntax: %.200s", arn);
            if (strncmp(arn, "arn:aws:autoscaling:", 20) != 0 || !strstr(arn, ":scalingPolicy:"))
                return err_aws(err, "UnsupportedOperation",
                               "The alarm action '%.200s' is not supported by Pileus yet", arn);
        }
    }
    return 0;
}

static int check_alarm(const json_t *in, struct err *err)
{
    if (call_accept(in,
                    "AlarmName AlarmDescription ActionsEnabled OKActions AlarmActions "
                    "InsufficientDataActions MetricName Namespace Statistic ExtendedStatistic "
                    "Dimensions Period Unit EvaluationPeriods DatapointsToAlarm Threshold "
                    "ComparisonOperator TreatMissingData EvaluateLowSampleCountPercentile=evaluate "
                    "Metrics Tags",
                    err) < 0 ||
        check_source(in, err) < 0 || check_periods(in, err) < 0 || check_words(in, err) < 0 ||
        check_actions(in, err) < 0)
        return -1;
    if (!isfinite(json_number_value(json_object_get(in, "Threshold"))))
        return err_aws(err, "ValidationError", "The threshold must be a finite number");
    return 0;
}

/* An alarm as it begins: without settings, in the state INSUFFICIENT_DATA. */
static json_t *new_alarm(const struct call *call, const char *name)
{
    json_t *now = call_now(call);
    json_t *alarm = json_pack(
        "{s:s, s:o, s:s, s:s, s:O, s:O, s:[]}", "AlarmName", name, "AlarmArn",
        json_sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", call->region, call->account, name),
        "StateValue", "INSUFFICIENT_DATA", "StateReason", "Unchecked: Initial alarm creation",
        "StateUpdatedTimestamp", now, "StateTransitionedTimestamp", now, "_tags");
    json_decref(now);
    return alarm;
}

/* Replaces all settings; the state stays. */
static void apply_settings(const struct call *call, json_t *alarm)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        json_t *value = json_object_get(call->in, settings[i]);
        if (value)
            json_object_set(alarm, settings[i], value);
        else
            json_object_del(alarm, settings[i]);
    }
    for (size_t i = 0; i < sizeof action_lists / sizeof *action_lists; i++) {
        json_t *actions = json_object_get(call->in, action_lists[i]);
        json_object_set_new(alarm, action_lists[i], actions ? json_incref(actions) : json_array());
    }
    if (!json_object_get(call->in, "Dimensions") && !json_object_get(call->in, "Metrics"))
        json_object_set_new(alarm, "Dimensions", json_array());
    bool disabled = json_is_false(json_object_get(call->in, "ActionsEnabled"));
    json_object_set_new(alarm, "ActionsEnabled", json_boolean(!disabled));
    json_object_set_new(alarm, "AlarmConfigurationUpdatedTimestamp", call_now(call));
}

static int create_alarm(struct call *call, const char *name, struct err *err)
{
    const json_t *tags = json_object_get(call->in, "Tags");
    if (store_count(call->store, alarm_kind, call->region) >= ALARMS_MAX)
        return err_aws(err, "LimitExceeded", "The maximum number of alarms has been reached");
    json_auto_t *alarm = new_alarm(call, name);
    if (tag_list_repeats(tags) || !tag_list_merge(json_object_get(alarm, "_tags"), tags))
        return err_aws(err, "ValidationError", "An alarm can have at most %d tags, each key once",
                       TAGS_MAX);
    apply_settings(call, alarm);
    txn_put(call->txn, alarm_kind, call->region, name, json_incref(alarm));
    alarm_history_add_configuration(call, alarm, "Create");
    return 0;
}

int cloudwatch_PutMetricAlarm(struct call *call, struct err *err)
{
    const char *name = doc_text(call->in, "AlarmName");
    if (check_alarm(call->in, err) < 0)
        return -1;
    json_t *alarm = txn_edit(call->txn, alarm_kind, call->region, name);
    if (!alarm)
        return create_alarm(call, name, err);
    apply_settings(call, alarm);
    alarm_history_add_configuration(call, alarm, "Update");
    return 0;
}

/* ---- description ---- */

/* Inserts by name, as AWS orders alarms. */
static void insert_by_name(json_t *alarms, const json_t *alarm)
{
    size_t at = json_array_size(alarms);
    while (at > 0 && strcmp(doc_text(json_array_get(alarms, at - 1), "AlarmName"),
                            doc_text(alarm, "AlarmName")) > 0)
        at--;
    json_array_insert(alarms, at, (json_t *)alarm);
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool has_action(const json_t *alarm, const char *prefix)
{
    size_t i;
    const json_t *action;
    for (size_t list = 0; list < sizeof action_lists / sizeof *action_lists; list++)
        json_array_foreach (json_object_get(alarm, action_lists[list]), i, action)
            if (has_prefix(json_string_value(action), prefix))
                return true;
    return !*prefix;
}

static bool is_selected(const json_t *in, const json_t *alarm)
{
    const json_t *names = json_object_get(in, "AlarmNames");
    const json_t *types = json_object_get(in, "AlarmTypes");
    const char *state = doc_text(in, "StateValue");
    return (json_array_size(names) == 0 || doc_list_has(names, doc_text(alarm, "AlarmName"))) &&
           (json_array_size(types) == 0 || doc_list_has(types, "MetricAlarm")) &&
           has_prefix(doc_text(alarm, "AlarmName"), doc_text(in, "AlarmNamePrefix")) &&
           (!*state || doc_is(alarm, "StateValue", state)) &&
           has_action(alarm, doc_text(in, "ActionPrefix"));
}

int cloudwatch_DescribeAlarms(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "AlarmNames AlarmNamePrefix AlarmTypes StateValue ActionPrefix MaxRecords "
                    "NextToken",
                    err) < 0)
        return -1;
    if (json_array_size(json_object_get(call->in, "AlarmNames")) > 0 &&
        *doc_text(call->in, "AlarmNamePrefix"))
        return err_aws(err, "InvalidParameterCombination",
                       "You cannot specify both AlarmNames and AlarmNamePrefix");
    json_auto_t *alarms = json_array();
    store_each (cursor, call->store, alarm_kind, call->region)
        if (is_selected(call->in, cursor.doc))
            insert_by_name(alarms, cursor.doc);
    json_object_set_new(call->out, "CompositeAlarms", json_array());
    return call_page(call, &by_records, alarms, "MetricAlarms", err);
}

/* Whether two metrics have the same dimensions, in any order. */
static bool same_dimensions(const struct series_key *a, const struct series_key *b)
{
    size_t equal = 0;
    for (size_t i = 0; i < a->dimension_count; i++)
        for (size_t j = 0; j < b->dimension_count; j++)
            equal += strcmp(a->dimensions[i].name, b->dimensions[j].name) == 0 &&
                     strcmp(a->dimensions[i].value, b->dimensions[j].value) == 0;
    return a->dimension_count == b->dimension_count && equal == a->dimension_count;
}

static bool is_same_metric(const struct metric *a, const struct metric *b)
{
    return strcmp(a->key.namespace, b->key.namespace) == 0 &&
           strcmp(a->key.metric, b->key.metric) == 0 && same_dimensions(&a->key, &b->key);
}

/* Whether one of the metrics that an alarm computes with is the one that is asked for. */
static bool uses_metric(const struct call *call, const json_t *alarm)
{
    struct metric asked, used;
    size_t i;
    const json_t *query;
    metric_read(call->region, call->in, &asked);
    json_array_foreach (json_object_get(alarm, "Metrics"), i, query) {
        const json_t *stat = json_object_get(query, "MetricStat");
        metric_read(call->region, json_object_get(stat, "Metric"), &used);
        if (stat && is_same_metric(&asked, &used))
            return true;
    }
    return false;
}

static bool is_on_metric(const struct call *call, const json_t *alarm)
{
    static const char *const optional[] = {"Statistic", "ExtendedStatistic", "Period", "Unit"};
    struct metric asked, of_alarm;
    if (json_object_get(alarm, "Metrics"))
        return uses_metric(call, alarm);
    metric_read(call->region, call->in, &asked);
    metric_read(call->region, alarm, &of_alarm);
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        const json_t *value = json_object_get(call->in, optional[i]);
        if (value && !json_equal(value, json_object_get(alarm, optional[i])))
            return false;
    }
    return is_same_metric(&asked, &of_alarm);
}

int cloudwatch_DescribeAlarmsForMetric(struct call *call, struct err *err)
{
    (void)err;
    json_t *alarms = json_array();
    json_object_set_new(call->out, "MetricAlarms", alarms);
    store_each (cursor, call->store, alarm_kind, call->region)
        if (is_on_metric(call, cursor.doc))
            insert_by_name(alarms, cursor.doc);
    return 0;
}

/* ---- history ---- */

static bool is_history_selected(const json_t *in, const json_t *item)
{
    const json_t *types = json_object_get(in, "AlarmTypes");
    const json_t *start = json_object_get(in, "StartDate"), *end = json_object_get(in, "EndDate");
    const char *name = doc_text(in, "AlarmName"), *type = doc_text(in, "HistoryItemType");
    double time = json_number_value(json_object_get(item, "Timestamp"));
    return (!*name || doc_is(item, "AlarmName", name)) &&
           (!*type || doc_is(item, "HistoryItemType", type)) &&
           (json_array_size(types) == 0 || doc_list_has(types, "MetricAlarm")) &&
           (!start || time >= json_number_value(start)) && (!end || time <= json_number_value(end));
}

int cloudwatch_DescribeAlarmHistory(struct call *call, struct err *err)
{
    if (call_accept(call->in,
                    "AlarmName AlarmTypes HistoryItemType StartDate EndDate MaxRecords NextToken "
                    "ScanBy",
                    err) < 0)
        return -1;
    bool ascending = doc_is(call->in, "ScanBy", "TimestampAscending");
    json_auto_t *items = json_array();
    store_each (cursor, call->store, alarm_history_kind, call->region)
        if (is_history_selected(call->in, cursor.doc))
            json_array_append(items, (json_t *)cursor.doc);
    json_auto_t *ordered = json_array();
    size_t count = json_array_size(items);
    for (size_t i = 0; i < count; i++)
        json_array_append(ordered, json_array_get(items, ascending ? i : count - 1 - i));
    return call_page(call, &by_records, ordered, "AlarmHistoryItems", err);
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
