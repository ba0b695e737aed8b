/*
 * Alarm documents (kind `alarm`; shape MetricAlarm, or CompositeAlarm if they have an AlarmRule):
 * what operations and the controllers share.
 */
#pragma once

#include "service/call.h"

enum {
    ALARMS_MAX = 5000,        /* of a region, as on AWS */
    ALARM_PERIODS_MAX = 1440, /* of an evaluation: minutes of a day */
};

extern const char alarm_kind[];

/*
 * Moves an alarm (a document that is being edited) to a state: sets the state's members and, if the
 * value changed, adds "Alarm updated from OK to ALARM" to the history. `reason_data` is JSON text,
 * NULL: none. The same value again only updates reason and time.
 */
void alarm_set_state(struct call *call, json_t *alarm, const char *value, const char *reason,
                     const char *reason_data);

/* How long one of its periods is; of metric math the longest of its metrics. */
int64_t alarm_period_ms(const json_t *alarm);
/* The place in its Metrics of the query that it watches; 0 unless it is on metric math. */
size_t alarm_watched_query(const json_t *alarm);
/* "MetricAlarm" or "CompositeAlarm". */
const char *alarm_type(const json_t *alarm);
/* The value of a dimension of its metric, or NULL. */
const char *alarm_dimension(const json_t *alarm, const char *name);

/* The members that list actions; ends with NULL. */
extern const char *const alarm_action_lists[];
/* Fails if an alarm (a request or a document) names an action that cannot be carried out. */
int alarm_check_actions(const struct call *call, const json_t *in, struct err *err);
/* The operation of EC2 that an action means ("StopInstances"); NULL if it is not one of EC2's. */
const char *alarm_ec2_action(const char *arn);

/*
 * Creates or changes the alarm that the request names: takes over the members `settings` (ends with
 * NULL), actions and tags. The request has been checked. The document, being edited; NULL and err
 * if there are too many alarms or tags, or the name is that of an alarm of another type.
 */
json_t *alarm_put(struct call *call, const char *const *settings, struct err *err);
