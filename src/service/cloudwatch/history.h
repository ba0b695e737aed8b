/*
 * The history of alarms: what DescribeAlarmHistory shows. Written by the operations and by the
 * alarms controller.
 */
#pragma once

#include "service/call.h"

enum {
    ALARM_HISTORY_MAX = 10000, /* items of a region; older ones make room */
    ALARM_HISTORY_KEPT_DAYS = 30,
};

extern const char alarm_history_kind[];

/*
 * Adds an item. `type` is ConfigurationUpdate, StateUpdate or Action; `data` becomes HistoryData
 * with a "version" of "1.0". Both it and the summary are stolen.
 */
void alarm_history_add(struct call *call, const json_t *alarm, const char *type, json_t *summary,
                       json_t *data);

/* "Alarm "NAME" created", with the alarm as data. `change` is Create, Update or Delete. */
void alarm_history_add_configuration(struct call *call, const json_t *alarm, const char *change);
/*
 * An action of an alarm that was carried out, or failed with `failure` (NULL: it succeeded).
 * `resource` is the ARN of the action.
 */
void alarm_history_add_action(struct call *call, const json_t *alarm, const char *resource,
                              const char *failure);
