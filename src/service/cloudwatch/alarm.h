/* Alarm documents (kind `alarm`, shape MetricAlarm): what operations and the controller share. */
#pragma once

#include "service/call.h"

enum { ALARMS_MAX = 5000 /* of a region, as on AWS */ };

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
