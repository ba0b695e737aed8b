#include "service/cloudwatch/alarm.h"

#include "service/cloudwatch/history.h"
#include "service/cloudwatch/queries.h"
#include "service/doc.h"

#include <stdio.h>
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
    char summary[80];
    bool changed = !doc_is(alarm, "StateValue", value);
    snprintf(summary, sizeof summary, "Alarm updated from %s to %s", doc_text(alarm, "StateValue"),
             value);
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
    alarm_history_add(call, alarm, "StateUpdate", summary,
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
