/* What users see of alarms: DescribeAlarms, DescribeAlarmsForMetric, DescribeAlarmHistory. */
#include "service/accept.h"
#include "service/cloudwatch/alarm.h"
#include "service/cloudwatch/alarm_rule.h"
#include "service/cloudwatch/history.h"
#include "service/cloudwatch/metric.h"
#include "service/cloudwatch/operations.h"
#include "service/doc.h"
#include "service/page.h"

#include <string.h>

enum { RECORDS_MAX = 100 };

static const struct paging by_records = {"MaxRecords", "NextToken", "NextToken", "InvalidNextToken",
                                         RECORDS_MAX};

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
    for (size_t list = 0; alarm_action_lists[list]; list++)
        json_array_foreach (json_object_get(alarm, alarm_action_lists[list]), i, action)
            if (has_prefix(json_string_value(action), prefix))
                return true;
    return !*prefix;
}

/* Who does not name types means metric alarms. */
static bool is_of_type(const json_t *types, const char *type)
{
    return json_array_size(types) == 0 ? !strcmp(type, "MetricAlarm") : doc_list_has(types, type);
}

static bool is_selected(const json_t *in, const json_t *alarm)
{
    const json_t *names = json_object_get(in, "AlarmNames");
    const json_t *types = json_object_get(in, "AlarmTypes");
    const char *state = doc_text(in, "StateValue");
    return (json_array_size(names) == 0 || doc_list_has(names, doc_text(alarm, "AlarmName"))) &&
           is_of_type(types, alarm_type(alarm)) &&
           has_prefix(doc_text(alarm, "AlarmName"), doc_text(in, "AlarmNamePrefix")) &&
           (!*state || doc_is(alarm, "StateValue", state)) &&
           has_action(alarm, doc_text(in, "ActionPrefix"));
}

/* ---- DescribeAlarms ---- */

/* Looks for one name among those of a rule. */
struct looking {
    const char *name;
    bool found;
};

static const char *look_at(void *arg, const char *name)
{
    struct looking *looking = arg;
    looking->found |= !strcmp(looking->name, name);
    return NULL;
}

static bool rule_names(const json_t *composite, const char *name)
{
    struct looking looking = {name, false};
    struct err ignored;
    return alarm_rule_holds(doc_text(composite, "AlarmRule"), look_at, &looking, &ignored) >= 0 &&
           looking.found;
}

/* The alarms that a composite alarm stands on, or that stand on an alarm. */
static void add_relatives(const struct call *call, json_t *alarms)
{
    const char *child = doc_text(call->in, "ParentsOfAlarmName");
    const json_t *parent =
        store_get(call->store, alarm_kind, call->region, doc_text(call->in, "ChildrenOfAlarmName"));
    store_each (cursor, call->store, alarm_kind, call->region) {
        bool is_child = parent && rule_names(parent, cursor.id);
        bool is_parent = *child && rule_names(cursor.doc, child);
        if (is_child || is_parent)
            insert_by_name(alarms, cursor.doc);
    }
}

/* Of relatives little is shown, and of parents less. */
static json_t *show_alarm(const json_t *in, json_t *alarm)
{
    static const char *const members[] = {"AlarmName", "AlarmArn", "StateValue",
                                          "StateUpdatedTimestamp"};
    bool is_parent = *doc_text(in, "ParentsOfAlarmName");
    if (!is_parent && !*doc_text(in, "ChildrenOfAlarmName"))
        return json_incref(alarm);
    json_t *shown = json_object();
    for (size_t i = 0; i < (is_parent ? 2 : sizeof members / sizeof *members); i++)
        json_object_set(shown, members[i], json_object_get(alarm, members[i]));
    return shown;
}

/* The page in MetricAlarms is divided by what the alarms are. */
static void divide_page(struct call *call)
{
    json_auto_t *page = json_incref(json_object_get(call->out, "MetricAlarms"));
    json_t *metric = json_array(), *composite = json_array();
    size_t i;
    json_t *alarm;
    json_array_foreach (page, i, alarm)
        json_array_append_new(json_object_get(alarm, "AlarmRule") ? composite : metric,
                              show_alarm(call->in, alarm));
    json_object_set_new(call->out, "MetricAlarms", metric);
    json_object_set_new(call->out, "CompositeAlarms", composite);
}

/* Who asks for the relatives of an alarm asks for all of them. */
static int check_relation(const json_t *in, const char *relation, struct err *err)
{
    const char *member;
    json_t *value;
    if (!*doc_text(in, relation))
        return 0;
    json_object_foreach ((json_t *)(uintptr_t)in, member, value)
        if (strcmp(member, relation) != 0 && strcmp(member, "MaxRecords") != 0 &&
            strcmp(member, "NextToken") != 0)
            return err_aws(err, "ValidationError",
                           "%s cannot be used together with %s: only MaxRecords and NextToken can",
                           relation, member);
    return 0;
}

int cloudwatch_DescribeAlarms(struct call *call, struct err *err)
{
    const json_t *in = call->in;
    if (call_accept(in,
                    "AlarmNames AlarmNamePrefix AlarmTypes ChildrenOfAlarmName ParentsOfAlarmName "
                    "StateValue ActionPrefix MaxRecords NextToken",
                    err) < 0 ||
        check_relation(in, "ChildrenOfAlarmName", err) < 0 ||
        check_relation(in, "ParentsOfAlarmName", err) < 0)
        return -1;
    if (json_array_size(json_object_get(in, "AlarmNames")) > 0 && *doc_text(in, "AlarmNamePrefix"))
        return err_aws(err, "InvalidParameterCombination",
                       "You cannot specify both AlarmNames and AlarmNamePrefix");
    json_auto_t *alarms = json_array();
    if (*doc_text(in, "ChildrenOfAlarmName") || *doc_text(in, "ParentsOfAlarmName"))
        add_relatives(call, alarms);
    else
        store_each (cursor, call->store, alarm_kind, call->region)
            if (is_selected(in, cursor.doc))
                insert_by_name(alarms, cursor.doc);
    if (call_page(call, &by_records, alarms, "MetricAlarms", err) < 0)
        return -1;
    divide_page(call);
    return 0;
}

/* ---- DescribeAlarmsForMetric ---- */

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
    if (call_accept(call->in,
                    "MetricName Namespace Statistic ExtendedStatistic Dimensions Period Unit",
                    err) < 0)
        return -1;
    json_t *alarms = json_array();
    json_object_set_new(call->out, "MetricAlarms", alarms);
    store_each (cursor, call->store, alarm_kind, call->region)
        if (!json_object_get(cursor.doc, "AlarmRule") && is_on_metric(call, cursor.doc))
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
           is_of_type(types, doc_text(item, "AlarmType")) &&
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
