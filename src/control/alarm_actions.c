/* What alarms do: run scaling policies, stop, terminate or reboot an instance, tell a topic. */
#include "control/alarms_impl.h"
#include "service/autoscaling/policy.h"
#include "service/cloudwatch/alarm.h"
#include "service/cloudwatch/alarm_message.h"
#include "service/cloudwatch/history.h"
#include "service/doc.h"
#include "service/sns/notify.h"

#include <math.h>
#include <string.h>

/* Runs that are repeats are history only if something came of them. */
static void run_policy(const struct alarm_turn *turn, const char *policy_arn, bool again)
{
    const json_t *alarm = alarm_look(turn);
    struct err err = {0};
    struct policy_trigger trigger = {
        .alarm = turn->name,
        .scale_in = policy_alarm_is_low(turn->name),
        .metric = turn->newest,
        .threshold = json_number_value(json_object_get(alarm, "Threshold")),
    };
    if (isnan(trigger.metric))
        trigger.metric = trigger.threshold;
    int changed = policy_execute(turn->call, policy_arn, &trigger, &err);
    if (changed < 0 && !again)
        alarm_history_add_action(turn->call, alarm, policy_arn, err.text);
    else if (changed > 0 || (changed == 0 && !again))
        alarm_history_add_action(turn->call, alarm, policy_arn, NULL);
}

static void act_on_instance(const struct alarm_turn *turn, const char *arn, const char *operation)
{
    struct err err;
    const json_t *alarm = alarm_look(turn);
    json_t *in = json_pack("{s:[s]}", "InstanceIds", alarm_dimension(alarm, "InstanceId"));
    bool failed = service_call(turn->call, "ec2", operation, in, NULL, &err) < 0;
    alarm_history_add_action(turn->call, alarm_look(turn), arn, failed ? err.text : NULL);
}

static void tell_topic(const struct alarm_turn *turn, const char *arn)
{
    char subject[ALARM_SUBJECT_SIZE];
    struct err err;
    const json_t *alarm = alarm_look(turn);
    alarm_message_subject(turn->call, alarm, subject);
    bool failed = sns_notify(turn->call, arn, subject,
                             alarm_message(turn->call, alarm, turn->former), &err) < 0;
    alarm_history_add_action(turn->call, alarm_look(turn), arn, failed ? err.text : NULL);
}

static json_t *actions_of_state(const json_t *alarm)
{
    static const struct {
        const char *state, *member;
    } lists[] = {{"ALARM", "AlarmActions"},
                 {"OK", "OKActions"},
                 {"INSUFFICIENT_DATA", "InsufficientDataActions"}};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        if (doc_is(alarm, "StateValue", lists[k].state))
            return json_deep_copy(json_object_get(alarm, lists[k].member));
    return NULL;
}

/* Scaling policies run again each minute; everything else is done once. */
void alarm_act(const struct alarm_turn *turn, bool again)
{
    json_auto_t *actions = actions_of_state(alarm_look(turn));
    size_t i;
    const json_t *action;
    if (json_is_false(json_object_get(alarm_look(turn), "ActionsEnabled")))
        return;
    json_array_foreach (actions, i, action) {
        const char *arn = json_string_value(action);
        const char *operation = alarm_ec2_action(arn);
        bool is_topic = sns_is_topic_arn(turn->call, arn);
        if (!operation && !is_topic)
            run_policy(turn, arn, again);
        else if (!again && is_topic)
            tell_topic(turn, arn);
        else if (!again)
            act_on_instance(turn, arn, operation);
    }
}
