#include "service/cloudwatch/alarm.h"

#include "service/cloudwatch/history.h"
#include "service/cloudwatch/queries.h"
#include "service/doc.h"
#include "service/sns/notify.h"
#include "service/tag_list.h"

#include <string.h>

const char alarm_kind[] = "alarm";

/* A state as the history shows it. */
static json_t *state_data(const json_t *alarm)
{
    json_t *state = json_pack("{s:s, s:s}", "stateValue", doc_text(alarm, "StateValue"),
                              "stateReason", doc_text(alarm, "StateReason"));
    json_t *data = json_loads(doc_text(alarm, "StateReasonData"), 0, NULL);
    if (data)
        json_object_set_new(state, "stateReasonData", data);
    return state;
}

void alarm_set_state(struct call *call, json_t *alarm, const char *value, const char *reason,
                     const char *reason_data)
{
    bool changed = !doc_is(alarm, "StateValue", value);
    json_auto_t *old = state_data(alarm);
    json_object_set_new(alarm, "StateValue", json_string(value));
    json_object_set_new(alarm, "StateReason", json_string(reason));
    if (reason_data)
        json_object_set_new(alarm, "StateReasonData", json_string(reason_data));
    else
        json_object_del(alarm, "StateReasonData");
    json_object_set_new(alarm, "StateUpdatedTimestamp", call_now(call));
    if (!changed)
        return;
    json_object_set_new(alarm, "StateTransitionedTimestamp", call_now(call));
    alarm_history_add(
        call, alarm, "StateUpdate",
        json_sprintf("Alarm updated from %s to %s", doc_text(old, "stateValue"), value),
        json_pack("{s:O, s:o}", "oldState", old, "newState", state_data(alarm)));
}

int64_t alarm_period_ms(const json_t *alarm)
{
    const json_t *metrics = json_object_get(alarm, "Metrics");
    return metrics ? queries_period_ms(metrics) : doc_number(alarm, "Period") * 1000;
}

size_t alarm_watched_query(const json_t *alarm)
{
    size_t i;
    const json_t *query;
    json_array_foreach (json_object_get(alarm, "Metrics"), i, query)
        if (!json_is_false(json_object_get(query, "ReturnData")))
            return i;
    return 0;
}

const char *alarm_type(const json_t *alarm)
{
    return json_object_get(alarm, "AlarmRule") ? "CompositeAlarm" : "MetricAlarm";
}

/* ---- putting ---- */

const char *const alarm_action_lists[] = {"OKActions", "AlarmActions", "InsufficientDataActions",
                                          NULL};

static int check_action(const struct call *call, const json_t *in, const char *arn, struct err *err)
{
    if (strncmp(arn, "arn:", 4) != 0)
        return err_aws(err, "ValidationError", "Invalid arn syntax: %.200s", arn);
    if (sns_is_topic_arn(call, arn))
        return 0;
    bool is_composite = json_object_get(in, "AlarmRule");
    bool is_policy = !strncmp(arn, "arn:aws:autoscaling:", 20) && strstr(arn, ":scalingPolicy:");
    if (is_policy && !is_composite)
        return 0;
    if (alarm_ec2_action(arn) && !is_composite) {
        if (alarm_dimension(in, "InstanceId"))
            return 0;
        return err_aws(err, "ValidationError",
                       "An EC2 action needs an alarm on a metric with the dimension InstanceId");
    }
    return err_aws(err, "UnsupportedOperation",
                   "The alarm action '%.200s' is not supported by Pileus yet", arn);
}

int alarm_check_actions(const struct call *call, const json_t *in, struct err *err)
{
    size_t i;
    const json_t *action;
    for (size_t list = 0; alarm_action_lists[list]; list++)
        json_array_foreach (json_object_get(in, alarm_action_lists[list]), i, action)
            if (check_action(call, in, json_string_value(action), err) < 0)
                return -1;
    return 0;
}

const char *alarm_dimension(const json_t *alarm, const char *name)
{
    size_t i;
    const json_t *dimension;
    json_array_foreach (json_object_get(alarm, "Dimensions"), i, dimension)
        if (doc_is(dimension, "Name", name))
            return doc_text(dimension, "Value");
    return NULL;
}

const char *alarm_ec2_action(const char *arn)
{
    static const struct {
        const char *name, *older, *operation;
    } actions[] = {
        {"stop", "Stop", "StopInstances"},
        {"terminate", "Terminate", "TerminateInstances"},
        {"reboot", "Reboot", "RebootInstances"},
        {"recover", "Recover", "RebootInstances"},
    };
    const char *automated = strncmp(arn, "arn:aws:automate:", 17) ? NULL : strstr(arn, ":ec2:");
    const char *older = strncmp(arn, "arn:aws:swf:", 12)
                            ? NULL
                            : strstr(arn, ":action/actions/AWS_EC2.InstanceId.");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        size_t size = strlen(actions[i].older);
        if (automated && !strcmp(automated + strlen(":ec2:"), actions[i].name))
            return actions[i].operation;
        const char *name = older ? older + strlen(":action/actions/AWS_EC2.InstanceId.") : "";
        if (!strncmp(name, actions[i].older, size) && !strcmp(name + size, "/1.0"))
            return actions[i].operation;
    }
    return NULL;
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
static void apply_settings(const struct call *call, json_t *alarm, const char *const *settings)
{
    for (size_t i = 0; settings[i]; i++) {
        json_t *value = json_object_get(call->in, settings[i]);
        if (value)
            json_object_set(alarm, settings[i], value);
        else
            json_object_del(alarm, settings[i]);
    }
    for (size_t i = 0; alarm_action_lists[i]; i++) {
        json_t *actions = json_object_get(call->in, alarm_action_lists[i]);
        json_object_set_new(alarm, alarm_action_lists[i],
                            actions ? json_incref(actions) : json_array());
    }
    bool disabled = json_is_false(json_object_get(call->in, "ActionsEnabled"));
    json_object_set_new(alarm, "ActionsEnabled", json_boolean(!disabled));
    json_object_set_new(alarm, "AlarmConfigurationUpdatedTimestamp", call_now(call));
}

static json_t *create(struct call *call, const char *name, const char *const *settings,
                      struct err *err)
{
    const json_t *tags = json_object_get(call->in, "Tags");
    if (store_count(call->store, alarm_kind, call->region) >= ALARMS_MAX) {
        err_aws(err, "LimitExceeded", "The maximum number of alarms has been reached");
        return NULL;
    }
    if (tag_list_reserves(tags)) {
        err_aws(err, "ValidationError", "Tag keys must not begin with 'aws:'");
        return NULL;
    }
    json_t *alarm = new_alarm(call, name);
    if (tag_list_repeats(tags) || !tag_list_merge(json_object_get(alarm, "_tags"), tags)) {
        json_decref(alarm);
        err_aws(err, "ValidationError", "An alarm can have at most %d tags, each key once",
                TAGS_MAX);
        return NULL;
    }
    apply_settings(call, alarm, settings);
    txn_put(call->txn, alarm_kind, call->region, name, alarm);
    alarm_history_add_configuration(call, alarm, "Create");
    return txn_edit(call->txn, alarm_kind, call->region, name);
}

json_t *alarm_put(struct call *call, const char *const *settings, struct err *err)
{
    const char *name = doc_text(call->in, "AlarmName");
    json_t *alarm = txn_edit(call->txn, alarm_kind, call->region, name);
    if (!alarm)
        return create(call, name, settings, err);
    if (!json_object_get(alarm, "AlarmRule") != !json_object_get(call->in, "AlarmRule")) {
        err_aws(err, "ValidationError", "The alarm '%s' exists already and is of another type",
                name);
        return NULL;
    }
    apply_settings(call, alarm, settings);
    alarm_history_add_configuration(call, alarm, "Update");
    return alarm;
}
