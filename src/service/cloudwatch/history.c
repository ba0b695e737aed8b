#include "service/cloudwatch/history.h"

#include "base/cleanup.h"
#include "service/cloudwatch/alarm.h"
#include "service/doc.h"

#include <stdio.h>
#include <string.h>

const char alarm_history_kind[] = "alarm-history";

/* Makes room for a new item and drops what is too old. Items are in the order of their time. */
static void expire(struct call *call)
{
    double oldest = (double)call->now_ms / 1000 - ALARM_HISTORY_KEPT_DAYS * 86400.0;
    for (;;) {
        struct store_cursor first = store_first(call->store, alarm_history_kind, call->region);
        if (!first.doc)
            return;
        bool full = store_count(call->store, alarm_history_kind, call->region) >= ALARM_HISTORY_MAX;
        if (!full && json_number_value(json_object_get(first.doc, "Timestamp")) >= oldest)
            return;
        auto_free char *id = strdup(first.id);
        txn_delete(call->txn, alarm_history_kind, call->region, id);
    }
}

void alarm_history_add(struct call *call, const json_t *alarm, const char *type, json_t *summary,
                       json_t *data)
{
    char id[37];
    json_object_set_new(data, "version", json_string("1.0"));
    auto_free char *text = json_dumps(data, JSON_COMPACT);
    json_decref(data);
    expire(call);
    call_make_uuid(call, id);
    txn_put(call->txn, alarm_history_kind, call->region, id,
            json_pack("{s:s, s:s, s:o, s:s, s:o, s:s}", "AlarmName", doc_text(alarm, "AlarmName"),
                      "AlarmType", alarm_type(alarm), "Timestamp", call_now(call),
                      "HistoryItemType", type, "HistorySummary", summary, "HistoryData",
                      text ? text : "{}"));
}

/* The alarm as history shows it: names begin with a small letter, and nothing private. */
static json_t *alarm_data(const json_t *alarm)
{
    json_t *data = json_object();
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)alarm, key, value) {
        if (key[0] == '_')
            continue;
        char name[64];
        snprintf(name, sizeof name, "%s", key);
        if (name[0] >= 'A' && name[0] <= 'Z' && strncmp(name, "OK", 2) != 0)
            name[0] = (char)(name[0] - 'A' + 'a');
        json_object_set(data, name, value);
    }
    return data;
}

void alarm_history_add_configuration(struct call *call, const json_t *alarm, const char *change)
{
    static const struct {
        const char *change, *past, *member;
    } changes[] = {{"Create", "created", "createdAlarm"},
                   {"Update", "updated", "updatedAlarm"},
                   {"Delete", "deleted", "deletedAlarm"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        if (strcmp(changes[i].change, change) != 0)
            continue;
        alarm_history_add(
            call, alarm, "ConfigurationUpdate",
            json_sprintf("Alarm \"%s\" %s", doc_text(alarm, "AlarmName"), changes[i].past),
            json_pack("{s:s, s:o}", "type", change, changes[i].member, alarm_data(alarm)));
    }
}

void alarm_history_add_action(struct call *call, const json_t *alarm, const char *resource,
                              const char *failure)
{
    json_t *summary = json_sprintf(
        "%s action %s", failure ? "Failed to execute" : "Successfully executed", resource);
    double updated_s = json_number_value(json_object_get(alarm, "StateUpdatedTimestamp"));
    json_t *data = json_pack("{s:s, s:I, s:s}", "actionState", failure ? "Failed" : "Succeeded",
                             "stateUpdateTimestamp", (json_int_t)(updated_s * 1000),
                             "notificationResource", resource);
    json_object_set_new(data, "error", failure ? json_string(failure) : json_null());
    alarm_history_add(call, alarm, "Action", summary, data);
}
