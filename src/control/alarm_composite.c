/* Composite alarms: their states follow from other alarms, which can also keep their actions back.
 */
#include "control/alarms_impl.h"
#include "service/cloudwatch/alarm.h"
#include "service/cloudwatch/alarm_rule.h"
#include "service/doc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t transitioned_ms(const json_t *alarm)
{
    return (int64_t)(json_number_value(json_object_get(alarm, "StateTransitionedTimestamp")) *
                     1000);
}

/* The alarms of a rule, and which of them changed last. */
struct survey {
    const struct alarm_turn *turn;
    const json_t *newest;
};

static const char *survey_state(void *arg, const char *name)
{
    struct survey *survey = arg;
    const struct call *call = survey->turn->call;
    const json_t *alarm = store_get(call->store, alarm_kind, call->region, name);
    if (alarm && (!survey->newest || transitioned_ms(alarm) > transitioned_ms(survey->newest)))
        survey->newest = alarm;
    return alarm ? doc_text(alarm, "StateValue") : NULL;
}

static json_t *make_reason(const json_t *alarm, const json_t *cause, const char *state)
{
    char when[64];
    time_t seconds = (time_t)(transitioned_ms(cause) / 1000);
    struct tm parts;
    if (!cause || doc_is(alarm, "StateValue", "INSUFFICIENT_DATA"))
        return json_sprintf("%s was created and its alarm rule evaluates to %s",
                            doc_text(alarm, "AlarmArn"), state);
    gmtime_r(&seconds, &parts);
    strftime(when, sizeof when, "%A %d %B, %Y %H:%M:%S UTC", &parts);
    return json_sprintf("%s transitioned to %s at %s", doc_text(cause, "AlarmArn"),
                        doc_text(cause, "StateValue"), when);
}

static char *make_data(const json_t *cause)
{
    json_auto_t *data = json_pack("{s:[{s:O*, s:{s:O*, s:I}}]}", "triggeringAlarms", "arn",
                                  json_object_get(cause, "AlarmArn"), "state", "value",
                                  json_object_get(cause, "StateValue"), "timestamp",
                                  (json_int_t)transitioned_ms(cause));
    return json_dumps(data, JSON_COMPACT);
}

bool alarm_judge_composite(const struct alarm_turn *turn)
{
    struct survey survey = {.turn = turn};
    struct err err;
    const json_t *alarm = alarm_look(turn);
    int holds = alarm_rule_holds(doc_text(alarm, "AlarmRule"), survey_state, &survey, &err);
    if (holds < 0) {
        control_log(turn->control, turn->name, &err);
        return false;
    }
    const char *state = holds ? "ALARM" : "OK";
    if (doc_is(alarm, "StateValue", state))
        return false;
    json_auto_t *reason = make_reason(alarm, survey.newest, state);
    char *data = make_data(survey.newest);
    alarm_set_state(turn->call, alarm_edit(turn), state, json_string_value(reason), data);
    free(data);
    return true;
}

/* ---- suppression ---- */

/* What keeps actions back now: "Alarm", "WaitPeriod", "ExtensionPeriod", or NULL. */
static const char *find_suppression(const struct alarm_turn *turn, const json_t *alarm,
                                    const json_t *suppressor)
{
    int64_t now_ms = turn->call->now_ms;
    int64_t wait_ms = doc_number(alarm, "ActionsSuppressorWaitPeriod") * 1000;
    int64_t extension_ms = doc_number(alarm, "ActionsSuppressorExtensionPeriod") * 1000;
    const char *before = doc_text(alarm, "ActionsSuppressedBy");
    int64_t waited_ms = transitioned_ms(alarm) + wait_ms;
    int64_t extended_ms = transitioned_ms(suppressor) + extension_ms;
    if (doc_is(suppressor, "StateValue", "ALARM"))
        return "Alarm";
    if ((!strcmp(before, "Alarm") || !strcmp(before, "ExtensionPeriod")) && now_ms < extended_ms) {
        alarm_wake_at(turn, extended_ms);
        return "ExtensionPeriod";
    }
    if (strcmp(before, "Alarm") && strcmp(before, "ExtensionPeriod") && now_ms < waited_ms) {
        alarm_wake_at(turn, waited_ms);
        return "WaitPeriod";
    }
    return NULL;
}

bool alarm_is_suppressed(const struct alarm_turn *turn, bool is_new)
{
    const json_t *alarm = alarm_look(turn);
    const char *name = alarm_rule_name(doc_text(alarm, "ActionsSuppressor"));
    const json_t *suppressor = store_get(turn->call->store, alarm_kind, turn->call->region, name);
    const char *by = is_new && suppressor ? find_suppression(turn, alarm, suppressor) : NULL;
    if (!strcmp(doc_text(alarm, "ActionsSuppressedBy"), by ? by : ""))
        return by != NULL;
    json_t *edited = alarm_edit(turn);
    if (!by) {
        json_object_del(edited, "ActionsSuppressedBy");
        json_object_del(edited, "ActionsSuppressedReason");
        return false;
    }
    json_object_set_new(edited, "ActionsSuppressedBy", json_string(by));
    json_object_set_new(
        edited, "ActionsSuppressedReason",
        json_sprintf("Actions suppressed by %s: the suppressor alarm %s is in state "
                     "%s",
                     by, name, doc_text(suppressor, "StateValue")));
    return true;
}
